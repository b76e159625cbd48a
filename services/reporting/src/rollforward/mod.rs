//! Roll-forward of backlog: opening, changes by cause, closing, and nothing unexplained.

mod convert;
mod grpc;
mod queries;
mod roll_forward;

pub(crate) use grpc::roll_forward;
