//! A writer's queue: takes what has queued while the last commit ran, a fair share per tenant, and
//! sees every job to an answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use backlog_db::{DbError, Recovery};
use backlog_ids::TenantId;
use tokio::sync::mpsc;

use super::{Applied, Job, Outcome, Refused, Shared, batch};
use crate::domain::Domain;

type JobOf<D> = Job<<D as Domain>::Command, <D as Domain>::Refusal>;
type OutcomeOf<D> = Outcome<<D as Domain>::Refusal>;

/// Runs until all senders are gone and the queue is empty.
pub(super) async fn run<D: Domain>(shared: Arc<Shared<D>>, mut queue: mpsc::Receiver<JobOf<D>>) {
    let mut waiting: BTreeMap<TenantId, VecDeque<JobOf<D>>> = BTreeMap::new();
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(job) => waiting.entry(job.tenant()).or_default().push_back(job),
                None => return,
            }
        }
        while waiting.len() < shared.settings.batch_max
            && let Ok(job) = queue.try_recv()
        {
            waiting.entry(job.tenant()).or_default().push_back(job);
        }
        let jobs = fair_share(&mut waiting, shared.settings.batch_max);
        // A task of its own: a panic answers INTERNAL to this batch only, and the writer goes on.
        let task = tokio::spawn(settle(Arc::clone(&shared), jobs));
        if let Err(error) = task.await {
            tracing::error!(%error, "a batch of the writer panicked");
        }
    }
}

/// Takes up to `most` jobs, one from each tenant in turn, keeping the order of each tenant.
fn fair_share<C, R>(
    waiting: &mut BTreeMap<TenantId, VecDeque<Job<C, R>>>,
    most: usize,
) -> Vec<Job<C, R>> {
    let mut taken = Vec::new();
    while taken.len() < most && !waiting.is_empty() {
        for jobs in waiting.values_mut() {
            if taken.len() < most
                && let Some(job) = jobs.pop_front()
            {
                taken.push(job);
            }
        }
        waiting.retain(|_, jobs| !jobs.is_empty());
    }
    taken
}

/// Carries a batch out and answers each job.
async fn settle<D: Domain>(shared: Arc<Shared<D>>, jobs: Vec<JobOf<D>>) {
    let outcomes = carry_out(&shared, &jobs).await;
    for (job, outcome) in jobs.into_iter().zip(outcomes) {
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

/// Runs the batch; when its data is refused, tenant by tenant, and then one by one, so that a command
/// that the database refuses costs its neighbors nothing.
async fn carry_out<D: Domain>(shared: &Shared<D>, jobs: &[JobOf<D>]) -> Vec<OutcomeOf<D>> {
    let all: Vec<&JobOf<D>> = jobs.iter().collect();
    match attempt(shared, &all).await {
        Ok(outcomes) => return outcomes,
        Err(error) if error.recovery() != Recovery::Isolate || all.len() == 1 => {
            return all.iter().map(|job| failed(job, &error)).collect();
        }
        Err(error) => tracing::warn!(%error, jobs = jobs.len(), "isolating a refused command"),
    }
    let mut outcomes: Vec<Option<OutcomeOf<D>>> = jobs.iter().map(|_| None).collect();
    let mut by_tenant: BTreeMap<TenantId, Vec<usize>> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        by_tenant.entry(job.tenant()).or_default().push(index);
    }
    for indices in by_tenant.values() {
        let share: Vec<&JobOf<D>> = indices.iter().filter_map(|&index| jobs.get(index)).collect();
        let settled = match attempt(shared, &share).await {
            Ok(settled) => settled,
            Err(error) if error.recovery() != Recovery::Isolate => {
                share.iter().map(|job| failed(job, &error)).collect()
            }
            Err(_) => one_by_one(shared, &share).await,
        };
        for (&index, outcome) in indices.iter().zip(settled) {
            if let Some(place) = outcomes.get_mut(index) {
                *place = Some(outcome);
            }
        }
    }
    jobs.iter()
        .zip(outcomes)
        .map(|(job, outcome)| outcome.unwrap_or_else(|| internal(job)))
        .collect()
}

async fn one_by_one<D: Domain>(shared: &Shared<D>, share: &[&JobOf<D>]) -> Vec<OutcomeOf<D>> {
    let mut settled = Vec::with_capacity(share.len());
    for &job in share {
        match attempt(shared, &[job]).await {
            Ok(outcomes) => settled.extend(outcomes),
            Err(error) => settled.push(failed(job, &error)),
        }
    }
    settled
}

/// Runs a batch, again on conflicts and while the database is away. Running again is safe at any
/// point: the batch begins by looking up which of its request_ids took effect.
async fn attempt<D: Domain>(
    shared: &Shared<D>,
    jobs: &[&JobOf<D>],
) -> Result<Vec<OutcomeOf<D>>, DbError> {
    let give_up = tokio::time::Instant::now() + shared.settings.reconnect_for;
    let mut pause = Duration::from_millis(5);
    loop {
        let error = match batch::run(shared, jobs).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => error,
        };
        let again = match error.recovery() {
            Recovery::Retry | Recovery::Reconnect => tokio::time::Instant::now() < give_up,
            Recovery::Isolate | Recovery::GiveUp => false,
        };
        if !again {
            return Err(error);
        }
        tracing::warn!(%error, "running a batch again");
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(Duration::from_millis(500));
    }
}

fn failed<C, R>(job: &Job<C, R>, error: &DbError) -> Outcome<R> {
    match (job, error.recovery()) {
        (Job::Call(..), Recovery::Retry | Recovery::Reconnect) => {
            tracing::warn!(%error, "a command could not be written");
            Outcome::Call(Err(Refused::Unavailable))
        }
        (_, Recovery::Isolate | Recovery::GiveUp) => {
            tracing::error!(%error, tenant = %job.tenant(), "the database refused a batch");
            internal(job)
        }
        (Job::Inbound(..), _) => Outcome::Inbound(Applied::Again),
    }
}

fn internal<C, R>(job: &Job<C, R>) -> Outcome<R> {
    match job {
        Job::Call(..) => Outcome::Call(Err(Refused::Internal)),
        Job::Inbound(..) => Outcome::Inbound(Applied::Again),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::super::Inbound;
    use super::*;

    fn job(tenant: u128) -> Job<u64, ()> {
        let tenant = TenantId::from_uuid(Uuid::from_u128(tenant));
        let (sender, _) = oneshot::channel();
        Job::Inbound(Inbound { tenant, entries: Vec::new(), trace: Arc::default() }, sender)
    }

    // Shows that a tenant with much waiting does not push its neighbor out of the batch, and that
    // nothing is lost: what is not taken stays.
    #[test]
    fn a_busy_tenant_leaves_room_for_its_neighbor() {
        let mut waiting: BTreeMap<TenantId, VecDeque<Job<u64, ()>>> = BTreeMap::new();
        for _ in 0..10 {
            let busy = job(1);
            waiting.entry(busy.tenant()).or_default().push_back(busy);
        }
        let quiet = job(2);
        waiting.entry(quiet.tenant()).or_default().push_back(quiet);
        let taken = fair_share(&mut waiting, 4);
        let quiet_id = TenantId::from_uuid(Uuid::from_u128(2));
        assert_eq!(taken.len(), 4);
        assert_eq!(taken.iter().filter(|job| job.tenant() == quiet_id).count(), 1);
        assert_eq!(waiting.values().map(VecDeque::len).sum::<usize>(), 7);
    }
}
