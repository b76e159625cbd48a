//! The relay: publishes committed entries, at once from memory, and sweeps up what stayed behind.
//!
//! Publishing is best effort. A message that is lost leaves a gap that a consumer fills from the
//! owner, and every tenant that moved is announced again from time to time.

mod publisher;
mod streams;
mod sweeper;

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

/// Where writers put what they committed.
#[derive(Debug, Clone)]
pub struct Outbox {
    sender: Option<mpsc::Sender<Vec<Sealed>>>,
}

/// The other end of an outbox.
#[derive(Debug)]
pub struct OutboxReceiver(mpsc::Receiver<Vec<Sealed>>);

impl Outbox {
    /// An outbox and what a relay takes from.
    #[must_use]
    pub fn new() -> (Self, OutboxReceiver) {
        let (sender, receiver) = mpsc::channel(OUTBOX_LENGTH);
        (Self { sender: Some(sender) }, OutboxReceiver(receiver))
    }

    /// An outbox that nobody takes from: for a service without a log of its own, and for measuring
    /// without a relay.
    #[must_use]
    pub fn none() -> Self {
        Self { sender: None }
    }

    /// Offers committed entries. When the outbox is full they are left to the sweeper.
    pub(crate) fn offer(&self, sealed: Vec<Sealed>) {
        if let Some(sender) = &self.sender
            && !sealed.is_empty()
            && sender.try_send(sealed).is_err()
        {
            tracing::debug!("the outbox is full; the sweeper will publish");
        }
    }
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
    tokio::spawn(publisher::run(publisher.clone(), outbox.0, stop.clone()));
    tokio::spawn(sweeper::run(
        sweeper::Sweeper::new(database, broker, publisher, log, holder, settings),
        stop.clone(),
    ));
}
