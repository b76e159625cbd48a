//! Which stored nodes a root or a proof needs, and how they combine.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::tree::{Node, NodeId};

/// The most leaves that a tree may have: what a signed 64-bit column can count.
pub const MAX_SIZE: u64 = (1 << 63) - 1;

/// Why a root or a proof cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeError {
    /// A node that was asked for is not among those given.
    #[error("the stored node {index} of level {level} is missing")]
    MissingNode {
        /// Its level.
        level: u8,
        /// Its place in the level.
        index: u64,
    },
    /// The tree has no such leaf.
    #[error("there is no leaf {index} in a tree of {size}")]
    OutsideTree {
        /// The leaf asked for, from 0.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The tree said to be earlier is larger.
    #[error("a tree of {first} leaves cannot be an earlier state of one of {second}")]
    WrongOrder {
        /// Leaves in the tree said to be earlier.
        first: u64,
        /// Leaves in the tree said to be later.
        second: u64,
    },
    /// More leaves than [`MAX_SIZE`].
    #[error("a tree of {size} leaves is larger than any log can be")]
    TooLarge {
        /// The size asked for.
        size: u64,
    },
}

/// The complete subtrees, left to right, that make up a tree of `size` leaves: at most 63 nodes;
/// none for an empty tree.
///
/// # Errors
/// When the size is above [`MAX_SIZE`].
pub fn root_nodes(size: u64) -> Result<Vec<NodeId>, TreeError> {
    if size > MAX_SIZE {
        return Err(TreeError::TooLarge { size });
    }
    Ok(subtrees(0, size))
}

/// The root of a tree of `size` leaves. `nodes` must hold those that [`root_nodes`] names, in any
/// order; others are ignored.
///
/// # Errors
/// When a node is missing or the size is above [`MAX_SIZE`].
pub fn root_from(size: u64, nodes: &[Node]) -> Result<Hash, TreeError> {
    let parts = root_hashes(size, nodes)?;
    Ok(combine(parts.iter().map(|node| node.hash)).unwrap_or(EMPTY_ROOT))
}

/// Plans the proof that leaf `index` (from 0) is in the tree of `size` leaves: PATH(index,
/// D\[size\]) of RFC 6962, section 2.1.1.
///
/// # Errors
/// When the tree has no such leaf or the size is above [`MAX_SIZE`].
pub fn inclusion_nodes(index: u64, size: u64) -> Result<ProofPlan, TreeError> {
    if size > MAX_SIZE {
        return Err(TreeError::TooLarge { size });
    }
    if index >= size {
        return Err(TreeError::OutsideTree { index, size });
    }
    let (mut begin, mut end) = (0, size);
    let mut parts = Vec::new();
    while end - begin > 1 {
        let middle = begin + left_size(end - begin);
        if index < middle {
            parts.push(subtrees(middle, end));
            end = middle;
        } else {
            parts.push(subtrees(begin, middle));
            begin = middle;
        }
    }
    parts.reverse();
    Ok(ProofPlan { parts })
}

/// Plans the proof that the tree of `first` leaves is a prefix of the tree of `second`:
/// PROOF(first, D\[second\]) of RFC 6962, section 2.1.2. Empty when `first` is 0 or equals
/// `second`, where there is nothing to prove.
///
/// # Errors
/// When `first` is above `second`, or `second` above [`MAX_SIZE`].
pub fn consistency_nodes(first: u64, second: u64) -> Result<ProofPlan, TreeError> {
    if second > MAX_SIZE {
        return Err(TreeError::TooLarge { size: second });
    }
    if first > second {
        return Err(TreeError::WrongOrder { first, second });
    }
    let mut parts = Vec::new();
    if first > 0 {
        let (mut begin, mut end) = (0, second);
        // SUBPROOF descends to the subtree that ends where the first tree ends.
        while end != first {
            let middle = begin + left_size(end - begin);
            if first <= middle {
                parts.push(subtrees(middle, end));
                end = middle;
            } else {
                parts.push(subtrees(begin, middle));
                begin = middle;
            }
        }
        // When that subtree is the whole first tree, the verifier has its hash: the first root.
        if begin > 0 {
            parts.push(subtrees(begin, end));
        }
        parts.reverse();
    }
    Ok(ProofPlan { parts })
}

/// A proof before its hashes are known: which stored nodes to load, and how they combine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    // One part for each hash of the proof, in the proof's order: the complete subtrees, left to
    // right, that make up the range it covers. More than one only at the tree's ragged right edge.
    parts: Vec<Vec<NodeId>>,
}

impl ProofPlan {
    /// The nodes to load, each once: O(log n) of them.
    #[must_use]
    pub fn ids(&self) -> Vec<NodeId> {
        self.parts.iter().flatten().copied().collect()
    }

    /// Number of hashes in the proof.
    #[must_use]
    pub fn proof_len(&self) -> usize {
        self.parts.len()
    }

    /// The proof, in the order of RFC 6962. `nodes` must hold those of [`ProofPlan::ids`], in any
    /// order; others are ignored.
    ///
    /// # Errors
    /// When a node is missing.
    pub fn hashes(&self, nodes: &[Node]) -> Result<Vec<Hash>, TreeError> {
        let stored = by_id(nodes);
        self.parts
            .iter()
            .map(|part| {
                let found = pick(part, &stored)?;
                Ok(combine(found.iter().map(|node| node.hash)).unwrap_or(EMPTY_ROOT))
            })
            .collect()
    }
}

/// The nodes of [`root_nodes`], found among those given, left to right.
pub(crate) fn root_hashes(size: u64, nodes: &[Node]) -> Result<Vec<Node>, TreeError> {
    pick(&root_nodes(size)?, &by_id(nodes))
}

/// Folds the hashes of adjoining subtrees, left to right with falling levels, into the hash of the
/// range; None for an empty range.
pub(crate) fn combine(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| node_hash(&left, &right))
}

fn by_id(nodes: &[Node]) -> BTreeMap<NodeId, Node> {
    nodes.iter().map(|node| (node.id(), *node)).collect()
}

fn pick(ids: &[NodeId], stored: &BTreeMap<NodeId, Node>) -> Result<Vec<Node>, TreeError> {
    ids.iter()
        .map(|id| {
            let missing = TreeError::MissingNode { level: id.level, index: id.index };
            stored.get(id).copied().ok_or(missing)
        })
        .collect()
}

/// The complete subtrees of the leaves `begin..end`, left to right. `begin` must be a multiple of
/// a power of two not below the length, as it is for every range that RFC 6962 names.
fn subtrees(begin: u64, end: u64) -> Vec<NodeId> {
    let length = end - begin;
    let mut at = begin;
    let mut ids = Vec::new();
    for level in (0..63_u8).rev() {
        if (length >> level) & 1 == 1 {
            ids.push(NodeId { level, index: at >> level });
            at += 1 << level;
        }
    }
    ids
}

/// Where RFC 6962 splits a tree of `length` > 1 leaves: the largest power of two below it.
fn left_size(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}
