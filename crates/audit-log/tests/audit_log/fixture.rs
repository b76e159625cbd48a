//! A small log kept as a table of nodes, as a service keeps it.

use std::collections::BTreeMap;

use backlog_audit_log::{
    CheckpointBody, EMPTY_ROOT, Hash, Node, NodeId, ProofPlan, SigningKey, Tree, TreeHead,
    Verifier, consistency_nodes, inclusion_nodes, leaf_hash, root_from, root_nodes,
};

/// The leaves of the Certificate Transparency test vectors.
pub(crate) const CT_LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

/// Unix seconds of 2026-01-31T00:00:00Z.
pub(crate) const TIME: i64 = 1_769_817_600;

/// The origin of the fixture's checkpoints.
pub(crate) const ORIGIN: &str = "backlog.example/ten_1";

/// Stored entries and their table of nodes.
pub(crate) struct Log {
    pub(crate) entries: Vec<Vec<u8>>,
    table: BTreeMap<NodeId, Node>,
}

impl Log {
    pub(crate) fn new(entries: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let (mut tree, mut table) = (Tree::new(), BTreeMap::new());
        let entries: Vec<Vec<u8>> = entries.into_iter().collect();
        for entry in &entries {
            for node in tree.append(leaf_hash(entry)) {
                // A node is complete once and never changes, so it is inserted exactly once.
                assert!(table.insert(node.id(), node).is_none());
            }
        }
        Self { entries, table }
    }

    /// A log of the first `size` vectors.
    pub(crate) fn ct(size: usize) -> Self {
        Self::new(CT_LEAVES.iter().take(size).map(|hex| hex::decode(hex).unwrap()))
    }

    /// A log of `size` different entries.
    pub(crate) fn numbered(size: usize) -> Self {
        Self::new((0..size).map(|n| format!("entry {n}").into_bytes()))
    }

    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap()
    }

    pub(crate) fn leaf(&self, index: u64) -> Hash {
        leaf_hash(&self.entries[usize::try_from(index).unwrap()])
    }

    /// Exactly the rows asked for, in no useful order.
    pub(crate) fn load(&self, ids: &[NodeId]) -> Vec<Node> {
        ids.iter().rev().filter_map(|id| self.table.get(id)).copied().collect()
    }

    pub(crate) fn root(&self, size: u64) -> Hash {
        root_from(size, &self.load(&root_nodes(size).unwrap())).unwrap()
    }

    fn prove(&self, plan: &ProofPlan) -> Vec<Hash> {
        let hashes = plan.hashes(&self.load(&plan.ids())).unwrap();
        assert_eq!(hashes.len(), plan.proof_len());
        hashes
    }

    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        self.prove(&inclusion_nodes(index, size).unwrap())
    }

    pub(crate) fn consistency(&self, first: u64, second: u64) -> Vec<Hash> {
        self.prove(&consistency_nodes(first, second).unwrap())
    }

    pub(crate) fn head(&self, name: &str, size: u64) -> TreeHead {
        TreeHead { log: name.to_owned(), size, root: self.root(size) }
    }
}

/// The key pair of RFC 8032, section 7.1, test 1.
pub(crate) fn signing_key() -> SigningKey {
    let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    SigningKey::from_bytes(&seed.unwrap().try_into().unwrap())
}

/// Another key pair.
pub(crate) fn other_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn verifier(name: &str, key: &SigningKey) -> Verifier {
    Verifier::new(name, key.verifying_key()).unwrap()
}

/// A checkpoint of a contract log at a size, recognition at 3 of the vectors, reporting empty.
pub(crate) fn body(contract: &Log, size: u64) -> CheckpointBody {
    let reporting = TreeHead { log: "reporting".to_owned(), size: 0, root: EMPTY_ROOT };
    let trees = vec![reporting, Log::ct(3).head("recognition", 3), contract.head("contract", size)];
    CheckpointBody::new(ORIGIN, trees, TIME).unwrap()
}

/// Every text that differs from this one in one bit and is still UTF-8.
pub(crate) fn bit_flips(text: &str) -> impl Iterator<Item = String> {
    (0..text.len() * 8).filter_map(move |bit| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok()
    })
}

/// A hash with one bit changed.
pub(crate) fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut flipped = *hash;
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}
