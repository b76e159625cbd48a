//! Reads and keeps what the audit trail consists of.

use backlog_audit_log::{Hash, Node, NodeId};
use backlog_db::{Database, DbError, QueryResult};
use backlog_event_log::log_token;
use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_service_kit::error::reason_name;
use chrono::{DateTime, NaiveDate, Utc};

use crate::projection::{hash, node, number};
use crate::reading::Included;

/// The logs that a checkpoint covers, in the order of sizes and roots.
pub(crate) const LOGS: [Log; 3] = [Log::Contract, Log::Recognition, Log::Reporting];

/// Entries of each of [`LOGS`].
pub(crate) type Sizes = [u64; 3];

/// An entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) type_name: String,
    pub(crate) aggregate_id: String,
    pub(crate) effective_date: NaiveDate,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) leaf: Hash,
    pub(crate) bytes: Vec<u8>,
}

/// A signed checkpoint as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) sizes: Sizes,
    pub(crate) roots: [Hash; 3],
    pub(crate) note: String,
}

/// How large the trees are, and the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) sizes: Sizes,
    pub(crate) newest: Option<Checkpoint>,
}

/// A page of entries of a log after a place, and what is included.
pub(crate) async fn entries(
    database: &Database,
    tenant: TenantId,
    log: Log,
    after: u64,
    limit: usize,
    aggregate: &str,
) -> Result<(Included, Vec<Entry>), DbError> {
    let rows = database
        .read(
            "select contract_seq, recognition_seq, recognized_through, seq, type, aggregate_id, \
             effective_date, recorded_at, actor, leaf_hash, entry \
             from audit_entries($1, $2, $3, $4, $5)",
            vec![
                tenant.uuid().into(),
                small(log).into(),
                large(after).into(),
                i64::try_from(limit).unwrap_or(i64::MAX).into(),
                aggregate.into(),
            ],
        )
        .await?;
    let first = rows.first().ok_or_else(|| DbError::Corrupt("no watermark".to_owned()))?;
    let included = Included {
        contract_seq: number(first, "contract_seq")?,
        recognition_seq: number(first, "recognition_seq")?,
        recognized_through: first.try_get("", "recognized_through")?,
    };
    let mut entries = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.try_get::<Option<i64>>("", "seq")?.is_some() {
            entries.push(entry(row)?);
        }
    }
    Ok((included, entries))
}

fn entry(row: &QueryResult) -> Result<Entry, DbError> {
    Ok(Entry {
        seq: number(row, "seq")?,
        type_name: row.try_get("", "type")?,
        aggregate_id: row.try_get("", "aggregate_id")?,
        effective_date: row.try_get("", "effective_date")?,
        recorded_at: row.try_get("", "recorded_at")?,
        actor: row.try_get("", "actor")?,
        leaf: hash(row, "leaf_hash")?,
        bytes: row.try_get("", "entry")?,
    })
}

/// How large the trees are, and the newest checkpoint.
pub(crate) async fn state(database: &Database, tenant: TenantId) -> Result<State, DbError> {
    let rows = database
        .read(
            "select contract_size as size_1, recognition_size as size_2, reporting_size as size_3, \
             signed_contract_size as contract_size, signed_recognition_size as recognition_size, \
             signed_reporting_size as reporting_size, contract_root, recognition_root, \
             reporting_root, note from audit_state($1)",
            vec![tenant.uuid().into()],
        )
        .await?;
    let row = rows.first().ok_or_else(|| DbError::Corrupt("no audit state".to_owned()))?;
    let sizes = [number(row, "size_1")?, number(row, "size_2")?, number(row, "size_3")?];
    let is_signed = row.try_get::<Option<String>>("", "note")?.is_some();
    let newest = if is_signed { Some(checkpoint(row)?) } else { None };
    Ok(State { sizes, newest })
}

/// All checkpoints in order of age.
pub(crate) async fn checkpoints(
    database: &Database,
    tenant: TenantId,
) -> Result<Vec<Checkpoint>, DbError> {
    read_checkpoints(database, tenant, 0, 0).await
}

