//! Publishes entries as messages, awaits every ack, and notes how far the broker confirmed.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::LogBatch;
use prost::Message;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::OutboxReceiver;
use crate::broker::{Broker, BrokerError, log_token, subject};
use crate::entry::Sealed;

/// Bytes of entries in one message.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// Bytes of entries in an announcement: it goes out for many tenants at once.
const ANNOUNCED_BYTES_MAX: usize = 4 * 1024;

/// Messages whose ack is awaited at once.
const IN_FLIGHT_MAX: usize = 64;

/// How long an ack is awaited.
const ACK_WAIT: Duration = Duration::from_secs(5);

/// How often confirmed positions are written: well within the sweeper's second, or it publishes again.
const NOTE_EVERY: Duration = Duration::from_millis(500);

/// A message on its way.
struct Sent {
    tenant: TenantId,
    /// The last entry in it.
    seq: u64,
    ack: PublishAckFuture,
}

/// Publishes for one log.
#[derive(Clone)]
pub(super) struct Publisher {
    database: Database,
    broker: Broker,
    log: Log,
    in_flight: Arc<Semaphore>,
    confirmed: Arc<Mutex<BTreeMap<TenantId, u64>>>,
}

impl Publisher {
    pub(super) fn new(database: Database, broker: Broker, log: Log) -> Self {
        Self {
            database,
            broker,
            log,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
            confirmed: Arc::default(),
        }
    }

    /// Publishes consecutive entries of one tenant and awaits all acks. With `once`, the broker drops
    /// what it has seen within its window; an announcement goes without, so that it always arrives.
    pub(super) async fn publish(
        &self,
        tenant: TenantId,
        entries: &[Sealed],
        once: bool,
    ) -> Result<(), BrokerError> {
        for part in parts(entries) {
            if let Some(sent) = self.send(tenant, part, once).await? {
                self.acknowledged(sent).await?;
            }
        }
        Ok(())
    }

    /// Hands a message to the connection, which keeps the order, and returns without waiting for the
    /// ack. No message for no entries.
    async fn send(
        &self,
        tenant: TenantId,
        part: &[Sealed],
        once: bool,
    ) -> Result<Option<Sent>, BrokerError> {
        let Some(last) = part.last() else { return Ok(None) };
        let batch = LogBatch { entries: part.iter().map(|e| e.bytes.to_vec()).collect() };
        let mut payload = batch.encode_to_vec();
        let most = if once { self.broker.payload_max() } else { ANNOUNCED_BYTES_MAX };
        if payload.len() > most {
            // Nothing in it: consumers read from the owner.
            payload.clear();
        }
        let mut message = PublishMessage::build().payload(payload.into());
        if once {
            message = message.message_id(self.message_id(last));
        }
        for (name, value) in last.trace.iter() {
            message = message.header(name.as_str(), value.as_str());
        }
        let sent = self.broker.jetstream.send_publish(subject(self.log, tenant), message);
        let ack = tokio::time::timeout(ACK_WAIT, sent)
            .await
            .map_err(|_| BrokerError::new("publish", "the connection takes nothing"))?
            .map_err(|error| BrokerError::new("publish", error))?;
        Ok(Some(Sent { tenant, seq: last.seq, ack }))
    }

    /// Awaits the ack of a message and remembers it.
    async fn acknowledged(&self, sent: Sent) -> Result<(), BrokerError> {
        let Sent { tenant, seq, ack } = sent;
        tokio::time::timeout(ACK_WAIT, ack.into_future())
            .await
            .map_err(|_| BrokerError::new("acknowledgment", "no answer in time"))?
            .map_err(|error| BrokerError::new("acknowledgment", error))?;
        self.confirm(tenant, seq);
        Ok(())
    }

    /// With the hash in it, since a log that was restored to an earlier state uses its numbers again.
    fn message_id(&self, last: &Sealed) -> String {
        let hash: String = last.hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{}/{}/{}/{hash}", log_token(self.log), last.tenant, last.seq)
    }

