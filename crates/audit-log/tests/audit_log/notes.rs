//! Signed notes: known answers, keys, and what is refused.

use backlog_audit_log::note::{MAX_SIGNATURES, open, sign};
use backlog_audit_log::{NoteError, SigningKey, Verifier};
use proptest::prelude::*;

use crate::fixture::{bit_flips, other_key, signing_key, verifier};

// The example in the documentation of Go's sumdb/note package, from which the format comes.
const GO_VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_SEED: &str = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";
const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                       then you don't know what your problem is.\n";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng\
    otpRZb6KE6RyyBwJnAM=\n";

fn malformed(note: &str) -> bool {
    matches!(open(note, &[]), Err(NoteError::Malformed(_)))
}

/// The published example opens with its published key, and its seed signs the same bytes.
#[test]
fn the_example_of_the_format() {
    let key: Verifier = GO_VERIFIER.parse().unwrap();
    let opened = open(GO_NOTE, std::slice::from_ref(&key)).unwrap();
    assert_eq!(opened.text, GO_TEXT);
    assert_eq!(opened.signers, ["PeterNeumann+c74f20a3"]);
    let seed = SigningKey::from_bytes(&hex::decode(GO_SEED).unwrap().try_into().unwrap());
    assert_eq!(sign(GO_TEXT, "PeterNeumann", &seed).unwrap(), GO_NOTE);
    assert_eq!(key, verifier("PeterNeumann", &seed));
    assert_eq!(key.to_string(), GO_VERIFIER);
    assert_eq!(key.id(), [0xc7, 0x4f, 0x20, 0xa3]);
}

/// Every change of one bit of a note that leaves it text is refused: in the text, the name, the
/// key id or the signature.
#[test]
fn single_bits_matter() {
    let key: Verifier = GO_VERIFIER.parse().unwrap();
    let mut tried = 0;
    for altered in bit_flips(GO_NOTE) {
        assert!(open(&altered, std::slice::from_ref(&key)).is_err(), "{altered:?}");
        tried += 1;
    }
    assert!(tried > 1_000);
}

/// A key that is not trusted counts for nothing, also under a trusted name; beside a trusted one
/// it does no harm; a failed signature of a trusted key spoils the note.
#[test]
fn who_signed() {
    let (ours, theirs) = (signing_key(), other_key());
    let trusted = [verifier("backlog.example", &ours)];
    let note = sign("hello\n", "backlog.example", &ours).unwrap();
    let foreign = sign("hello\n", "backlog.example", &theirs).unwrap();
    let label = verifier("backlog.example", &theirs).label();
    assert_eq!(open(&foreign, &trusted), Err(NoteError::Untrusted { signers: label }));
    assert!(matches!(open(&note, &[]), Err(NoteError::Untrusted { .. })));

    let both = note.clone() + foreign.lines().last().unwrap() + "\n";
    assert_eq!(open(&both, &trusted).unwrap().signers, [trusted[0].label()]);
    let rotated = [verifier("backlog.example", &theirs), trusted[0].clone()];
    assert_eq!(open(&both, &rotated).unwrap().signers.len(), 2);

    // The signature of another text, beside a good one.
    let stale = sign("bye\n", "backlog.example", &ours).unwrap();
    let spoiled = note + stale.lines().last().unwrap() + "\n";
    let bad = NoteError::BadSignature { key: trusted[0].label() };
    assert_eq!(open(&spoiled, &trusted), Err(bad));
}

/// The text may hold empty lines and even the look of signatures: the last empty line ends it.
#[test]
fn text_with_empty_lines() {
    let key = signing_key();
    let text = "one\n\n\u{2014} two dGhyZWU=\n\nfour\n";
    let note = sign(text, "k", &key).unwrap();
    assert_eq!(open(&note, &[verifier("k", &key)]).unwrap().text, text);
}

