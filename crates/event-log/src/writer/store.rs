//! The writer's own tables: heads, entries, requests, applied positions, stops.

use std::collections::{BTreeMap, HashMap};

use backlog_audit_log::Hash;
use backlog_db::{Conflict, Database, DbError, QueryResult, TableSpec, Value, WriterTx};
use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_service_kit::error::reason_name;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Applied, Inbound, RequestKey};
use crate::domain::Domain;
use crate::entry::{GENESIS, Head, Opened, open};

/// Places of the writer's tables in the flush; a service's follow.
pub(super) const HEADS: usize = 0;
pub(super) const ENTRIES: usize = 1;
pub(super) const REQUESTS: usize = 2;
pub(super) const APPLIED: usize = 3;
pub(super) const STOPS: usize = 4;
pub(super) const OWN_TABLES: usize = 5;

/// All tables that a batch of the service writes.
pub(super) fn tables<D: Domain>() -> Vec<TableSpec> {
    let mut tables = vec![
        TableSpec {
            name: "log_head",
            columns: &[
                ("tenant_id", "uuid"),
                ("seq", "bigint"),
                ("hash", "bytea"),
                ("recorded_at", "timestamptz"),
                ("suspended", "boolean"),
            ],
            // An upsert, because it finds its row by key whatever the planner knows of the table.
            conflict: Conflict::Do(
                "(tenant_id) do update set seq = excluded.seq, hash = excluded.hash, \
                 recorded_at = excluded.recorded_at, suspended = excluded.suspended",
            ),
        },
        TableSpec {
            name: "log_entry",
            columns: &[("tenant_id", "uuid"), ("seq", "bigint"), ("entry", "bytea")],
            conflict: Conflict::Refuse,
        },
        TableSpec {
            name: "request",
            columns: &[
                ("tenant_id", "uuid"),
                ("request_id", "text"),
                ("content_hash", "bytea"),
                ("seq", "bigint"),
            ],
            conflict: Conflict::Refuse,
        },
        TableSpec {
            name: "applied_position",
            columns: &[
                ("tenant_id", "uuid"),
                ("log", "smallint"),
                ("seq", "bigint"),
                ("hash", "bytea"),
            ],
            conflict: Conflict::Do(
                "(tenant_id, log) do update set seq = excluded.seq, hash = excluded.hash",
            ),
        },
        TableSpec {
            name: "processing_stop",
            columns: &[
                ("tenant_id", "uuid"),
                ("log", "smallint"),
                ("seq", "bigint"),
                ("reason", "text"),
                ("detail", "text"),
                ("stopped_at", "timestamptz"),
            ],
            conflict: Conflict::Keep,
        },
    ];
    tables.extend(D::tables());
    tables
}

/// The head of a tenant, as locked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Locked {
    pub(super) head: Head,
    pub(super) suspended: bool,
    pub(super) changed: bool,
}

/// Locks the heads of the tenants in order, making those of `opening` first where they are missing.
pub(super) async fn lock_heads(
    tx: &WriterTx,
    tenants: &[TenantId],
    opening: &[TenantId],
) -> Result<HashMap<TenantId, Locked>, DbError> {
    let found = locked(tx, tenants).await?;
    let missing: Vec<Uuid> =
        opening.iter().filter(|tenant| !found.contains_key(tenant)).map(|t| t.uuid()).collect();
    if missing.is_empty() {
        return Ok(found);
    }
    tx.execute(
        "insert into log_head (tenant_id, seq, hash, recorded_at, suspended) \
         select t, 0, $2, to_timestamp(0), false from unnest($1::uuid[]) t on conflict do nothing",
        vec![missing.into(), GENESIS.to_vec().into()],
    )
    .await?;
    locked(tx, tenants).await
}

async fn locked(tx: &WriterTx, tenants: &[TenantId]) -> Result<HashMap<TenantId, Locked>, DbError> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let rows = tx
        .query(
            "select tenant_id, seq, hash, recorded_at, suspended from lock_heads($1)",
            vec![ids.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let head = Head {
                seq: seq(row, "seq")?,
                hash: hash(row, "hash")?,
                recorded_at: row.try_get::<DateTime<Utc>>("", "recorded_at")?,
            };
            let suspended = row.try_get("", "suspended")?;
            Ok((tenant(row)?, Locked { head, suspended, changed: false }))
        })
        .collect()
}

