//! Trees and proofs of any size, against an independent implementation and against tampering.

use std::collections::BTreeSet;

use backlog_audit_log::{
    EMPTY_ROOT, MAX_SIZE, Node, ProofError, Tree, TreeError, consistency_nodes, inclusion_nodes,
    leaf_hash, root_from, root_nodes, verify_consistency, verify_inclusion,
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;

use crate::fixture::{Log, flip};

fn independent(log: &Log, size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    for entry in log.entries.iter().take(usize::try_from(size).unwrap()) {
        tree.push(entry.clone());
    }
    tree
}

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Roots, inclusion and consistency proofs are, byte for byte, those of ct-merkle.
    #[test]
    fn equal_to_an_independent_implementation(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..400),
        pick in any::<prop::sample::Index>(),
        sizes in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let log = Log::new(entries);
        let (a, b) = (sizes.0.index(log.entries.len()) + 1, sizes.1.index(log.entries.len()) + 1);
        let (first, second) = (u64::try_from(a.min(b)).unwrap(), u64::try_from(a.max(b)).unwrap());
        let (old, new) = (independent(&log, first), independent(&log, second));
        prop_assert_eq!(log.root(first), <[u8; 32]>::from(*old.root().as_bytes()));
        prop_assert_eq!(log.root(second), <[u8; 32]>::from(*new.root().as_bytes()));
        let index = u64::try_from(pick.index(a.max(b))).unwrap();
        let inclusion = log.inclusion(index, second);
        let theirs = new.prove_inclusion(at(index));
        prop_assert_eq!(inclusion.as_flattened(), theirs.as_bytes());
        let consistency = log.consistency(first, second);
        let theirs = new.prove_consistency(at(second - first));
        prop_assert_eq!(consistency.as_flattened(), theirs.as_bytes());
        let (leaf, root) = (log.leaf(index), log.root(second));
        prop_assert_eq!(verify_inclusion(&leaf, index, second, &inclusion, &root), Ok(()));
        prop_assert_eq!(
            verify_consistency(first, second, &log.root(first), &root, &consistency),
            Ok(())
        );
    }

    /// A tree taken up again from the stored nodes goes on as one that never stopped.
    #[test]
    fn resumed_is_the_same(before in 0_usize..300, after in 0_usize..300) {
        let log = Log::numbered(before);
        let ids = root_nodes(log.len()).unwrap();
        let mut resumed = Tree::resume(log.len(), &log.load(&ids)).unwrap();
        let frontier: Vec<_> = resumed.frontier().iter().map(Node::id).collect();
        prop_assert_eq!(frontier, ids);
        let mut whole = Tree::new();
        for entry in &log.entries {
            whole.append(leaf_hash(entry));
        }
        prop_assert_eq!(&resumed, &whole);
        for n in 0..after {
            let leaf = leaf_hash(format!("later {n}").as_bytes());
            prop_assert_eq!(resumed.append(leaf), whole.append(leaf));
        }
        prop_assert_eq!(resumed.root(), whole.root());
        prop_assert_eq!(resumed.size(), whole.size());
    }

    /// The verifiers refuse nonsense of any size and length without a panic.
    #[test]
    fn verifiers_are_total(
        numbers in any::<(u64, u64)>(),
        small in (0_u64..70, 0_u64..70),
        length in 0_usize..70,
    ) {
        let proof = vec![[9; 32]; length];
        for (a, b) in [numbers, small, (0, 0), (u64::MAX, u64::MAX), (u64::MAX - 1, u64::MAX)] {
            prop_assert!(verify_inclusion(&[1; 32], a, b, &proof, &[2; 32]).is_err());
            prop_assert!(verify_consistency(a, b, &[1; 32], &[2; 32], &proof).is_err());
        }
    }

    /// Plans of any size ask for O(log n) nodes, each once, all complete, or say what is wrong.
    #[test]
    fn plans_are_total_and_small(a in any::<u64>(), b in any::<u64>(), shift in 0_u32..64) {
        for (a, b) in [(a, b), (a >> shift, b >> shift), (a % (b >> shift).max(1), b >> shift)] {
            for plan in [inclusion_nodes(a, b), consistency_nodes(a, b)].into_iter().flatten() {
                let ids = plan.ids();
                prop_assert!(plan.proof_len() <= 64 && ids.len() <= 126);
                prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
                for id in ids {
                    prop_assert!((id.index + 1) << id.level <= b, "not complete in {}", b);
                }
            }
            prop_assert_eq!(inclusion_nodes(a, b).is_ok(), a < b && b <= MAX_SIZE);
            prop_assert_eq!(consistency_nodes(a, b).is_ok(), a <= b && b <= MAX_SIZE);
            prop_assert_eq!(root_nodes(b).is_ok(), b <= MAX_SIZE);
        }
    }
}

