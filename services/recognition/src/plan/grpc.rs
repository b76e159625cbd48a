//! The door for plans.

use backlog_db::Database;
use backlog_event_log::Positions;
use backlog_proto::recognition::v1::{GetPlanRequest, GetPlanResponse};
use backlog_tenancy::TenantScope;
use tokio::time::Instant;

use super::convert::{plan_request, plan_response};
use super::queries::plan_of;
use crate::run::error::CallFault;

/// Answers `GetPlan` for a caller that may.
///
/// # Errors
/// Why there is no answer.
pub async fn get_plan(
    database: &Database,
    positions: &Positions,
    scope: &TenantScope,
    request: &GetPlanRequest,
    deadline: Instant,
) -> Result<GetPlanResponse, CallFault> {
    let (contract, wanted) = plan_request(request)?;
    positions.wait_for(scope.tenant, &wanted, deadline).await??;
    let planned = plan_of(database, scope.tenant, contract)
        .await?
        .ok_or(CallFault::UnknownContract(contract))?;
    plan_response(&planned).map_err(|error| {
        tracing::error!(%error, %contract, "a stored plan cannot be computed");
        CallFault::Internal
    })
}
