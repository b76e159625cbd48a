//! The configuration of the recognition service; all of it is read before anything binds.

use std::time::Duration;

use backlog_event_log::WriterConfig;
use backlog_service_kit::config::{
    AuthConfig, DatabaseConfig, LimitsConfig, NatsConfig, Problems, ServerConfig, Settings,
    TelemetryConfig,
};
use serde::Deserialize;

use crate::domain::SERVICE;
use crate::run::recognize::RunSettings;
use crate::run::schedule::{Cadence, Schedule};
use crate::what_if::work::WhatIfSettings;

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How requests come in.
    #[serde(default)]
    pub server: ServerConfig,
    /// Where the service's schema is.
    pub database: DatabaseConfig,
    /// Where the broker is.
    pub nats: NatsConfig,
    /// Whose tokens are taken, and how the service signs its own.
    pub auth: AuthConfig,
    /// Where the logs that it follows are read.
    pub logs: LogsConfig,
    /// Where logs, traces and metrics go.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// What one tenant may ask.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// The write path.
    #[serde(default)]
    pub writer: WriterConfig,
    /// Recognition runs.
    #[serde(default)]
    pub runs: RunsConfig,
    /// Explanations and previews.
    #[serde(default)]
    pub explain: ExplainConfig,
    /// What-ifs.
    #[serde(default)]
    pub what_ifs: WhatIfsConfig,
}

/// Owners of the logs that this service applies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsConfig {
    /// `http://` or `https://` address of the contract service.
    pub contract_url: String,
    /// Milliseconds that a call waits for `min_positions` at most.
    #[serde(default = "wait_max_ms")]
    pub wait_max_ms: u64,
}

const fn wait_max_ms() -> u64 {
    10_000
}

/// Limits of recognition runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunsConfig {
    /// Recognition entries that one chunk aims at, 1 to 10,000; a contract is never cut for it.
    pub chunk_entries: u64,
    /// Contracts in one chunk at most.
    pub chunk_contracts: u64,
    /// Runs under way in one replica at most.
    pub concurrent_max: usize,
    /// When runs over all contracts of every tenant are due: `daily` or `month_end`; never when absent.
    pub schedule: Option<Cadence>,
    /// Days for which a day must be over before a scheduled run covers it: 1 is yesterday.
    pub schedule_after_days: u32,
    /// Milliseconds from one look for scheduled runs to the next.
    pub schedule_every_ms: u64,
}

/// Limits of explanations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExplainConfig {
    /// Entries of this log that may concern one contract; beyond, it is not explained at once.
    pub entries_max: u64,
}

/// Limits of what-ifs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WhatIfsConfig {
    /// Entries of this log that one page, one transaction, walks at most, 1 to 500.
    pub page_entries: u64,
    /// Contracts of one page at about; an entry is never cut for it.
    pub page_contracts: u64,
    /// What-ifs that a tenant may have at once.
    pub kept_max: u64,
    /// Milliseconds from one look for what was started to the next.
    pub every_ms: u64,
}

impl Default for WhatIfsConfig {
    fn default() -> Self {
        Self { page_entries: 500, page_contracts: 500, kept_max: 100, every_ms: 500 }
    }
}

impl WhatIfsConfig {
    /// What pages need.
    #[must_use]
    pub const fn settings(&self) -> WhatIfSettings {
        let Self { page_entries, page_contracts, .. } = *self;
        WhatIfSettings { page_entries, page_contracts }
    }
}

impl Default for ExplainConfig {
    fn default() -> Self {
        Self { entries_max: 20_000 }
    }
}

impl Default for RunsConfig {
    fn default() -> Self {
        let RunSettings { chunk_entries, chunk_contracts, concurrent_max } = RunSettings::default();
        Self {
            chunk_entries,
            chunk_contracts,
            concurrent_max,
            schedule: None,
            schedule_after_days: 1,
            schedule_every_ms: 60_000,
        }
    }
}