/// What is not a note is named so; nothing is read from it.
#[test]
fn malformed_notes() {
    for note in
        ["", "\n", "\n\n", "text\n", "text\n\n", "text\n\nno dash\n", "text\n\n\u{2014} n\n"]
    {
        assert!(malformed(note), "{note:?}");
    }
    let line = |rest: &str| format!("text\n\n\u{2014} {rest}\n");
    for rest in
        ["name AAAA", "name AAAAAA==x", "a+b AAAAAAA=", " AAAAAAA=", "n  AAAAAAA=", "n AAAAAA"]
    {
        assert!(malformed(&line(rest)), "{rest:?}");
    }
    // The same line without fault is well formed, only not trusted.
    assert!(matches!(open(&line("n AAAAAAA="), &[]), Err(NoteError::Untrusted { .. })));
    assert!(malformed(&line("n AAAAAAA=").replace("text", "te\rxt")));
    assert!(malformed(line("n AAAAAAA=").trim_end()));
    assert_eq!(open(&"x".repeat(1_000_001), &[]), Err(NoteError::TooLarge));
    let many = line("n AAAAAAA=") + &"\u{2014} n AAAAAAA=\n".repeat(MAX_SIGNATURES);
    assert_eq!(open(&many, &[]), Err(NoteError::TooLarge));
}

/// Text and names that cannot stand in a note are not signed.
#[test]
fn unfit_to_sign() {
    let key = signing_key();
    assert!(matches!(sign("no newline", "k", &key), Err(NoteError::Malformed(_))));
    assert!(matches!(sign("tab\t\n", "k", &key), Err(NoteError::Malformed(_))));
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
        assert_eq!(sign("text\n", name, &key), Err(NoteError::KeyName(name.to_owned())));
    }
}

/// A verifier line reads back as it was written; one whose parts disagree is refused, so that a
/// mistyped pin fails when it is loaded.
#[test]
fn verifier_lines() {
    let key = verifier("backlog.example", &signing_key());
    let line = key.to_string();
    assert_eq!(line, "backlog.example+457a5adc+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea");
    let file = format!("# the vendor's key\n\n  {line}\n{GO_VERIFIER}\n");
    assert_eq!(Verifier::parse_file(&file).unwrap(), [key.clone(), GO_VERIFIER.parse().unwrap()]);
    for altered in bit_flips(&line) {
        // Base64 and hex leave no room: no other text names this key.
        assert!(altered.parse::<Verifier>().is_err(), "{altered:?}");
        assert!(Verifier::parse_file(&format!("{GO_VERIFIER}\nx{altered}")).is_err());
    }
    for text in ["", "name", "name+457a5adc", "name+457a5adc+", "name+457a5adc+AQ==", "++"] {
        assert!(text.parse::<Verifier>().is_err(), "{text:?}");
    }
    // A point of small order: signatures for it can be made by anyone.
    let mut weak = [0; 32];
    weak[0] = 1;
    let weak = backlog_audit_log::VerifyingKey::from_bytes(&weak).unwrap();
    assert!(matches!(Verifier::new("k", weak), Err(NoteError::Key { .. })));
}

proptest! {
    /// Any text that may be signed opens to itself; any other input is refused without a panic.
    #[test]
    fn open_is_total(
        text in "[^\\x00-\\x1f]{0,40}(\n[^\\x00-\\x1f]{0,10}){0,5}",
        junk in any::<String>(),
    ) {
        let key = signing_key();
        let trusted = [verifier("k", &key)];
        let note = sign(&format!("{text}\n"), "k", &key).unwrap();
        prop_assert_eq!(open(&note, &trusted).unwrap().text, format!("{text}\n"));
        prop_assert!(open(&junk, &trusted).is_err());
        for longer in [format!("{junk}{note}"), format!("{note}{junk}")] {
            prop_assert!(open(&longer, &trusted).is_err() || junk.is_empty());
        }
        prop_assert!(junk.parse::<Verifier>().is_err());
    }
}
