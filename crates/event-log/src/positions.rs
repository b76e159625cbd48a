//! How far this service is, per tenant and log, and waiting for it.
//!
//! Memory tells at once what this replica committed; the database, asked in between, what others did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::convert::Position;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How often the database is asked while somebody waits: for what other replicas commit.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Tenants that memory remembers at most; beyond, it starts anew and the database is asked.
const REMEMBERED_MAX: usize = 100_000;

/// Positions of one service.
#[derive(Debug, Clone)]
pub struct Positions {
    database: Database,
    own: Log,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    reached: Mutex<HashMap<(TenantId, i32), u64>>,
    moved: Notify,
}

/// What a wait ended with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{log} of the tenant is applied up to {reached}, {wanted} was asked for; try again")]
pub struct Behind {
    /// The log that is behind.
    pub log: &'static str,
    /// Position reached.
    pub reached: u64,
    /// Position asked for.
    pub wanted: u64,
}

impl Positions {
    /// Positions of the service that writes `own`.
    #[must_use]
    pub fn new(database: Database, own: Log) -> Self {
        Self { database, own, shared: Arc::default() }
    }

    /// Records what this replica committed.
    pub fn advance(&self, moved: &[(TenantId, i32, u64)]) {
        let mut reached = self.shared.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if reached.len() > REMEMBERED_MAX {
            reached.clear();
        }
        for (tenant, log, seq) in moved {
            let known = reached.entry((*tenant, *log)).or_default();
            *known = (*known).max(*seq);
        }
        drop(reached);
        self.shared.moved.notify_waiters();
    }

    /// Waits until every position is reached, or the deadline.
    ///
    /// # Errors
    /// `Ok(Err(behind))` when the deadline comes first; `Err` when the database cannot be asked.
    pub async fn wait_for(
        &self,
        tenant: TenantId,
        wanted: &[Position],
        deadline: Instant,
    ) -> Result<Result<(), Behind>, DbError> {
        loop {
            let moved = self.shared.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if self.remembers(tenant, wanted) {
                return Ok(Ok(()));
            }
            let behind = match self.behind(tenant, wanted).await? {
                None => return Ok(Ok(())),
                Some(behind) => behind,
            };
            if Instant::now() >= deadline {
                return Ok(Err(behind));
            }
            let ask_again = (Instant::now() + ASK_EVERY).min(deadline);
            tokio::select! {
                () = moved => {}
                () = tokio::time::sleep_until(ask_again) => {}
            }
        }
    }

    fn remembers(&self, tenant: TenantId, wanted: &[Position]) -> bool {
        let reached = self.shared.reached.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().all(|position| {
            reached.get(&(tenant, i32::from(position.log))).is_some_and(|seq| *seq >= position.seq)
        })
    }

    async fn behind(
        &self,
        tenant: TenantId,
        wanted: &[Position],
    ) -> Result<Option<Behind>, DbError> {
        let reached = self.of(tenant).await?;
        let short = wanted.iter().find_map(|position| {
            let seq = reached
                .iter()
                .find(|reached| reached.log == position.log)
                .map_or(0, |reached| reached.seq);
            (seq < position.seq).then(|| Behind {
                log: position.log.as_str_name(),
                reached: seq,
                wanted: position.seq,
            })
        });
        Ok(short)
    }

    /// Positions of a tenant as the database has them: its own log's head and what is applied.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn of(&self, tenant: TenantId) -> Result<Vec<Position>, DbError> {
        let rows = self
            .database
            .read(
                "select $2::smallint as log, seq from log_head where tenant_id = $1 \
                 union all select log, seq from applied_position where tenant_id = $1 order by log",
                vec![tenant.uuid().into(), i16::try_from(i32::from(self.own)).unwrap_or(0).into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let log: i16 = row.try_get("", "log")?;
                let seq: i64 = row.try_get("", "seq")?;
                let log = Log::try_from(i32::from(log)).unwrap_or(Log::Unspecified);
                Ok(Position { log, seq: u64::try_from(seq).unwrap_or(0) })
            })
            .collect()
    }
}
