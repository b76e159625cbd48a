//! Checkpoints: a known answer, strict reading, and what cannot be signed.

use backlog_audit_log::checkpoint::{open, sign};
use backlog_audit_log::{
    CheckpointBody, CheckpointError, EMPTY_ROOT, NoteError, OpenError, TreeHead, note,
};
use proptest::prelude::*;

use crate::fixture::{Log, ORIGIN, TIME, bit_flips, body, other_key, signing_key, verifier};

const TEXT: &str = "backlog.example/ten_1\n\
    8\n\
    XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\
    log recognition 3 rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=\n\
    log reporting 0 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\
    time 2026-01-31T00:00:00Z\n";

// Made outside this crate: Python, hashlib and the `cryptography` package.
const SIGNATURE: &str = "\u{2014} backlog.example RXpa3KqKeX8w6qSBZLsyjXMVTVoXcyWTeTbBu0vGvULJdoyO6\
    Kox7TJo65F8l8h13m4LVbwcspUEbstxXIyQHesaOQI=\n";

fn head(log: &str, size: u64, root: [u8; 32]) -> TreeHead {
    TreeHead { log: log.to_owned(), size, root }
}

/// Text and signature are those that another implementation made from the same trees and key.
#[test]
fn known_answer() {
    let body = body(&Log::ct(8), 8);
    assert_eq!(body.to_text(), TEXT);
    let signed = sign(&body, "backlog.example", &signing_key()).unwrap();
    assert_eq!(signed, format!("{TEXT}\n{SIGNATURE}"));
    let opened = open(&signed, &[verifier("backlog.example", &signing_key())]).unwrap();
    assert_eq!(opened, body);
    assert_eq!((opened.origin(), opened.time()), (ORIGIN, TIME));
    assert_eq!(opened.trees().len(), 3);
    assert_eq!(opened.tree("contract"), Some(&Log::ct(8).head("contract", 8)));
    assert_eq!(opened.tree("billing"), None);
}

/// Only the signature of a pinned key opens a checkpoint, and only what is a checkpoint opens.
#[test]
fn trust_and_content() {
    let ours = [verifier("backlog.example", &signing_key())];
    let signed = sign(&body(&Log::ct(8), 8), "backlog.example", &other_key()).unwrap();
    let refused = open(&signed, &ours);
    assert!(matches!(refused, Err(OpenError::Note(NoteError::Untrusted { .. }))));
    let other = note::sign("not a checkpoint\n", "backlog.example", &signing_key()).unwrap();
    assert!(matches!(open(&other, &ours), Err(OpenError::Checkpoint(_))));
    let resized = sign(&body(&Log::ct(8), 8), "backlog.example", &signing_key()).unwrap();
    let resized = resized.replace("\n8\n", "\n7\n");
    let refused = open(&resized, &ours);
    assert!(matches!(refused, Err(OpenError::Note(NoteError::BadSignature { .. }))));
}

/// Each fault of a text is refused by the line in which it stands.
#[test]
fn strict_reading() {
    let root = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=";
    let recognition = "log recognition 3 rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=\n";
    let reporting = "log reporting 0 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let swapped = format!("{reporting}{recognition}");
    let (two, time) = (format!("{recognition}{reporting}"), "time 2026-01-31T00:00:00Z");
    let cases = [
        ("\n8\n", "\n08\n", 2),
        ("\n8\n", "\n+8\n", 2),
        ("\n8\n", "\n8 \n", 2),
        ("\n8\n", "\n18446744073709551616\n", 2),
        (root, "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyh=", 3),
        (root, "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg", 3),
        (root, "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/Rg", 3),
        ("log recognition 3 ", "log recognition 03 ", 4),
        ("log recognition 3 ", "log  recognition 3 ", 4),
        ("log recognition 3 ", "tree recognition 3 ", 4),
        (recognition, "\n", 4),
        (two.as_str(), swapped.as_str(), 4),
        (time, "time 2026-01-31T00:00:00", 6),
        (time, "time 2026-02-31T00:00:00Z", 6),
        (time, "time 2026-01-31T00:00:60Z", 6),
        (time, "time 2026-1-31T00:00:00Z", 6),
        (time, "time  2026-01-31T00:00:00Z", 6),
        (time, "time 2026-01-31T00:00:00Z\nmore", 6),
        ("time 2026-01-31T00:00:00Z\n", "time 2026-01-31T00:00:00Z", 7),
        ("time 2026-01-31T00:00:00Z\n", "", 5),
    ];
    assert!(CheckpointBody::parse(TEXT).is_ok());
    for (from, to, expected) in cases {
        let text = TEXT.replace(from, to);
        assert_ne!(text, TEXT);
        let line = match CheckpointBody::parse(&text) {
            Err(CheckpointError::Line { line, .. }) => line,
            other => panic!("{to:?}: {other:?}"),
        };
        assert_eq!(line, expected, "{to:?}");
    }
    for text in ["", "\n", "a\n", "a\n1\n", &TEXT.replace("\n", "\r\n")] {
        assert!(CheckpointBody::parse(text).is_err(), "{text:?}");
    }
}

