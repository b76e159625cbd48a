//! The journal for the general ledger: accounts, rates, trial balances and exports.

pub mod balance;
pub mod convert;
pub mod error;
pub mod grpc;
#[expect(clippy::module_inception, reason = "the room of the aggregate is named after it")]
pub mod journal;
pub(crate) mod lines;
pub(crate) mod queries;
pub(crate) mod record;
pub(crate) mod rows;
pub(crate) mod trial_balance;

pub use journal::{JournalBooks, JournalChange};
