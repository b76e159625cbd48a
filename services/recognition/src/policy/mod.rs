//! Versions of the tenant's policy: setting the next, and which is in force when.

pub mod convert;
pub mod error;
pub mod grpc;
#[expect(clippy::module_inception, reason = "the aggregate's file is named after it")]
pub mod policy;
pub(crate) mod queries;
pub(crate) mod repo;
pub(crate) mod rows;

pub use policy::{SetPolicy, Version};
