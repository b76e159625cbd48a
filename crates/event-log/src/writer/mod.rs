//! Writers: spawned tasks that turn queued commands of many tenants into one transaction each time.

mod batch;
mod config;
mod job;
mod queue;
mod store;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use backlog_db::{Database, FlushPlan};
use backlog_ids::TenantId;
use backlog_service_kit::sources::Clock;
use backlog_service_kit::telemetry::propagation;
use tokio::sync::{mpsc, oneshot};

pub use config::WriterConfig;
pub use job::{Answer, Applied, Inbound, Refused, RequestKey, Submission};
pub(crate) use job::{Job, Outcome};

use crate::domain::Domain;
use crate::partition::partition;
use crate::positions::Positions;
use crate::relay::Outbox;

/// Limits of the writers.
#[derive(Debug, Clone, Copy)]
pub struct WriterSettings {
    /// Writers; as many as cores by default.
    pub writers: usize,
    /// Commands, and batches of events, in one transaction at most.
    pub batch_max: usize,
    /// Events in one transaction, after which no further batch of events joins.
    pub events_max: usize,
    /// Jobs that may wait for one writer.
    pub queue_length: usize,
    /// A batch of events alone begins no sooner than this after the one before, unless as many
    /// entries as `events_max` wait: under load, batches are large and leave the database to commands.
    pub events_every: Duration,
    /// How long a batch is tried again while the database is away.
    pub reconnect_for: Duration,
}

impl Default for WriterSettings {
    fn default() -> Self {
        let writers = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            writers,
            batch_max: 256,
            events_max: 1024,
            queue_length: 4096,
            events_every: Duration::from_millis(75),
            reconnect_for: Duration::from_secs(5),
        }
    }
}

/// What all writers of a service share.
pub(crate) struct Shared<D: Domain> {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) plan: FlushPlan,
    pub(crate) positions: Positions,
    pub(crate) outbox: Outbox,
    pub(crate) settings: WriterSettings,
    domain: std::marker::PhantomData<fn() -> D>,
}

type JobSender<D> = mpsc::Sender<Job<<D as Domain>::Command, <D as Domain>::Refusal>>;

/// The write path of one service.
pub struct Writers<D: Domain> {
    queues: Arc<[JobSender<D>]>,
}

impl<D: Domain> Clone for Writers<D> {
    fn clone(&self) -> Self {
        Self { queues: Arc::clone(&self.queues) }
    }
}

impl<D: Domain> Writers<D> {
    /// Starts the writers. They end when the last handle is dropped and their queues are empty.
    #[must_use]
    pub fn start(
        database: Database,
        clock: Clock,
        positions: Positions,
        outbox: Outbox,
        settings: WriterSettings,
    ) -> Self {
        let shared = Arc::new(Shared::<D> {
            database,
            clock,
            plan: FlushPlan::new(store::tables::<D>()),
            positions,
            outbox,
            settings,
            domain: std::marker::PhantomData,
        });
        let queues = (0..settings.writers.max(1))
            .map(|_| {
                let (sender, receiver) = mpsc::channel(settings.queue_length.max(1));
                tokio::spawn(queue::run(Arc::clone(&shared), receiver));
                sender
            })
            .collect();
        Self { queues }
    }

    /// Hands a command to its tenant's writer and waits for the answer. Dropping the future drops the
    /// wait, never the work.
    ///
    /// # Errors
    /// Why it was not carried out.
    pub async fn submit(
        &self,
        mut submission: Submission<D::Command>,
    ) -> Result<Answer, Refused<D::Refusal>> {
        let (sender, receiver) = oneshot::channel();
        submission.trace = Arc::new(propagation::current());
        let queue = self.queue(submission.tenant).ok_or(Refused::Internal)?;
        queue.try_send(Job::Call(submission, sender)).map_err(|_| Refused::Overloaded)?;
        receiver.await.unwrap_or(Err(Refused::Internal))
    }

    /// Hands entries of other logs to their tenant's writer and waits until they are applied.
    pub async fn apply(&self, mut inbound: Inbound) -> Applied {
        let (sender, receiver) = oneshot::channel();
        inbound.trace = Arc::new(propagation::current());
        let Some(queue) = self.queue(inbound.tenant) else { return Applied::Again };
        if queue.send(Job::Inbound(inbound, sender)).await.is_err() {
            return Applied::Again;
        }
        receiver.await.unwrap_or(Applied::Again)
    }

    fn queue(&self, tenant: TenantId) -> Option<&JobSender<D>> {
        let index = usize::from(partition(tenant)).checked_rem(self.queues.len())?;
        self.queues.get(index)
    }
}
