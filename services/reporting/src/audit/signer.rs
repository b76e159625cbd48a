//! The key that signs checkpoints: outside the database, so that who can change rows cannot sign.

use std::path::PathBuf;

use backlog_audit_log::{CheckpointBody, SigningKey, TreeHead, Verifier, checkpoint};
use backlog_ids::TenantId;
use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::DecodePrivateKey;
use thiserror::Error;

/// The key cannot be used.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The file cannot be read.
    #[error("cannot read the checkpoint key {0}")]
    File(PathBuf, #[source] std::io::Error),
    /// The file is no such key.
    #[error("{0} is not an Ed25519 private key in PKCS #8 PEM: {1}")]
    Key(PathBuf, String),
    /// The name cannot stand in a signature.
    #[error(transparent)]
    Name(#[from] backlog_audit_log::NoteError),
}

/// Signs checkpoints under a name, such as `backlog.example`.
#[derive(Clone)]
pub struct CheckpointSigner {
    name: String,
    key: SigningKey,
}

impl std::fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointSigner").field("name", &self.name).finish_non_exhaustive()
    }
}

impl CheckpointSigner {
    /// A signer with this key.
    ///
    /// # Errors
    /// When the name cannot stand in a signature.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, SignerError> {
        Verifier::new(name, key.verifying_key())?;
        Ok(Self { name: name.to_owned(), key })
    }

    /// Reads the key from a file, PKCS #8 PEM.
    ///
    /// # Errors
    /// When there is none.
    pub async fn read(name: &str, path: PathBuf) -> Result<Self, SignerError> {
        let pem = match tokio::fs::read_to_string(&path).await {
            Ok(pem) => pem,
            Err(error) => return Err(SignerError::File(path, error)),
        };
        match SigningKey::from_pkcs8_pem(&pem) {
            Ok(key) => Self::new(name, key),
            Err(error) => Err(SignerError::Key(path, error.to_string())),
        }
    }

    /// What an auditor pins: the name with the public key.
    ///
    /// # Errors
    /// Never, since the name was checked; the type says it could.
    pub fn verifier(&self) -> Result<Verifier, SignerError> {
        Ok(Verifier::new(&self.name, self.key.verifying_key())?)
    }

    /// Signs the trees of a tenant. Errors with what cannot stand in a checkpoint.
    pub(crate) fn sign(
        &self,
        tenant: TenantId,
        trees: Vec<TreeHead>,
        time: DateTime<Utc>,
    ) -> Result<String, String> {
        let origin = format!("{}/{tenant}", self.name);
        let body = CheckpointBody::new(&origin, trees, time.timestamp());
        let body = body.map_err(|error| error.to_string())?;
        checkpoint::sign(&body, &self.name, &self.key).map_err(|error| error.to_string())
    }
}
