//! Sections that services share. Each has defaults for everything that can have one.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Problems;

/// How requests come in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Bytes of one message at most, after decompression.
    pub message_size_max_bytes: usize,
    /// Calls at once on one connection.
    pub streams_per_connection_max: u32,
    /// Bytes of a request's headers at most.
    pub headers_max_bytes: u32,
    /// Seconds after which a silent connection is asked whether it is alive.
    pub keepalive_seconds: u64,
    /// Milliseconds that a shutdown waits for calls in flight before it drops them.
    pub shutdown_deadline_ms: u64,
    /// Whether reflection is served.
    pub reflection: bool,
    /// Absent: plain text, for a private network or behind a proxy.
    pub tls: Option<TlsConfig>,
}

/// Certificate and key of a server, PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain.
    pub certificate_file: PathBuf,
    /// Private key.
    pub key_file: PathBuf,
    /// When given, clients need a certificate of this authority.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_051)),
            message_size_max_bytes: 4 * 1024 * 1024,
            streams_per_connection_max: 1_000,
            headers_max_bytes: 128 * 1024,
            keepalive_seconds: 30,
            shutdown_deadline_ms: 10_000,
            reflection: true,
            tls: None,
        }
    }
}

impl ServerConfig {
    /// Notes what is wrong, under `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        let bytes = u64::try_from(self.message_size_max_bytes).unwrap_or(u64::MAX);
        problems.positive(&format!("{path}.message_size_max_bytes"), bytes);
        let streams = u64::from(self.streams_per_connection_max);
        problems.positive(&format!("{path}.streams_per_connection_max"), streams);
        problems.positive(&format!("{path}.headers_max_bytes"), u64::from(self.headers_max_bytes));
        problems.positive(&format!("{path}.keepalive_seconds"), self.keepalive_seconds);
        problems.positive(&format!("{path}.shutdown_deadline_ms"), self.shutdown_deadline_ms);
    }
}

/// Where the service's schema is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://` address with the runtime role.
    pub runtime_url: SecretString,
    /// The same with the owner role: only for migrations.
    #[serde(default)]
    pub owner_url: Option<SecretString>,
    /// Connections at most.
    #[serde(default = "pool_size")]
    pub pool_size: u32,
}

const fn pool_size() -> u32 {
    16
}

impl DatabaseConfig {
    /// Notes what is wrong, under `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        problems.positive(&format!("{path}.pool_size"), u64::from(self.pool_size));
        let urls =
            [("runtime_url", Some(&self.runtime_url)), ("owner_url", self.owner_url.as_ref())];
        for (name, url) in urls {
            let url = url.map(ExposeSecret::expose_secret);
            let postgres =
                |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
            if url.is_some_and(|url| !postgres(url)) {
                problems.add(&format!("{path}.{name}"), "must begin with postgres://");
            }
        }
    }
}

/// Where the broker is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// `nats://` or `tls://` address; several with commas between.
    pub url: String,
    /// User, together with `password`.
    #[serde(default)]
    pub user: Option<String>,
    /// Password of `user`.
    #[serde(default)]
    pub password: Option<SecretString>,
    /// Authority that signed the servers' certificates, when it is not a public one.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl NatsConfig {
    /// Notes what is wrong, under `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        if self.url.is_empty() {
            problems.add(&format!("{path}.url"), "must name a server");
        }
        if self.user.is_some() != self.password.is_some() {
            problems.add(path, "needs both user and password, or neither");
        }
    }
}

/// Whose tokens are taken, and how the service signs its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// The issuers file, see `backlog-tenancy`.
    pub issuers_file: PathBuf,
    /// Ed25519 private key of this service, PKCS #8 PEM; all its replicas have the same.
    pub service_key_file: PathBuf,
    /// Id of that key in the services' key set; by default the name of the service.
    #[serde(default)]
    pub service_key_id: Option<String>,
    /// An unchanged issuers or key file is read again at most this often.
    #[serde(default = "file_floor_ms")]
    pub file_floor_ms: u64,
    /// A key set address is asked at most this often.
    #[serde(default = "fetch_floor_ms")]
    pub fetch_floor_ms: u64,
    /// How long it is remembered which account owns a tenant.
    #[serde(default = "tenant_cache_ms")]
    pub tenant_cache_ms: u64,
    /// Tenants that are remembered.
    #[serde(default = "remembered")]
    pub tenants_max: u64,
    /// Verified tokens that are remembered.
    #[serde(default = "remembered")]
    pub tokens_max: u64,
}

