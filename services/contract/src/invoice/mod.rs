//! Invoices: they move commitment from unbilled to billed and never change backlog.

pub(crate) mod convert;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod grpc;
#[expect(clippy::module_inception, reason = "the room of the aggregate is named after it")]
pub(crate) mod invoice;
pub(crate) mod issue;
mod queries;
pub(crate) mod repo;
pub(crate) mod rows;
