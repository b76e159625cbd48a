//! Which contracts of a run have something to post, how far a run is, and leases of scheduled runs.

use backlog_db::{Database, DbError};
use backlog_ids::{ContractId, RunId, TenantId};
use chrono::NaiveDate;
use uuid::Uuid;

use super::schedule::Lease;
use crate::accounting::rows::{count, id};

/// How long a lease holds without renewal.
const LEASE_SECONDS: i32 = 30;

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

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Entries that it has posted.
    pub(crate) posted: u64,
    /// Entries that it has to post, at about.
    pub(crate) remaining: u64,
}

/// How far a run is that may have begun before.
pub(crate) async fn expected(
    database: &Database,
    tenant: TenantId,
    run: RunId,
    through: NaiveDate,
    contract: Option<ContractId>,
) -> Result<Expected, DbError> {
    let rows = database
        .read(
            "select posted, remaining from run_expected($1, $2, $3, $4)",
            vec![
                tenant.uuid().into(),
                run.uuid().into(),
                through.into(),
                contract.map(ContractId::uuid).into(),
            ],
        )
        .await?;
    match rows.first() {
        Some(row) => {
            Ok(Expected { posted: count(row, "posted")?, remaining: count(row, "remaining")? })
        }
        None => Ok(Expected { posted: 0, remaining: 0 }),
    }
}

/// Takes leases of tenants for which no scheduled run through this day is done, `limit` at most.
pub(crate) async fn claim_due(
    database: &Database,
    through: NaiveDate,
    holder: Uuid,
    limit: i64,
) -> Result<Vec<Lease>, DbError> {
    let rows = database
        .write_positions(
            "select tenant_id, fence from claim_due_runs($1, $2, $3, $4)",
            vec![through.into(), holder.into(), LEASE_SECONDS.into(), limit.into()],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(Lease { tenant: id(row, "tenant_id")?, fence: count(row, "fence")? }))
        .collect()
}

/// Holds a lease for longer, unless another replica took it.
pub(crate) async fn renew_due(database: &Database, lease: Lease) -> Result<(), DbError> {
    database
        .write_positions(
            "update run_lease set expires_at = now() + $3 * interval '1 second' \
             where tenant_id = $1 and fence = $2",
            vec![lease.tenant.uuid().into(), fence(lease.fence), LEASE_SECONDS.into()],
        )
        .await
        .map(drop)
}

/// Gives a lease back where nothing is to be done through a day, unless another replica took it.
pub(crate) async fn release_due(
    database: &Database,
    lease: Lease,
    through: NaiveDate,
) -> Result<(), DbError> {
    database
        .write_positions(
            "update run_lease set done_through = greatest(done_through, $3), \
             expires_at = '-infinity' where tenant_id = $1 and fence = $2",
            vec![lease.tenant.uuid().into(), fence(lease.fence), through.into()],
        )
        .await
        .map(drop)
}

fn fence(fence: u64) -> backlog_db::Value {
    i64::try_from(fence).unwrap_or(i64::MAX).into()
}
