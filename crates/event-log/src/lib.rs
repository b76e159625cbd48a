//! The per-tenant event log: writer, relay, consumer, gap filling.

#![doc = include_str!("../README.md")]

mod broker;
mod consumer;
mod domain;
mod entry;
mod lease;
mod partition;
mod positions;
mod processing;
mod reader;
mod relay;
mod service;
mod writer;

pub use broker::{Broker, BrokerError, StreamLimits, log_token};
pub use consumer::{Intake, start as start_consumer};
pub use domain::{Change, Decision, Domain, Poison, Rows, Work};
pub use entry::{GENESIS, Head, NewEvent, Opened, Origin, Sealed, Trace, open, seal};
pub use partition::{PARTITIONS, partition};
pub use positions::{Behind, Positions};
pub use processing::ProcessingServer;
pub use reader::{ReadError, Reader};
pub use relay::{Outbox, OutboxReceiver, SweeperSettings, start as start_relay};
pub use service::LogServer;
pub use writer::{
    Answer, Applied, Inbound, Refused, RequestKey, Submission, WriterConfig, WriterSettings,
    Writers,
};

/// The log's own tables: the first migration of every service.
pub const MIGRATION: backlog_db::Migration = backlog_db::Migration {
    name: "0001_event_log",
    sql: include_str!("../migrations/0001_event_log.sql"),
};
