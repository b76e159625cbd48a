//! Why a request is not let in. Callers never learn what was wrong with a token; logs do.

use std::error::Error as StdError;

use thiserror::Error;

use backlog_ids::TenantId;

use crate::context::Denied;

/// Why a token does not verify. For logs: the answer is the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// No authorization header.
    #[error("no authorization header")]
    NoHeader,
    /// More than one: two proxies or a caller who tries both.
    #[error("more than one authorization header")]
    ManyHeaders,
    /// Another scheme than `Bearer`, or bytes that are no token.
    #[error("the authorization header holds no bearer token")]
    NotBearer,
    /// Longer than any token of ours.
    #[error("the token is longer than {0} bytes")]
    TooLong(usize),
    /// Not a signed JWT with the claims and types that are required.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// No issuer of this name is configured.
    #[error("the issuer is unknown")]
    UnknownIssuer,
    /// The header names another algorithm than the issuer's.
    #[error("the token is not signed with its issuer's algorithm")]
    WrongAlgorithm,
    /// The issuer's key set has no key of this id.
    #[error("the issuer has no key of this id")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the signature does not verify")]
    BadSignature,
    /// Meant for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Of a service, but not of the kind that services sign.
    #[error("the service token is not of the kind that services sign: {0}")]
    NotAServiceToken(&'static str),
}

/// Why a request is refused at the door.
#[derive(Debug, Error)]
pub enum AuthError {
    /// No token, or one that does not verify: the same sentence for all causes.
    #[error("send one valid bearer token in the authorization header")]
    Unauthenticated(#[source] TokenError),
    /// A token that may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The tenant has not arrived here yet; try again shortly.
    #[error("the tenant {0} is not known here yet; try again shortly")]
    TenantNotReady(TenantId),
    /// The tenant registry cannot be asked now.
    #[error("the service cannot look up tenants now; try again shortly")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// A handler was reached without the layer: a fault of the program.
    #[error("the request has no context")]
    NoContext,
}

impl From<TokenError> for AuthError {
    fn from(error: TokenError) -> Self {
        Self::Unauthenticated(error)
    }
}
