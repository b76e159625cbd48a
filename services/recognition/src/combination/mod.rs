//! Contracts that are accounted for as one (606-10-25-9): which could be, and deciding that some are.

#[expect(clippy::module_inception, reason = "the aggregate's file is named after it")]
pub mod combination;
pub mod convert;
pub mod error;
pub mod grpc;
mod proposal;
mod queries;

pub use combination::Combine;
