//! Accounting of contract facts: each entry of the contract log becomes one entry of this log.

pub(crate) mod basis;
pub mod books;
pub mod consumer;
pub mod convert;
pub mod error;
pub mod events;
pub mod fact;
mod named;
pub(crate) mod repo;
pub(crate) mod rows;
pub mod totals;
