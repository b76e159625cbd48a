//! The only place that connects, begins and commits.

#![doc = include_str!("../README.md")]

mod error;
mod flush;
mod migrate;
mod pool;
mod transaction;

pub use error::{DbError, Recovery};
pub use flush::{Conflict, Flush, FlushPlan, Row, TableSpec};
pub use migrate::{Migration, migrate};
pub use pool::{Database, DatabaseSettings};
pub use sea_orm::{FromQueryResult, QueryResult, Value};
pub use transaction::WriterTx;
