//! Which contracts of a run have something to post.

use backlog_db::{Database, DbError};
use backlog_ids::{ContractId, TenantId};
use chrono::NaiveDate;
use uuid::Uuid;

use crate::accounting::rows::{count, id};

/// A contract with something to post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InScope {
    /// The contract.
    pub(crate) contract: ContractId,
    /// Entries that it takes at most.
    pub(crate) entries: u64,
}

/// Contracts with something to post through a day, after one in order of id, `limit` at most.
pub(crate) async fn scope(
    database: &Database,
    tenant: TenantId,
    through: NaiveDate,
    contract: Option<ContractId>,
    after: Option<ContractId>,
    limit: u64,
) -> Result<Vec<InScope>, DbError> {
    let rows = database
        .read(
            "select contract_id, entries from run_scope($1, $2, $3, $4, $5)",
            vec![
                tenant.uuid().into(),
                through.into(),
                contract.map(ContractId::uuid).into(),
                after.map_or(Uuid::nil(), ContractId::uuid).into(),
                i64::try_from(limit).unwrap_or(i64::MAX).into(),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(InScope { contract: id(row, "contract_id")?, entries: count(row, "entries")? })
        })
        .collect()
}