/// No text that differs in one bit reads as the same checkpoint.
#[test]
fn one_text_for_one_content() {
    let body = CheckpointBody::parse(TEXT).unwrap();
    for altered in bit_flips(TEXT) {
        assert_ne!(CheckpointBody::parse(&altered).as_ref(), Ok(&body), "{altered:?}");
    }
}

/// What makes no sense is not made into a checkpoint.
#[test]
fn nonsense_is_refused() {
    let root = Log::ct(8).root(8);
    let contract = || vec![head("contract", 8, root)];
    let new = CheckpointBody::new;
    assert!(new(ORIGIN, contract(), TIME).is_ok());
    for origin in ["", "a b", "a+b", "a\nb", &"x".repeat(201)] {
        let refused = new(origin, contract(), TIME);
        assert_eq!(refused, Err(CheckpointError::Origin(origin.to_owned())));
    }
    for time in [-1, 253_402_300_800, i64::MIN, i64::MAX] {
        assert_eq!(new(ORIGIN, contract(), time), Err(CheckpointError::Time(time)));
    }
    assert!(new(ORIGIN, contract(), 253_402_300_799).is_ok());
    let logs = Err(CheckpointError::Logs);
    assert_eq!(new(ORIGIN, vec![], TIME), logs);
    assert_eq!(new(ORIGIN, vec![head("reporting", 8, root)], TIME), logs);
    assert_eq!(new(ORIGIN, [contract(), contract()].concat(), TIME), logs);
    let many = (0..16).map(|n| head(&format!("log_{n}"), 8, root));
    assert_eq!(new(ORIGIN, many.chain(contract()).collect(), TIME), logs);
    for name in ["", "A", "a b", "a\nb", &"x".repeat(33)] {
        let trees = vec![head("contract", 8, root), head(name, 1, root)];
        let refused = new(ORIGIN, trees, TIME);
        assert_eq!(refused, Err(CheckpointError::LogName(name.to_owned())));
    }
    for (size, root) in [(0, root), (8, EMPTY_ROOT), (1 << 63, root)] {
        let refused = new(ORIGIN, vec![head("contract", size, root)], TIME);
        assert_eq!(refused, Err(CheckpointError::Tree("contract".to_owned())));
    }
}

proptest! {
    /// Any checkpoint reads back as it was written, whatever order its logs were given in.
    #[test]
    fn round_trip(
        sizes in prop::collection::btree_map("[a-z0-9_]{1,32}", 1_u64..(1 << 63), 0..15),
        contract in 1_u64..(1 << 63),
        root in any::<[u8; 32]>(),
        time in 0_i64..=253_402_300_799,
        rotate in 0_usize..16,
    ) {
        let mut trees: Vec<_> = sizes.iter().filter(|(log, _)| *log != "contract")
            .map(|(log, size)| head(log, *size, root)).collect();
        trees.push(head("contract", contract, root));
        let at = rotate % trees.len();
        trees.rotate_left(at);
        let body = CheckpointBody::new("example.com/x", trees, time).unwrap();
        prop_assert_eq!(CheckpointBody::parse(&body.to_text()), Ok(body));
    }

    /// Any input is refused without a panic.
    #[test]
    fn parse_is_total(junk in any::<String>(), cut in 0..TEXT.len()) {
        prop_assert!(CheckpointBody::parse(&junk).is_err());
        prop_assert!(CheckpointBody::parse(&TEXT[..cut]).is_err());
        let longer = CheckpointBody::parse(&format!("{TEXT}{junk}"));
        prop_assert!(longer.is_err() || junk.is_empty());
    }
}
