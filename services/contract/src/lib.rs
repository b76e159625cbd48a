//! The contract service: commitments and billing facts.

#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;

mod answer;
mod contract;
mod domain;
mod invoice;
mod paging;
mod platform;
mod policy;
mod request;

use backlog_db::Migration;

/// Name of the service: audience of other services' tokens, name in logs and traces.
pub const SERVICE: &str = "contract";

/// The migrations of the service's schema, in order.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    vec![
        backlog_event_log::MIGRATION,
        Migration { name: "0002_contract", sql: include_str!("../migrations/0002_contract.sql") },
        Migration {
            name: "0003_contract_reads",
            sql: include_str!("../migrations/0003_contract_reads.sql"),
        },
    ]
}
