//! What a handler takes from its request first.

use tonic::{Request, Status};

use backlog_tenancy::RequestContext;

use crate::error::to_status;

/// Who calls. Errs with `INTERNAL` when the auth layer is missing, which is a fault of ours.
pub fn context<T>(request: &Request<T>) -> Result<&RequestContext, Status> {
    backlog_tenancy::context(request).map_err(|error| to_status(&error))
}
