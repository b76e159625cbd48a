//! Contracts: created as drafts, signed once.

#[expect(clippy::module_inception, reason = "the room of the aggregate is named after it")]
pub(crate) mod contract;
pub(crate) mod convert;
pub(crate) mod create;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod grpc;
mod queries;
pub(crate) mod repo;
pub(crate) mod rows;
pub(crate) mod sign;
pub(crate) mod terms;
