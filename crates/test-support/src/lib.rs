//! Test database, test broker, fixed clock, tokens, in-process servers.

pub mod broker;
pub mod cluster;
pub mod database;
