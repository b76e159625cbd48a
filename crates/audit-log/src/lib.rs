//! RFC 6962 trees, signed checkpoints and proofs, verified offline.
//!
//! Pure: no I/O, no clock, no randomness; every function is total over its input.
//!
//! | step | here |
//! | --- | --- |
//! | an entry becomes a leaf | [`leaf_hash`], [`Tree::append`]: the nodes to store |
//! | the tree of any size | [`root_nodes`] says which to load, [`root_from`] combines them |
//! | a proof | [`inclusion_nodes`], [`consistency_nodes`]: a [`ProofPlan`], then its hashes |
//! | a signed statement | [`CheckpointBody`], [`checkpoint::sign`], [`checkpoint::open`] |
//! | what an auditor keeps | [`ProofBundle`], [`ConsistencyBundle`], a file of [`Verifier`] lines |
#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod checkpoint;
mod encoding;
mod hash;
pub mod note;
mod plan;
mod tree;
mod verify;

pub use bundle::{
    Check, ConsistencyBundle, ConsistencyVerified, ProofBundle, Verified, VerifyError,
    verify_bundle, verify_consistency_bundle,
};
pub use checkpoint::{CheckpointBody, CheckpointError, MAIN_LOG, OpenError, TreeHead};
pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
pub use note::{NoteError, Verifier};
pub use plan::{
    MAX_SIZE, ProofPlan, TreeError, consistency_nodes, inclusion_nodes, root_from, root_nodes,
};
pub use tree::{Node, NodeId, Tree};
pub use verify::{ProofError, verify_consistency, verify_inclusion};