impl RunsConfig {
    /// When runs are due, if ever.
    #[must_use]
    pub fn schedule(&self) -> Option<Schedule> {
        let every = Duration::from_millis(self.schedule_every_ms);
        let after = self.schedule_after_days;
        self.schedule.map(|cadence| Schedule { cadence, after, every })
    }

    /// What runs need.
    #[must_use]
    pub fn settings(&self) -> RunSettings {
        let Self { chunk_entries, chunk_contracts, concurrent_max, .. } = *self;
        RunSettings { chunk_entries, chunk_contracts, concurrent_max }
    }
}

impl Config {
    /// The id of the service's signing key.
    #[must_use]
    pub fn service_key_id(&self) -> &str {
        self.auth.service_key_id.as_deref().unwrap_or(SERVICE)
    }
}

impl Settings for Config {
    fn check(&self, problems: &mut Problems) {
        self.server.check("server", problems);
        self.database.check("database", problems);
        self.nats.check("nats", problems);
        self.auth.check("auth", problems);
        self.telemetry.check("telemetry", problems);
        self.limits.check("limits", problems);
        let url = &self.logs.contract_url;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            problems.add("logs.contract_url", "must begin with http:// or https://");
        }
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        problems.positive("logs.wait_max_ms", self.logs.wait_max_ms);
        self.writer.check("writer", problems);
        if !(1..=10_000).contains(&self.runs.chunk_entries) {
            problems.add("runs.chunk_entries", "must be 1 to 10000");
        }
        problems.positive("explain.entries_max", self.explain.entries_max);
        if !(1..=500).contains(&self.what_ifs.page_entries) {
            problems.add("what_ifs.page_entries", "must be 1 to 500");
        }
        problems.positive("what_ifs.page_contracts", self.what_ifs.page_contracts);
        problems.positive("what_ifs.kept_max", self.what_ifs.kept_max);
        problems.positive("what_ifs.every_ms", self.what_ifs.every_ms);
        problems.positive("runs.chunk_contracts", self.runs.chunk_contracts);
        problems.positive("runs.concurrent_max", count(self.runs.concurrent_max));
        problems.positive("runs.schedule_after_days", u64::from(self.runs.schedule_after_days));
        problems.positive("runs.schedule_every_ms", self.runs.schedule_every_ms);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use backlog_service_kit::config::{Arguments, load};

    use super::Config;

    const LEAST: [(&str, &str); 5] = [
        ("DATABASE__RUNTIME_URL", "postgres://r@localhost/backlog"),
        ("NATS__URL", "nats://localhost"),
        ("AUTH__ISSUERS_FILE", "issuers.toml"),
        ("AUTH__SERVICE_KEY_FILE", "key.pem"),
        ("LOGS__CONTRACT_URL", "http://localhost:1"),
    ];

    fn with(more: &[(&str, &str)]) -> HashMap<String, String> {
        let all = LEAST.iter().chain(more);
        all.map(|(key, value)| (format!("BACKLOG__{key}"), (*value).to_owned())).collect()
    }

    // Shows what must be set and what has a default, that all wrong values are told at once, and that
    // an unknown key is refused.
    #[test]
    fn the_least_configuration_and_its_problems() {
        let config: Config = load(&Arguments::default(), with(&[])).unwrap();
        assert_eq!(config.service_key_id(), "recognition");
        assert_eq!((config.runs.chunk_entries, config.writer.batch_max), (4_000, 256));
        let wrong = with(&[
            ("LOGS__CONTRACT_URL", "localhost"),
            ("RUNS__CHUNK_ENTRIES", "10001"),
            ("WRITER__BATCH_MAX", "0"),
            ("EXPLAIN__ENTRIES_MAX", "0"),
            ("WHAT_IFS__PAGE_ENTRIES", "501"),
        ]);
        let problems = load::<Config>(&Arguments::default(), wrong).unwrap_err();
        assert_eq!(problems.0.len(), 5, "{problems}");
        let unknown = with(&[("RUNS__CHUNKS", "1")]);
        assert!(load::<Config>(&Arguments::default(), unknown).is_err());
    }
}
