//! One batch: one transaction for many tenants, decided command by command by pure code, written by
//! one statement.

use std::collections::{BTreeSet, HashMap};

use backlog_db::{DbError, WriterTx};
use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_proto::log::v1::LogEntry;
use backlog_service_kit::error::reason_name;

use super::store::{self, AppliedPositions, Locked, log_value, seq_value};
use super::{Answer, Applied, Inbound, Job, Outcome, Refused, RequestKey, Shared, Submission};
use crate::domain::{Change, Decision, Domain, Rows, Work};
use crate::entry::{GENESIS, NewEvent, Opened, Origin, Sealed, seal};

type JobOf<D> = Job<<D as Domain>::Command, <D as Domain>::Refusal>;
type OutcomeOf<D> = Outcome<<D as Domain>::Refusal>;

/// What is known at the start of a batch.
struct Known {
    requests: HashMap<(TenantId, String), ([u8; 32], u64)>,
    entries: HashMap<(TenantId, u64), Opened>,
    stopped: BTreeSet<TenantId>,
}

/// A batch under decision.
struct Batch<'a, D: Domain> {
    shared: &'a Shared<D>,
    heads: HashMap<TenantId, Locked>,
    applied: AppliedPositions,
    applied_changed: BTreeSet<(TenantId, i32)>,
    known: Known,
    loaded: D::Loaded,
    sealed: Vec<Sealed>,
    requests: Vec<(TenantId, RequestKey, u64)>,
    stops: Vec<Stop>,
}

struct Stop {
    tenant: TenantId,
    log: Log,
    seq: u64,
    detail: String,
}

/// Runs a batch to its commit. The outcomes are in the order of the jobs and hold only once this
/// returned.
pub(super) async fn run<D: Domain>(
    shared: &Shared<D>,
    jobs: &[&JobOf<D>],
) -> Result<Vec<OutcomeOf<D>>, DbError> {
    let tenants: Vec<TenantId> =
        jobs.iter().map(|job| job.tenant()).collect::<BTreeSet<_>>().into_iter().collect();
    let opening: BTreeSet<TenantId> =
        jobs.iter().filter(|job| job.opens_tenant()).map(|job| job.tenant()).collect();
    let opening: Vec<TenantId> = opening.into_iter().collect();
    let tx = shared.database.begin().await?;
    let heads = store::lock_heads(&tx, &tenants, &opening).await?;
    let consumes = jobs.iter().any(|job| matches!(job, Job::Inbound(..)));
    let applied = if consumes {
        store::applied_positions(&tx, &tenants).await?
    } else {
        AppliedPositions::new()
    };
    let known = look_up::<D>(&tx, jobs, consumes, &tenants).await?;
    let loaded = D::load(&tx, &work::<D>(jobs)).await?;
    let mut batch = Batch {
        shared,
        heads,
        applied,
        applied_changed: BTreeSet::new(),
        known,
        loaded,
        sealed: Vec::new(),
        requests: Vec::new(),
        stops: Vec::new(),
    };
    let decided: Vec<Decided<D::Refusal>> = jobs.iter().map(|job| batch.decide(job)).collect();
    let places = later_places(&decided);
    let entries = store::entries_at(&tx, &places).await?;
    let outcomes = decided.into_iter().map(|decided| decided.outcome(&entries)).collect();
    batch.write(tx).await?;
    Ok(outcomes)
}

/// Requests seen before with the entries that answer them, and tenants that stand.
async fn look_up<D: Domain>(
    tx: &WriterTx,
    jobs: &[&JobOf<D>],
    consumes: bool,
    tenants: &[TenantId],
) -> Result<Known, DbError> {
    let keys: Vec<(TenantId, &RequestKey)> = jobs
        .iter()
        .filter_map(|job| match job {
            Job::Call(submission, _) => {
                submission.request.as_ref().map(|key| (submission.tenant, key))
            }
            Job::Inbound(..) => None,
        })
        .collect();
    let requests = store::known_requests(tx, &keys).await?;
    let places: Vec<(TenantId, u64)> =
        requests.iter().map(|((tenant, _), (_, seq))| (*tenant, *seq)).collect();
    let entries = store::entries_at(tx, &places).await?;
    let stopped = if consumes { store::stopped(tx, tenants).await? } else { Vec::new() };
    Ok(Known { requests, entries, stopped: stopped.into_iter().collect() })
}

