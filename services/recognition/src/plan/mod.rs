//! Plans: what is still to be recognized, month by month, computed by the engine from the state.

pub mod convert;
pub mod grpc;
pub(crate) mod queries;
