//! The recognition service: the only author of accounting.

#![doc = include_str!("../README.md")]

pub mod accounting;
pub mod adjustment;
pub mod app;
pub mod combination;
pub mod config;
pub mod directory;
pub mod domain;
pub mod explain;
pub mod journal;
pub mod period;
pub mod plan;
pub mod policy;
pub mod progress;
pub mod rebuild;
pub mod run;
pub mod service;
pub mod what_if;

/// The service's migrations, in order.
#[must_use]
pub fn migrations() -> Vec<backlog_db::Migration> {
    vec![
        backlog_event_log::MIGRATION,
        backlog_db::Migration {
            name: "0002_recognition",
            sql: include_str!("../migrations/0002_recognition.sql"),
        },
        backlog_db::Migration {
            name: "0003_what_if",
            sql: include_str!("../migrations/0003_what_if.sql"),
        },
    ]
}
