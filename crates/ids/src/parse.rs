//! The strict grammar of ids.

use thiserror::Error;
use uuid::Uuid;

/// The text is not an id of the kind expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected an id of the form {prefix} followed by 32 lower-case hexadecimal digits")]
pub struct IdError {
    /// The prefix that an id of this kind has, such as `ctr_`.
    pub prefix: &'static str,
}

/// Reads `prefix` and exactly 32 lower-case hexadecimal digits.
pub(crate) fn parse(text: &str, prefix: &'static str) -> Result<Uuid, IdError> {
    let error = IdError { prefix };
    let digits = text.strip_prefix(prefix).ok_or(error)?.as_bytes();
    let strict = digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if digits.len() != 32 || !strict {
        return Err(error);
    }
    // Checked above to be the simple form; `try_parse_ascii` alone would take other spellings too.
    Uuid::try_parse_ascii(digits).map_err(|_| error)
}