/// Every proof of every pair of sizes up to 40 holds; at another place, for another size, or with
/// a hash more or less, it does not.
#[test]
fn every_small_proof_holds_and_no_other() {
    let log = Log::numbered(40);
    for second in 1..=log.len() {
        let root = log.root(second);
        for first in 0..=second {
            let proof = log.consistency(first, second);
            let old = log.root(first);
            assert_eq!(verify_consistency(first, second, &old, &root, &proof), Ok(()));
            let longer = [proof.clone(), vec![[0; 32]]].concat();
            assert!(verify_consistency(first, second, &old, &root, &longer).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(verify_consistency(first, second, &old, &root, shorter).is_err());
            }
            if first > 0 && first < second {
                assert!(verify_consistency(first, second, &root, &old, &proof).is_err());
                assert!(verify_consistency(first, second, &root, &root, &proof).is_err());
            }
        }
        for index in 0..second {
            let (leaf, proof) = (log.leaf(index), log.inclusion(index, second));
            for place in 0..=second {
                let holds = verify_inclusion(&leaf, place, second, &proof, &root).is_ok();
                assert_eq!(holds, place == index, "leaf {index} of {second} at {place}");
            }
            let longer = [proof.clone(), vec![[0; 32]]].concat();
            let refused = verify_inclusion(&leaf, index, second, &longer, &root);
            assert_eq!(refused, Err(ProofError::WrongLength));
            if let Some((_, shorter)) = proof.split_last() {
                let refused = verify_inclusion(&leaf, index, second, shorter, &root);
                assert_eq!(refused, Err(ProofError::WrongLength));
            }
        }
    }
}

/// One changed bit anywhere in an entry, a leaf hash, a proof or a root is noticed.
#[test]
fn single_bits_matter() {
    let log = Log::numbered(11);
    for second in 1..=log.len() {
        let root = log.root(second);
        for index in 0..second {
            let (leaf, proof) = (log.leaf(index), log.inclusion(index, second));
            let refused = |leaf, proof: &[_], root| {
                verify_inclusion(&leaf, index, second, proof, &root).is_err()
            };
            for bit in 0..256 {
                assert!(refused(flip(&leaf, bit), &proof, root));
                assert!(refused(leaf, &proof, flip(&root, bit)));
                for at in 0..proof.len() {
                    let mut altered = proof.clone();
                    altered[at] = flip(&proof[at], bit);
                    assert!(refused(leaf, &altered, root));
                }
            }
            let entry = &log.entries[at(index)];
            for bit in 0..entry.len() * 8 {
                let mut altered = entry.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                assert!(refused(leaf_hash(&altered), &proof, root));
            }
        }
        for first in 1..=second {
            let (old, proof) = (log.root(first), log.consistency(first, second));
            let refused = |old, new, proof: &[_]| {
                verify_consistency(first, second, &old, &new, proof).is_err()
            };
            for bit in 0..256 {
                assert!(refused(flip(&old, bit), root, &proof));
                assert!(refused(old, flip(&root, bit), &proof));
                for at in 0..proof.len() {
                    let mut altered = proof.clone();
                    altered[at] = flip(&proof[at], bit);
                    assert!(refused(old, root, &altered));
                }
            }
        }
    }
}

