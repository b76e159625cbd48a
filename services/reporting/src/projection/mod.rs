//! The other door: entries of the contract and recognition logs become rows that reports sum.

mod accounting;
mod contracts;
mod convert;
mod dimensions;
mod directory;
mod domain;
mod error;
mod rebuild;
mod repo;
mod rows;
mod state;

pub use directory::Registry;
pub use domain::{NoCommand, NoRefusal, Reporting};
pub use rebuild::{RebuildError, Rebuilt, rebuild};
pub(crate) use repo::{hash, node, number};
