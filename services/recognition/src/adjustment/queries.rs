//! Reads adjustments that need a second person.

use backlog_db::{Database, DbError};
use backlog_ids::{AdjustmentId, TenantId};
use uuid::Uuid;

use super::adjustment::Adjustment;
use super::rows::adjustment_from;

/// An adjustment; none when the tenant has no such one.
pub(crate) async fn adjustment_of(
    database: &Database,
    tenant: TenantId,
    id: AdjustmentId,
) -> Result<Option<Adjustment>, DbError> {
    let rows = database
        .read(
            "select adjustment_id, contract_id, on_date, content, proposed_by, state, decided_by, \
             reason from adjustment_of($1, $2)",
            vec![tenant.uuid().into(), id.uuid().into()],
        )
        .await?;
    rows.first().map(adjustment_from).transpose()
}

/// Adjustments that wait, after one in order of id, `limit` at most.
pub(crate) async fn proposed_adjustments(
    database: &Database,
    tenant: TenantId,
    after: Option<AdjustmentId>,
    limit: usize,
) -> Result<Vec<Adjustment>, DbError> {
    let rows = database
        .read(
            "select adjustment_id, contract_id, on_date, content, proposed_by, state, decided_by, \
             reason from proposed_adjustments($1, $2, $3)",
            vec![
                tenant.uuid().into(),
                after.map_or(Uuid::nil(), AdjustmentId::uuid).into(),
                i64::try_from(limit).unwrap_or(i64::MAX).into(),
            ],
        )
        .await?;
    rows.iter().map(adjustment_from).collect()
}
