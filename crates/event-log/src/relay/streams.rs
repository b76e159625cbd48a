//! The streams of a log, one for each partition, and which of them are new: what was published before
//! is not in those.

use std::collections::{BTreeMap, BTreeSet};

use backlog_proto::common::v1::Log;
use tokio::sync::watch;

use crate::broker::{Broker, BrokerError};

/// Looks after which each stream has been looked at again while the connection stands.
const LOOKS_TO_ALL: u8 = 16;

pub(super) struct Streams {
    broker: Broker,
    log: Log,
    /// When each stream was made, in nanoseconds: another time says that the broker lost it.
    born: BTreeMap<u8, i128>,
    /// Found new and not told yet.
    renewed: BTreeSet<u8>,
    connects: watch::Receiver<u64>,
    /// Whether all are to be looked at, since the connection was made anew.
    all: bool,
    look: u8,
}

impl Streams {
    pub(super) fn new(broker: Broker, log: Log) -> Self {
        let connects = broker.connects();
        let (born, renewed) = (BTreeMap::new(), BTreeSet::new());
        Self { broker, log, born, renewed, connects, all: true, look: 0 }
    }

    /// Makes streams that are missing among `mine`, and answers which are new since the last look:
    /// all are looked at after the connection was made anew, else a few at a time.
    pub(super) async fn renewed(
        &mut self,
        mine: &BTreeSet<u8>,
    ) -> Result<BTreeSet<u8>, BrokerError> {
        self.all |= self.connects.has_changed().unwrap_or(true);
        self.connects.mark_unchanged();
        self.look = (self.look + 1) % LOOKS_TO_ALL;
        let due = |partition: &u8| {
            self.all || partition % LOOKS_TO_ALL == self.look || !self.born.contains_key(partition)
        };
        let due: Vec<u8> = mine.iter().copied().filter(due).collect();
        for partition in due {
            let stream = self.broker.stream(self.log, partition).await?;
            let born = stream.cached_info().created.unix_timestamp_nanos();
            if self.born.insert(partition, born) != Some(born) {
                self.renewed.insert(partition);
            }
        }
        // Only now: a look that failed half way is begun again.
        self.all = false;
        Ok(std::mem::take(&mut self.renewed))
    }
}
