//! Which check of a bundle failed.

use serde::Serialize;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::note::NoteError;
use crate::verify::ProofError;

/// The checks of a bundle, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The bundle is of a format known here.
    Format,
    /// Trusted keys signed the checkpoint, and it is unaltered.
    Signature,
    /// The signed text is a checkpoint.
    Checkpoint,
    /// The checkpoint covers the log, at the size and place claimed.
    Coverage,
    /// The entry's bytes have the leaf hash stated.
    LeafHash,
    /// The leaf hash and the proof lead to the signed root.
    Inclusion,
    /// The later tree extends the earlier one.
    Consistency,
}

/// Which check failed, and how. In the fields `note` is the checkpoint's name in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Not JSON of the right shape, or of another format.
    #[error("format: {0}")]
    Format(String),
    /// The signature of a checkpoint.
    #[error("signature of the {note}: {source}")]
    Signature {
        /// Which checkpoint.
        note: &'static str,
        /// What is wrong.
        source: NoteError,
    },
    /// The signed text is not a checkpoint.
    #[error("text of the {note}: {source}")]
    Checkpoint {
        /// Which checkpoint.
        note: &'static str,
        /// What is wrong.
        source: CheckpointError,
    },
    /// A checkpoint says nothing of the log.
    #[error("coverage: the {note} says nothing of log {log}")]
    LogNotCovered {
        /// Which checkpoint.
        note: &'static str,
        /// The log.
        log: String,
    },
    /// The bundle proves against a tree other than the signed one.
    #[error("coverage: the proof is for {claimed} entries of log {log}, {signed} are signed")]
    OtherTreeSize {
        /// The log.
        log: String,
        /// The size in the bundle.
        claimed: u64,
        /// The size in the checkpoint.
        signed: u64,
    },
    /// The place is not in the tree.
    #[error("coverage: entry {seq} is not among the {size} of log {log}")]
    SeqOutside {
        /// The log.
        log: String,
        /// The place, from 1.
        seq: u64,
        /// Entries in the tree.
        size: u64,
    },
    /// The two checkpoints are of different tenants.
    #[error("coverage: the checkpoints are of different origins, {first} and {second}")]
    OtherOrigin {
        /// Origin of the earlier.
        first: String,
        /// Origin of the later.
        second: String,
    },
    /// The proofs are not one for each log of the earlier checkpoint.
    #[error("coverage: there is not exactly one proof for log {log}")]
    Proofs {
        /// The log without a proof, with two, or not in the earlier checkpoint.
        log: String,
    },
    /// The bytes of the entry were altered.
    #[error("leaf hash: the bytes of entry {seq} of log {log} do not have the leaf hash stated")]
    LeafHash {
        /// The log.
        log: String,
        /// The place, from 1.
        seq: u64,
    },
    /// The entry is not in the signed tree at this place.
    #[error("inclusion: entry {seq} of log {log} is not in the signed tree: {source}")]
    Inclusion {
        /// The log.
        log: String,
        /// The place, from 1.
        seq: u64,
        /// What is wrong.
        source: ProofError,
    },
    /// The later tree does not extend the earlier one.
    #[error("consistency: log {log} was not only appended to: {source}")]
    Consistency {
        /// The log.
        log: String,
        /// What is wrong.
        source: ProofError,
    },
}

impl VerifyError {
    /// The check that failed.
    #[must_use]
    pub fn check(&self) -> Check {
        match self {
            Self::Format(_) => Check::Format,
            Self::Signature { .. } => Check::Signature,
            Self::Checkpoint { .. } => Check::Checkpoint,
            Self::LogNotCovered { .. }
            | Self::OtherTreeSize { .. }
            | Self::SeqOutside { .. }
            | Self::OtherOrigin { .. }
            | Self::Proofs { .. } => Check::Coverage,
            Self::LeafHash { .. } => Check::LeafHash,
            Self::Inclusion { .. } => Check::Inclusion,
            Self::Consistency { .. } => Check::Consistency,
        }
    }
}
