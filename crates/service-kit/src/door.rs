//! What a handler takes from its request first.

use tonic::{Request, Status};

use backlog_tenancy::{Permission, RequestContext, TenantScope};

use crate::error::to_status;

/// Who calls. Errs with `INTERNAL` when the auth layer is missing, which is a fault of ours.
pub fn context<T>(request: &Request<T>) -> Result<&RequestContext, Status> {
    backlog_tenancy::context(request).map_err(|error| to_status(&error))
}

/// The tenant that the caller speaks for, if it may do this. Errs with the refusal, and as [`context`].
pub fn tenant_scope<T>(
    request: &Request<T>,
    permission: Permission,
) -> Result<TenantScope, Status> {
    context(request)?.tenant_scope(permission).map_err(|denied| to_status(&denied))
}
