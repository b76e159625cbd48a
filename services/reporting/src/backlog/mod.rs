//! Backlog at the end of a day, in total or by group.

pub mod balances;
mod convert;
mod grpc;
mod queries;

pub use grpc::BacklogServer;
