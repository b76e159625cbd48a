//! The reporting service: what backlog is, and the proof.

#![doc = include_str!("../README.md")]

pub mod app;
pub mod audit;
pub mod backlog;
pub mod config;
pub mod projection;
pub mod reading;
pub mod rollforward;

/// The service's name, as caller, audience and actor.
pub const SERVICE: &str = "reporting";

/// The service's migrations, in order.
#[must_use]
pub fn migrations() -> Vec<backlog_db::Migration> {
    let migration = |name, sql| backlog_db::Migration { name, sql };
    vec![
        backlog_event_log::MIGRATION,
        migration("0002_reporting", include_str!("../migrations/0002_reporting.sql")),
        migration("0003_reporting_reads", include_str!("../migrations/0003_reporting_reads.sql")),
        migration("0004_reporting_checks", include_str!("../migrations/0004_reporting_checks.sql")),
    ]
}
