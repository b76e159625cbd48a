//! The audit trail: entries as stored, trees, signed checkpoints, proofs.

mod checkpoint;
mod convert;
mod error;
mod grpc;
mod queries;
mod signer;

pub use checkpoint::verify_checkpoints;
pub use error::AuditFault;
pub use grpc::AuditServer;
pub use signer::{CheckpointSigner, SignerError};
