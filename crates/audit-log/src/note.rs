//! C2SP signed notes: text with Ed25519 signature lines, and the verifier keys an auditor pins.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::encoding::{decode, encode};

/// The largest note that is read, in bytes.
pub const MAX_NOTE_BYTES: usize = 1_000_000;

/// The most signature lines that are read.
pub const MAX_SIGNATURES: usize = 100;

/// The signature type of Ed25519 in key ids and verifier keys.
const ED25519: u8 = 1;

/// Why a note is not to be believed, or a key not to be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Larger than [`MAX_NOTE_BYTES`] or with more than [`MAX_SIGNATURES`] signatures.
    #[error("the note is too large")]
    TooLarge,
    /// Not the form of a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A key that is trusted has signed something else.
    #[error("the signature of {key} does not fit the text: the text or the signature was altered")]
    BadSignature {
        /// The key, as name+id.
        key: String,
    },
    /// No signature is of a key that is trusted.
    #[error("no trusted key has signed; signed by: {signers}")]
    Untrusted {
        /// The keys that the note names, as name+id, separated by commas.
        signers: String,
    },
    /// Not the name of a key.
    #[error("key name {0:?} is empty or has spaces, control characters or a plus sign")]
    KeyName(String),
    /// Not a verifier key.
    #[error("verifier key {key:?}: {problem}")]
    Key {
        /// The text.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A public key with the name it signs under: what an auditor pins. Its text form is
/// `name+key id in hex+base64(0x01 || public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Verifier {
    /// Names a public key.
    ///
    /// # Errors
    /// When the name cannot stand in a note, or the key is one of the weak ones for which anyone
    /// can make signatures.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        check_name(name)?;
        if key.is_weak() {
            return Err(NoteError::Key { key: name.to_owned(), problem: "a weak public key" });
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, &key), key })
    }

    /// The verifiers in a file: one a line; empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// The first line that is not a verifier key.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, NoteError> {
        let lines = text.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::parse).collect()
    }

    /// The name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key: the first four bytes of SHA-256(name || 0x0A || 0x01 || public key).
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Name and id, as messages show a key: `name+hex`.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.name, self.id)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![ED25519];
        typed.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}", self.label(), encode(&typed))
    }
}

impl FromStr for Verifier {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let wrong = |problem| NoteError::Key { key: text.to_owned(), problem };
        // The name has no plus sign, base64 may have some.
        let mut fields = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(wrong("expected name+id+key"));
        };
        let key = decode(key).ok_or_else(|| wrong("the key is not base64"))?;
        let Some((&ED25519, key)) = key.split_first() else {
            return Err(wrong("not of the Ed25519 type"));
        };
        let key = key.try_into().map_err(|_| wrong("not 32 bytes of public key"))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| wrong("not an Ed25519 public key"))?;
        let verifier = Self::new(name, key)?;
        if verifier.label() != format!("{name}+{id}") {
            return Err(wrong("the id is not that of this name and key"));
        }
        Ok(verifier)
    }
}

/// A note whose signatures were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The signed text, with its last newline.
    pub text: String,
    /// The trusted keys that signed it, as name+id; at least one.
    pub signers: Vec<String>,
}

/// Signs a text, which must end in a newline, under a key name: the whole note.
///
/// # Errors
/// When the name or the text cannot stand in a note.
pub fn sign(text: &str, name: &str, key: &SigningKey) -> Result<String, NoteError> {
    check_name(name)?;
    check_text(text)?;
    let mut signature = key_id(name, &key.verifying_key()).to_vec();
    signature.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
    Ok(format!("{text}\n\u{2014} {name} {}\n", encode(&signature)))
}

/// Checks a note against the keys that are trusted. Signatures of other keys are ignored; one bad
/// signature of a trusted key, and the note is refused whatever else signs it. Never panics.
///
/// # Errors
/// When the note is malformed, a trusted key's signature fails, or no trusted key has signed.
pub fn open(note: &str, trusted: &[Verifier]) -> Result<Opened, NoteError> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(NoteError::TooLarge);
    }
    let (text, lines) = split(note)?;
    let (mut signers, mut others) = (Vec::new(), Vec::new());
    for (count, line) in lines.lines().enumerate() {
        if count >= MAX_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        let (name, id, signature) = signature_line(line)?;
        let key = label(name, id);
        let mut known = trusted.iter().filter(|v| v.name == name && v.id == id).peekable();
        if known.peek().is_none() {
            others.push(key);
        } else if known.any(|v| verifies(v, text, &signature)) {
            signers.push(key);
        } else {
            return Err(NoteError::BadSignature { key });
        }
    }
    if signers.is_empty() {
        return Err(NoteError::Untrusted { signers: others.join(", ") });
    }
    Ok(Opened { text: text.to_owned(), signers })
}

/// Text and signature lines of a note, both ending in a newline.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed("it has control characters"));
    }
    // The text may have empty lines; the last one of the note ends it.
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line ends the text"))?;
    let (text, lines) = (note.get(..=at), note.get(at + 2..));
    match (text, lines) {
        (Some(text), Some(lines)) if !lines.is_empty() && lines.ends_with('\n') => {
            Ok((text, lines))
        }
        _ => Err(NoteError::Malformed("no signature lines after the empty line")),
    }
}

/// Name, key id and signature bytes of a signature line.
fn signature_line(line: &str) -> Result<(&str, [u8; 4], Vec<u8>), NoteError> {
    let malformed = NoteError::Malformed("a signature line is not \"\u{2014} name base64\"");
    let fields = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '));
    let Some((name, signature)) = fields else {
        return Err(malformed);
    };
    let decoded = decode(signature);
    let Some((id, rest)) = decoded.as_deref().and_then(|bytes| bytes.split_first_chunk()) else {
        return Err(malformed);
    };
    if check_name(name).is_err() || rest.is_empty() {
        return Err(malformed);
    }
    Ok((name, *id, rest.to_vec()))
}

fn verifies(verifier: &Verifier, text: &str, signature: &[u8]) -> bool {
    Signature::from_slice(signature)
        .is_ok_and(|signature| verifier.key.verify_strict(text.as_bytes(), &signature).is_ok())
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ED25519])
        .chain_update(key.as_bytes())
        .finalize();
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
    [a, b, c, d]
}

fn label(name: &str, id: [u8; 4]) -> String {
    format!("{name}+{:08x}", u32::from_be_bytes(id))
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(bad) {
        return Err(NoteError::KeyName(name.to_owned()));
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("the text does not end in a newline"));
    }
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed("it has control characters"));
    }
    Ok(())
}