/// Requests of the batch that took effect before: content hash and place. Lateral with `offset 0`: on
/// tables that were never analyzed a plain join became a scan of the whole table.
pub(super) async fn known_requests(
    tx: &WriterTx,
    keys: &[(TenantId, &RequestKey)],
) -> Result<HashMap<(TenantId, String), ([u8; 32], u64)>, DbError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let tenants: Vec<Uuid> = keys.iter().map(|(tenant, _)| tenant.uuid()).collect();
    let ids: Vec<String> = keys.iter().map(|(_, key)| key.id.clone()).collect();
    let rows = tx
        .query(
            "select r.tenant_id, r.request_id, r.content_hash, r.seq \
             from unnest($1::uuid[], $2::text[]) as v(tenant_id, request_id) \
             cross join lateral (select * from request x where x.tenant_id = v.tenant_id \
               and x.request_id = v.request_id offset 0) r",
            vec![tenants.into(), ids.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get("", "request_id")?;
            Ok(((tenant(row)?, id), (hash(row, "content_hash")?, seq(row, "seq")?)))
        })
        .collect()
}

/// Entries by place, for answers made from them.
pub(super) async fn entries_at(
    tx: &WriterTx,
    places: &[(TenantId, u64)],
) -> Result<HashMap<(TenantId, u64), Opened>, DbError> {
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let tenants: Vec<Uuid> = places.iter().map(|(tenant, _)| tenant.uuid()).collect();
    let seqs: Vec<i64> = places.iter().map(|&(_, seq)| seq_value(seq)).collect();
    let rows = tx
        .query(
            "select e.tenant_id, e.seq, e.entry \
             from unnest($1::uuid[], $2::bigint[]) as v(tenant_id, seq) \
             cross join lateral (select * from log_entry x where x.tenant_id = v.tenant_id \
               and x.seq = v.seq offset 0) e",
            vec![tenants.into(), seqs.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let bytes: Vec<u8> = row.try_get("", "entry")?;
            let opened = open(&bytes).map_err(|error| DbError::Corrupt(error.to_string()))?;
            Ok(((tenant(row)?, seq(row, "seq")?), opened))
        })
        .collect()
}

/// How far other logs are applied, per tenant and log.
pub(super) type AppliedPositions = BTreeMap<(TenantId, i32), (u64, Hash)>;

pub(super) async fn applied_positions(
    tx: &WriterTx,
    tenants: &[TenantId],
) -> Result<AppliedPositions, DbError> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let rows = tx
        .query(
            "select tenant_id, log, seq, hash from applied_position where tenant_id = any($1)",
            vec![ids.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let log: i16 = row.try_get("", "log")?;
            Ok(((tenant(row)?, i32::from(log)), (seq(row, "seq")?, hash(row, "hash")?)))
        })
        .collect()
}

/// Which of the tenants stand.
pub(super) async fn stopped(tx: &WriterTx, tenants: &[TenantId]) -> Result<Vec<TenantId>, DbError> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let rows = tx
        .query("select tenant_id from processing_stop where tenant_id = any($1)", vec![ids.into()])
        .await?;
    rows.iter().map(tenant).collect()
}

/// Notes that a tenant stands because entries cannot be applied.
pub(super) async fn stop(database: &Database, inbound: &Inbound, detail: &str) -> Applied {
    let Some((log, first)) = inbound.entries.first() else { return Applied::All };
    let tenant = inbound.tenant;
    tracing::error!(%tenant, log = log.as_str_name(), detail, "a tenant's processing stops");
    let noted = database
        .write_positions(
            "insert into processing_stop (tenant_id, log, seq, reason, detail, stopped_at) \
             values ($1, $2, $3, $4, $5, now()) on conflict (tenant_id) do nothing",
            vec![
                tenant.uuid().into(),
                log_value(*log),
                seq_value(first.entry.seq).into(),
                reason_name(ErrorReason::TenantStopped).into(),
                detail.into(),
            ],
        )
        .await;
    match noted {
        Ok(_) => Applied::Stopped,
        Err(error) => {
            tracing::warn!(%error, "the stop is not noted yet");
            Applied::Again
        }
    }
}

pub(super) fn tenant(row: &QueryResult) -> Result<TenantId, DbError> {
    Ok(TenantId::from_uuid(row.try_get("", "tenant_id")?))
}

fn seq(row: &QueryResult, column: &str) -> Result<u64, DbError> {
    let value: i64 = row.try_get("", column)?;
    u64::try_from(value).map_err(|_| DbError::Corrupt(format!("{column} is negative")))
}

fn hash(row: &QueryResult, column: &str) -> Result<Hash, DbError> {
    let value: Vec<u8> = row.try_get("", column)?;
    value.try_into().map_err(|_| DbError::Corrupt(format!("{column} is not 32 bytes")))
}

/// A sequence number as a column holds it. Logs end long before 2^63.
pub(super) fn seq_value(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// A log as a column holds it.
pub(super) fn log_value(log: Log) -> Value {
    i16::try_from(i32::from(log)).unwrap_or_default().into()
}
