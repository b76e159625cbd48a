//! Accounting periods: closing them, opening the latest again, and what blocks a close.

pub mod convert;
pub mod error;
pub mod grpc;
#[expect(clippy::module_inception, reason = "the aggregate's file is named after it")]
pub mod period;
pub(crate) mod queries;
pub(crate) mod repo;
pub(crate) mod rows;

pub use period::{Check, CheckItem, Close, ClosePeriod, OpenWork, PeriodCommand, ReopenPeriod};
