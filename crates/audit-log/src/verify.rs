//! The verifier's side of RFC 6962, by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use thiserror::Error;

use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The tree has no such leaf.
    #[error("there is no leaf {index} in a tree of {size}")]
    OutsideTree {
        /// The leaf, from 0.
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
    /// Fewer or more hashes than the sizes ask for.
    #[error("the proof has the wrong number of hashes for these sizes")]
    WrongLength,
    /// Leaf and proof lead to a root other than the one stated.
    #[error("leaf and proof do not lead to the root")]
    OtherRoot,
    /// The proof leads to another root for the earlier tree.
    #[error("the proof does not lead to the root of the earlier tree")]
    OtherFirstRoot,
    /// The proof leads to another root for the later tree.
    #[error("the proof does not lead to the root of the later tree")]
    OtherSecondRoot,
}

/// Checks that the leaf with this hash is number `index` (from 0) of the tree with this size and
/// root. Never panics.
///
/// # Errors
/// What does not hold.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutsideTree { index, size });
    }
    let mut climb = Climb { node: index, last: size - 1 };
    let mut hash = *leaf_hash;
    for sibling in proof {
        hash = match climb.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    if climb.last != 0 {
        return Err(ProofError::WrongLength);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::OtherRoot) }
}

/// Checks that the tree of `first` leaves with `first_root` is a prefix of the tree of `second`
/// leaves with `second_root`. An empty tree is a prefix of any, and a tree of itself, both with an
/// empty proof. Never panics.
///
/// # Errors
/// What does not hold.
pub fn verify_consistency(
    first: u64,
    second: u64,
    first_root: &Hash,
    second_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if first > second {
        return Err(ProofError::WrongOrder { first, second });
    }
    if first == 0 && *first_root != EMPTY_ROOT {
        return Err(ProofError::OtherFirstRoot);
    }
    if first == 0 || first == second {
        if !proof.is_empty() {
            return Err(ProofError::WrongLength);
        }
        if first == second && first_root != second_root {
            return Err(ProofError::OtherSecondRoot);
        }
        return Ok(());
    }
    // A first tree that is complete is itself the subtree to start from, and left out of the proof.
    let (start, siblings) = if first.is_power_of_two() {
        (first_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::WrongLength)?
    };
    let mut climb = Climb { node: first - 1, last: second - 1 };
    climb.skip_while(|node| node & 1 == 1);
    let (mut old, mut new) = (*start, *start);
    for sibling in siblings {
        match climb.step()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    if climb.last != 0 {
        return Err(ProofError::WrongLength);
    }
    if old != *first_root {
        return Err(ProofError::OtherFirstRoot);
    }
    if new == *second_root { Ok(()) } else { Err(ProofError::OtherSecondRoot) }
}

/// On which side of the node the sibling stands.
enum Side {
    Left,
    Right,
}

/// The way up from a node: `fn` and `sn` of RFC 9162.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Goes up past one sibling.
    fn step(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::WrongLength);
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // On the ragged edge a node rises without a sibling until it is a right child.
            self.skip_while(|node| node & 1 == 0 && node != 0);
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Ok(side)
    }

    /// Goes up without a sibling while the place asks for it. The condition is false at place 0,
    /// or becomes so on the way, so this ends.
    fn skip_while(&mut self, condition: impl Fn(u64) -> bool) {
        while condition(self.node) {
            self.up();
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}
