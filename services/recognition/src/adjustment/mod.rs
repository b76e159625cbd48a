//! Adjustments that need a second person: put in, then approved or rejected.

#[expect(clippy::module_inception, reason = "the aggregate's file is named after it")]
pub mod adjustment;
pub mod convert;
pub mod error;
pub mod grpc;
pub(crate) mod queries;
pub(crate) mod repo;
pub(crate) mod rows;

pub use adjustment::{Adjustment, AdjustmentState, Decide, Verdict, adjustment_id};
