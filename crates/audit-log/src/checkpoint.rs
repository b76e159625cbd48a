//! Checkpoints: one signed statement of the trees of all logs of a tenant, as a tlog-checkpoint.

use std::fmt;

use chrono::{DateTime, NaiveDateTime};
use ed25519_dalek::SigningKey;
use thiserror::Error;

use crate::encoding::{decode_hash, encode};
use crate::hash::{EMPTY_ROOT, Hash};
use crate::note::{self, NoteError, Verifier};
use crate::plan::MAX_SIZE;

/// The log whose tree stands in the size and root lines of a checkpoint; the others follow as
/// extension lines.
pub const MAIN_LOG: &str = "contract";

/// The most logs in a checkpoint.
pub const MAX_LOGS: usize = 16;

const MAX_ORIGIN_BYTES: usize = 200;
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// Why a checkpoint cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Not an origin.
    #[error("origin {0:?} is empty, too long, or has spaces, control characters or a plus sign")]
    Origin(String),
    /// Not the name of a log.
    #[error("log name {0:?} is not 1 to 32 of a-z, 0-9 and _")]
    LogName(String),
    /// The main log is missing, a log stands twice, or there are too many.
    #[error("a checkpoint names the contract log and at most 15 others, each once")]
    Logs,
    /// A size beyond [`MAX_SIZE`], or an empty tree with a root that is not of the empty tree.
    #[error("size and root of log {0} cannot belong to a tree")]
    Tree(String),
    /// A time before 1970 or after 9999.
    #[error("the time {0} is outside the years 1970 to 9999")]
    Time(i64),
    /// A line is not what the format says. Lines count from 1.
    #[error("line {line} is not {expected}")]
    Line {
        /// Which line of the text.
        line: usize,
        /// What it should be.
        expected: &'static str,
    },
}

/// Why a signed checkpoint is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The note or its signature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// What was signed is not a checkpoint.
    #[error("what was signed is not a checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// The tree of one log at a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// The log: `contract`, `recognition`, `reporting`.
    pub log: String,
    /// Entries in it.
    pub size: u64,
    /// Merkle tree hash of those entries; [`EMPTY_ROOT`] when there are none.
    pub root: Hash,
}

/// What a checkpoint says. Its text form is unique: the same content is always the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointBody {
    origin: String,
    trees: Vec<TreeHead>,
    time: i64,
}

impl CheckpointBody {
    /// Makes a checkpoint of the trees of all logs of a tenant, in any order; the log
    /// [`MAIN_LOG`] must be among them, with size 0 and [`EMPTY_ROOT`] when it has no entries.
    /// `origin` names the tenant for the world, such as `backlog.example/ten_...`; `time` is in
    /// Unix seconds.
    ///
    /// # Errors
    /// The first thing that cannot stand in a checkpoint.
    pub fn new(origin: &str, mut trees: Vec<TreeHead>, time: i64) -> Result<Self, CheckpointError> {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if origin.is_empty() || origin.len() > MAX_ORIGIN_BYTES || origin.contains(bad) {
            return Err(CheckpointError::Origin(origin.to_owned()));
        }
        trees.sort_by(|a, b| (a.log != MAIN_LOG, &a.log).cmp(&(b.log != MAIN_LOG, &b.log)));
        for tree in &trees {
            check_tree(tree)?;
        }
        let has_main = trees.first().is_some_and(|tree| tree.log == MAIN_LOG);
        let twice = trees.windows(2).any(|pair| matches!(pair, [a, b] if a.log == b.log));
        if !has_main || twice || trees.len() > MAX_LOGS {
            return Err(CheckpointError::Logs);
        }
        if time < 0 || rfc3339(time).is_none_or(|text| text.len() != "2026-01-31T00:00:00Z".len()) {
            return Err(CheckpointError::Time(time));
        }
        Ok(Self { origin: origin.to_owned(), trees, time })
    }

    /// Whose logs these are.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The trees: [`MAIN_LOG`] first, then by name.
    #[must_use]
    pub fn trees(&self) -> &[TreeHead] {
        &self.trees
    }

