//! A rebuild: projections away, position 0, and the logs again. Checkpoints stay, and what the logs
//! make must reproduce them.

use std::collections::BTreeMap;

use backlog_db::{Database, DbError};
use backlog_event_log::Positions;
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use thiserror::Error;

use crate::audit::{AuditFault, verify_checkpoints};

/// A rebuild that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// SHA-256 over all projection rows.
    pub digest: Vec<u8>,
    /// Checkpoints whose roots were reproduced.
    pub checkpoints: usize,
}

/// A rebuild that did not.
#[derive(Debug, Error)]
pub enum RebuildError {
    /// The database fails; run the rebuild again.
    #[error("the database failed; run the rebuild again")]
    Database(#[from] DbError),
    /// The tenant stands.
    #[error("the tenant's processing stopped: {reason}, {detail}")]
    Stopped {
        /// Reason, as `backlog doctor` shows it.
        reason: String,
        /// What went wrong.
        detail: String,
    },
    /// The logs end before the place that was reached before.
    #[error(
        "{log} was applied up to {before}, and now only up to {now}; run it again, and if that \
             does not help, the log was restored to an earlier state"
    )]
    Shorter {
        /// The log.
        log: &'static str,
        /// Entries applied before the rebuild.
        before: u64,
        /// Entries applied now.
        now: u64,
    },
    /// The audit trail does not reproduce a checkpoint: the tenant stands.
    #[error(transparent)]
    Audit(#[from] AuditFault),
}

/// Rebuilds a tenant's projections. `catch_up` applies both logs from their owners, from the place that
/// the database says to their ends.
///
/// # Errors
/// Why it did not come to its end. A checkpoint that is not reproduced stops the tenant.
pub async fn rebuild(
    database: &Database,
    positions: &Positions,
    tenant: TenantId,
    catch_up: impl AsyncFnOnce(),
) -> Result<Rebuilt, RebuildError> {
    let before = applied(positions, tenant).await?;
    let reset = "select reset_projections($1)::text as done";
    database.write_positions(reset, vec![tenant.uuid().into()]).await?;
    catch_up().await;
    let stop = "select reason, detail from processing_stop where tenant_id = $1";
    if let Some(row) = database.read(stop, vec![tenant.uuid().into()]).await?.first() {
        let text = |column| row.try_get("", column).map_err(DbError::from);
        return Err(RebuildError::Stopped { reason: text("reason")?, detail: text("detail")? });
    }
    let now = applied(positions, tenant).await?;
    for (log, before) in before {
        let now = now.get(&log).copied().unwrap_or(0);
        if now < before {
            let log = Log::try_from(log).unwrap_or(Log::Unspecified).as_str_name();
            return Err(RebuildError::Shorter { log, before, now });
        }
    }
    let checkpoints = verify_checkpoints(database, tenant).await?;
    let digest = "select projection_digest($1) as digest";
    let rows = database.read(digest, vec![tenant.uuid().into()]).await?;
    let row = rows.first().ok_or_else(|| DbError::Corrupt("no digest".to_owned()))?;
    Ok(Rebuilt { digest: row.try_get("", "digest").map_err(DbError::from)?, checkpoints })
}

async fn applied(positions: &Positions, tenant: TenantId) -> Result<BTreeMap<i32, u64>, DbError> {
    let places = positions.of(tenant).await?;
    Ok(places.into_iter().map(|place| (i32::from(place.log), place.seq)).collect())
}
