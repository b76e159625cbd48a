//! The section `[writer]` of a service's configuration.

use std::time::Duration;

use backlog_service_kit::config::Problems;
use serde::Deserialize;

use super::WriterSettings;

/// How writes are batched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WriterConfig {
    /// Writers, each for a share of the tenants; 0 for as many as cores, or half as many in a service
    /// that applies other services' logs.
    pub writers: usize,
    /// Commands, and batches of events, in one transaction at most.
    pub batch_max: usize,
    /// Events in one transaction, after which no further batch of events joins.
    pub events_max: usize,
    /// Jobs that may wait for one writer.
    pub queue_length: usize,
    /// Milliseconds from the beginning of a batch of events alone to the next at least, unless as
    /// many entries as `events_max` wait.
    pub events_every_ms: u64,
    /// Milliseconds that a batch is tried again while the database is away.
    pub reconnect_ms: u64,
}

impl Default for WriterConfig {
    fn default() -> Self {
        let WriterSettings {
            batch_max, events_max, queue_length, events_every, reconnect_for, ..
        } = WriterSettings::default();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            writers: 0,
            batch_max,
            events_max,
            queue_length,
            events_every_ms: millis(events_every),
            reconnect_ms: millis(reconnect_for),
        }
    }
}

impl WriterConfig {
    /// Notes what is wrong, under `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        problems.positive(&format!("{path}.batch_max"), count(self.batch_max));
        problems.positive(&format!("{path}.events_max"), count(self.events_max));
        problems.positive(&format!("{path}.queue_length"), count(self.queue_length));
    }

    /// What the writers need in a service that applies other services' logs: half as many as cores where
    /// no number is stated. What waits for them makes their batches larger, and the other half of the
    /// processor is left to commands.
    #[must_use]
    pub fn follower_settings(&self) -> WriterSettings {
        let settings = self.settings();
        if self.writers > 0 {
            return settings;
        }
        WriterSettings { writers: settings.writers.div_ceil(2), ..settings }
    }

    /// What the writers need.
    #[must_use]
    pub fn settings(&self) -> WriterSettings {
        let cores = WriterSettings::default().writers;
        WriterSettings {
            writers: if self.writers == 0 { cores } else { self.writers },
            batch_max: self.batch_max,
            events_max: self.events_max,
            queue_length: self.queue_length,
            events_every: Duration::from_millis(self.events_every_ms),
            reconnect_for: Duration::from_millis(self.reconnect_ms),
        }
    }
}