/// The newest checkpoint that signs the tree of a log at a size.
pub(crate) async fn checkpoint_at(
    database: &Database,
    tenant: TenantId,
    log: Log,
    size: u64,
) -> Result<Option<Checkpoint>, DbError> {
    Ok(read_checkpoints(database, tenant, small(log), size).await?.pop())
}

async fn read_checkpoints(
    database: &Database,
    tenant: TenantId,
    log: i16,
    size: u64,
) -> Result<Vec<Checkpoint>, DbError> {
    let rows = database
        .read(
            "select contract_size, recognition_size, reporting_size, contract_root, \
             recognition_root, reporting_root, note from audit_checkpoints($1, $2, $3)",
            vec![tenant.uuid().into(), log.into(), large(size).into()],
        )
        .await?;
    rows.iter().map(checkpoint).collect()
}

fn checkpoint(row: &QueryResult) -> Result<Checkpoint, DbError> {
    Ok(Checkpoint {
        sizes: [
            number(row, "contract_size")?,
            number(row, "recognition_size")?,
            number(row, "reporting_size")?,
        ],
        roots: [
            hash(row, "contract_root")?,
            hash(row, "recognition_root")?,
            hash(row, "reporting_root")?,
        ],
        note: row.try_get("", "note")?,
    })
}

/// Stored nodes of the trees, each with its log; those that do not exist are left out.
pub(crate) async fn nodes(
    database: &Database,
    tenant: TenantId,
    ids: &[(Log, NodeId)],
) -> Result<Vec<(Log, Node)>, DbError> {
    let logs: Vec<i16> = ids.iter().map(|(log, _)| small(*log)).collect();
    let levels: Vec<i16> = ids.iter().map(|(_, id)| id.level.into()).collect();
    let indexes: Vec<i64> = ids.iter().map(|(_, id)| large(id.index)).collect();
    let rows = database
        .read(
            "select log, level, node_index, hash from audit_nodes($1, $2, $3, $4)",
            vec![tenant.uuid().into(), logs.into(), levels.into(), indexes.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let log: i16 = row.try_get("", "log")?;
            Ok((Log::try_from(i32::from(log)).unwrap_or(Log::Unspecified), node(row)?))
        })
        .collect()
}

/// Keeps a checkpoint; answers the note that is kept, an earlier one for the same sizes if there is.
pub(crate) async fn store(
    database: &Database,
    tenant: TenantId,
    checkpoint: &Checkpoint,
    made_at: DateTime<Utc>,
) -> Result<String, DbError> {
    let [contract, recognition, reporting] = checkpoint.sizes.map(large);
    let [contract_root, recognition_root, reporting_root] = checkpoint.roots;
    let rows = database
        .write_positions(
            "select note from store_checkpoint($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            vec![
                tenant.uuid().into(),
                contract.into(),
                recognition.into(),
                reporting.into(),
                contract_root.to_vec().into(),
                recognition_root.to_vec().into(),
                reporting_root.to_vec().into(),
                checkpoint.note.clone().into(),
                made_at.into(),
            ],
        )
        .await?;
    let row = rows.first().ok_or_else(|| DbError::Corrupt("no checkpoint".to_owned()))?;
    Ok(row.try_get("", "note")?)
}

/// Stops a tenant whose log is not the one that was signed.
pub(crate) async fn stop_diverged(
    database: &Database,
    tenant: TenantId,
    log: Log,
    size: u64,
) -> Result<(), DbError> {
    let name = log_token(log);
    tracing::error!(%tenant, log = name, size, "the log is not the one that was signed; the tenant stands");
    database
        .write_positions(
            "insert into processing_stop (tenant_id, log, seq, reason, detail, stopped_at) \
             values ($1, $2, $3, $4, $5, now()) on conflict (tenant_id) do nothing",
            vec![
                tenant.uuid().into(),
                small(log).into(),
                large(size).into(),
                reason_name(ErrorReason::LogDiverged).into(),
                format!("the {name} log is not the one that was signed when it had {size} entries")
                    .into(),
            ],
        )
        .await
        .map(drop)
}

fn small(log: Log) -> i16 {
    i16::try_from(i32::from(log)).unwrap_or_default()
}

fn large(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
