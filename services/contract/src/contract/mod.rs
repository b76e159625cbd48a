//! Contracts: created as drafts, signed once, amended, terminated.

pub(crate) mod amend;
mod amendment;
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
pub(crate) mod terminate;
pub(crate) mod termination;
pub(crate) mod terms;
