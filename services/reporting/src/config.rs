//! The configuration of the reporting service; all of it is read before anything binds.

use std::path::PathBuf;

use backlog_event_log::WriterConfig;
use backlog_service_kit::config::{
    AuthConfig, DatabaseConfig, LimitsConfig, NatsConfig, Problems, ServerConfig, Settings,
    TelemetryConfig,
};
use serde::Deserialize;

use crate::SERVICE;

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
    /// How checkpoints are signed.
    pub audit: AuditConfig,
    /// Where logs, traces and metrics go.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// What one tenant may ask.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// The write path.
    #[serde(default)]
    pub writer: WriterConfig,
    /// Reports.
    #[serde(default)]
    pub reports: ReportsConfig,
}

/// Owners of the logs that this service applies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsConfig {
    /// `http://` or `https://` address of the contract service.
    pub contract_url: String,
    /// `http://` or `https://` address of the recognition service.
    pub recognition_url: String,
    /// Milliseconds that a call waits for `min_positions` at most.
    #[serde(default = "wait_max_ms")]
    pub wait_max_ms: u64,
}

const fn wait_max_ms() -> u64 {
    10_000
}

/// How checkpoints are signed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Ed25519 private key, PKCS #8 PEM; all replicas have the same.
    pub key_file: PathBuf,
    /// The name that it signs under, such as `backlog.example`: with it begins the origin of every
    /// checkpoint.
    pub key_name: String,
}

/// Limits of reports.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportsConfig {
    /// Rows that an answer may have; a report with more is refused.
    pub rows_max: usize,
}

impl Default for ReportsConfig {
    fn default() -> Self {
        Self { rows_max: 10_000 }
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
        let logs = &self.logs;
        for (name, url) in
            [("contract_url", &logs.contract_url), ("recognition_url", &logs.recognition_url)]
        {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                problems.add(&format!("logs.{name}"), "must begin with http:// or https://");
            }
        }
        let name = &self.audit.key_name;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            problems.add("audit.key_name", "must be a name such as backlog.example");
        }
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        problems.positive("logs.wait_max_ms", logs.wait_max_ms);
        self.writer.check("writer", problems);
        problems.positive("reports.rows_max", count(self.reports.rows_max));
    }
}
