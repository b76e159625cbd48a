//! The broker as seen by whoever may look at it and disturb it.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::{self, consumer::PullConsumer};
use async_nats::{ConnectOptions, Event};
use backlog_event_log::{PARTITIONS, partition};
use backlog_ids::TenantId;
use backlog_local_stack::NatsUser;
use backlog_proto::log::v1::LogBatch;
use backlog_tests::Stack;
use backlog_tests::checks::eventually;
use prost::Message;
use tokio::sync::mpsc;

/// Who follows which log.
const FOLLOWERS: [(&str, &str); 3] =
    [("recognition", "contract"), ("reporting", "contract"), ("reporting", "recognition")];

/// A message as it lay in a stream.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) subject: String,
    pub(crate) payload: bytes::Bytes,
}

/// A connection with one user's rights.
pub(crate) struct Wire {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    /// What the broker complained about.
    pub(crate) complaints: mpsc::Receiver<String>,
}

/// The subject of a tenant's log.
pub(crate) fn subject(log: &str, tenant: TenantId) -> String {
    format!("backlog.v1.{}.{log}.{tenant}", partition(tenant))
}

/// A message of serialized entries.
pub(crate) fn batch(entries: Vec<Vec<u8>>) -> bytes::Bytes {
    LogBatch { entries }.encode_to_vec().into()
}

impl Wire {
    pub(crate) async fn connect(stack: &Stack, user: &NatsUser) -> Self {
        let (complaint, complaints) = mpsc::channel(100);
        let client = ConnectOptions::new()
            .user_and_password(user.name.clone(), user.password.clone())
            .event_callback(move |event| {
                let complaint = complaint.clone();
                async move {
                    if let Event::ServerError(error) = event {
                        // Beyond a hundred nobody reads them.
                        drop(complaint.try_send(error.to_string()));
                    }
                }
            })
            .connect(stack.broker.url())
            .await
            .unwrap();
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(Duration::from_secs(30));
        Self { client, jetstream, complaints }
    }

    pub(crate) async fn admin(stack: &Stack) -> Self {
        Self::connect(stack, &stack.broker.users().admin).await
    }

    async fn stream(&self, log: &str, partition: u8) -> jetstream::stream::Stream {
        let name = format!("BACKLOG_{}_{partition}", log.to_uppercase());
        eventually(&name, async || self.jetstream.get_stream(&name).await.ok()).await
    }

    /// All messages of a log's streams, those of a partition in order.
    pub(crate) async fn messages(&self, log: &str) -> Vec<Sent> {
        let mut messages = Vec::new();
        for partition in 0..PARTITIONS {
            let stream = self.stream(log, partition).await;
            let state = stream.get_info().await.unwrap().state;
            if state.messages == 0 {
                continue;
            }
            for sequence in state.first_sequence..=state.last_sequence {
                let message = stream.get_raw_message(sequence).await.unwrap();
                let subject = message.subject.to_string();
                messages.push(Sent { subject, payload: message.payload });
            }
        }
        messages
    }

    /// How many messages a log's streams ever took.
    pub(crate) async fn taken(&self, log: &str) -> u64 {
        let mut taken = 0;
        for partition in 0..PARTITIONS {
            let stream = self.stream(log, partition).await;
            taken += stream.get_info().await.unwrap().state.last_sequence;
        }
        taken
    }

    /// Deletes all messages of a log's streams, as age does.
    pub(crate) async fn purge(&self, log: &str) {
        for partition in 0..PARTITIONS {
            self.stream(log, partition).await.purge().await.unwrap();
        }
    }

    /// Makes a log's streams as those of a new broker: without messages, and without followers that
    /// had taken some.
    pub(crate) async fn forget(&self, log: &str) {
        self.purge(log).await;
        for (follower, _) in FOLLOWERS.into_iter().filter(|(_, of)| *of == log) {
            for partition in 0..PARTITIONS {
                let name = format!("{follower}-{log}-{partition}");
                self.stream(log, partition).await.delete_consumer(&name).await.unwrap();
            }
        }
    }

    /// Publishes messages in this order, without ids, so that the broker takes each.
    pub(crate) async fn publish(&self, messages: &[Sent]) {
        for message in messages {
            let ack =
                self.jetstream.publish(message.subject.clone(), message.payload.clone()).await;
            ack.unwrap().await.unwrap();
        }
    }

    /// Publishes and does not ask what became of it, only that the broker has seen it.
    pub(crate) async fn try_publish(&self, message: Sent) {
        self.client.publish(message.subject, message.payload).await.unwrap();
        self.client.flush().await.unwrap();
    }

    /// Waits until the followers have taken and acknowledged all messages about these tenants.
    pub(crate) async fn drained(&self, tenants: &[TenantId]) {
        for (follower, log) in FOLLOWERS {
            let partitions: BTreeSet<u8> =
                tenants.iter().map(|tenant| partition(*tenant)).collect();
            for partition in partitions {
                let stream = self.stream(log, partition).await;
                let name = format!("{follower}-{log}-{partition}");
                let what = format!("{name} has taken everything");
                eventually(&what, async || {
                    let mut consumer: PullConsumer = stream.get_consumer(&name).await.ok()?;
                    let info = consumer.info().await.ok()?;
                    (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
                })
                .await;
            }
        }
    }
}