    /// When it was made, in Unix seconds.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.time
    }

    /// The tree of one log.
    #[must_use]
    pub fn tree(&self, log: &str) -> Option<&TreeHead> {
        self.trees.iter().find(|tree| tree.log == log)
    }

    /// The text to sign.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// Reads a text, strictly: exactly what [`CheckpointBody::to_text`] writes.
    ///
    /// # Errors
    /// The first line that differs from the format.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |line, expected| CheckpointError::Line { line, expected };
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        let (head, extensions) = lines
            .split_first_chunk::<3>()
            .ok_or_else(|| wrong(lines.len() + 1, "there: origin, size and root are needed"))?;
        let [origin, size, root] = *head;
        let size = parse_size(size).ok_or_else(|| wrong(2, "a tree size"))?;
        let root = decode_hash(root).ok_or_else(|| wrong(3, "a root hash in base64"))?;
        let mut trees = vec![TreeHead { log: MAIN_LOG.to_owned(), size, root }];
        let (time, logs) =
            extensions.split_last().ok_or_else(|| wrong(4, "\"log NAME SIZE ROOT\" or a time"))?;
        for (offset, line) in logs.iter().enumerate() {
            let tree = parse_log(line);
            trees.push(tree.ok_or_else(|| wrong(4 + offset, "\"log NAME SIZE ROOT\""))?);
        }
        let time =
            parse_time(time).ok_or_else(|| wrong(lines.len(), "\"time YYYY-MM-DDThh:mm:ssZ\""))?;
        let body = Self::new(origin, trees, time)?;
        // Whatever was read leniently above, such as the order of logs, shows here.
        let canonical = body.to_text();
        if canonical != text {
            let differs = canonical.lines().zip(&lines).position(|(a, b)| a != *b);
            let line = differs.unwrap_or(lines.len()) + 1;
            return Err(wrong(line, "in the one form and order allowed"));
        }
        Ok(body)
    }
}

impl fmt::Display for CheckpointBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.origin)?;
        for tree in &self.trees {
            if tree.log == MAIN_LOG {
                writeln!(f, "{}\n{}", tree.size, encode(&tree.root))?;
            } else {
                writeln!(f, "log {} {} {}", tree.log, tree.size, encode(&tree.root))?;
            }
        }
        writeln!(f, "time {}", rfc3339(self.time).unwrap_or_default())
    }
}

/// Signs a checkpoint: the note to store and hand out. `key_name` is the part of the origin that
/// stands for the vendor, such as `backlog.example`.
///
/// # Errors
/// When the key name cannot stand in a note.
pub fn sign(body: &CheckpointBody, key_name: &str, key: &SigningKey) -> Result<String, NoteError> {
    note::sign(&body.to_text(), key_name, key)
}

/// Checks a signed checkpoint against the keys that are trusted and reads it. The caller compares
/// [`CheckpointBody::origin`] with the tenant it asked about. Never panics.
///
/// # Errors
/// When no trusted key has signed, a signature fails, or the text is not a checkpoint.
pub fn open(note: &str, trusted: &[Verifier]) -> Result<CheckpointBody, OpenError> {
    Ok(CheckpointBody::parse(&note::open(note, trusted)?.text)?)
}

fn check_tree(tree: &TreeHead) -> Result<(), CheckpointError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if tree.log.is_empty() || tree.log.len() > 32 || !tree.log.chars().all(allowed) {
        return Err(CheckpointError::LogName(tree.log.clone()));
    }
    if tree.size > MAX_SIZE || (tree.size == 0) != (tree.root == EMPTY_ROOT) {
        return Err(CheckpointError::Tree(tree.log.clone()));
    }
    Ok(())
}

/// `log NAME SIZE ROOT`
fn parse_log(line: &str) -> Option<TreeHead> {
    let mut words = line.strip_prefix("log ")?.split(' ');
    let (log, size, root) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    Some(TreeHead { log: log.to_owned(), size: parse_size(size)?, root: decode_hash(root)? })
}

/// Digits without sign or leading zero.
fn parse_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

/// `time YYYY-MM-DDThh:mm:ssZ`
fn parse_time(line: &str) -> Option<i64> {
    let text = line.strip_prefix("time ")?;
    let time = NaiveDateTime::parse_from_str(text, TIME_FORMAT).ok()?;
    Some(time.and_utc().timestamp())
}

fn rfc3339(time: i64) -> Option<String> {
    Some(DateTime::from_timestamp(time, 0)?.format(TIME_FORMAT).to_string())
}
