//! The intake: brings entries into the order in which they are applied, and fills what is missing.
//!
//! One log leads. An entry of it may depend on positions of another log; that log's entries up to
//! there are applied just before it, so the order is recorded and a rebuild repeats it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backlog_audit_log::Hash;
use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_service_kit::error::reason_name;

use super::buffer::Buffer;
use crate::domain::Domain;
use crate::entry::{GENESIS, Opened};
use crate::reader::{ReadError, Reader};
use crate::writer::{Applied, Inbound, Writers};

/// Entries read from an owner, and applied, at once.
const PAGE: u64 = 500;

/// Applies other services' logs to this one.
pub struct Intake<D: Domain> {
    database: Database,
    writers: Writers<D>,
    leading: Reader,
    followed: Option<Reader>,
    buffer: Buffer,
    /// How far the followed log is applied, as this replica last saw it. Another replica may have
    /// gone on since: then the writer passes over what it knows.
    followed_places: Mutex<HashMap<TenantId, Place>>,
}

/// Tenants whose place is remembered at most; beyond, memory starts anew.
const PLACES_MAX: usize = 100_000;

/// Why a round did not finish.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("the writer asks to deliver again")]
    Again,
}

type Place = (u64, Hash);

impl<D: Domain> Intake<D> {
    /// An intake led by one log; entries of `followed` are applied when the leading log says so.
    #[must_use]
    pub fn new(
        database: Database,
        writers: Writers<D>,
        leading: Reader,
        followed: Option<Reader>,
    ) -> Self {
        Self {
            database,
            writers,
            leading,
            followed,
            buffer: Buffer::default(),
            followed_places: Mutex::default(),
        }
    }

