//! The growing tree: what one append adds to the stored nodes.

use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::plan::{TreeError, combine, root_hashes};

/// Names a complete subtree: the 2^`level` leaves from `index` x 2^`level` on. Its hash never
/// changes once those leaves exist, so it can be stored for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// Height above the leaves, 0 to 62.
    pub level: u8,
    /// Place among the nodes of that level, from 0.
    pub index: u64,
}

/// A complete subtree with its hash: one row of a table of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Height above the leaves, 0 to 62.
    pub level: u8,
    /// Place among the nodes of that level, from 0.
    pub index: u64,
    /// Merkle tree hash of the leaves below.
    pub hash: Hash,
}

impl Node {
    /// The name of this node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId { level: self.level, index: self.index }
    }
}

/// The right edge of a tree, enough to append to it: at most 63 hashes, whatever its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    size: u64,
    // The complete subtrees that make up the tree, left to right, so levels fall.
    frontier: Vec<Node>,
}

impl Tree {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of `size` leaves, to go on appending to. `nodes` must hold those that
    /// [`root_nodes`](crate::root_nodes) names for this size, in any order; others are ignored.
    ///
    /// # Errors
    /// When a node is missing or the size is above [`MAX_SIZE`](crate::MAX_SIZE).
    pub fn resume(size: u64, nodes: &[Node]) -> Result<Self, TreeError> {
        Ok(Self { size, frontier: root_hashes(size, nodes)? })
    }

    /// Appends a leaf, given its [`leaf_hash`](crate::leaf_hash), and returns the nodes that are
    /// complete with it, the leaf first, then upward: 2 on average. Store them all.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        let mut complete = vec![node];
        while let Some(left) = self.frontier.pop_if(|last| last.level == node.level) {
            node = Node {
                level: node.level + 1,
                index: left.index / 2,
                hash: node_hash(&left.hash, &node.hash),
            };
            complete.push(node);
        }
        self.frontier.push(node);
        // Cannot overflow: `resume` accepts at most 2^63 - 1, and the rest is appended one by one.
        self.size += 1;
        complete
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Merkle tree hash of all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        combine(self.frontier.iter().map(|node| node.hash)).unwrap_or(EMPTY_ROOT)
    }

    /// The nodes to keep for [`Tree::resume`], left to right. All of them have been returned by
    /// [`Tree::append`] before.
    #[must_use]
    pub fn frontier(&self) -> &[Node] {
        &self.frontier
    }
}
