//! A writer's loop: takes what has queued while the last commit ran, and sees every job to an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backlog_db::{DbError, Recovery};
use backlog_ids::TenantId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::waiting::Waiting;
use super::{Applied, Job, Outcome, Refused, Shared, batch, store};
use crate::domain::Domain;

type JobOf<D> = Job<<D as Domain>::Command, <D as Domain>::Refusal>;
type OutcomeOf<D> = Outcome<<D as Domain>::Refusal>;
type Jobs<D> = Arc<Vec<JobOf<D>>>;

/// Why a batch, or a part of it, was not carried out.
enum Failure {
    Database(DbError),
    Panicked(String),
}

impl Failure {
    /// Whether a smaller part may do better.
    fn may_isolate(&self) -> bool {
        match self {
            Self::Database(error) => error.recovery() == Recovery::Isolate,
            Self::Panicked(_) => true,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Panicked(message) => write!(f, "the service panicked: {message}"),
        }
    }
}

/// Runs until all senders are gone and the queue is empty.
pub(super) async fn run<D: Domain>(shared: Arc<Shared<D>>, mut queue: mpsc::Receiver<JobOf<D>>) {
    let settings = shared.settings;
    let mut waiting = Waiting::default();
    let mut events_begun: Option<Instant> = None;
    loop {
        if waiting.len() == 0 {
            match queue.recv().await {
                Some(job) => waiting.push(job),
                None => return,
            }
        }
        // Beyond that, what comes waits in the queue, whose length is the limit.
        while waiting.len() < settings.queue_length
            && let Ok(job) = queue.try_recv()
        {
            waiting.push(job);
        }
        if waiting.only_events() {
            // The first after a pause goes at once; in a stream of entries, batches grow.
            if let Some(begun) = events_begun {
                let due = begun + settings.events_every;
                waiting.gather(&mut queue, settings.events_max, due).await;
            }
            events_begun = Some(Instant::now());
        }
        settle(&shared, waiting.take(settings.batch_max, settings.events_max)).await;
    }
}

/// Carries a batch out and answers each job.
async fn settle<D: Domain>(shared: &Arc<Shared<D>>, jobs: Vec<JobOf<D>>) {
    let jobs = Arc::new(jobs);
    let outcomes = carry_out(shared, &jobs).await;
    // Nobody else holds the jobs once their batch is done.
    for (job, outcome) in Arc::into_inner(jobs).unwrap_or_default().into_iter().zip(outcomes) {
        // A caller that went away does not mind.
        match (job, outcome) {
            (Job::Call(_, sender), Outcome::Call(answer)) => drop(sender.send(answer)),
            (Job::Inbound(_, sender), Outcome::Inbound(applied)) => drop(sender.send(applied)),
            (Job::Call(_, sender), Outcome::Inbound(_)) => {
                drop(sender.send(Err(Refused::Internal)));
            }
            (Job::Inbound(_, sender), Outcome::Call(_)) => drop(sender.send(Applied::Again)),
        }
    }
}

/// Runs the batch; when its data is refused, or it panics, tenant by tenant, and then one by one, so
/// that a job that cannot be carried out costs its neighbors nothing.
async fn carry_out<D: Domain>(shared: &Arc<Shared<D>>, jobs: &Jobs<D>) -> Vec<OutcomeOf<D>> {
    let all: Vec<usize> = (0..jobs.len()).collect();
    match attempt(shared, jobs, &all).await {
        Ok(outcomes) => return outcomes,
        Err(failure) if !failure.may_isolate() => {
            return jobs.iter().map(|job| failed(job, &failure)).collect();
        }
        Err(failure) => tracing::warn!(%failure, jobs = jobs.len(), "isolating a refused job"),
    }
    let mut outcomes: BTreeMap<usize, OutcomeOf<D>> = BTreeMap::new();
    let mut by_tenant: BTreeMap<TenantId, Vec<usize>> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        by_tenant.entry(job.tenant()).or_default().push(index);
    }
    for share in by_tenant.values() {
        let settled = match attempt(shared, jobs, share).await {
            Ok(settled) => settled,
            Err(failure) if share.len() > 1 && failure.may_isolate() => {
                one_by_one(shared, jobs, share).await
            }
            Err(failure) => settle_failed(shared, jobs, share, &failure).await,
        };
        outcomes.extend(share.iter().copied().zip(settled));
    }
    let mut ordered = Vec::with_capacity(jobs.len());
    for (index, job) in jobs.iter().enumerate() {
        ordered.push(outcomes.remove(&index).unwrap_or_else(|| internal(job)));
    }
    ordered
}

