//! What a token says, with the types that it must have.

use serde::Deserialize;

use crate::error::TokenError;

/// Enough of a token to find its issuer, before anything is trusted.
#[derive(Debug, Deserialize)]
pub(crate) struct IssuerClaim {
    pub(crate) iss: String,
}

/// The claims of a verified token. Times are whole seconds: another type is refused, since
/// a claim that cannot be read must not count as absent.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: Audience,
    pub(crate) exp: i64,
    #[serde(default)]
    pub(crate) nbf: Option<i64>,
    #[serde(default)]
    pub(crate) tenant: Option<String>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) permission: Option<String>,
}

/// One audience or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Clocks of issuers may be this many seconds ahead of or behind ours.
const LEEWAY_SECONDS: i64 = 5;
/// Subjects become the actor of log entries, so they are bounded and printable.
const SUBJECT_CHARS_MAX: usize = 200;

impl Claims {
    /// Whether the token is valid at `now`, in seconds since 1970.
    pub(crate) fn check_time(&self, now: i64) -> Result<(), TokenError> {
        if self.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(TokenError::Expired);
        }
        if self.nbf.is_some_and(|nbf| nbf.saturating_sub(LEEWAY_SECONDS) > now) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }

    /// Whether the token is meant for `audience`.
    pub(crate) fn check_audience(&self, audience: &str) -> Result<(), TokenError> {
        let named = match &self.aud {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        };
        if named { Ok(()) } else { Err(TokenError::WrongAudience) }
    }

    /// Whether the subject can stand in a log entry.
    pub(crate) fn check_subject(&self) -> Result<(), TokenError> {
        let chars = self.sub.chars().count();
        if chars == 0 || chars > SUBJECT_CHARS_MAX || self.sub.chars().any(char::is_control) {
            return Err(TokenError::Malformed("the subject is empty, long or odd".to_owned()));
        }
        Ok(())
    }
}
