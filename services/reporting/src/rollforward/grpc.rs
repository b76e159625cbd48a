//! The door for roll-forwards.

use backlog_db::Database;
use backlog_event_log::Positions;
use backlog_ids::TenantId;
use backlog_proto::reporting::v1 as pb;
use tokio::time::Instant;

use super::convert::{query, response};
use super::queries;
use crate::reading::{ReadFault, wait};

/// Answers `GetRollForward` for a caller that may.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn roll_forward(
    database: &Database,
    positions: &Positions,
    tenant: TenantId,
    request: &pb::GetRollForwardRequest,
    deadline: Instant,
) -> Result<pb::GetRollForwardResponse, ReadFault> {
    let query = query(request)?;
    wait(positions, tenant, &query.min_positions, deadline).await?;
    response(&queries::roll_forward(database, tenant, &query).await?)
}
