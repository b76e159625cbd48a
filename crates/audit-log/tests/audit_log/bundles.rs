//! Proof bundles: the golden files, and every way to tamper with them named by its check.

use backlog_audit_log::bundle::{CONSISTENCY_FORMAT, LogConsistency, PROOF_FORMAT};
use backlog_audit_log::{
    Check, CheckpointBody, ConsistencyBundle, ProofBundle, Verifier, checkpoint, leaf_hash,
    verify_bundle, verify_consistency_bundle,
};

use crate::fixture::{Log, ORIGIN, TIME, body, flip, other_key, signing_key, verifier};

const INCLUSION: &str = include_str!("../golden/inclusion.json");
const CONSISTENCY: &str = include_str!("../golden/consistency.json");
const VERIFIERS: &str = include_str!("../golden/verifiers.txt");

const NAME: &str = "backlog.example";

fn trusted() -> Vec<Verifier> {
    Verifier::parse_file(VERIFIERS).unwrap()
}

fn signed(log: &Log, size: u64) -> String {
    checkpoint::sign(&body(log, size), NAME, &signing_key()).unwrap()
}

/// Entry 6 of the eight vectors.
fn inclusion() -> ProofBundle {
    let log = Log::ct(8);
    ProofBundle {
        format: PROOF_FORMAT.to_owned(),
        log: "contract".to_owned(),
        seq: 6,
        entry: log.entries[5].clone(),
        leaf_hash: log.leaf(5),
        tree_size: 8,
        hashes: log.inclusion(5, 8),
        checkpoint: signed(&log, 8),
    }
}

/// From 6 to 8 of the vectors in contract; the other logs stand still.
fn consistency() -> ConsistencyBundle {
    let log = Log::ct(8);
    let proof = |log: &str, hashes| LogConsistency { log: log.to_owned(), hashes };
    ConsistencyBundle {
        format: CONSISTENCY_FORMAT.to_owned(),
        first: signed(&log, 6),
        second: signed(&log, 8),
        proofs: vec![
            proof("contract", log.consistency(6, 8)),
            proof("recognition", vec![]),
            proof("reporting", vec![]),
        ],
    }
}

fn failing(bundle: &ProofBundle) -> Check {
    verify_bundle(bundle, &trusted()).unwrap_err().check()
}

fn failing_between(bundle: &ConsistencyBundle) -> Check {
    verify_consistency_bundle(bundle, &trusted()).unwrap_err().check()
}

/// The files under tests/golden are what this code writes and reads, byte for byte: a bundle that
/// an auditor holds stays readable.
#[test]
fn golden_files() {
    assert_eq!(inclusion().to_json().unwrap(), INCLUSION);
    assert_eq!(consistency().to_json().unwrap(), CONSISTENCY);
    assert_eq!(trusted(), [verifier(NAME, &signing_key())]);
    assert_eq!(ProofBundle::from_json(INCLUSION).unwrap(), inclusion());
    assert_eq!(ConsistencyBundle::from_json(CONSISTENCY).unwrap(), consistency());
}

/// A good bundle says what it proves: whose log, which entry, under which tree, time and key.
#[test]
fn a_good_bundle() {
    let verified = verify_bundle(&inclusion(), &trusted()).unwrap();
    assert_eq!(verified.origin, ORIGIN);
    assert_eq!((verified.log.as_str(), verified.seq), ("contract", 6));
    assert_eq!(verified.leaf_hash, leaf_hash(&inclusion().entry));
    assert_eq!(verified.tree, Log::ct(8).head("contract", 8));
    assert_eq!(verified.time, TIME);
    assert_eq!(verified.signers, ["backlog.example+457a5adc"]);
}