async fn one_by_one<D: Domain>(
    shared: &Arc<Shared<D>>,
    jobs: &Jobs<D>,
    share: &[usize],
) -> Vec<OutcomeOf<D>> {
    let mut settled = Vec::with_capacity(share.len());
    for &index in share {
        match attempt(shared, jobs, &[index]).await {
            Ok(outcomes) => settled.extend(outcomes),
            Err(failure) => settled.extend(settle_failed(shared, jobs, &[index], &failure).await),
        }
    }
    settled
}

/// Outcomes of jobs that cannot be carried out, even alone. Entries that the database refuses, or
/// that make the service panic, stop their tenant.
async fn settle_failed<D: Domain>(
    shared: &Arc<Shared<D>>,
    jobs: &Jobs<D>,
    share: &[usize],
    failure: &Failure,
) -> Vec<OutcomeOf<D>> {
    let mut settled = Vec::with_capacity(share.len());
    for job in share.iter().filter_map(|&index| jobs.get(index)) {
        let outcome = match job {
            Job::Inbound(inbound, _) if failure.may_isolate() => {
                Outcome::Inbound(store::stop(&shared.database, inbound, &failure.to_string()).await)
            }
            Job::Call(..) | Job::Inbound(..) => failed(job, failure),
        };
        settled.push(outcome);
    }
    settled
}

/// Runs a batch in a task of its own, which a panic ends alone; again on conflicts and while the
/// database is away. Running again is safe at any point: the batch begins by looking up which of its
/// request_ids took effect.
async fn attempt<D: Domain>(
    shared: &Arc<Shared<D>>,
    jobs: &Jobs<D>,
    share: &[usize],
) -> Result<Vec<OutcomeOf<D>>, Failure> {
    let give_up = Instant::now() + shared.settings.reconnect_for;
    let mut pause = Duration::from_millis(5);
    loop {
        let (task_shared, task_jobs) = (Arc::clone(shared), Arc::clone(jobs));
        let share: Vec<usize> = share.to_vec();
        let ran = tokio::spawn(async move {
            let chosen: Vec<&JobOf<D>> =
                share.iter().filter_map(|&index| task_jobs.get(index)).collect();
            batch::run(&task_shared, &chosen).await
        });
        let error = match ran.await {
            Ok(Ok(outcomes)) => return Ok(outcomes),
            Ok(Err(error)) => error,
            Err(panic) => return Err(Failure::Panicked(panic.to_string())),
        };
        let again = match error.recovery() {
            Recovery::Retry | Recovery::Reconnect => Instant::now() < give_up,
            Recovery::Isolate | Recovery::GiveUp => false,
        };
        if !again {
            return Err(Failure::Database(error));
        }
        tracing::warn!(%error, "running a batch again");
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(Duration::from_millis(500));
    }
}

fn failed<C, R>(job: &Job<C, R>, failure: &Failure) -> Outcome<R> {
    let away = matches!(failure, Failure::Database(error)
        if matches!(error.recovery(), Recovery::Retry | Recovery::Reconnect));
    match job {
        Job::Call(..) if away => {
            tracing::warn!(%failure, "a command could not be written");
            Outcome::Call(Err(Refused::Unavailable))
        }
        Job::Inbound(..) if away => Outcome::Inbound(Applied::Again),
        Job::Call(..) | Job::Inbound(..) => {
            tracing::error!(%failure, tenant = %job.tenant(), "a job cannot be carried out");
            internal(job)
        }
    }
}

fn internal<C, R>(job: &Job<C, R>) -> Outcome<R> {
    match job {
        Job::Call(..) => Outcome::Call(Err(Refused::Internal)),
        Job::Inbound(..) => Outcome::Inbound(Applied::Again),
    }
}
