//! Accounts and tenants: what a vendor manages about its customers' books.

pub(crate) mod convert;
pub(crate) mod create_account;
pub(crate) mod create_tenant;
pub(crate) mod directory;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod grpc;
mod queries;
pub(crate) mod repo;
pub(crate) mod rows;
pub(crate) mod set_tenant_suspended;
pub(crate) mod tenant;
