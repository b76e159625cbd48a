//! NATS: the connection, the streams and their names. A stream is transport; it may be lost at any
//! time without loss of anything.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_service_kit::config::NatsConfig;
use secrecy::ExposeSecret;
use tokio::sync::watch;

use crate::partition::partition;

/// Bytes of a message's headers at most: ids and traces.
const HEADERS_MAX: usize = 16 * 1024;

/// A failure of the broker.
#[derive(Debug, thiserror::Error)]
#[error("the broker {action} failed: {cause}")]
pub struct BrokerError {
    action: &'static str,
    cause: String,
}

impl BrokerError {
    pub(crate) fn new(action: &'static str, cause: impl std::fmt::Display) -> Self {
        Self { action, cause: cause.to_string() }
    }
}

/// A connection to NATS that comes back by itself.
#[derive(Clone)]
pub struct Broker {
    client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    limits: StreamLimits,
    /// How often the connection was made: a broker that comes back may have lost everything.
    connects: watch::Receiver<u64>,
}

/// How much a stream, one partition of a log, may hold: it only has to bridge a consumer's short
/// absence.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// Age of a message at most.
    pub age_max: Duration,
    /// Bytes of a stream at most.
    pub bytes_max: i64,
    /// Copies in a cluster.
    pub replicas: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self { age_max: Duration::from_secs(24 * 3600), bytes_max: 1 << 21, replicas: 1 }
    }
}

impl Broker {
    /// Prepares the connection; it is made, and made again, in the background.
    ///
    /// # Errors
    /// When the address cannot be understood.
    pub async fn connect(config: &NatsConfig, name: &str) -> Result<Self, BrokerError> {
        let (made, connects) = watch::channel(0_u64);
        let made = Arc::new(made);
        let mut options = async_nats::ConnectOptions::new()
            .name(name)
            .event_callback(move |event| {
                tracing::info!(%event, "the broker's connection");
                if matches!(event, async_nats::Event::Connected) {
                    made.send_modify(|count| *count = count.wrapping_add(1));
                }
                std::future::ready(())
            })
            .retry_on_initial_connect()
            .connection_timeout(Duration::from_secs(5));
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            let password = password.expose_secret().to_owned();
            options = options.user_and_password(user.clone(), password);
        }
        if let Some(authority) = &config.ca_file {
            options = options.add_root_certificates(authority.clone());
        }
        let servers: Vec<&str> = config.url.split(',').collect();
        let client = options
            .connect(servers)
            .await
            .map_err(|error| BrokerError::new("connection", error))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(Duration::from_secs(5));
        Ok(Self { client, jetstream, limits: StreamLimits::default(), connects })
    }

    /// Tells when the connection is made anew.
    pub(crate) fn connects(&self) -> watch::Receiver<u64> {
        let mut connects = self.connects.clone();
        // What happened before is no news.
        connects.mark_unchanged();
        connects
    }

    /// Bytes of a message's payload at most, with room for its headers. A stream takes a message that
    /// is larger than itself, and is empty afterwards: so it is a small part of a stream, too.
    pub(crate) fn payload_max(&self) -> usize {
        let stream = usize::try_from(self.limits.bytes_max / 8).unwrap_or(usize::MAX);
        self.client.server_info().max_payload.saturating_sub(HEADERS_MAX).min(stream)
    }

    /// Whether the connection stands.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// The stream of a partition of a log, made when missing. One each, so that its consumers need
    /// no filter: the broker would look at all messages of a log for each of its partitions.
    pub(crate) async fn stream(
        &self,
        log: Log,
        partition: u8,
    ) -> Result<stream::Stream, BrokerError> {
        self.jetstream
            .get_or_create_stream(stream::Config {
                name: stream_name(log, partition),
                subjects: vec![format!("backlog.v1.{partition}.{}.*", log_token(log))],
                max_age: self.limits.age_max,
                max_bytes: self.limits.bytes_max,
                num_replicas: self.limits.replicas,
                discard: stream::DiscardPolicy::Old,
                storage: stream::StorageType::Memory,
                duplicate_window: Duration::from_secs(120),
                ..stream::Config::default()
            })
            .await
            .map_err(|error| BrokerError::new("stream", error))
    }
}

/// Name of the stream of a partition of a log.
pub(crate) fn stream_name(log: Log, partition: u8) -> String {
    format!("BACKLOG_{}_{partition}", log_token(log).to_uppercase())
}

/// The subject of a tenant's log: `backlog.v1.<partition>.<log>.<tenant>`. Ids hold no characters
/// that mean something to NATS.
pub(crate) fn subject(log: Log, tenant: TenantId) -> String {
    format!("backlog.v1.{}.{}.{tenant}", partition(tenant), log_token(log))
}

/// A log as it appears in subjects and names.
#[must_use]
pub fn log_token(log: Log) -> &'static str {
    match log {
        Log::Unspecified => "unspecified",
        Log::Contract => "contract",
        Log::Recognition => "recognition",
        Log::Reporting => "reporting",
    }
}
