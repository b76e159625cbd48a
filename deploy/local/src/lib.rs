//! A private Postgres and NATS for one machine: short folder, free ports, unprivileged user,
//! removed afterwards. The demo, the tests and `make up` all run on it.
//!
//! Everything here blocks; asynchronous callers use `spawn_blocking`.

mod account;
mod binaries;
mod databases;
mod error;
mod folder;
mod keys;
mod manifest;
mod nats;
mod nats_config;
mod ports;
mod postgres;
mod process;
mod psql;
mod random;
mod services;
mod stack;

pub use binaries::{NatsBinary, PostgresBinaries};
pub use databases::{DatabaseCluster, DatabaseUrls, SERVICES, ServiceDatabase};
pub use error::LocalStackError;
pub use folder::PrivateFolder;
pub use keys::{DevelopmentKey, DevelopmentKeys};
pub use manifest::{MANIFEST_FILE, Manifest, Running};
pub use nats::NatsServer;
pub use nats_config::{NatsUser, NatsUsers};
pub use postgres::{PostgresOptions, PostgresServer};
pub use psql::PostgresAccess;
pub use services::{
    AUDIENCE, CHECKPOINT_NAME, OPERATOR_ISSUER, ServiceFiles, ServiceInputs, ServiceProcess,
    ServicesFiles,
};
pub use stack::{LocalStack, StackOptions};
