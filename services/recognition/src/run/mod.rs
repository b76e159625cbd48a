//! Recognition runs: posting what is earned and not posted yet, in chunks that can be retried.

pub mod ahead;
pub mod convert;
pub mod error;
pub mod grpc;
pub(crate) mod queries;
pub mod recognize;
pub(crate) mod rows;
#[expect(clippy::module_inception, reason = "the aggregate's file is named after it")]
pub mod run;
pub mod schedule;
pub mod stream;

pub(crate) use ahead::Worked;
pub use run::{ENTRIES_MAX, Posted, RecognizeChunk, Run, Totals, run_id};
