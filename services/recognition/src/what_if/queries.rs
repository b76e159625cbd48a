//! Reads and writes what-ifs. They are no part of the books: each write is one statement beside the log.

use backlog_db::{Database, DbError, QueryResult, Value};
use backlog_event_log::{Opened, open};
use backlog_ids::{ContractId, TenantId, WhatIfId};
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{ContractState, PolicyVersion};
use chrono::{DateTime, NaiveDate, Utc};
use prost::Message;
use uuid::Uuid;

use super::rows::{Both, ContractRow, Kept, Sweep, contract_from, json, parsed};
use crate::accounting::rows::{corrupt, count, id, never};

/// How long a lease holds without renewal: each page renews it.
const LEASE_SECONDS: i32 = 30;

/// A what-if that this replica may work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The tenant.
    pub tenant: TenantId,
    /// The what-if.
    pub what_if: WhatIfId,
    /// What every page names.
    pub fence: u64,
}

/// What a what-if that is started now covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) policy_versions: u32,
    /// First day of the latest version of the policy; none where there is only the first.
    pub(crate) latest_from: Option<NaiveDate>,
    pub(crate) recognized_through: Option<NaiveDate>,
    pub(crate) recognition_seq: u64,
    pub(crate) contract_seq: u64,
}

/// What a what-if that is started now covers; none before the tenant's creation is applied.
pub(crate) async fn reach(database: &Database, tenant: TenantId) -> Result<Option<Reach>, DbError> {
    let sql = "select policy_versions, latest_from, recognized_through, head_seq, contract_seq \
               from what_if_reach($1)";
    let rows = database.read(sql, vec![tenant.uuid().into()]).await?;
    let day = |row: &QueryResult, column| {
        let day: NaiveDate = row.try_get("", column)?;
        Ok::<_, DbError>(Some(day).filter(|day| *day != never()))
    };
    let read = |row: &QueryResult| {
        Ok(Reach {
            policy_versions: u32::try_from(count(row, "policy_versions")?)
                .map_err(|_| corrupt("policy_versions"))?,
            latest_from: day(row, "latest_from")?,
            recognized_through: day(row, "recognized_through")?,
            recognition_seq: count(row, "head_seq")?,
            contract_seq: count(row, "contract_seq")?,
        })
    };
    rows.first().map(read).transpose()
}

/// A what-if as it was started.
pub(crate) struct Started {
    pub(crate) content_hash: Vec<u8>,
    pub(crate) content: pb::WhatIf,
}

/// Starts a what-if, or finds the one that was started before. None where the tenant has as many as it may.
pub(crate) async fn start(
    database: &Database,
    (tenant, what_if): (TenantId, WhatIfId),
    (hash, content): ([u8; 32], &pb::WhatIf),
    (started, kept): (DateTime<Utc>, &Kept),
    max: u64,
) -> Result<Option<Started>, DbError> {
    let rows = database
        .write_positions(
            "select content_hash, content from start_what_if($1, $2, $3, $4, $5, $6, $7)",
            vec![
                tenant.uuid().into(),
                what_if.uuid().into(),
                hash.to_vec().into(),
                content.encode_to_vec().into(),
                started.into(),
                json(kept)?.into(),
                number(max),
            ],
        )
        .await?;
    let read = |row: &QueryResult| {
        Ok(Started { content_hash: row.try_get("", "content_hash")?, content: content_from(row)? })
    };
    rows.first().map(read).transpose()
}

fn content_from(row: &QueryResult) -> Result<pb::WhatIf, DbError> {
    let content: Vec<u8> = row.try_get("", "content")?;
    pb::WhatIf::decode(content.as_slice()).map_err(|_| corrupt("content"))
}

/// A what-if as it is; none when it is not known for this tenant.
pub(crate) async fn what_if_of(
    database: &Database,
    tenant: TenantId,
    what_if: WhatIfId,
) -> Result<Option<pb::WhatIf>, DbError> {
    let sql = "select content, state, walked, failure, result, fence from what_if_of($1, $2)";
    let rows = database.read(sql, vec![tenant.uuid().into(), what_if.uuid().into()]).await?;
    rows.first().map(what_if_from).transpose()
}

