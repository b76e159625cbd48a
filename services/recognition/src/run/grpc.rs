//! The door for runs.

use backlog_event_log::Positions;
use backlog_proto::recognition::v1::{RunRecognitionRequest, RunRecognitionResponse};
use backlog_tenancy::TenantScope;
use tokio::time::Instant;

use super::convert::{run_request, run_response};
use super::error::CallFault;
use super::recognize::Runs;

/// Carries out `RunRecognition` for a caller that may.
///
/// # Errors
/// Why it was not carried out to its end.
pub async fn run_recognition(
    runs: &Runs,
    positions: &Positions,
    scope: &TenantScope,
    request: &RunRecognitionRequest,
    deadline: Instant,
) -> Result<RunRecognitionResponse, CallFault> {
    let (run, wanted) = run_request(request, scope)?;
    positions.wait_for(scope.tenant, &wanted, deadline).await??;
    runs.recognize(run, None).await.map(run_response)
}
