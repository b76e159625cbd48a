//! Verifies tokens: issuer, algorithm, key, signature, audience, time. Time is an argument.

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::future::Cache;
use sha2::{Digest, Sha256};

use backlog_ids::TenantId;

use crate::claims::{Claims, IssuerClaim};
use crate::error::TokenError;
use crate::issuers::{Binding, Floors, Issuer, IssuersError, Registry};
use crate::permission::{Level, Permission, PermissionSet, Role, permissions};
use crate::signer::{LOG_READ, SERVICE_TOKEN_SECONDS};

/// Longer tokens are refused unread.
pub(crate) const TOKEN_BYTES_MAX: usize = 8_192;
/// A verified token is believed for at most this long, so that withdrawing a key or an issuer works.
const BELIEVED_SECONDS: i64 = 300;

/// What a verifier needs to know.
#[derive(Debug, Clone)]
pub struct VerifierConfig {
    /// Name of this service, such as `contract`: the audience of other services' tokens.
    pub service: String,
    /// The issuers file.
    pub issuers_file: PathBuf,
    /// An unchanged file is read again at most this often.
    pub file_floor: Duration,
    /// A key set address is asked at most this often, whatever tokens come in.
    pub fetch_floor: Duration,
    /// Verified tokens that are remembered.
    pub tokens_max: u64,
}

impl VerifierConfig {
    /// The usual floors, one second for files and ten for addresses, and 10,000 tokens.
    #[must_use]
    pub fn new(service: impl Into<String>, issuers_file: impl Into<PathBuf>) -> Self {
        Self {
            service: service.into(),
            issuers_file: issuers_file.into(),
            file_floor: Duration::from_secs(1),
            fetch_floor: Duration::from_secs(10),
            tokens_max: 10_000,
        }
    }
}

/// A token that verified.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) binding: Binding,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) actor: Arc<str>,
    pub(crate) permissions: PermissionSet,
    /// The claims' own times, to be checked again when the token comes out of the cache.
    claims: Claims,
    believed_until: i64,
}

/// Verifies tokens against the issuers file.
pub struct Verifier {
    service: String,
    issuers: Arc<Registry>,
    tokens: Cache<[u8; 32], Arc<Verified>>,
}

impl Verifier {
    /// Reads the issuers file, which must be right, and checks that the cryptography works.
    pub async fn start(config: VerifierConfig, now: DateTime<Utc>) -> Result<Self, IssuersError> {
        verify_self_test().map_err(IssuersError::Cryptography)?;
        let VerifierConfig { service, issuers_file, file_floor, fetch_floor, tokens_max } = config;
        let floors = Floors { file: file_floor, url: fetch_floor };
        let issuers = Registry::start(issuers_file, floors, now).await?;
        let tokens = Cache::builder().max_capacity(tokens_max).build();
        Ok(Self { service, issuers, tokens })
    }

    /// Verifies a token at `now`.
    pub(crate) async fn verify(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Verified>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong(TOKEN_BYTES_MAX));
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let seconds = now.timestamp();
        if let Some(known) = self.tokens.get(&digest).await
            && seconds < known.believed_until
        {
            known.claims.check_time(seconds)?;
            return Ok(known);
        }
        let verified = Arc::new(self.verify_anew(token, now).await?);
        self.tokens.insert(digest, Arc::clone(&verified)).await;
        Ok(verified)
    }

    async fn verify_anew(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, TokenError> {
        let malformed =
            |error: jsonwebtoken::errors::Error| TokenError::Malformed(error.to_string());
        let header = jsonwebtoken::decode_header(token).map_err(malformed)?;
        let claim: IssuerClaim =
            jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(malformed)?;
        let issuer = self.issuers.issuer(&claim.iss, now).await.ok_or(TokenError::UnknownIssuer)?;
        if header.alg != issuer.algorithm {
            return Err(TokenError::WrongAlgorithm);
        }
        if header.crit.is_some() {
            return Err(TokenError::Malformed("critical header fields are not known".to_owned()));
        }
        let key_id = header.kid.as_deref().ok_or(TokenError::UnknownKey)?;
        let key = issuer.keys.key(key_id, now).await.ok_or(TokenError::UnknownKey)?;
        let claims = signed_claims(token, &key, &issuer)?;
        claims.check_time(now.timestamp())?;
        claims.check_subject()?;
        let tenant = claims.tenant.as_deref().map(str::parse::<TenantId>).transpose();
        let tenant = tenant.map_err(|error| TokenError::Malformed(error.to_string()))?;
        let audience = match issuer.binding {
            Binding::Services => &self.service,
            Binding::Account(_) | Binding::Operator => {
                issuer.entry.audience.as_ref().ok_or(TokenError::WrongAudience)?
            }
        };
        claims.check_audience(audience)?;
        let permissions = match issuer.binding {
            Binding::Services => service_permissions(&claims, key_id, now.timestamp())?,
            Binding::Operator => granted(&claims.roles, Level::Operator),
            Binding::Account(_) if tenant.is_some() => granted(&claims.roles, Level::Tenant),
            Binding::Account(_) => granted(&claims.roles, Level::Account),
        };
        Ok(Verified {
            binding: issuer.binding,
            tenant,
            actor: Arc::from(claims.sub.as_str()),
            permissions,
            believed_until: now.timestamp().saturating_add(BELIEVED_SECONDS),
            claims,
        })
    }
}

