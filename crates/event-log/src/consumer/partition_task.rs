//! One partition of one log: pulls messages, hands them on tenant by tenant, acknowledges when done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{
    self,
    consumer::{DeliverPolicy, PullConsumer, pull},
};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::LogBatch;
use backlog_service_kit::telemetry::propagation;
use futures::{FutureExt, StreamExt};
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::Intake;
use crate::broker::{Broker, BrokerError, log_token, stream_name};
use crate::domain::Domain;
use crate::entry::{Opened, open};

/// Messages of one pull.
const PULL_MAX: usize = 256;

/// How long the broker holds a pull open; then the next is asked for. Also the watchdog: a pull that
/// has not ended well after that is given up.
const PULL_FOR: Duration = Duration::from_secs(10);
const PULL_GIVEN_UP: Duration = Duration::from_secs(15);

/// How long the broker waits for an ack before it delivers again.
const ACK_WAIT: Duration = Duration::from_secs(60);

pub(super) struct PartitionTask<D: Domain> {
    pub(super) broker: Broker,
    pub(super) name: &'static str,
    pub(super) log: Log,
    pub(super) partition: u8,
    pub(super) intake: Arc<Intake<D>>,
}

type Messages = Vec<jetstream::Message>;

impl<D: Domain> PartitionTask<D> {
    /// Pulls until `stop`. Whatever fails is made anew: the stream, the consumer, the pull.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut pause = Duration::from_millis(50);
        while !stop.is_cancelled() {
            let pulled = tokio::select! {
                pulled = self.pull(&stop) => pulled,
                () = stop.cancelled() => return,
            };
            match pulled {
                Ok(()) => pause = Duration::from_millis(50),
                Err(error) => {
                    tracing::debug!(%error, partition = self.partition, "pulling again");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = stop.cancelled() => return,
                    }
                    pause = pause.saturating_mul(2).min(Duration::from_secs(1));
                }
            }
        }
    }

    /// The durable consumer. With `afresh`, what an earlier holder was handed and did not acknowledge
    /// is delivered at once, not when the broker stops waiting for it: the consumer is made anew, to
    /// begin after the last ack.
    async fn consumer(&self, afresh: bool) -> Result<PullConsumer, BrokerError> {
        let failed = |error: &dyn std::fmt::Display| BrokerError::new("consumer", error);
        let durable = format!("{}-{}-{}", self.name, log_token(self.log), self.partition);
        let stream = self
            .broker
            .jetstream
            .get_stream_no_info(stream_name(self.log, self.partition))
            .await
            .map_err(|error| BrokerError::new("stream", error))?;
        let mut config = pull::Config {
            durable_name: Some(durable.clone()),
            ack_wait: ACK_WAIT,
            max_ack_pending: 10_000,
            ..pull::Config::default()
        };
        let found: PullConsumer = stream
            .get_or_create_consumer(&durable, config.clone())
            .await
            .map_err(|error| failed(&error))?;
        let info = found.cached_info();
        let start_sequence = info.ack_floor.stream_sequence.saturating_add(1);
        if !afresh {
            return Ok(found);
        }
        let held = stream.get_info().await.map_err(|error| BrokerError::new("stream", error))?;
        if start_sequence > 1 && held.state.first_sequence > start_sequence {
            self.lost().await?;
        }
        if info.num_ack_pending == 0 {
            return Ok(found);
        }
        config.deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
        stream.delete_consumer(&durable).await.map_err(|error| failed(&error))?;
        stream.get_or_create_consumer(&durable, config).await.map_err(|error| failed(&error))
    }

    /// The stream let messages go before anybody saw them: what they said is in the owner's log.
    async fn lost(&self) -> Result<(), BrokerError> {
        if self.log != self.intake.leading() {
            return Ok(());
        }
        let partition = self.partition;
        tracing::info!(partition, "messages were lost; reading the owner's log");
        let resumed = self.intake.resume_partition(partition).await;
        resumed.map_err(|error| BrokerError::new("recovery of lost messages", error))
    }

    async fn pull(&self, stop: &CancellationToken) -> Result<(), BrokerError> {
        let mut connects = self.broker.connects();
        let mut consumer = self.consumer(true).await?;
        while !stop.is_cancelled() {
            let mut empty = true;
            let mut batch = consumer
                .batch()
                .max_messages(PULL_MAX)
                .expires(PULL_FOR)
                .messages()
                .await
                .map_err(|error| BrokerError::new("pull", error))?;
            loop {
                let next = tokio::select! {
                    next = tokio::time::timeout(PULL_GIVEN_UP, batch.next()) => next
                        .map_err(|_| BrokerError::new("pull", "it neither delivers nor ends"))?,
                    // The broker forgot the pull, and maybe the consumer and the stream.
                    _ = connects.changed() => {
                        return Err(BrokerError::new("pull", "the connection was made anew"));
                    }
                };
                let Some(first) = next else { break };
                empty = false;
                let mut messages = vec![first.map_err(|e| BrokerError::new("pull", e))?];
                // What has arrived meanwhile goes along.
                while let Some(Some(Ok(message))) = batch.next().now_or_never() {
                    messages.push(message);
                }
                self.deliver(messages).await;
            }
            if empty {
                // A pull from a consumer that is gone ends as one without messages does.
                consumer = self.consumer(false).await?;
            }
        }
        Ok(())
    }

    /// Hands the messages on, tenants beside each other, and acknowledges.
    async fn deliver(&self, messages: Messages) {
        let mut by_tenant: BTreeMap<TenantId, (Vec<Opened>, BTreeMap<String, String>)> =
            BTreeMap::new();
        for message in &messages {
            match self.decode(message) {
                Some((tenant, entries)) => {
                    let place = by_tenant.entry(tenant).or_default();
                    place.0.extend(entries);
                    place.1.extend(trace_headers(message));
                }
                // Not ours or not readable: whatever it meant to say is in the owner's log.
                None => {
                    tracing::warn!(subject = %message.subject, "a message is not a batch of a log");
                }
            }
        }
        let all = by_tenant.into_iter().map(|(tenant, (entries, trace))| {
            let span = tracing::info_span!("log.apply", log = log_token(self.log), %tenant);
            propagation::continue_from(&span, &trace);
            self.intake.take(tenant, self.log, entries).instrument(span)
        });
        futures::future::join_all(all).await;
        // One by one: an ack for all before it would take in what an earlier holder of the partition
        // was handed and did not apply.
        for message in messages {
            if let Err(error) = message.ack().await {
                tracing::debug!(%error, "an ack is lost; the message comes again");
            }
        }
    }

    fn decode(&self, message: &jetstream::Message) -> Option<(TenantId, Vec<Opened>)> {
        let tenant: TenantId = message.subject.split('.').next_back()?.parse().ok()?;
        let batch = LogBatch::decode(message.payload.as_ref()).ok()?;
        let entries =
            batch.entries.iter().map(|bytes| open(bytes)).collect::<Result<_, _>>().ok()?;
        Some((tenant, entries))
    }
}

fn trace_headers(message: &jetstream::Message) -> BTreeMap<String, String> {
    ["traceparent", "tracestate"]
        .into_iter()
        .filter_map(|name| {
            let value = message.headers.as_ref()?.get(name)?;
            Some((name.to_owned(), value.as_str().to_owned()))
        })
        .collect()
}