    /// Sends entries of one tenant after what was sent before, and leaves the acks to tasks. What fails
    /// is left to the sweeper. Answers whether the relay still runs.
    async fn publish_in_order(&self, tenant: TenantId, entries: &[Sealed]) -> bool {
        for part in parts(entries) {
            let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else {
                return false;
            };
            match self.send(tenant, part, true).await {
                Ok(None) => {}
                Ok(Some(sent)) => {
                    let publisher = self.clone();
                    tokio::spawn(async move {
                        if let Err(error) = publisher.acknowledged(sent).await {
                            tracing::debug!(%error, "publishing is left to the sweeper");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "publishing is left to the sweeper");
                    break;
                }
            }
        }
        true
    }

    fn confirm(&self, tenant: TenantId, seq: u64) {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = confirmed.entry(tenant).or_default();
        *known = (*known).max(seq);
    }

    /// Writes what was confirmed since the last time. A later position stands for the earlier ones:
    /// its message makes consumers fill what they miss.
    async fn note(&self) -> Result<(), DbError> {
        let confirmed =
            std::mem::take(&mut *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner));
        if confirmed.is_empty() {
            return Ok(());
        }
        let tenants: Vec<Uuid> = confirmed.keys().map(|tenant| tenant.uuid()).collect();
        let seqs: Vec<i64> =
            confirmed.values().map(|seq| i64::try_from(*seq).unwrap_or(i64::MAX)).collect();
        self.database
            .write_positions(
                "insert into relay_position (tenant_id, published_seq) \
                 select * from unnest($1::uuid[], $2::bigint[]) on conflict (tenant_id) do update \
                 set published_seq = greatest(relay_position.published_seq, excluded.published_seq)",
                vec![tenants.into(), seqs.into()],
            )
            .await
            .map(drop)
    }
}

fn parts(entries: &[Sealed]) -> Vec<&[Sealed]> {
    let mut parts = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut bytes = 0_usize;
        let fit = rest
            .iter()
            .take_while(|entry| {
                bytes = bytes.saturating_add(entry.bytes.len());
                bytes <= MESSAGE_BYTES_MAX
            })
            .count()
            .max(1);
        let (part, after) = rest.split_at(fit);
        parts.push(part);
        rest = after;
    }
    parts
}

/// Publishes what the writers offer until `stop`, then drains what waits while the broker is there.
pub(super) async fn run(publisher: Publisher, mut outbox: OutboxReceiver, stop: CancellationToken) {
    let noting = tokio::spawn(note_regularly(publisher.clone(), stop.clone()));
    loop {
        let sealed = tokio::select! {
            sealed = outbox.next() => sealed,
            () = stop.cancelled() => outbox.waiting(),
        };
        let Some(sealed) = sealed else { break };
        if !publisher.broker.is_connected() {
            continue; // the sweeper finds it once the broker is back
        }
        let mut by_tenant: BTreeMap<TenantId, Vec<Sealed>> = BTreeMap::new();
        for entry in sealed {
            by_tenant.entry(entry.tenant).or_default().push(entry);
        }
        for (tenant, entries) in by_tenant {
            if !publisher.publish_in_order(tenant, &entries).await {
                return;
            }
        }
    }
    // All acks are in when all permits are.
    let all = u32::try_from(IN_FLIGHT_MAX).unwrap_or(u32::MAX);
    drop(publisher.in_flight.acquire_many(all).await);
    noting.abort();
    if let Err(error) = publisher.note().await {
        tracing::debug!(%error, "confirmed positions are not noted; they are published again");
    }
}

async fn note_regularly(publisher: Publisher, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::time::sleep(NOTE_EVERY).await;
        if let Err(error) = publisher.note().await {
            tracing::debug!(%error, "confirmed positions are not noted; they are published again");
        }
    }
}
