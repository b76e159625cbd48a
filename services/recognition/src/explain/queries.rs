//! Reads what explanations are made from: how far they go, and the entries that name their contracts.

use backlog_db::{Database, DbError};
use backlog_event_log::{Opened, open};
use backlog_ids::{ContractId, TenantId};
use chrono::NaiveDate;

use crate::accounting::rows::{count, id, never};

/// How far an answer goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) contract_seq: u64,
    pub(crate) recognition_seq: u64,
    pub(crate) recognized_through: Option<NaiveDate>,
}

/// How far the answer about a contract goes; none when it is not known for this tenant.
pub(crate) async fn contract_reach(
    database: &Database,
    tenant: TenantId,
    contract: ContractId,
) -> Result<Option<Reach>, DbError> {
    let sql = "select recognized_through, head_seq, contract_seq from contract_reach($1, $2)";
    let rows = database.read(sql, vec![tenant.uuid().into(), contract.uuid().into()]).await?;
    rows.first().map(reach).transpose()
}

/// The contracts that are accounted for as one with a contract, itself among them, in order of id.
pub(crate) async fn accounted_with(
    database: &Database,
    tenant: TenantId,
    contract: ContractId,
) -> Result<Vec<ContractId>, DbError> {
    let sql = "select contract_id from accounted_with($1, $2)";
    let rows = database.read(sql, vec![tenant.uuid().into(), contract.uuid().into()]).await?;
    rows.iter().map(|row| id(row, "contract_id")).collect()
}

/// How far answers of the tenant go; none before its creation is applied.
pub(crate) async fn tenant_reach(
    database: &Database,
    tenant: TenantId,
) -> Result<Option<Reach>, DbError> {
    let sql = "select recognized_through, head_seq, contract_seq from tenant_reach($1)";
    let rows = database.read(sql, vec![tenant.uuid().into()]).await?;
    rows.first().map(reach).transpose()
}

fn reach(row: &backlog_db::QueryResult) -> Result<Reach, DbError> {
    let through: NaiveDate = row.try_get("", "recognized_through")?;
    Ok(Reach {
        contract_seq: count(row, "contract_seq")?,
        recognition_seq: count(row, "head_seq")?,
        recognized_through: Some(through).filter(|through| *through != never()),
    })
}

/// Entries of this log through a place that name one of these, `limit` at most.
pub(crate) async fn entries_naming(
    database: &Database,
    tenant: TenantId,
    names: Vec<String>,
    through: u64,
    limit: u64,
) -> Result<Vec<Opened>, DbError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let rows = database
        .read(
            "select entry from entries_naming($1, $2, $3, $4)",
            vec![tenant.uuid().into(), names.into(), number(through).into(), number(limit).into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let bytes: Vec<u8> = row.try_get("", "entry")?;
            open(&bytes).map_err(|error| DbError::Corrupt(format!("a log entry: {error}")))
        })
        .collect()
}
