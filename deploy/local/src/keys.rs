//! Development keys: new Ed25519 keys for every stack, one per purpose, readable only by the user
//! who started it.

use crate::error::LocalStackError;
use crate::folder::{PrivateFolder, write_secret};
use crate::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The keys of one stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DevelopmentKeys {
    /// Signs the tokens of people and billing platforms.
    pub user_issuer: DevelopmentKey,
    /// Signs the contract service's tokens for other services.
    pub contract: DevelopmentKey,
    /// Signs the recognition service's tokens for other services.
    pub recognition: DevelopmentKey,
    /// Signs the reporting service's tokens for other services.
    pub reporting: DevelopmentKey,
    /// JSON Web Key Set with the public keys of the three services.
    pub services_jwks_path: PathBuf,
    /// Signs audit checkpoints.
    pub checkpoint: DevelopmentKey,
}

/// One Ed25519 key pair, in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevelopmentKey {
    /// Names the key in token headers and in the key set.
    pub key_id: String,
    /// PKCS#8 PEM with mode 0600.
    pub private_key_path: PathBuf,
    /// JSON Web Key Set with the public key alone.
    pub jwks_path: PathBuf,
}

impl DevelopmentKeys {
    /// Generates all keys into `keys/` of `folder`.
    pub(crate) fn generate(folder: &PrivateFolder) -> Result<Self, LocalStackError> {
        let home = folder.own_folder("keys")?;
        let service = |name: &'static str| generate(&home, name, Some(name));
        let (contract, contract_jwk) = service("contract")?;
        let (recognition, recognition_jwk) = service("recognition")?;
        let (reporting, reporting_jwk) = service("reporting")?;
        let services_jwks_path = home.join("services.jwks.json");
        let jwks = serde_json::json!({ "keys": [contract_jwk, recognition_jwk, reporting_jwk] });
        write_secret(&services_jwks_path, &format!("{jwks:#}\n"))?;
        Ok(Self {
            user_issuer: generate(&home, "user-issuer", None)?.0,
            contract,
            recognition,
            reporting,
            services_jwks_path,
            checkpoint: generate(&home, "checkpoint", None)?.0,
        })
    }
}

/// A key and its public half as a JSON Web Key. Services' keys are named after the service.
fn generate(
    home: &Path,
    purpose: &'static str,
    key_id: Option<&str>,
) -> Result<(DevelopmentKey, serde_json::Value), LocalStackError> {
    let key = SigningKey::from_bytes(&random::bytes()?);
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| LocalStackError::Key { purpose, reason: error.to_string() })?;
    let public = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let derived = || format!("{purpose}-{}", public.get(..8).unwrap_or_default());
    let key_id = key_id.map_or_else(derived, str::to_owned);
    let jwk = serde_json::json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key_id, "x": public,
    });
    let jwks = serde_json::json!({ "keys": [jwk] });
    let private_key_path = home.join(format!("{purpose}.pem"));
    let jwks_path = home.join(format!("{purpose}.jwks.json"));
    write_secret(&private_key_path, &pem)?;
    write_secret(&jwks_path, &format!("{jwks:#}\n"))?;
    Ok((DevelopmentKey { key_id, private_key_path, jwks_path }, jwk))
}
