//! Proof bundles: one JSON file that an auditor checks without the server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{CheckpointBody, TreeHead};
use crate::encoding;
use crate::hash::{Hash, leaf_hash};
use crate::note::{self, Verifier};
use crate::verify::{verify_consistency, verify_inclusion};

mod error;

pub use error::{Check, VerifyError};

/// The format of [`ProofBundle`].
pub const PROOF_FORMAT: &str = "backlog-inclusion-proof/1";

/// The format of [`ConsistencyBundle`].
pub const CONSISTENCY_FORMAT: &str = "backlog-consistency-proof/1";

/// Proves that an entry stands in a log, at its place, under a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofBundle {
    /// [`PROOF_FORMAT`].
    pub format: String,
    /// The log, as the checkpoint names it.
    pub log: String,
    /// Place of the entry in the log, from 1; it is leaf `seq - 1`.
    pub seq: u64,
    /// The stored bytes of the entry; base64 in JSON.
    #[serde(with = "encoding::bytes")]
    pub entry: Vec<u8>,
    /// Leaf hash of those bytes as the server has it; base64 in JSON.
    #[serde(with = "encoding::hash")]
    pub leaf_hash: Hash,
    /// Leaves in the tree proved against.
    pub tree_size: u64,
    /// The proof, from the leaf's sibling up; base64 in JSON.
    #[serde(with = "encoding::hashes")]
    pub hashes: Vec<Hash>,
    /// The signed checkpoint that names the tree.
    pub checkpoint: String,
}

/// Proves that nothing in any log was altered or removed between two signed checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyBundle {
    /// [`CONSISTENCY_FORMAT`].
    pub format: String,
    /// The earlier signed checkpoint.
    pub first: String,
    /// The later signed checkpoint.
    pub second: String,
    /// One proof for each log of the earlier checkpoint, in order of their names.
    pub proofs: Vec<LogConsistency>,
}

/// The consistency proof of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConsistency {
    /// The log, as the checkpoints name it.
    pub log: String,
    /// The proof; base64 in JSON.
    #[serde(with = "encoding::hashes")]
    pub hashes: Vec<Hash>,
}

/// What a valid [`ProofBundle`] proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose log it is, as signed. Compare it with the tenant that was asked about.
    pub origin: String,
    /// The log.
    pub log: String,
    /// Place of the entry, from 1.
    pub seq: u64,
    /// Its leaf hash, recomputed.
    pub leaf_hash: Hash,
    /// The tree that holds it, as signed.
    pub tree: TreeHead,
    /// When the checkpoint was made, in Unix seconds.
    pub time: i64,
    /// The trusted keys that signed, as name+id.
    pub signers: Vec<String>,
}

/// What a valid [`ConsistencyBundle`] proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyVerified {
    /// Whose logs these are, as signed in both.
    pub origin: String,
    /// The earlier checkpoint.
    pub first: CheckpointBody,
    /// The later checkpoint.
    pub second: CheckpointBody,
}

impl ProofBundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// When it is not JSON of this shape.
    pub fn from_json(json: &str) -> Result<Self, VerifyError> {
        serde_json::from_str(json).map_err(|e| VerifyError::Format(e.to_string()))
    }

    /// The bundle as a JSON file, indented, ending in a newline.
    ///
    /// # Errors
    /// Never for a value of this shape; the serializer's type says it could.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl ConsistencyBundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// When it is not JSON of this shape.
    pub fn from_json(json: &str) -> Result<Self, VerifyError> {
        serde_json::from_str(json).map_err(|e| VerifyError::Format(e.to_string()))
    }

    /// The bundle as a JSON file, indented, ending in a newline.
    ///
    /// # Errors
    /// Never for a value of this shape; the serializer's type says it could.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// Checks a proof bundle against the keys that are trusted: format, signature, coverage, leaf hash