/// The claims, once the signature fits. Audience and times are ours to check: the library would
/// ask the system's clock.
fn signed_claims(token: &str, key: &DecodingKey, issuer: &Issuer) -> Result<Claims, TokenError> {
    let mut validation = Validation::new(issuer.algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims =
        HashSet::from(["exp", "iss", "aud", "sub"].map(str::to_owned));
    validation.set_issuer(&[&issuer.entry.issuer]);
    let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
    let claims = decoded.map(|data| data.claims).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::BadSignature,
        _ => TokenError::Malformed(error.to_string()),
    })?;
    if claims.iss == issuer.entry.issuer { Ok(claims) } else { Err(TokenError::UnknownIssuer) }
}

/// What the roles grant in a token of this level; roles of other levels grant nothing.
fn granted(roles: &[String], level: Level) -> PermissionSet {
    let roles = roles.iter().filter_map(|name| Role::parse(name));
    let roles = roles.filter(|role| role.level() == level);
    roles.fold(PermissionSet::NONE, |set, role| set.union(permissions(role)))
}

/// A service's token: short, for one tenant, signed with the caller's own key, `log.read` only.
fn service_permissions(
    claims: &Claims,
    key_id: &str,
    now: i64,
) -> Result<PermissionSet, TokenError> {
    if claims.tenant.is_none() {
        return Err(TokenError::NotAServiceToken("it names no tenant"));
    }
    let own = key_id.strip_prefix(claims.sub.as_str()).is_some_and(|rest| {
        // "recognition", or "recognition/2" after the key was changed.
        rest.is_empty() || rest.starts_with('/')
    });
    if !own {
        return Err(TokenError::NotAServiceToken("it is signed with another service's key"));
    }
    if claims.exp.saturating_sub(now) > SERVICE_TOKEN_SECONDS.saturating_mul(2) {
        return Err(TokenError::NotAServiceToken("it is valid for too long"));
    }
    if claims.permission.as_deref() != Some(LOG_READ) {
        return Err(TokenError::NotAServiceToken("it asks for something else than log.read"));
    }
    Ok(PermissionSet::of(&[Permission::LogRead]))
}

/// Checks at startup that signing and verifying work in this build, since the library panics on
/// first use when its cryptography was left out or is there twice. Errs with what is wrong.
pub fn verify_self_test() -> Result<(), String> {
    // The key pair of RFC 8410, section 10.3: known to everybody and trusted by nobody.
    const PRIVATE: &[u8] = b"-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &[u8] = b"-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";
    // Fails only when it was installed before, which is as good.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let text = |error: jsonwebtoken::errors::Error| error.to_string();
    let private = EncodingKey::from_ed_pem(PRIVATE).map_err(text)?;
    let public = DecodingKey::from_ed_pem(PUBLIC).map_err(text)?;
    let claims = serde_json::json!({"sub": "self-test"});
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &private);
    let token = token.map_err(text)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let verify = |token: &str| {
        jsonwebtoken::decode::<serde_json::Value>(token, &public, &validation).map(|_| ())
    };
    verify(&token).map_err(text)?;
    let tampered = jsonwebtoken::encode(
        &Header::new(Algorithm::EdDSA),
        &serde_json::json!({"sub": "somebody else"}),
        &private,
    );
    let tampered = tampered.map_err(text)?;
    let (forged, _) = tampered.rsplit_once('.').unwrap_or_default();
    let (_, signature) = token.rsplit_once('.').unwrap_or_default();
    match verify(&format!("{forged}.{signature}")) {
        Ok(()) => Err("a token with another token's signature verifies".to_owned()),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
