//! A local stack that runs: where it is, its tokens, and what commands remember about it.

use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backlog_audit_log::{Verifier, VerifyingKey};
use backlog_ids::{AccountId, TenantId};
use backlog_local_stack::{CHECKPOINT_NAME, MANIFEST_FILE, Manifest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};

use crate::client::{Addresses, PositionBook};
use crate::failure::Failure;

use super::keys::{self, Subject};

/// How long tokens that commands sign for themselves are good for.
const OWN_TOKEN_SECONDS: i64 = 600;

/// The stack of a folder.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    manifest: Manifest,
}

/// Where `dev up` puts its stack unless told otherwise: one for each user.
#[must_use]
pub(crate) fn default_folder() -> PathBuf {
    let user = std::fs::metadata("/proc/self").map(|data| data.uid()).unwrap_or_default();
    let temp = if user == 0 { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    temp.join(format!("backlog-dev-{user}"))
}

impl Local {
    /// The stack in this folder; none when there is no manifest.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>, Failure> {
        if !folder.join(MANIFEST_FILE).exists() {
            return Ok(None);
        }
        Self::open(folder).map(Some)
    }

    /// The stack in this folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let manifest = Manifest::read(folder).map_err(|error| {
            Failure::usage(error.to_string()).advise("start a stack with: backlog dev up")
        })?;
        Ok(Self { manifest })
    }

    /// The stack that a manifest tells of.
    pub(crate) fn of(manifest: Manifest) -> Self {
        Self { manifest }
    }

    /// What the stack consists of.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where its services are.
    pub(crate) fn addresses(&self) -> Addresses {
        let services = &self.manifest.services;
        Addresses {
            contract: services.contract.url.clone(),
            recognition: services.recognition.url.clone(),
            reporting: services.reporting.url.clone(),
            ca_file: None,
        }
    }

    /// Gives an account an issuer with a key of its own; answers the issuer's name.
    pub(crate) fn bind(&self, account: AccountId, name: Option<&str>) -> Result<String, Failure> {
        keys::bind(account, &self.keys(), &self.manifest.services.issuers, name)
    }

    /// A token signed with the stack's development keys.
    pub(crate) fn token(
        &self,
        subject: &Subject,
        name: &str,
        expires: DateTime<Utc>,
    ) -> Result<String, Failure> {
        let operator = &self.manifest.keys.user_issuer;
        let issuers = &self.manifest.services.issuers;
        keys::token(subject, name, expires, operator, &self.keys(), issuers)
    }

    /// A token for a command's own use.
    pub(crate) fn own_token(
        &self,
        subject: &Subject,
        now: DateTime<Utc>,
    ) -> Result<String, Failure> {
        let expires = now.checked_add_signed(TimeDelta::seconds(OWN_TOKEN_SECONDS));
        self.token(subject, "backlog-cli", expires.unwrap_or(now))
    }

    /// Accounts that have an issuer here, in order.
    pub(crate) fn accounts(&self) -> Result<Vec<AccountId>, Failure> {
        let file = backlog_tenancy::IssuersFile::read(&self.manifest.services.issuers)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let accounts = file.issuers.iter().filter_map(|entry| entry.account.as_ref());
        let mut accounts: Vec<_> = accounts.filter_map(|text| text.parse().ok()).collect();
        accounts.sort();
        Ok(accounts)
    }

    /// Remembers which account owns a tenant.
    pub(crate) fn note_tenant(&self, tenant: &str, account: &str) -> Result<(), Failure> {
        let mut tenants = self.tenants();
        if tenants.insert(tenant.to_owned(), account.to_owned()).as_deref() == Some(account) {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&tenants)
            .map_err(|error| Failure::usage(error.to_string()))?;
        write_private(&self.own_folder()?.join("tenants.json"), &text)
    }

    /// The account that owns a tenant, as far as commands have seen it.
    pub(crate) fn account_of(&self, tenant: TenantId) -> Option<AccountId> {
        self.tenants().get(&tenant.to_string()).and_then(|account| account.parse().ok())
    }

    /// Remembers positions of a tenant.
    pub(crate) fn positions(&self, tenant: &str) -> PositionBook {
        let folder = self.own_folder().ok();
        PositionBook::new(folder.map(|folder| folder.join(format!("{tenant}.positions"))))
    }

    /// The key that an auditor pins to check this stack's checkpoints.
    pub(crate) fn verifier(&self) -> Result<Verifier, Failure> {
        let path = &self.manifest.keys.checkpoint.jwks_path;
        let wrong = |text: String| Failure::usage(format!("{}: {text}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let jwks: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let public = jwks.pointer("/keys/0/x").and_then(serde_json::Value::as_str);
        let bytes = public.and_then(|public| URL_SAFE_NO_PAD.decode(public).ok());
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        let key = key.ok_or_else(|| wrong("no Ed25519 public key".to_owned()))?;
        Verifier::new(CHECKPOINT_NAME, key).map_err(|error| wrong(error.to_string()))
    }

    fn keys(&self) -> PathBuf {
        self.manifest.folder.join("keys")
    }

    fn tenants(&self) -> BTreeMap<String, String> {
        let path = self.manifest.folder.join("commands/tenants.json");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn own_folder(&self) -> Result<PathBuf, Failure> {
        let path = self.manifest.folder.join("commands");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| {
            Failure::usage(format!("cannot create {}: {error}", path.display()))
        })?;
        Ok(path)
    }
}

/// Writes a file that only its owner can read, in one step.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let next = path.with_extension("next");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&next).and_then(|mut file| file.write_all(text.as_bytes()));
    let moved = written.and_then(|()| std::fs::rename(&next, path));
    moved.map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}
