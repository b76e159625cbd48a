//! Progress, estimates and adjustments: the facts that this service keeps itself.

pub mod convert;
pub mod error;
pub mod grpc;
pub mod record;