const fn file_floor_ms() -> u64 {
    1_000
}

const fn fetch_floor_ms() -> u64 {
    10_000
}

const fn tenant_cache_ms() -> u64 {
    5_000
}

const fn remembered() -> u64 {
    10_000
}

impl AuthConfig {
    /// Notes what is wrong, under `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        problems.positive(&format!("{path}.fetch_floor_ms"), self.fetch_floor_ms);
        problems.positive(&format!("{path}.tenants_max"), self.tenants_max);
        problems.positive(&format!("{path}.tokens_max"), self.tokens_max);
    }

    /// What the verifier of `service` needs.
    #[must_use]
    pub fn verifier(&self, service: &str) -> backlog_tenancy::VerifierConfig {
        let mut verifier = backlog_tenancy::VerifierConfig::new(service, self.issuers_file.clone());
        verifier.file_floor = Duration::from_millis(self.file_floor_ms);
        verifier.fetch_floor = Duration::from_millis(self.fetch_floor_ms);
        verifier.tokens_max = self.tokens_max;
        verifier
    }
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A JSON object a line.
    #[default]
    Json,
    /// For people.
    Human,
}

/// Where logs, traces and metrics go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// `http://` address of an OTLP collector (gRPC); absent: no traces and metrics leave.
    pub otlp_endpoint: Option<String>,
    /// Form of log lines, on standard error.
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `info,backlog_contract=debug`.
    pub log_filter: String,
    /// Milliseconds after which an export counts as failed.
    pub export_timeout_ms: u64,
    /// Milliseconds between exports of metrics.
    pub metrics_interval_ms: u64,
    /// Milliseconds that a shutdown waits for the last export.
    pub shutdown_deadline_ms: u64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            log_format: LogFormat::default(),
            log_filter: "info".to_owned(),
            export_timeout_ms: 5_000,
            metrics_interval_ms: 10_000,
            shutdown_deadline_ms: 2_000,
        }
    }
}

impl TelemetryConfig {
    /// Notes what is wrong, under `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        problems.positive(&format!("{path}.export_timeout_ms"), self.export_timeout_ms);
        problems.positive(&format!("{path}.metrics_interval_ms"), self.metrics_interval_ms);
        if self.otlp_endpoint.as_ref().is_some_and(|url| !url.starts_with("http://")) {
            problems.add(&format!("{path}.otlp_endpoint"), "must begin with http://");
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log_filter).is_err() {
            problems.add(&format!("{path}.log_filter"), "is not a filter such as info");
        }
    }
}

/// What one tenant may ask of one replica.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Calls a second, lasting.
    pub tenant_requests_per_second: u32,
    /// Calls at once after a silence.
    pub tenant_burst: u32,
    /// Calls in flight, streams included.
    pub tenant_concurrency: u32,
    /// Tenants that are kept track of; the one not seen for longest is forgotten.
    pub tenants_tracked_max: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            tenant_requests_per_second: 2_000,
            tenant_burst: 4_000,
            tenant_concurrency: 300,
            tenants_tracked_max: 10_000,
        }
    }
}

impl LimitsConfig {
    /// Notes what is wrong, under `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        for (name, value) in [
            ("tenant_requests_per_second", u64::from(self.tenant_requests_per_second)),
            ("tenant_burst", u64::from(self.tenant_burst)),
            ("tenant_concurrency", u64::from(self.tenant_concurrency)),
            ("tenants_tracked_max", self.tenants_tracked_max),
        ] {
            problems.positive(&format!("{path}.{name}"), value);
        }
    }
}
