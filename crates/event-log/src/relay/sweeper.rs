//! The sweeper: publishes what stayed unpublished, and announces the last entry of tenants again, so
//! that a consumer learns of anything it missed, even after the broker lost its whole store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::publisher::Publisher;
use super::streams::Streams;
use crate::broker::Broker;
use crate::entry::{Sealed, open};
use crate::lease::Leases;
use crate::partition::partition;

/// How the sweeper paces itself.
#[derive(Debug, Clone, Copy)]
pub struct SweeperSettings {
    /// How often it looks. What is unpublished at two looks in a row is published.
    pub every: Duration,
    /// How often tenants that moved are announced again.
    pub announce_every: Duration,
}

impl Default for SweeperSettings {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), announce_every: Duration::from_secs(30) }
    }
}

/// After so many rounds all tenants are announced, for consumers that were away for longer than the
/// stream remembers: every hour by default.
const ROUNDS_TO_ALL: u64 = 120;

/// Tenants in a row that the broker does not take before a look ends: then it is not about them.
const FAILURES_MAX: u32 = 3;

/// Entries read at once.
const PAGE: i64 = 500;

pub(super) struct Sweeper {
    database: Database,
    broker: Broker,
    publisher: Publisher,
    leases: Leases,
    settings: SweeperSettings,
    /// Unpublished heads seen at the last look.
    seen: BTreeMap<TenantId, u64>,
    streams: Streams,
    /// Heads announced, and when the next round is due.
    announced: BTreeMap<TenantId, u64>,
    announce_at: Instant,
    rounds: u64,
}

impl Sweeper {
    pub(super) fn new(
        database: Database,
        broker: Broker,
        publisher: Publisher,
        log: Log,
        holder: Uuid,
        settings: SweeperSettings,
    ) -> Self {
        let leases = Leases::new(database.clone(), "sweep", holder);
        let streams = Streams::new(broker.clone(), log);
        Self {
            database,
            broker,
            publisher,
            leases,
            settings,
            seen: BTreeMap::new(),
            streams,
            announced: BTreeMap::new(),
            announce_at: Instant::now() + settings.announce_every,
            rounds: 0,
        }
    }

    async fn sweep(&mut self) -> Result<(), DbError> {
        let mine = self.leases.renew().await?;
        if !self.broker.is_connected() {
            return Ok(());
        }
        let renewed = self.streams.renewed(&mine).await;
        if !renewed.is_empty() {
            // Nothing that was announced before is in these streams.
            self.announced.retain(|tenant, _| !renewed.contains(&partition(*tenant)));
            self.announce_at = Instant::now();
        }
        let heads = self.heads(&mine).await?;
        if Instant::now() >= self.announce_at && self.announce(&heads).await? {
            self.rounds = self.rounds.saturating_add(1);
            if self.rounds.is_multiple_of(ROUNDS_TO_ALL) {
                self.announced.clear();
            }
            self.announce_at = Instant::now() + self.settings.announce_every;
        }
        let unpublished: BTreeMap<TenantId, (u64, u64)> =
            heads.into_iter().filter(|(_, (seq, published))| seq > published).collect();
        let mut failures = 0_u32;
        for (tenant, (seq, published)) in &unpublished {
            let stayed = self.seen.get(tenant).is_some_and(|earlier| published < earlier);
            if stayed {
                let taken = self.publish_from(*tenant, *published).await?;
                failures = if taken { 0 } else { failures.saturating_add(1) };
            }
            if failures >= FAILURES_MAX {
                break;
            }
            tracing::trace!(%tenant, seq, published, stayed, "unpublished");
        }
        self.seen = unpublished.into_iter().map(|(tenant, (seq, _))| (tenant, seq)).collect();
        Ok(())
    }

    /// Heads of the tenants in my partitions: sequence number and how far published.
    async fn heads(&self, mine: &BTreeSet<u8>) -> Result<BTreeMap<TenantId, (u64, u64)>, DbError> {
        let rows = self
            .database
            .read(
                "select h.tenant_id, h.seq, coalesce(r.published_seq, 0) as published from log_head h \
                 left join relay_position r on r.tenant_id = h.tenant_id where h.seq > 0",
                Vec::new(),
            )
            .await?;
        let mut heads = BTreeMap::new();
        for row in rows {
            let tenant = TenantId::from_uuid(row.try_get("", "tenant_id")?);
            if mine.contains(&partition(tenant)) {
                let seq: i64 = row.try_get("", "seq")?;
                let published: i64 = row.try_get("", "published")?;
                let pair = (u64::try_from(seq).unwrap_or(0), u64::try_from(published).unwrap_or(0));
                heads.insert(tenant, pair);
            }
        }
        Ok(heads)
    }

    /// Publishes the last entry of the tenants that moved since they were announced. Answers whether
    /// the broker took all; if not, the rest follows at the next look.
    async fn announce(&mut self, heads: &BTreeMap<TenantId, (u64, u64)>) -> Result<bool, DbError> {
        let moved: Vec<(TenantId, u64)> = heads
            .iter()
            .filter(|(tenant, (seq, _))| self.announced.get(*tenant) != Some(seq))
            .map(|(tenant, (seq, _))| (*tenant, *seq))
            .collect();
        for (tenant, seq) in moved {
            let last = self.read(tenant, seq.saturating_sub(1), 1).await?;
            if let Err(error) = self.publisher.publish(tenant, &last, false).await {
                tracing::debug!(%error, "announcing stops until the next look");
                return Ok(false);
            }
            self.announced.insert(tenant, seq);
        }
        Ok(true)
    }

    /// Publishes all entries of a tenant after a position. Returns whether the broker took them.
    async fn publish_from(&self, tenant: TenantId, after: u64) -> Result<bool, DbError> {
        let mut after = after;
        loop {
            let entries = self.read(tenant, after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(true) };
            after = last.seq;
            if let Err(error) = self.publisher.publish(tenant, &entries, true).await {
                tracing::debug!(%error, "a tenant's entries stay for the next look");
                return Ok(false);
            }
        }
    }

    async fn read(&self, tenant: TenantId, after: u64, limit: i64) -> Result<Vec<Sealed>, DbError> {
        let rows = self
            .database
            .read(
                "select seq, entry from read_log($1, $2, $3)",
                vec![
                    tenant.uuid().into(),
                    i64::try_from(after).unwrap_or(i64::MAX).into(),
                    limit.into(),
                ],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let bytes: Vec<u8> = row.try_get("", "entry")?;
                let opened = open(&bytes).map_err(|error| DbError::Corrupt(error.to_string()))?;
                Ok(Sealed {
                    tenant,
                    seq: opened.entry.seq,
                    hash: opened.hash,
                    recorded_at: chrono::DateTime::UNIX_EPOCH,
                    bytes: opened.bytes,
                    trace: Arc::default(),
                })
            })
            .collect()
    }
}

/// Sweeps until `stop`.
pub(super) async fn run(mut sweeper: Sweeper, stop: CancellationToken) {
    loop {
        if let Err(error) = sweeper.sweep().await {
            tracing::warn!(%error, "sweeping failed; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(sweeper.settings.every) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Err(error) = sweeper.leases.release().await {
        tracing::debug!(%error, "leases end by themselves");
    }
}