/// and inclusion, in this order. Never panics. That the bytes name this log, place and tenant is
/// for the caller to check, who can decode them.
///
/// # Errors
/// The first check that fails.
pub fn verify_bundle(bundle: &ProofBundle, trusted: &[Verifier]) -> Result<Verified, VerifyError> {
    check_format(&bundle.format, PROOF_FORMAT)?;
    let (body, signers) = open(&bundle.checkpoint, "checkpoint", trusted)?;
    let (log, seq) = (bundle.log.clone(), bundle.seq);
    let tree = covered(&body, "checkpoint", &log)?.clone();
    if bundle.tree_size != tree.size {
        return Err(VerifyError::OtherTreeSize {
            log,
            claimed: bundle.tree_size,
            signed: tree.size,
        });
    }
    let Some(index) = seq.checked_sub(1).filter(|index| *index < tree.size) else {
        return Err(VerifyError::SeqOutside { log, seq, size: tree.size });
    };
    let leaf = leaf_hash(&bundle.entry);
    if leaf != bundle.leaf_hash {
        return Err(VerifyError::LeafHash { log, seq });
    }
    if let Err(source) = verify_inclusion(&leaf, index, tree.size, &bundle.hashes, &tree.root) {
        return Err(VerifyError::Inclusion { log, seq, source });
    }
    let (origin, time) = (body.origin().to_owned(), body.time());
    Ok(Verified { origin, log, seq, leaf_hash: leaf, tree, time, signers })
}

/// Checks a consistency bundle against the keys that are trusted: format, both signatures,
/// coverage and, for every log of the earlier checkpoint, consistency. Never panics.
///
/// # Errors
/// The first check that fails.
pub fn verify_consistency_bundle(
    bundle: &ConsistencyBundle,
    trusted: &[Verifier],
) -> Result<ConsistencyVerified, VerifyError> {
    check_format(&bundle.format, CONSISTENCY_FORMAT)?;
    let (first, _) = open(&bundle.first, "first checkpoint", trusted)?;
    let (second, _) = open(&bundle.second, "second checkpoint", trusted)?;
    if first.origin() != second.origin() {
        let (first, second) = (first.origin().to_owned(), second.origin().to_owned());
        return Err(VerifyError::OtherOrigin { first, second });
    }
    let mut proofs = BTreeMap::new();
    for proof in &bundle.proofs {
        let twice = proofs.insert(proof.log.as_str(), &proof.hashes).is_some();
        if twice || first.tree(&proof.log).is_none() {
            return Err(VerifyError::Proofs { log: proof.log.clone() });
        }
    }
    for old in first.trees() {
        let log = old.log.clone();
        let Some(hashes) = proofs.get(log.as_str()) else {
            return Err(VerifyError::Proofs { log });
        };
        let new = covered(&second, "second checkpoint", &log)?;
        verify_consistency(old.size, new.size, &old.root, &new.root, hashes)
            .map_err(|source| VerifyError::Consistency { log, source })?;
    }
    Ok(ConsistencyVerified { origin: first.origin().to_owned(), first, second })
}

fn check_format(found: &str, expected: &str) -> Result<(), VerifyError> {
    if found == expected {
        return Ok(());
    }
    Err(VerifyError::Format(format!("{found:?} is not {expected:?}")))
}

fn open(
    text: &str,
    note: &'static str,
    trusted: &[Verifier],
) -> Result<(CheckpointBody, Vec<String>), VerifyError> {
    let opened =
        note::open(text, trusted).map_err(|source| VerifyError::Signature { note, source })?;
    let body = CheckpointBody::parse(&opened.text)
        .map_err(|source| VerifyError::Checkpoint { note, source })?;
    Ok((body, opened.signers))
}

fn covered<'a>(
    body: &'a CheckpointBody,
    note: &'static str,
    log: &str,
) -> Result<&'a TreeHead, VerifyError> {
    body.tree(log).ok_or_else(|| VerifyError::LogNotCovered { note, log: log.to_owned() })
}
