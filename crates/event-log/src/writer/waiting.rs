//! What waits for one writer, and which of it makes the next batch: a fair share per tenant.

use std::collections::{BTreeMap, VecDeque};

use backlog_ids::TenantId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Job;

/// Jobs that wait, by tenant, each tenant's in order.
pub(super) struct Waiting<C, R> {
    by_tenant: BTreeMap<TenantId, VecDeque<Job<C, R>>>,
    jobs: usize,
    calls: usize,
    entries: usize,
}

impl<C, R> Default for Waiting<C, R> {
    fn default() -> Self {
        Self { by_tenant: BTreeMap::new(), jobs: 0, calls: 0, entries: 0 }
    }
}

impl<C, R> Waiting<C, R> {
    /// Jobs that wait.
    pub(super) fn len(&self) -> usize {
        self.jobs
    }

    /// Whether nobody waits for an answer, only entries of other logs to be applied.
    pub(super) fn only_events(&self) -> bool {
        self.calls == 0
    }

    pub(super) fn push(&mut self, job: Job<C, R>) {
        self.calls = self.calls.saturating_add(usize::from(matches!(job, Job::Call(..))));
        self.entries = self.entries.saturating_add(job.entries());
        self.jobs = self.jobs.saturating_add(1);
        self.by_tenant.entry(job.tenant()).or_default().push_back(job);
    }

    /// Lets more entries come until `due`, while there are fewer than `enough` and no command.
    pub(super) async fn gather(
        &mut self,
        queue: &mut mpsc::Receiver<Job<C, R>>,
        enough: usize,
        due: Instant,
    ) {
        while self.only_events() && self.entries < enough {
            match tokio::time::timeout_at(due, queue.recv()).await {
                Ok(Some(job)) => self.push(job),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Takes up to `jobs_most` jobs, one from each tenant in turn, keeping the order of each tenant,
    /// and no more once they hold `entries_most` entries: what a batch needs of memory goes by these.
    /// The last job is taken whole.
    pub(super) fn take(&mut self, jobs_most: usize, entries_most: usize) -> Vec<Job<C, R>> {
        let (mut taken, mut entries) = (Vec::new(), 0_usize);
        let room = |taken: &Vec<_>, entries| taken.len() < jobs_most && entries < entries_most;
        while room(&taken, entries) && !self.by_tenant.is_empty() {
            for jobs in self.by_tenant.values_mut() {
                if room(&taken, entries)
                    && let Some(job) = jobs.pop_front()
                {
                    entries = entries.saturating_add(job.entries());
                    taken.push(job);
                }
            }
            self.by_tenant.retain(|_, jobs| !jobs.is_empty());
        }
        let calls = taken.iter().filter(|job| matches!(job, Job::Call(..))).count();
        self.calls = self.calls.saturating_sub(calls);
        self.entries = self.entries.saturating_sub(entries);
        self.jobs = self.jobs.saturating_sub(taken.len());
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use backlog_proto::common::v1::Log;
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::super::{Inbound, RequestKey, Submission};
    use super::*;
    use crate::entry::Opened;

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(number))
    }

    fn events(of: u128, count: usize) -> Job<u64, ()> {
        let (sender, _) = oneshot::channel();
        let opened = Opened {
            entry: backlog_proto::log::v1::LogEntry::default(),
            hash: [0; 32],
            bytes: Arc::from([]),
        };
        let entries = vec![(Log::Contract, opened); count];
        Job::Inbound(Inbound { tenant: tenant(of), entries, trace: Arc::default() }, sender)
    }

    fn call(of: u128) -> Job<u64, ()> {
        let (sender, _) = oneshot::channel();
        let submission = Submission {
            tenant: tenant(of),
            actor: String::new(),
            request: None::<RequestKey>,
            validate_only: false,
            opens_tenant: false,
            command: 0,
            trace: Arc::default(),
        };
        Job::Call(submission, sender)
    }

    // Shows that a tenant with much waiting does not push its neighbor out of the batch, and that
    // nothing is lost: what is not taken stays.
    #[test]
    fn a_busy_tenant_leaves_room_for_its_neighbor() {
        let mut waiting = Waiting::default();
        for _ in 0..10 {
            waiting.push(events(1, 1));
        }
        waiting.push(events(2, 1));
        let taken = waiting.take(4, 1_000);
        assert_eq!(taken.len(), 4);
        assert_eq!(taken.iter().filter(|job| job.tenant() == tenant(2)).count(), 1);
        assert_eq!(waiting.len(), 7);
        assert_eq!(waiting.take(100, 1_000).len(), 7);
        assert_eq!(waiting.len(), 0);
    }

    // Shows that jobs of many entries make a batch of few jobs, and that one larger than a batch is
    // taken all the same.
    #[test]
    fn a_batch_is_bounded_by_entries() {
        let mut waiting = Waiting::default();
        for tenant in 1..=4 {
            waiting.push(events(tenant, 30));
        }
        waiting.push(events(5, 1_000));
        let sizes = |jobs: Vec<Job<u64, ()>>| jobs.iter().map(Job::entries).collect::<Vec<_>>();
        assert_eq!(sizes(waiting.take(100, 50)), [30, 30]);
        assert_eq!(sizes(waiting.take(100, 61)), [30, 30, 1_000], "what began below 61 is whole");
        assert_eq!(waiting.len(), 0);
    }

    // Shows that entries are gathered until the time is up, that enough of them end it before, and
    // that a command ends it at once: nobody who waits for an answer waits for others' entries.
    #[tokio::test(start_paused = true)]
    async fn entries_are_gathered_and_commands_are_not() {
        let wait = Duration::from_secs(3600);
        let (sender, mut queue) = mpsc::channel(10);
        let mut waiting = Waiting::default();
        let begun = Instant::now();
        waiting.push(events(1, 1));
        sender.send(events(2, 1)).await.ok().unwrap();
        waiting.gather(&mut queue, 100, begun + wait).await;
        assert_eq!((waiting.len(), begun.elapsed()), (2, wait), "it waits, and takes what comes");
        sender.send(events(3, 98)).await.ok().unwrap();
        sender.send(events(4, 1)).await.ok().unwrap();
        waiting.gather(&mut queue, 100, Instant::now() + wait).await;
        assert_eq!((waiting.len(), begun.elapsed()), (3, wait), "a hundred entries are enough");
        waiting.take(100, 1_000);
        sender.send(call(5)).await.ok().unwrap();
        waiting.gather(&mut queue, 100, Instant::now() + wait).await;
        assert!(!waiting.only_events());
        assert_eq!((waiting.len(), begun.elapsed()), (2, wait), "a command ends the wait");
        assert_eq!(waiting.take(100, 1_000).len(), 2);
        assert!(waiting.only_events(), "what was taken waits no more");
    }
}