/// A log in which any early entry was altered, removed, swapped or inserted cannot be shown to
/// extend the earlier tree, even by its own honest proofs.
#[test]
fn rewritten_history_is_not_consistent() {
    let honest = Log::numbered(13);
    let first = 9;
    for index in 0..9 {
        let mut altered = honest.entries.clone();
        altered[index].push(b'!');
        let mut removed = honest.entries.clone();
        removed.remove(index);
        let mut inserted = honest.entries.clone();
        inserted.insert(index, b"new".to_vec());
        let mut swapped = honest.entries.clone();
        swapped.swap(index, index + 1);
        let rewritten = [altered, removed, inserted, swapped];
        for log in rewritten.map(Log::new) {
            let (second, root) = (log.len(), log.root(log.len()));
            let proof = log.consistency(first, second);
            let checked = verify_consistency(first, second, &honest.root(first), &root, &proof);
            assert!(checked.is_err(), "entry {index}");
        }
    }
}

/// The edges of the definitions: empty trees, equal sizes, wrong order, missing rows.
#[test]
fn edges() {
    let log = Log::numbered(5);
    let (root, leaf) = (log.root(5), log.leaf(0));
    assert_eq!(
        verify_inclusion(&leaf, 0, 0, &[], &EMPTY_ROOT),
        Err(ProofError::OutsideTree { index: 0, size: 0 })
    );
    assert_eq!(verify_consistency(0, 0, &EMPTY_ROOT, &EMPTY_ROOT, &[]), Ok(()));
    assert_eq!(verify_consistency(0, 5, &EMPTY_ROOT, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, 5, &root, &root, &[]), Err(ProofError::OtherFirstRoot));
    assert_eq!(verify_consistency(0, 0, &root, &root, &[]), Err(ProofError::OtherFirstRoot));
    assert_eq!(
        verify_consistency(5, 5, &root, &flip(&root, 0), &[]),
        Err(ProofError::OtherSecondRoot)
    );
    assert_eq!(
        verify_consistency(5, 4, &root, &root, &[]),
        Err(ProofError::WrongOrder { first: 5, second: 4 })
    );
    assert_eq!(verify_consistency(3, 5, &log.root(3), &root, &[]), Err(ProofError::WrongLength));
    let missing = TreeError::MissingNode { level: 2, index: 0 };
    assert_eq!(root_from(5, &[]), Err(missing.clone()));
    assert_eq!(Tree::resume(5, &[]), Err(missing.clone()));
    assert_eq!(inclusion_nodes(4, 5).unwrap().hashes(&[]), Err(missing));
    assert_eq!(inclusion_nodes(5, 5), Err(TreeError::OutsideTree { index: 5, size: 5 }));
    assert_eq!(consistency_nodes(6, 5), Err(TreeError::WrongOrder { first: 6, second: 5 }));
    assert_eq!(root_nodes(1 << 63), Err(TreeError::TooLarge { size: 1 << 63 }));
}

/// The proof of an entry among 10 million takes less than 1 KB on the wire, and its nodes are one
/// short query.
#[test]
fn ten_million_entries_in_a_kilobyte() {
    let size = 10_000_000;
    let places = (0..size).step_by(997).chain([1, size / 2, (1 << 23) - 1, 1 << 23, size - 1]);
    for index in places {
        let plan = inclusion_nodes(index, size).unwrap();
        // Protobuf: tag and length for each hash, and two numbers of at most 10 bytes.
        let bytes = plan.proof_len() * (32 + 2) + 2 * 11;
        assert!(bytes <= 1_024, "{bytes} bytes for entry {index}");
        assert!(plan.proof_len() <= 24);
        assert!(plan.ids().len() <= 2 * 24);
    }
    let earlier = consistency_nodes(9_999_999, size).unwrap();
    assert!(earlier.proof_len() <= 25);
}
