//! The relay: publishes committed entries, at once from memory, and sweeps up what stayed behind.
//!
//! Publishing is best effort. A message that is lost leaves a gap that a consumer fills from the
//! owner, and every tenant that moved is announced again from time to time.

mod publisher;
mod streams;
mod sweeper;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backlog_db::Database;
use backlog_proto::common::v1::Log;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use sweeper::SweeperSettings;

use crate::broker::Broker;
use crate::entry::Sealed;

/// Batches that may wait to be published; beyond, the sweeper finds them.
const OUTBOX_LENGTH: usize = 1024;

/// Bytes of entries that may wait to be published, beside one batch of any size.
const OUTBOX_BYTES: usize = 32 * 1024 * 1024;

/// Where writers put what they committed.
#[derive(Debug, Clone)]
pub struct Outbox {
    sender: Option<mpsc::Sender<Vec<Sealed>>>,
    waiting: Arc<AtomicUsize>,
}

/// The other end of an outbox.
#[derive(Debug)]
pub struct OutboxReceiver {
    batches: mpsc::Receiver<Vec<Sealed>>,
    waiting: Arc<AtomicUsize>,
}

impl Outbox {
    /// An outbox and what a relay takes from.
    #[must_use]
    pub fn new() -> (Self, OutboxReceiver) {
        let (sender, batches) = mpsc::channel(OUTBOX_LENGTH);
        let waiting = Arc::new(AtomicUsize::new(0));
        let receiver = OutboxReceiver { batches, waiting: Arc::clone(&waiting) };
        (Self { sender: Some(sender), waiting }, receiver)
    }

    /// An outbox that nobody takes from: for a service without a log of its own, and for measuring
    /// without a relay.
    #[must_use]
    pub fn none() -> Self {
        Self { sender: None, waiting: Arc::default() }
    }

    /// Offers committed entries. When the outbox is full they are left to the sweeper.
    pub(crate) fn offer(&self, sealed: Vec<Sealed>) {
        let Some(sender) = self.sender.as_ref().filter(|_| !sealed.is_empty()) else { return };
        let bytes = bytes_of(&sealed);
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let full = before > 0 && before.saturating_add(bytes) > OUTBOX_BYTES;
        if full || sender.try_send(sealed).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            tracing::debug!("the outbox is full; the sweeper will publish");
        }
    }
}

impl OutboxReceiver {
    /// The next batch; none when no writer is left.
    async fn next(&mut self) -> Option<Vec<Sealed>> {
        let sealed = self.batches.recv().await?;
        self.waiting.fetch_sub(bytes_of(&sealed), Ordering::Relaxed);
        Some(sealed)
    }

    /// The next batch, if one waits.
    fn waiting(&mut self) -> Option<Vec<Sealed>> {
        let sealed = self.batches.try_recv().ok()?;
        self.waiting.fetch_sub(bytes_of(&sealed), Ordering::Relaxed);
        Some(sealed)
    }
}

fn bytes_of(sealed: &[Sealed]) -> usize {
    sealed.iter().map(|entry| entry.bytes.len()).sum()
}

/// Starts publishing and sweeping until `stop`.
pub fn start(
    database: Database,
    broker: Broker,
    log: Log,
    holder: Uuid,
    outbox: OutboxReceiver,
    settings: SweeperSettings,
    stop: &CancellationToken,
) {
    let publisher = publisher::Publisher::new(database.clone(), broker.clone(), log);
    tokio::spawn(publisher::run(publisher.clone(), outbox, stop.clone()));
    tokio::spawn(sweeper::run(
        sweeper::Sweeper::new(database, broker, publisher, log, holder, settings),
        stop.clone(),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(bytes: usize) -> Vec<Sealed> {
        vec![Sealed {
            tenant: backlog_ids::TenantId::from_uuid(Uuid::from_u128(1)),
            seq: 1,
            hash: [0; 32],
            recorded_at: chrono::DateTime::UNIX_EPOCH,
            bytes: vec![0; bytes].into(),
            trace: Arc::default(),
        }]
    }

    // Shows that what waits is bounded by its bytes, whatever the number of batches: what does not fit
    // is let go, one batch of any size always fits, and what was taken makes room.
    #[tokio::test]
    async fn what_waits_is_bounded_by_bytes() {
        let (outbox, mut receiver) = Outbox::new();
        outbox.offer(batch(2 * OUTBOX_BYTES));
        outbox.offer(batch(1));
        assert_eq!(receiver.next().await.map(|b| bytes_of(&b)), Some(2 * OUTBOX_BYTES));
        assert!(receiver.waiting().is_none(), "the second was let go");
        for _ in 0..3 {
            outbox.offer(batch(OUTBOX_BYTES / 2));
        }
        let taken: Vec<usize> =
            std::iter::from_fn(|| receiver.waiting()).map(|batch| bytes_of(&batch)).collect();
        assert_eq!(taken, [OUTBOX_BYTES / 2; 2]);
        outbox.offer(batch(OUTBOX_BYTES));
        assert!(receiver.waiting().is_some());
    }
}
