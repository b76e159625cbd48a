//! Signs tokens: those of services for each other, and those of development and tests.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde::Serialize;
use thiserror::Error;

use backlog_ids::TenantId;

/// The `iss` of tokens that our services sign for each other.
pub const SERVICE_ISSUER: &str = "backlog-services";
/// How long such a token is valid.
pub const SERVICE_TOKEN_SECONDS: i64 = 60;
/// The only permission that such a token may ask for.
pub(crate) const LOG_READ: &str = "log.read";

/// A key cannot be used for signing.
#[derive(Debug, Error)]
pub enum SignError {
    /// Not an Ed25519 private key in PKCS #8 PEM.
    #[error("expected an Ed25519 private key in PKCS #8 PEM: {0}")]
    Key(String),
    /// The claims could not be signed.
    #[error("cannot sign a token: {0}")]
    Sign(String),
}

/// PKCS #8 has a second version with the public key appended; the library derives a public key
/// from the first version only. Up to the seed, both have the same layout.
fn without_public_part(key: &EncodingKey) -> EncodingKey {
    const V1: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    match key.as_bytes().get(V1.len()..48) {
        Some(seed) => EncodingKey::from_ed_der(&[V1.as_slice(), seed].concat()),
        None => key.clone(),
    }
}

/// Signs with one Ed25519 key.
#[derive(Clone)]
pub struct TokenSigner {
    key_id: String,
    key: EncodingKey,
}

/// The claims of a token for a person or an integrator's system.
#[derive(Debug, Clone)]
pub struct UserToken<'a> {
    /// The issuer, as the issuers file has it.
    pub issuer: &'a str,
    /// Whom it is about: the actor of what is done with it.
    pub subject: &'a str,
    /// The audience, as the issuers file has it.
    pub audience: &'a str,
    /// The tenant; `None` for tokens about accounts.
    pub tenant: Option<TenantId>,
    /// Names of roles, such as `billing_system`.
    pub roles: &'a [&'a str],
    /// When it ends.
    pub expires: DateTime<Utc>,
}

#[derive(Serialize)]
struct UserClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    roles: &'a [&'a str],
}

#[derive(Serialize)]
struct ServiceClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    tenant: String,
    permission: &'a str,
}

impl TokenSigner {
    /// Takes an Ed25519 private key in PKCS #8 PEM. For tokens of a service, `key_id` is the
    /// service's name, or that and a slash and what tells its keys apart.
    pub fn try_new(key_id: impl Into<String>, pem: &[u8]) -> Result<Self, SignError> {
        let key = EncodingKey::from_ed_pem(pem).map_err(|e| SignError::Key(e.to_string()))?;
        let key = without_public_part(&key);
        let signer = Self { key_id: key_id.into(), key };
        // Parsing looks at the frame only: signing once shows that the key is one.
        signer.sign(&serde_json::json!({})).map_err(|e| SignError::Key(e.to_string()))?;
        Ok(signer)
    }

    /// A token with which `caller` may read the log of `tenant` at the service `target`, for the
    /// next [`SERVICE_TOKEN_SECONDS`].
    pub fn service_token(
        &self,
        caller: &str,
        target: &str,
        tenant: TenantId,
        now: DateTime<Utc>,
    ) -> Result<String, SignError> {
        self.sign(&ServiceClaims {
            iss: SERVICE_ISSUER,
            sub: caller,
            aud: target,
            exp: now.timestamp().saturating_add(SERVICE_TOKEN_SECONDS),
            tenant: tenant.to_string(),
            permission: LOG_READ,
        })
    }

    /// A token for a person or an integrator's system: for development and tests.
    pub fn user_token(&self, token: &UserToken<'_>) -> Result<String, SignError> {
        self.sign(&UserClaims {
            iss: token.issuer,
            sub: token.subject,
            aud: token.audience,
            exp: token.expires.timestamp(),
            tenant: token.tenant.map(|tenant| tenant.to_string()),
            roles: token.roles,
        })
    }

    /// Signs any claims: for tests of what must be refused.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, SignError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|e| SignError::Sign(e.to_string()))
    }

    /// The public key as an entry of a JWK set, `{"keys": [...]}`.
    pub fn public_jwk(&self) -> Result<serde_json::Value, SignError> {
        let jwk = Jwk::from_encoding_key(&self.key, Algorithm::EdDSA);
        let mut jwk = jwk.map_err(|error| SignError::Key(error.to_string()))?;
        jwk.common.key_id = Some(self.key_id.clone());
        serde_json::to_value(&jwk).map_err(|error| SignError::Key(error.to_string()))
    }
}