/// What-ifs before one, the latest first, `limit` at most.
pub(crate) async fn what_ifs_of(
    database: &Database,
    tenant: TenantId,
    before: Option<(DateTime<Utc>, WhatIfId)>,
    limit: usize,
) -> Result<Vec<pb::WhatIf>, DbError> {
    let sql = "select content, state, walked, failure, result, fence \
               from what_ifs_of($1, $2, $3, $4)";
    let (at, id) = before.unzip();
    let arguments = vec![
        tenant.uuid().into(),
        at.into(),
        id.map_or(Uuid::nil(), WhatIfId::uuid).into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let rows = database.read(sql, arguments).await?;
    rows.iter().map(what_if_from).collect()
}

fn what_if_from(row: &QueryResult) -> Result<pb::WhatIf, DbError> {
    let (state, failure): (String, String) =
        (row.try_get("", "state")?, row.try_get("", "failure")?);
    let result: Vec<u8> = row.try_get("", "result")?;
    let fence: Option<i64> = row.try_get("", "fence")?;
    let state = match (state.as_str(), fence) {
        ("finished", _) => pb::WhatIfState::Finished,
        ("failed", _) => pb::WhatIfState::Failed,
        (_, Some(0)) => pb::WhatIfState::Waiting,
        _ => pb::WhatIfState::Running,
    };
    let result = match result.as_slice() {
        [] => None,
        bytes => Some(pb::WhatIfResult::decode(bytes).map_err(|_| corrupt("result"))?),
    };
    Ok(pb::WhatIf {
        state: state.into(),
        positions_walked: count(row, "walked")?,
        failure,
        result,
        ..content_from(row)?
    })
}

/// Deletes a what-if. Answers whether there was one.
pub(crate) async fn delete(
    database: &Database,
    tenant: TenantId,
    what_if: WhatIfId,
) -> Result<bool, DbError> {
    let sql = "select deleted from delete_what_if($1, $2)";
    let arguments = vec![tenant.uuid().into(), what_if.uuid().into()];
    let rows = database.write_positions(sql, arguments).await?;
    flag(&rows, "deleted")
}

/// Takes leases of what-ifs that nobody works on, `limit` at most.
pub(crate) async fn claim(
    database: &Database,
    holder: Uuid,
    limit: i64,
) -> Result<Vec<Lease>, DbError> {
    let sql = "select tenant_id, what_if_id, fence from claim_what_ifs($1, $2, $3)";
    let arguments = vec![holder.into(), LEASE_SECONDS.into(), limit.into()];
    let rows = database.write_positions(sql, arguments).await?;
    let lease = |row: &QueryResult| {
        Ok(Lease {
            tenant: id(row, "tenant_id")?,
            what_if: id(row, "what_if_id")?,
            fence: count(row, "fence")?,
        })
    };
    rows.iter().map(lease).collect()
}

/// Gives a lease back, so that others need not wait for its end; unless another replica took it.
pub(crate) async fn release(database: &Database, lease: Lease) -> Result<(), DbError> {
    database
        .write_positions(
            "update what_if_lease set expires_at = '-infinity' \
             where tenant_id = $1 and what_if_id = $2 and fence = $3",
            vec![lease.tenant.uuid().into(), lease.what_if.uuid().into(), number(lease.fence)],
        )
        .await
        .map(drop)
}

/// A what-if as its work goes on from; none once it is done or deleted.
pub(crate) async fn work(
    database: &Database,
    lease: Lease,
) -> Result<Option<(pb::WhatIf, Kept)>, DbError> {
    let sql = "select content, kept from what_if_work($1, $2)";
    let rows = database.read(sql, key(lease)).await?;
    let read = |row: &QueryResult| {
        let kept: String = row.try_get("", "kept")?;
        Ok((content_from(row)?, parsed(&kept)?))
    };
    rows.first().map(read).transpose()
}

/// Entries of this log after one, `limit` at most.
pub(crate) async fn entries(
    database: &Database,
    tenant: TenantId,
    after: u64,
    limit: u64,
) -> Result<Vec<Opened>, DbError> {
    let sql = "select entry from read_log($1, $2, $3)";
    let arguments = vec![tenant.uuid().into(), number(after), number(limit)];
    let rows = database.read(sql, arguments).await?;
    rows.iter()
        .map(|row| {
            let bytes: Vec<u8> = row.try_get("", "entry")?;
            open(&bytes).map_err(|error| DbError::Corrupt(format!("a log entry: {error}")))
        })
        .collect()
}

/// These contracts of a what-if, as far as there are.
pub(crate) async fn contracts(
    database: &Database,
    lease: Lease,
    contracts: impl Iterator<Item = ContractId>,
) -> Result<Vec<Both<ContractState>>, DbError> {
    let sql = "select books, assumed from what_if_contracts($1, $2, $3)";
    let ids: Vec<Uuid> = contracts.map(ContractId::uuid).collect();
    let mut arguments = key(lease);
    arguments.push(ids.into());
    let rows = database.read(sql, arguments).await?;
    rows.iter().map(contract_from).collect()
}

/// A page of contracts with something to do for a run, `limit` at most. `versions` are those of the policy
/// that is assumed.
pub(crate) async fn due(
    database: &Database,
    lease: Lease,
    sweep: Sweep,
    versions: &[PolicyVersion],
    limit: u64,
) -> Result<Vec<Both<ContractState>>, DbError> {
    let sql = "select books, assumed from what_if_due($1, $2, $3, $4, $5, $6, $7)";
    let governs = || versions.iter().filter(|version| version.from <= sweep.through);
    let newest = governs().map(|version| version.policy.version).max().unwrap_or_default();
    let from = governs().map(|version| version.from).min().unwrap_or_else(never);
    let mut arguments = key(lease);
    arguments.extend([
        sweep.through.into(),
        i64::from(newest).into(),
        from.into(),
        sweep.after.map_or(Uuid::nil(), ContractId::uuid).into(),
        number(limit),
    ]);
    let rows = database.read(sql, arguments).await?;
    rows.iter().map(contract_from).collect()
}

/// Contracts after one, `limit` at most.
pub(crate) async fn left(
    database: &Database,
    lease: Lease,
    after: Option<ContractId>,
    limit: u64,
) -> Result<Vec<Both<ContractState>>, DbError> {
    let sql = "select books, assumed from what_if_left($1, $2, $3, $4)";
    let mut arguments = key(lease);
    arguments.extend([after.map_or(Uuid::nil(), ContractId::uuid).into(), number(limit)]);
    let rows = database.read(sql, arguments).await?;
    rows.iter().map(contract_from).collect()
}

/// Saves a page: how far it is, contracts that changed, and those that are not needed any more. Answers
/// whether the lease still holds; nothing is written otherwise.
pub(crate) async fn save(
    database: &Database,
    lease: Lease,
    kept: &Kept,
    changed: &[Both<ContractState>],
    done: &[ContractId],
) -> Result<bool, DbError> {
    let rows = changed.iter().map(ContractRow::of).collect::<Result<Vec<_>, _>>()?;
    let done: Vec<Uuid> = done.iter().map(|contract| contract.uuid()).collect();
    let mut arguments = key(lease);
    arguments.extend([
        number(lease.fence),
        LEASE_SECONDS.into(),
        number(kept.position),
        json(kept)?.into(),
        rows.iter().map(|row| row.contract.uuid()).collect::<Vec<_>>().into(),
        rows.iter().map(|row| row.due_from).collect::<Vec<_>>().into(),
        rows.iter().map(|row| row.posted_through).collect::<Vec<_>>().into(),
        rows.iter().map(|row| row.term_to).collect::<Vec<_>>().into(),
        rows.iter().map(|row| i64::from(row.governing)).collect::<Vec<_>>().into(),
    ]);
    let (books, assumed): (Vec<String>, Vec<String>) =
        rows.into_iter().map(|row| (row.books, row.assumed)).unzip();
    arguments.extend([books.into(), assumed.into(), done.into()]);
    let sql = "select held from save_what_if($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
               $13, $14)";
    flag(&database.write_positions(sql, arguments).await?, "held")
}

/// Ends the work on a what-if: with what came out, or why nothing can. Answers as [`save`].
pub(crate) async fn finish(
    database: &Database,
    lease: Lease,
    outcome: &Result<pb::WhatIfResult, String>,
) -> Result<bool, DbError> {
    let (state, failure, result) = match outcome {
        Ok(result) => ("finished", "", result.encode_to_vec()),
        Err(why) => ("failed", why.as_str(), Vec::new()),
    };
    let mut arguments = key(lease);
    arguments.extend([number(lease.fence), state.into(), failure.into(), result.into()]);
    let sql = "select held from finish_what_if($1, $2, $3, $4, $5, $6)";
    flag(&database.write_positions(sql, arguments).await?, "held")
}

fn key(lease: Lease) -> Vec<Value> {
    vec![lease.tenant.uuid().into(), lease.what_if.uuid().into()]
}

fn flag(rows: &[QueryResult], column: &str) -> Result<bool, DbError> {
    rows.first().map_or(Ok(false), |row| Ok(row.try_get("", column)?))
}

fn number(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}
