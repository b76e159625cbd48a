//! The streams of a log, one for each partition, and which of them are new: what was published before
//! is not in those.

use std::collections::{BTreeMap, BTreeSet};

use backlog_proto::common::v1::Log;
use tokio::sync::watch;

use crate::broker::Broker;

/// Looks after which each stream has been looked at again while the connection stands.
const LOOKS_TO_ALL: u8 = 16;

/// Streams that cannot be had before a look ends: then it is not about them.
const FAILURES_MAX: u8 = 3;

pub(super) struct Streams {
    broker: Broker,
    log: Log,
    /// When each stream was made, in nanoseconds: another time says that the broker lost it.
    born: BTreeMap<u8, i128>,
    connects: watch::Receiver<u64>,
    /// How often the connection had been made at the last look.
    connected: u64,
    /// Whether all are to be looked at, since the connection was made anew.
    all: bool,
    look: u8,
}

impl Streams {
    pub(super) fn new(broker: Broker, log: Log) -> Self {
        let connects = broker.connects();
        let born = BTreeMap::new();
        Self { broker, log, born, connects, connected: 0, all: true, look: 0 }
    }

    /// Makes streams that are missing among `mine`, and answers which are new since the last look:
    /// all are looked at after the connection was made anew, else a few at a time.
    pub(super) async fn renewed(&mut self, mine: &BTreeSet<u8>) -> BTreeSet<u8> {
        let connected = *self.connects.borrow_and_update();
        self.all |= connected != self.connected;
        self.connected = connected;
        self.look = (self.look + 1) % LOOKS_TO_ALL;
        let due = |partition: &u8| {
            self.all || partition % LOOKS_TO_ALL == self.look || !self.born.contains_key(partition)
        };
        let due: Vec<u8> = mine.iter().copied().filter(due).collect();
        let mut renewed = BTreeSet::new();
        let mut failures = 0_u8;
        for partition in due {
            match self.broker.stream(self.log, partition).await {
                Ok(stream) => {
                    let born = stream.cached_info().created.unix_timestamp_nanos();
                    if self.born.insert(partition, born) != Some(born) {
                        renewed.insert(partition);
                    }
                }
                // The other partitions go on without it.
                Err(error) => {
                    tracing::warn!(%error, partition, "a stream cannot be had");
                    self.born.remove(&partition);
                    failures = failures.saturating_add(1);
                }
            }
            if failures >= FAILURES_MAX {
                break;
            }
        }
        self.all &= failures >= FAILURES_MAX;
        renewed
    }
}
