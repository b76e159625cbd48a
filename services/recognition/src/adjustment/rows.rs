//! The table of adjustments that need a second person.

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::TenantId;
use backlog_proto::recognition::v1 as pb;
use prost::Message;

use super::adjustment::{Adjustment, AdjustmentState};
use crate::accounting::rows::{corrupt, id, named};

pub(crate) const ADJUSTMENT: TableSpec = TableSpec {
    name: "adjustment",
    columns: &[
        ("tenant_id", "uuid"),
        ("adjustment_id", "uuid"),
        ("contract_id", "uuid"),
        ("on_date", "date"),
        ("content", "bytea"),
        ("proposed_by", "text"),
        ("state", "text"),
        ("decided_by", "text"),
        ("reason", "text"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, adjustment_id) do update set state = excluded.state, \
         decided_by = excluded.decided_by, reason = excluded.reason",
    ),
};

impl AdjustmentState {
    /// The state's name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Proposed, Self::Approved, Self::Rejected]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

pub(crate) fn adjustment(tenant: TenantId, of: &Adjustment) -> Row {
    vec![
        tenant.uuid().into(),
        of.id.uuid().into(),
        of.contract.uuid().into(),
        of.on.into(),
        of.wire.encode_to_vec().into(),
        of.proposed_by.clone().into(),
        of.state.name().into(),
        of.decided_by.clone().into(),
        of.reason.clone().into(),
    ]
}

pub(crate) fn adjustment_from(row: &QueryResult) -> Result<Adjustment, DbError> {
    let content: Vec<u8> = row.try_get("", "content")?;
    Ok(Adjustment {
        id: id(row, "adjustment_id")?,
        contract: id(row, "contract_id")?,
        on: row.try_get("", "on_date")?,
        wire: pb::Adjustment::decode(content.as_slice()).map_err(|_| corrupt("content"))?,
        proposed_by: row.try_get("", "proposed_by")?,
        state: named(row, "state", AdjustmentState::parse)?,
        decided_by: row.try_get("", "decided_by")?,
        reason: row.try_get("", "reason")?,
    })
}