fn work<'a, D: Domain>(jobs: &'a [&'a JobOf<D>]) -> Vec<Work<'a, D::Command>> {
    let mut work = Vec::new();
    for job in jobs {
        match job {
            Job::Call(submission, _) => {
                work.push(Work::Command(submission.tenant, &submission.command));
            }
            Job::Inbound(inbound, _) => work.extend(
                inbound
                    .entries
                    .iter()
                    .map(|(log, opened)| Work::Event(inbound.tenant, *log, &opened.entry)),
            ),
        }
    }
    work
}

/// A decided job: its outcome, or the place of the entry that will tell.
enum Decided<R> {
    Now(Outcome<R>),
    EntryAt(TenantId, u64),
}

impl<R> Decided<R> {
    fn outcome(self, entries: &HashMap<(TenantId, u64), Opened>) -> Outcome<R> {
        match self {
            Self::Now(outcome) => outcome,
            Self::EntryAt(tenant, seq) => {
                let answer = entries.get(&(tenant, seq)).map(|opened| answer(&opened.entry));
                Outcome::Call(answer.ok_or(Refused::Internal))
            }
        }
    }
}

fn later_places<R>(decided: &[Decided<R>]) -> Vec<(TenantId, u64)> {
    decided
        .iter()
        .filter_map(|decided| match decided {
            Decided::Now(_) => None,
            Decided::EntryAt(tenant, seq) => Some((*tenant, *seq)),
        })
        .collect()
}

fn answer(entry: &LogEntry) -> Answer {
    let (type_name, payload) = (entry.r#type.clone(), entry.payload.clone());
    Answer { seq: Some(entry.seq), written: 0, type_name, payload }
}

impl<D: Domain> Batch<'_, D> {
    fn decide(&mut self, job: &JobOf<D>) -> Decided<D::Refusal> {
        match job {
            Job::Call(submission, _) => self.call(submission),
            Job::Inbound(inbound, _) => Decided::Now(Outcome::Inbound(self.inbound(inbound))),
        }
    }

    fn call(&mut self, submission: &Submission<D::Command>) -> Decided<D::Refusal> {
        let refuse = |refused| Decided::Now(Outcome::Call(Err(refused)));
        let Some(locked) = self.heads.get(&submission.tenant) else {
            return refuse(Refused::TenantNotReady);
        };
        if locked.head.seq == 0 && !submission.opens_tenant {
            return refuse(Refused::TenantNotReady);
        }
        let suspended = locked.suspended;
        if let Some(replay) = self.replay(submission) {
            return replay;
        }
        if suspended && !D::allowed_while_suspended(&submission.command) {
            return refuse(Refused::TenantSuspended);
        }
        match D::decide(submission.tenant, &submission.command, &self.loaded) {
            Err(refusal) => refuse(Refused::Domain(refusal)),
            Ok(Decision::Already(seq)) => match self.made_here(submission.tenant, seq) {
                Some(made) => Decided::Now(Outcome::Call(Ok(made))),
                None => Decided::EntryAt(submission.tenant, seq),
            },
            Ok(Decision::Write(change)) if submission.validate_only => {
                let last = change.events.last().map(preview).ok_or(Refused::Internal);
                Decided::Now(Outcome::Call(last))
            }
            Ok(Decision::Write(change)) => {
                Decided::Now(Outcome::Call(self.accept(submission, change)))
            }
        }
    }

    /// The answer of a command that took effect before, in this batch or an earlier one.
    fn replay(&self, submission: &Submission<D::Command>) -> Option<Decided<D::Refusal>> {
        let key = submission.request.as_ref()?;
        let place = (submission.tenant, key.id.clone());
        let (content_hash, seq) = self.known.requests.get(&place)?;
        if *content_hash != key.content_hash {
            let refused = Refused::RequestIdReused(key.id.clone());
            return Some(Decided::Now(Outcome::Call(Err(refused))));
        }
        let stored = self.known.entries.get(&(submission.tenant, *seq));
        let made = stored
            .map(|opened| answer(&opened.entry))
            .or_else(|| self.made_here(submission.tenant, *seq));
        Some(Decided::Now(Outcome::Call(made.ok_or(Refused::Internal))))
    }

    /// The answer made from an entry of this very batch.
    fn made_here(&self, tenant: TenantId, seq: u64) -> Option<Answer> {
        let sealed =
            self.sealed.iter().find(|sealed| sealed.tenant == tenant && sealed.seq == seq)?;
        crate::entry::open(&sealed.bytes).ok().map(|opened| answer(&opened.entry))
    }

    fn accept(
        &mut self,
        submission: &Submission<D::Command>,
        change: Change<D::Effect>,
    ) -> Result<Answer, Refused<D::Refusal>> {
        let request_id = submission.request.as_ref().map_or("", |key| key.id.as_str());
        let origin = Origin { actor: &submission.actor, request_id, trace: &submission.trace };
        let last = change.events.last().map(preview).ok_or(Refused::Internal)?;
        let written = u64::try_from(change.events.len()).map_err(|_| Refused::Internal)?;
        let seq = self.take(submission.tenant, origin, change).ok_or(Refused::Internal)?;
        if let Some(key) = &submission.request {
            self.known
                .requests
                .insert((submission.tenant, key.id.clone()), (key.content_hash, seq));
            self.requests.push((submission.tenant, key.clone(), seq));
        }
        Ok(Answer { seq: Some(seq), written, ..last })
    }

    /// Seals the events of a change and applies its effect. Returns the last place in the log.
    fn take(
        &mut self,
        tenant: TenantId,
        origin: Origin<'_>,
        change: Change<D::Effect>,
    ) -> Option<u64> {
        let locked = self.heads.get_mut(&tenant)?;
        let first = self.sealed.len();
        for event in &change.events {
            let now = self.shared.clock.now();
            let sealed = seal(&locked.head, tenant, D::LOG, event, origin, now);
            locked.head.seq = sealed.seq;
            locked.head.hash = sealed.hash;
            locked.head.recorded_at = sealed.recorded_at;
            locked.changed = true;
            self.sealed.push(sealed);
        }
        if let Some(suspended) = D::suspension(&change.effect) {
            locked.suspended = suspended;
            locked.changed = true;
        }
        let seq = locked.head.seq;
        let sealed = self.sealed.get(first..).unwrap_or_default();
        D::apply(&mut self.loaded, tenant, change.effect, sealed);
        Some(seq)
    }

    /// Applies entries as far as they continue what is known: `last + 1` whose `prev_hash` is ours.
    fn inbound(&mut self, inbound: &Inbound) -> Applied {
        if self.known.stopped.contains(&inbound.tenant) {
            return Applied::Stopped;
        }
        if !self.heads.contains_key(&inbound.tenant) {
            let log = inbound.entries.first().map_or(Log::Contract, |(log, _)| *log);
            return Applied::Gap(log);
        }
        for (log, opened) in &inbound.entries {
            let key = (inbound.tenant, i32::from(*log));
            let (seq, hash) = self.applied.get(&key).copied().unwrap_or((0, GENESIS));
            if opened.entry.seq == seq && opened.hash != hash {
                return Applied::Diverges(*log);
            }
            if opened.entry.seq <= seq {
                continue;
            }
            if opened.entry.seq != seq.saturating_add(1) {
                return Applied::Gap(*log);
            }
            if opened.entry.prev_hash != hash
                || opened.entry.tenant_id != inbound.tenant.to_string()
                || opened.entry.log != i32::from(*log)
            {
                return Applied::Diverges(*log);
            }
            match D::decide_event(inbound.tenant, *log, opened, &self.loaded) {
                Ok(change) => {
                    let origin = Origin { actor: D::ACTOR, request_id: "", trace: &inbound.trace };
                    self.take(inbound.tenant, origin, change);
                    self.applied.insert(key, (opened.entry.seq, opened.hash));
                    self.applied_changed.insert(key);
                }
                Err(poison) => {
                    self.stop(inbound.tenant, *log, opened.entry.seq, poison.detail);
                    return Applied::Stopped;
                }
            }
        }
        match inbound.entries.last() {
            Some((log, opened)) if opened.entry.seq < self.applied_seq(inbound.tenant, *log) => {
                Applied::Older(*log)
            }
            _ => Applied::All,
        }
    }

    fn applied_seq(&self, tenant: TenantId, log: Log) -> u64 {
        self.applied.get(&(tenant, i32::from(log))).map_or(0, |(seq, _)| *seq)
    }

    fn stop(&mut self, tenant: TenantId, log: Log, seq: u64, detail: String) {
        tracing::error!(%tenant, log = log.as_str_name(), seq, detail, "a tenant's processing stops");
        self.known.stopped.insert(tenant);
        self.stops.push(Stop { tenant, log, seq, detail });
    }

    /// Writes everything in one statement, commits, and tells those who wait for positions.
    async fn write(self, tx: WriterTx) -> Result<(), DbError> {
        let shared = self.shared;
        let heads: Vec<(TenantId, Locked)> =
            self.heads.iter().filter(|(_, locked)| locked.changed).map(|(t, l)| (*t, *l)).collect();
        if heads.is_empty() && self.applied_changed.is_empty() && self.stops.is_empty() {
            return tx.rollback().await;
        }
        let mut flush = shared.plan.batch();
        for (tenant, locked) in &heads {
            flush.push(
                store::HEADS,
                vec![
                    tenant.uuid().into(),
                    seq_value(locked.head.seq).into(),
                    locked.head.hash.to_vec().into(),
                    locked.head.recorded_at.into(),
                    locked.suspended.into(),
                ],
            );
        }
        for sealed in &self.sealed {
            let row = vec![
                sealed.tenant.uuid().into(),
                seq_value(sealed.seq).into(),
                sealed.bytes.to_vec().into(),
            ];
            flush.push(store::ENTRIES, row);
        }
        for (tenant, key, seq) in &self.requests {
            let row = vec![
                tenant.uuid().into(),
                key.id.clone().into(),
                key.content_hash.to_vec().into(),
                seq_value(*seq).into(),
            ];
            flush.push(store::REQUESTS, row);
        }
        let mut moved: Vec<(TenantId, i32, u64)> = Vec::new();
        for key in &self.applied_changed {
            let Some((seq, hash)) = self.applied.get(key) else { continue };
            let log = Log::try_from(key.1).unwrap_or(Log::Unspecified);
            let row = vec![
                key.0.uuid().into(),
                log_value(log),
                seq_value(*seq).into(),
                hash.to_vec().into(),
            ];
            flush.push(store::APPLIED, row);
            moved.push((key.0, key.1, *seq));
        }
        push_stops(&mut flush, &self.stops, shared.clock.now());
        D::flush(self.loaded, &mut Rows { flush: &mut flush, offset: store::OWN_TABLES });
        tx.execute(shared.plan.sql(), shared.plan.arguments(flush)).await?;
        tx.commit().await?;
        moved.extend(
            heads.iter().map(|(tenant, locked)| (*tenant, i32::from(D::LOG), locked.head.seq)),
        );
        shared.positions.advance(&moved);
        shared.outbox.offer(self.sealed);
        Ok(())
    }
}

fn push_stops(flush: &mut backlog_db::Flush, stops: &[Stop], now: chrono::DateTime<chrono::Utc>) {
    for stop in stops {
        let row = vec![
            stop.tenant.uuid().into(),
            log_value(stop.log),
            seq_value(stop.seq).into(),
            reason_name(ErrorReason::TenantStopped).into(),
            stop.detail.clone().into(),
            now.into(),
        ];
        flush.push(store::STOPS, row);
    }
}

fn preview(event: &NewEvent) -> Answer {
    let (type_name, payload) = (event.type_name.to_owned(), event.payload.clone());
    Answer { seq: None, written: 0, type_name, payload }
}
