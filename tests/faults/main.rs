//! Faults: what happens to processes, connections, the broker and the logs while the system is used,
//! and what must hold afterwards. See the README of `crates/event-log` for why it does.

mod kill;
mod oracle;