/// An extension line's log is proved like the main one.
#[test]
fn a_log_in_an_extension_line() {
    let log = Log::ct(3);
    let mut bundle = ProofBundle {
        log: "recognition".to_owned(),
        seq: 2,
        entry: log.entries[1].clone(),
        leaf_hash: log.leaf(1),
        tree_size: 3,
        hashes: log.inclusion(1, 3),
        ..inclusion()
    };
    assert_eq!(verify_bundle(&bundle, &trusted()).unwrap().tree, log.head("recognition", 3));
    bundle.log = "contract".to_owned();
    assert_eq!(failing(&bundle), Check::Coverage);
}

/// Each way to tamper with a bundle fails at the check that the error names.
#[test]
fn tampering_is_named() {
    type Tamper = (Check, fn(&mut ProofBundle));
    let cases: [Tamper; 15] = [
        (Check::Format, |b| b.format = "backlog-inclusion-proof/2".to_owned()),
        (Check::Signature, |b| b.checkpoint = b.checkpoint.replace("\n8\n", "\n9\n")),
        (Check::Signature, |b| b.checkpoint = b.checkpoint.replace("ten_1", "ten_2")),
        (Check::Signature, |b| b.checkpoint = b.checkpoint.replace("rra8", "rra9")),
        (Check::Signature, |b| b.checkpoint = b.checkpoint.replace("qKeX8", "qKeX9")),
        (Check::Signature, |b| b.checkpoint.clear()),
        (Check::Coverage, |b| b.log = "billing".to_owned()),
        (Check::Coverage, |b| b.tree_size = 7),
        (Check::Coverage, |b| b.seq = 0),
        (Check::Coverage, |b| b.seq = 9),
        (Check::LeafHash, |b| b.entry.push(0)),
        (Check::LeafHash, |b| b.leaf_hash = flip(&b.leaf_hash, 77)),
        (Check::Inclusion, |b| b.seq = 5),
        (Check::Inclusion, |b| b.hashes.truncate(2)),
        (Check::Inclusion, |b| {
            b.entry.push(0);
            b.leaf_hash = leaf_hash(&b.entry);
        }),
    ];
    for (number, (check, tamper)) in cases.iter().enumerate() {
        let mut bundle = inclusion();
        tamper(&mut bundle);
        assert_ne!(bundle, inclusion(), "case {number} changes nothing");
        assert_eq!(failing(&bundle), *check, "case {number}");
    }
    for bit in 0..inclusion().entry.len() * 8 {
        let mut bundle = inclusion();
        bundle.entry[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(failing(&bundle), Check::LeafHash);
        bundle.leaf_hash = leaf_hash(&bundle.entry);
        assert_eq!(failing(&bundle), Check::Inclusion);
    }
    for (at, bit) in (0..3).flat_map(|at| (0..256).map(move |bit| (at, bit))) {
        let mut bundle = inclusion();
        bundle.hashes[at] = flip(&bundle.hashes[at], bit);
        assert_eq!(failing(&bundle), Check::Inclusion);
    }
}

/// A forger with a key of his own, or without the auditor's pins, proves nothing.
#[test]
fn only_pinned_keys_count() {
    let forged = checkpoint::sign(&body(&Log::ct(8), 8), NAME, &other_key()).unwrap();
    assert_eq!(failing(&ProofBundle { checkpoint: forged, ..inclusion() }), Check::Signature);
    let error = verify_bundle(&inclusion(), &[]).unwrap_err();
    assert_eq!(error.check(), Check::Signature);
    assert!(error.to_string().contains("backlog.example+457a5adc"), "{error}");
    let not_one = backlog_audit_log::note::sign("hello\n", NAME, &signing_key()).unwrap();
    assert_eq!(failing(&ProofBundle { checkpoint: not_one, ..inclusion() }), Check::Checkpoint);
}

/// JSON of another shape is refused by its format: unknown fields, missing ones, bad base64.
#[test]
fn json_is_strict() {
    let cases = [
        ("\"seq\": 6", "\"seq\": -6"),
        ("\"seq\": 6", "\"seq\": 6, \"more\": 1"),
        ("\"seq\": 6,", ""),
        ("\"seq\": 6", "\"seq\": 6, \"seq\": 7"),
        ("QEFCQw==", "QEFCQw"),
        ("QEFCQw==", "QEFCQx=="),
        ("vBoGQ7EuTS", "vBoGQ7EuT"),
    ];
    for (from, to) in cases {
        let json = INCLUSION.replace(from, to);
        assert_ne!(json, INCLUSION, "{to}");
        assert_eq!(ProofBundle::from_json(&json).unwrap_err().check(), Check::Format, "{to}");
    }
    assert_eq!(ProofBundle::from_json(CONSISTENCY).unwrap_err().check(), Check::Format);
    assert_eq!(ConsistencyBundle::from_json(INCLUSION).unwrap_err().check(), Check::Format);
}

/// A good consistency bundle gives both checkpoints; all logs of the earlier one are proved.
#[test]
fn good_consistency() {
    let verified = verify_consistency_bundle(&consistency(), &trusted()).unwrap();
    assert_eq!(verified.origin, ORIGIN);
    assert_eq!(verified.first, body(&Log::ct(6), 6));
    assert_eq!(verified.second, body(&Log::ct(8), 8));
}

/// Each way to tamper with a consistency bundle fails at the check that the error names.
#[test]
fn tampering_between_checkpoints_is_named() {
    type Tamper = (Check, fn(&mut ConsistencyBundle));
    let cases: [Tamper; 9] = [
        (Check::Format, |b| b.format = PROOF_FORMAT.to_owned()),
        (Check::Signature, |b| b.first = b.first.replace("\n6\n", "\n7\n")),
        (Check::Signature, |b| b.second = b.second.replace("00:00:00Z", "00:00:01Z")),
        (Check::Coverage, |b| drop(b.proofs.pop())),
        (Check::Coverage, |b| b.proofs.push(b.proofs[0].clone())),
        (Check::Coverage, |b| b.proofs[2].log = "billing".to_owned()),
        (Check::Consistency, |b| b.proofs[0].hashes[1] = [0; 32]),
        (Check::Consistency, |b| b.proofs[1].hashes.push([0; 32])),
        (Check::Consistency, |b| std::mem::swap(&mut b.first, &mut b.second)),
    ];
    for (number, (check, tamper)) in cases.iter().enumerate() {
        let mut bundle = consistency();
        tamper(&mut bundle);
        assert_ne!(bundle, consistency(), "case {number} changes nothing");
        assert_eq!(failing_between(&bundle), *check, "case {number}");
    }
}

/// Rewritten history does not pass even when the vendor signs it, nor do another tenant's logs or
/// a log that is gone.
#[test]
fn rewritten_and_signed() {
    let mut entries = Log::ct(8).entries;
    entries[2] = b"rewritten".to_vec();
    let rewritten = Log::new(entries);
    let mut bundle = ConsistencyBundle { second: signed(&rewritten, 8), ..consistency() };
    bundle.proofs[0].hashes = rewritten.consistency(6, 8);
    let error = verify_consistency_bundle(&bundle, &trusted()).unwrap_err();
    assert_eq!(error.check(), Check::Consistency);
    assert!(error.to_string().contains("log contract was not only appended to"), "{error}");

    let resign = |origin, trees| {
        let body = CheckpointBody::new(origin, trees, TIME).unwrap();
        checkpoint::sign(&body, NAME, &signing_key()).unwrap()
    };
    let trees = body(&Log::ct(8), 8).trees().to_vec();
    let second = resign("backlog.example/ten_2", trees.clone());
    assert_eq!(failing_between(&ConsistencyBundle { second, ..consistency() }), Check::Coverage);
    let second = resign(ORIGIN, trees[..2].to_vec());
    assert_eq!(failing_between(&ConsistencyBundle { second, ..consistency() }), Check::Coverage);
}
