//! Faults: what happens to processes, connections, the broker and the logs while the system is used,
//! and what must hold afterwards. See the README of `crates/event-log` for why it does.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test without its stack has nothing to say"
)]

mod broker;
mod commit_cut;
mod delivery;
mod facts;
mod kill;
mod long_run;
mod oracle;
mod poison;
mod replicas;
mod shutdown;
mod telemetry;
mod wire;
