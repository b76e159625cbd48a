//! What every service needs at its edge: config, sources of time and ids, telemetry, health,
//! reflection, limits, shutdown, errors.
//!
//! A binary loads its [`config`], starts [`telemetry`], builds its [`server::Services`] and hands
//! them to [`server::Server`]. Handlers take [`context()`] and answer with [`to_status`].

pub mod config;
pub mod error;
pub mod limits;
pub mod page;
pub mod server;
pub mod sources;
pub mod supervise;
pub mod telemetry;

mod body;
mod deadline;
mod door;
mod panics;
mod unread;

pub use deadline::deadline;
pub use door::{context, tenant_scope};
pub use error::{Fault, InvalidFields, Kind, to_status};
pub use server::{Readiness, Server, Services};
pub use sources::{Clock, Ids};
pub use supervise::Supervisor;
