//! The configuration of the contract service.

use std::time::Duration;

use backlog_event_log::{SweeperSettings, WriterConfig};
use backlog_service_kit::config::{
    AuthConfig, DatabaseConfig, LimitsConfig, NatsConfig, Problems, ServerConfig, Settings,
    TelemetryConfig,
};
use serde::Deserialize;

use crate::contract::terms::Limits;

/// Obligations of a contract that tables and messages have room for.
const OBLIGATIONS_CEILING: usize = 5_000;

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How requests come in.
    #[serde(default)]
    pub server: ServerConfig,
    /// The service's schema.
    pub database: DatabaseConfig,
    /// The broker.
    pub nats: NatsConfig,
    /// Whose tokens are taken.
    pub auth: AuthConfig,
    /// Logs, traces, metrics.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// What one tenant may ask.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// How writes are batched.
    #[serde(default)]
    pub writer: WriterConfig,
    /// How events are published.
    #[serde(default)]
    pub relay: RelayConfig,
    /// Limits of contracts.
    #[serde(default)]
    pub contract: ContractConfig,
}

impl Settings for Config {
    fn check(&self, problems: &mut Problems) {
        self.server.check("server", problems);
        self.database.check("database", problems);
        self.nats.check("nats", problems);
        self.auth.check("auth", problems);
        self.telemetry.check("telemetry", problems);
        self.limits.check("limits", problems);
        self.writer.check("writer", problems);
        self.contract.check(problems);
        problems.positive("relay.sweep_every_ms", self.relay.sweep_every_ms);
        problems.positive("relay.announce_every_ms", self.relay.announce_every_ms);
    }
}

/// How events are published.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelayConfig {
    /// Whether this replica publishes at all. Off only to measure without it: consumers then learn of
    /// nothing.
    pub enabled: bool,
    /// Milliseconds between two looks for what stayed unpublished.
    pub sweep_every_ms: u64,
    /// Milliseconds between two announcements of tenants that moved.
    pub announce_every_ms: u64,
}

impl Default for RelayConfig {
    fn default() -> Self {
        let settings = SweeperSettings::default();
        Self {
            enabled: true,
            sweep_every_ms: millis(settings.every),
            announce_every_ms: millis(settings.announce_every),
        }
    }
}

impl RelayConfig {
    pub(crate) fn settings(&self) -> SweeperSettings {
        SweeperSettings {
            every: Duration::from_millis(self.sweep_every_ms),
            announce_every: Duration::from_millis(self.announce_every_ms),
        }
    }
}

/// Limits of contracts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContractConfig {
    /// Obligations of a contract, and lines of an invoice, at most.
    pub obligations_max: usize,
    /// Variable amounts of a contract at most.
    pub variables_max: usize,
    /// Milestones of an obligation at most.
    pub milestones_max: usize,
    /// Gates of an obligation at most.
    pub gates_max: usize,
}

impl Default for ContractConfig {
    fn default() -> Self {
        Self { obligations_max: 500, variables_max: 20, milestones_max: 100, gates_max: 10 }
    }
}

impl ContractConfig {
    fn check(&self, problems: &mut Problems) {
        for (key, limit) in [
            ("contract.obligations_max", self.obligations_max),
            ("contract.variables_max", self.variables_max),
            ("contract.milestones_max", self.milestones_max),
            ("contract.gates_max", self.gates_max),
        ] {
            problems.positive(key, u64::try_from(limit).unwrap_or(u64::MAX));
        }
        if self.obligations_max > OBLIGATIONS_CEILING {
            problems.add("contract.obligations_max", "must be at most 5000");
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            obligations: self.obligations_max,
            variables: self.variables_max,
            milestones: self.milestones_max,
            gates: self.gates_max,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use backlog_service_kit::config::{Arguments, load};

    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let required = [
            ("DATABASE__RUNTIME_URL", "postgres://contract@localhost/backlog"),
            ("NATS__URL", "nats://localhost"),
            ("AUTH__ISSUERS_FILE", "issuers.toml"),
            ("AUTH__SERVICE_KEY_FILE", "contract.pem"),
        ];
        let variables = required.iter().chain(variables);
        let environment =
            variables.map(|(key, value)| (format!("BACKLOG__{key}"), (*value).to_owned()));
        load(&Arguments::default(), environment.collect()).map_err(|error| error.0)
    }

    /// What must be said is little; everything else has the documented default.
    #[test]
    fn defaults_are_complete() {
        let config = of(&[]).unwrap();
        assert_eq!(config.contract.obligations_max, 500);
        assert_eq!(config.contract.variables_max, 20);
        assert_eq!(config.contract.milestones_max, 100);
        assert_eq!(config.contract.gates_max, 10);
        assert_eq!(config.writer.settings().batch_max, 256);
        assert!(config.writer.settings().writers >= 1);
        assert!(config.relay.enabled);
    }

    /// Unknown keys and senseless values are refused before anything binds, all of the latter at once.
    #[test]
    fn what_is_wrong_is_named() {
        assert!(of(&[("WRITER__BATCHMAX", "3")]).unwrap_err()[0].contains("batchmax"));
        let problems = of(&[
            ("WRITER__BATCH_MAX", "0"),
            ("CONTRACT__OBLIGATIONS_MAX", "5001"),
            ("CONTRACT__VARIABLES_MAX", "0"),
            ("CONTRACT__MILESTONES_MAX", "0"),
            ("CONTRACT__GATES_MAX", "0"),
            ("RELAY__SWEEP_EVERY_MS", "0"),
        ]);
        assert_eq!(problems.unwrap_err().len(), 6);
    }
}
