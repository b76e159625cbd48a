//! Who calls and what they may do: request context, token verification, permissions, tower layer.
//!
//! A request passes [`AuthLayer`], which verifies its bearer token ([`Verifier`]), asks the service
//! whether the token's tenant belongs to the issuer's account ([`TenantDirectory`]) and leaves a
//! [`RequestContext`] in the request. Handlers take [`context()`] and turn it into a
//! [`TenantScope`] or an [`AccountScope`] with the permission that they need; nothing below runs
//! without one of these.

mod claims;
mod context;
mod directory;
mod error;
mod issuers;
mod keys;
mod layer;
mod permission;
mod signer;
mod source;
mod verify;

pub use context::{AccountScope, Denied, Origin, RequestContext, TenantScope};
pub use directory::{
    DirectoryError, Lookup, TenantCache, TenantDirectory, TenantStanding, UnknownTenant,
};
pub use error::{AuthError, TokenError};
pub use issuers::{IssuerAlgorithm, IssuerEntry, IssuerKind, IssuersError, IssuersFile};
pub use layer::{AuthLayer, AuthService, Authenticator, Now, context};
pub use permission::{Level, Permission, PermissionSet, Role, permissions};
pub use signer::{SERVICE_ISSUER, SERVICE_TOKEN_SECONDS, SignError, TokenSigner, UserToken};
pub use verify::{Verifier, VerifierConfig, verify_self_test};
