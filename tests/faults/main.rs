//! Faults: what happens to processes, connections, the broker and the logs while the system is used,
//! and what must hold afterwards. See the README of `crates/event-log` for why it does.
#![expect(clippy::unwrap_used, reason = "a test without its stack has nothing to say")]

mod kill;
mod oracle;
