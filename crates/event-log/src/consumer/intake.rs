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
use crate::partition::partition;
use crate::reader::{ReadError, Reader};
use crate::writer::{Applied, Inbound, Writers};

/// Entries read from an owner, and applied, at once.
const PAGE: u64 = 500;

/// Bytes of entries after which no more are read at once: those of recognition runs are large.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Applies other services' logs to this one.
pub struct Intake<D: Domain> {
    database: Database,
    writers: Writers<D>,
    leading: Reader,
    followed: Option<Reader>,
    buffer: Buffer,
    /// How far the logs are applied, as this replica last saw it. Another replica may have gone on
    /// since: then the writer passes over what it knows.
    places: Mutex<HashMap<(TenantId, i32), Place>>,
}

/// Places remembered at most; beyond, memory starts anew.
const PLACES_MAX: usize = 100_000;

/// Why a round did not finish.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("the owner's log {} does not continue the history known here", .0.as_str_name())]
    Diverged(Log),
    #[error(transparent)]
    Read(ReadError),
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
            places: Mutex::default(),
        }
    }

    /// Takes entries of one tenant's log and returns when they are applied, held for later, or the
    /// tenant stands. While something needed is away it keeps trying.
    pub async fn take(&self, tenant: TenantId, log: Log, entries: Vec<Opened>) {
        if log != self.leading.log() {
            self.buffer.put(tenant, entries);
            return;
        }
        self.until_applied(tenant, entries).await;
    }

    /// Applies entries, or what the owner has where there are none, until it is done or the tenant
    /// stands.
    async fn until_applied(&self, tenant: TenantId, mut entries: Vec<Opened>) {
        let mut pause = Duration::from_millis(20);
        loop {
            let arrived = std::mem::take(&mut entries);
            let round = if arrived.is_empty() {
                self.catch_up(tenant).await
            } else {
                self.apply_arrived(tenant, arrived).await
            };
            match round {
                Ok(()) => return,
                Err(RoundError::Diverged(log)) => {
                    if self.stop_diverged(tenant, log).await.is_ok() {
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
        // What the followed log had before an entry is applied with it, not before its turn.
        if self.followed.is_some() && !self.is_next(tenant, &entries).await? {
            return self.catch_up(tenant).await;
        }
        // A writer takes what it is handed as one batch: what piled up is handed over page by page.
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        while !entries.is_empty() {
            let later = entries.split_off(entries.len().min(page));
            let inbound =
                self.with_followed(tenant, std::mem::replace(&mut entries, later)).await?;
            match self.apply(tenant, inbound).await {
                Applied::All => {}
                Applied::Stopped => return Ok(()),
                Applied::Gap(_) | Applied::Diverges(_) | Applied::Older(_) => {
                    return self.catch_up(tenant).await;
                }
                Applied::Again => return Err(RoundError::Again),
            }
        }
        Ok(())
    }

    /// Reads the leading log from its owner, from where we are to its end, and applies it.
    ///
    /// # Errors
    /// When something needed is away, or the history is another one.
    async fn catch_up(&self, tenant: TenantId) -> Result<(), RoundError> {
        loop {
            let (seq, hash) = self.place(tenant, self.leading.log()).await?;
            let page = read(&self.leading, tenant, (seq, hash), (PAGE, PAGE_BYTES)).await?;
            if page.is_empty() {
                return Ok(());
            }
            let inbound = self.with_followed(tenant, page).await?;
            match self.apply(tenant, inbound).await {
                // Older: another replica went on meanwhile.
                Applied::All | Applied::Older(_) => {}
                Applied::Stopped => return Ok(()),
                Applied::Gap(log) | Applied::Diverges(log) => {
                    // The owner's own entries do not fit ours: a followed log may, read anew.
                    tracing::warn!(%tenant, log = log.as_str_name(), "entries do not continue");
                    return Err(if log == self.leading.log() {
                        RoundError::Again
                    } else {
                        RoundError::Diverged(log)
                    });
                }
                Applied::Again => return Err(RoundError::Again),
            }
        }
    }

    async fn apply(&self, tenant: TenantId, entries: Vec<(Log, Opened)>) -> Applied {
        let logs = self.logs();
        let lasts = logs.clone().map(|log| {
            let last = entries.iter().rfind(|(of, _)| *of == log);
            (log, last.map(|(_, opened)| (opened.entry.seq, opened.hash)))
        });
        let lasts: Vec<(Log, Option<Place>)> = lasts.collect();
        let applied = self.writers.apply(Inbound { tenant, entries, trace: Arc::default() }).await;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES_MAX {
            places.clear();
        }
        for (log, last) in lasts {
            match (&applied, last) {
                (Applied::All, Some(place)) => {
                    places.insert((tenant, log.into()), place);
                }
                (Applied::All, None) => {}
                _ => drop(places.remove(&(tenant, log.into()))),
            }
        }
        applied
    }

    /// The logs whose order matters to each other; none where there is only one.
    fn logs(&self) -> impl Iterator<Item = Log> + Clone {
        let followed = self.followed.as_ref().map(Reader::log);
        followed.into_iter().chain(followed.map(|_| self.leading.log()))
    }

    fn remembered(&self, tenant: TenantId, log: Log) -> Option<Place> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&(tenant, log.into())).copied()
    }

    /// Whether entries of the leading log continue what is applied, apart from those that are.
    async fn is_next(&self, tenant: TenantId, entries: &[Opened]) -> Result<bool, DbError> {
        let log = self.leading.log();
        if self.remembered(tenant, log).is_some_and(|place| follow(entries, place)) {
            return Ok(true);
        }
        Ok(follow(entries, self.place(tenant, log).await?))
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
        let (mut seq, mut hash) = match self.remembered(tenant, followed.log()) {
            Some(place) => place,
            None => self.place(tenant, followed.log()).await?,
        };
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
        let wanted = through.saturating_sub(seq);
        let entries = read(followed, tenant, (seq, hash), (wanted, usize::MAX)).await?;
        if u64::try_from(entries.len()) != Ok(wanted) {
            // What the leading log was made from is not there: the followed one lost it.
            return Err(RoundError::Diverged(followed.log()));
        }
        Ok(entries)
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
    async fn stop_diverged(&self, tenant: TenantId, log: Log) -> Result<(), DbError> {
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

    /// Applies all that the owner has for the tenants of a partition that are known here, after
    /// messages were lost that nobody saw. Others are announced from time to time.
    ///
    /// # Errors
    /// When it cannot be told which tenants are known.
    pub(super) async fn resume_partition(&self, of: u8) -> Result<(), DbError> {
        let known = "select tenant_id from applied_position where log = $1";
        let log = i16::try_from(i32::from(self.leading.log())).unwrap_or_default();
        for row in self.database.read(known, vec![log.into()]).await? {
            let tenant = TenantId::from_uuid(row.try_get("", "tenant_id")?);
            if partition(tenant) == of {
                self.resume(tenant).await;
            }
        }
        Ok(())
    }

    /// The log that leads.
    pub(super) fn leading(&self) -> Log {
        self.leading.log()
    }

    /// Applies all that the owner has for a tenant, after a stop was lifted or messages were lost.
    pub async fn resume(&self, tenant: TenantId) {
        self.until_applied(tenant, Vec::new()).await;
    }
}

/// Reads a log from its owner.
async fn read(
    owner: &Reader,
    tenant: TenantId,
    (seq, hash): Place,
    limits: (u64, usize),
) -> Result<Vec<Opened>, RoundError> {
    owner.read_some(tenant, seq, hash, limits).await.map_err(|error| match error {
        ReadError::Diverged => RoundError::Diverged(owner.log()),
        other => RoundError::Read(other),
    })
}

/// Whether entries, in order, go on at a place one by one; those before it are passed over.
fn follow(entries: &[Opened], (mut seq, mut hash): Place) -> bool {
    entries.iter().all(|opened| {
        if opened.entry.seq <= seq {
            return true;
        }
        let fits = seq.checked_add(1) == Some(opened.entry.seq) && opened.entry.prev_hash == hash;
        (seq, hash) = (opened.entry.seq, opened.hash);
        fits
    })
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