    /// Takes entries of one tenant's log and returns when they are applied, held for later, or the
    /// tenant stands. While something needed is away it keeps trying.
    pub async fn take(&self, tenant: TenantId, log: Log, entries: Vec<Opened>) {
        if log != self.leading.log() {
            self.buffer.put(tenant, entries);
            return;
        }
        let mut entries = Some(entries);
        let mut pause = Duration::from_millis(20);
        loop {
            let round = match entries.take() {
                Some(arrived) => self.apply_arrived(tenant, arrived).await,
                None => self.catch_up(tenant).await,
            };
            match round {
                Ok(()) => return,
                Err(RoundError::Read(ReadError::Diverged)) => {
                    if self.stop_diverged(tenant).await.is_ok() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, %tenant, "applying is tried again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(Duration::from_secs(1));
        }
    }

    /// Applies what arrived; where it does not continue what is known, reads the owner's log.
    async fn apply_arrived(
        &self,
        tenant: TenantId,
        mut entries: Vec<Opened>,
    ) -> Result<(), RoundError> {
        entries.sort_by_key(|opened| opened.entry.seq);
        let inbound = self.with_followed(tenant, entries).await?;
        match self.apply(tenant, inbound).await {
            Applied::All | Applied::Stopped => Ok(()),
            Applied::Gap(_) | Applied::Diverges(_) => self.catch_up(tenant).await,
            Applied::Again => Err(RoundError::Again),
        }
    }

    /// Reads the leading log from its owner, from where we are to its end, and applies it.
    ///
    /// # Errors
    /// When something needed is away, or the history is another one.
    async fn catch_up(&self, tenant: TenantId) -> Result<(), RoundError> {
        loop {
            let (seq, hash) = self.place(tenant, self.leading.log()).await?;
            let page = self.leading.read(tenant, seq, hash, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let inbound = self.with_followed(tenant, page).await?;
            match self.apply(tenant, inbound).await {
                Applied::All => {}
                Applied::Stopped => return Ok(()),
                Applied::Gap(log) | Applied::Diverges(log) => {
                    // The owner's own entries do not fit ours: a followed log may, read anew.
                    tracing::warn!(%tenant, log = log.as_str_name(), "entries do not continue");
                    return Err(if log == self.leading.log() {
                        RoundError::Again
                    } else {
                        RoundError::Read(ReadError::Diverged)
                    });
                }
                Applied::Again => return Err(RoundError::Again),
            }
        }
    }

    async fn apply(&self, tenant: TenantId, entries: Vec<(Log, Opened)>) -> Applied {
        let last = self.followed.as_ref().and_then(|followed| {
            let (_, opened) = entries.iter().rfind(|(log, _)| *log == followed.log())?;
            Some((opened.entry.seq, opened.hash))
        });
        let applied = self.writers.apply(Inbound { tenant, entries, trace: Arc::default() }).await;
        let mut places = self.followed_places.lock().unwrap_or_else(PoisonError::into_inner);
        match (&applied, last) {
            (Applied::All, Some(place)) if places.len() < PLACES_MAX => {
                places.insert(tenant, place);
            }
            (Applied::All, None) => {}
            (Applied::All, Some(_)) => places.clear(),
            _ => drop(places.remove(&tenant)),
        }
        applied
    }

    async fn followed_place(&self, tenant: TenantId, log: Log) -> Result<Place, DbError> {
        let known = self
            .followed_places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tenant)
            .copied();
        match known {
            Some(place) => Ok(place),
            None => self.place(tenant, log).await,
        }
    }

    /// Puts the entries of the followed log that each leading entry depends on before it.
    async fn with_followed(
        &self,
        tenant: TenantId,
        leading: Vec<Opened>,
    ) -> Result<Vec<(Log, Opened)>, RoundError> {
        let log = self.leading.log();
        let Some(followed) = &self.followed else {
            return Ok(leading.into_iter().map(|opened| (log, opened)).collect());
        };
        let (mut seq, mut hash) = self.followed_place(tenant, followed.log()).await?;
        let mut ordered = Vec::with_capacity(leading.len());
        for opened in leading {
            let through = opened
                .entry
                .depends_on
                .iter()
                .filter(|position| position.log() == followed.log())
                .map(|position| position.seq)
                .max()
                .unwrap_or(0);
            if through > seq {
                for entry in self.followed_entries(followed, tenant, (seq, hash), through).await? {
                    (seq, hash) = (entry.entry.seq, entry.hash);
                    ordered.push((followed.log(), entry));
                }
            }
            ordered.push((log, opened));
        }
        Ok(ordered)
    }

    /// Entries of the followed log up to a position: from the buffer when they continue what is
    /// known, else from the owner.
    async fn followed_entries(
        &self,
        followed: &Reader,
        tenant: TenantId,
        (seq, hash): Place,
        through: u64,
    ) -> Result<Vec<Opened>, RoundError> {
        if let Some(held) = self.buffer.take(tenant, seq, through)
            && continues(&held, hash)
        {
            return Ok(held);
        }
        Ok(followed.read(tenant, seq, hash, through.saturating_sub(seq)).await?)
    }

    async fn place(&self, tenant: TenantId, log: Log) -> Result<Place, DbError> {
        let rows = self
            .database
            .read(
                "select seq, hash from applied_position where tenant_id = $1 and log = $2",
                vec![
                    tenant.uuid().into(),
                    i16::try_from(i32::from(log)).unwrap_or_default().into(),
                ],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok((0, GENESIS)) };
        let seq: i64 = row.try_get("", "seq")?;
        let hash: Vec<u8> = row.try_get("", "hash")?;
        let hash = hash.try_into().map_err(|_| DbError::Corrupt("hash".to_owned()))?;
        Ok((u64::try_from(seq).unwrap_or(0), hash))
    }

    /// Notes that the tenant stands because its owner's history is another one.
    async fn stop_diverged(&self, tenant: TenantId) -> Result<(), DbError> {
        let log = self.leading.log();
        let (seq, _) = self.place(tenant, log).await?;
        tracing::error!(%tenant, seq, log = log.as_str_name(), "the log diverged; the tenant stands");
        self.database
            .write_positions(
                "insert into processing_stop (tenant_id, log, seq, reason, detail, stopped_at) \
                 values ($1, $2, $3, $4, $5, now()) on conflict (tenant_id) do nothing",
                vec![
                    tenant.uuid().into(),
                    i16::try_from(i32::from(log)).unwrap_or_default().into(),
                    i64::try_from(seq).unwrap_or(i64::MAX).into(),
                    reason_name(ErrorReason::LogDiverged).into(),
                    "the owner's log does not continue the history known here, as after a restore"
                        .into(),
                ],
            )
            .await
            .map(drop)
    }

    /// Applies all that the owner has for a tenant, after a stop was lifted.
    pub async fn resume(&self, tenant: TenantId) {
        self.take(tenant, self.leading.log(), Vec::new()).await;
        if let Err(error) = self.catch_up(tenant).await {
            tracing::warn!(%error, %tenant, "catching up goes on with the next message");
        }
    }
}

/// Whether entries continue from a hash without a break.
fn continues(entries: &[Opened], hash: Hash) -> bool {
    let mut last = hash;
    entries.iter().all(|opened| {
        let fits = opened.entry.prev_hash == last;
        last = opened.hash;
        fits
    })
}
