//! What-ifs: what was recognized and what remains planned, had another policy measured the same facts. Worked
//! on beside the books, stored and labeled.

pub mod convert;
pub mod error;
pub(crate) mod figures;
pub mod grpc;
pub mod queries;
pub(crate) mod rows;
pub mod schedule;
pub(crate) mod walk;
#[expect(clippy::module_inception, reason = "the aggregate's file is named after it")]
pub mod what_if;
pub mod work;

pub use what_if::{Assumed, what_if_id};
