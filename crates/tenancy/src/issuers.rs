//! The issuers whose tokens are taken, each bound to one account: the file `issuers.toml`.
//!
//! ```toml
//! [[issuer]]
//! issuer = "https://id.vendor.example"
//! algorithm = "ES256"
//! jwks = "https://id.vendor.example/jwks.json"   # or a path, from the folder of this file
//! audience = "backlog"
//! account = "acc_0192f3a1c8e67d4fb0a1b2c3d4e5f607"   # absent: the issuer of operators
//!
//! [[issuer]]
//! issuer = "backlog-services"
//! kind = "services"       # tokens of our own services: the audience is each service's name
//! algorithm = "EdDSA"
//! jwks = "services.jwks.json"
//! ```
//!
//! The file is read again when a token names an issuer that is not known yet.

use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Mutex;

use backlog_ids::AccountId;

use crate::keys::{KeySet, chain};
use crate::source::{Attempts, Source};

/// A file older than this is looked at again, so that withdrawn issuers disappear.
const AGE_MAX: Duration = Duration::from_secs(60);

/// The signature algorithm of an issuer: exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IssuerAlgorithm {
    /// Ed25519.
    EdDSA,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2,048 bits and more.
    RS256,
}

/// Whose tokens an issuer signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerKind {
    /// People and integrators' systems.
    #[default]
    Users,
    /// Our own services: their tokens yield `log.read` and nothing else.
    Services,
}

/// One issuer as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerEntry {
    /// The `iss` claim.
    pub issuer: String,
    /// The one algorithm that its tokens are signed with.
    pub algorithm: IssuerAlgorithm,
    /// Path or http(s) address of its JWK set; paths count from the folder of the issuers file.
    pub jwks: String,
    /// The `aud` claim that its tokens must have; required for users, absent for services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The account that it is bound to, as `acc_...`; absent for operators and services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whose tokens it signs.
    #[serde(default)]
    pub kind: IssuerKind,
}

/// The file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuersFile {
    /// Its entries.
    #[serde(default, rename = "issuer")]
    pub issuers: Vec<IssuerEntry>,
}

/// The issuers file cannot be used.
#[derive(Debug, Error)]
pub enum IssuersError {
    /// Not there, or not readable or writable.
    #[error("cannot use the issuers file {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
    /// Not TOML of the form that the documentation of this module shows.
    #[error("the issuers file is malformed: {0}")]
    Malformed(String),
    /// Entries that contradict each other or themselves; all of them.
    #[error("the issuers file is wrong: {}", .0.join("; "))]
    Invalid(Vec<String>),
    /// Signing and verifying do not work in this build.
    #[error("the cryptography of tokens does not work in this build: {0}")]
    Cryptography(String),
    /// The HTTP client cannot be set up.
    #[error("cannot set up the client that fetches key sets: {0}")]
    Client(String),
}

impl IssuersFile {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self, IssuersError> {
        let text = std::fs::read_to_string(path).map_err(|error| io(path, &error))?;
        let file = Self::parse(&text)?;
        file.bindings()?;
        Ok(file)
    }

    /// Checks and writes the file in one step, so that a service never sees half of it.
    pub fn write(&self, path: &Path) -> Result<(), IssuersError> {
        self.bindings()?;
        let text = toml::to_string(self).map_err(|e| IssuersError::Malformed(e.to_string()))?;
        let next = path.with_extension("toml.next");
        std::fs::File::create(&next)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&next, path))
            .map_err(|error| io(path, &error))
    }

    fn parse(text: &str) -> Result<Self, IssuersError> {
        toml::from_str(text).map_err(|error| IssuersError::Malformed(error.to_string()))
    }

    /// What each issuer is bound to, in order; errs with everything that is wrong.
    fn bindings(&self) -> Result<Vec<Binding>, IssuersError> {
        let mut problems = Vec::new();
        let mut bindings = Vec::new();
        for (index, entry) in self.issuers.iter().enumerate() {
            let twice = self.issuers.iter().take(index).any(|other| other.issuer == entry.issuer);
            if entry.issuer.is_empty() || twice {
                problems.push(format!("issuer {:?} is empty or there twice", entry.issuer));
            }
            match binding(entry) {
                Ok(binding) => bindings.push(binding),
                Err(problem) => problems.push(format!("issuer {:?} {problem}", entry.issuer)),
            }
        }
        if problems.is_empty() { Ok(bindings) } else { Err(IssuersError::Invalid(problems)) }
    }
}

fn io(path: &Path, error: &std::io::Error) -> IssuersError {
    IssuersError::Io { path: path.to_owned(), cause: error.to_string() }
}

/// What tokens of an issuer can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    Account(AccountId),
    Operator,
    Services,
}

fn binding(entry: &IssuerEntry) -> Result<Binding, String> {
    match (entry.kind, entry.account.as_deref(), entry.audience.as_deref()) {
        (IssuerKind::Services, None, None) => Ok(Binding::Services),
        (IssuerKind::Services, _, _) => {
            Err("is of kind services, so it has neither account nor audience".to_owned())
        }
        (IssuerKind::Users, _, None | Some("")) => Err("needs an audience".to_owned()),
        (IssuerKind::Users, None, Some(_)) => Ok(Binding::Operator),
        (IssuerKind::Users, Some(account), Some(_)) => {
            account.parse().map(Binding::Account).map_err(|e| format!("has a wrong account: {e}"))
        }
    }
}

/// An issuer in use.
pub(crate) struct Issuer {
    pub(crate) entry: IssuerEntry,
    pub(crate) binding: Binding,
    pub(crate) algorithm: Algorithm,
    pub(crate) keys: Arc<KeySet>,
}

/// How often files and addresses are asked at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floors {
    pub(crate) file: Duration,
    pub(crate) url: Duration,
}

type Issuers = Arc<HashMap<String, Arc<Issuer>>>;

/// The issuers in use, kept in step with the file.
pub(crate) struct Registry {
    path: PathBuf,
    source: Source,
    floors: Floors,
    http: reqwest::Client,
    issuers: RwLock<Issuers>,
    attempts: Mutex<Attempts>,
}

impl Registry {
    /// Reads the file, which must be right at the start.
    pub(crate) async fn start(
        path: PathBuf,
        floors: Floors,
        now: DateTime<Utc>,
    ) -> Result<Arc<Self>, IssuersError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| IssuersError::Client(error.to_string()))?;
        let source = Source::File(path.clone());
        let mut attempts = Attempts::default();
        attempts.begin(&source, floors.file, now).await;
        let attempts = Mutex::new(attempts);
        let issuers = RwLock::default();
        let registry = Self { path, source, floors, http, issuers, attempts };
        registry.read().await?;
        Ok(Arc::new(registry))
    }

    /// The issuer of this name; an unknown one makes the file be read again, if it may.
    pub(crate) async fn issuer(
        self: &Arc<Self>,
        name: &str,
        now: DateTime<Utc>,
    ) -> Option<Arc<Issuer>> {
        if let Some(issuer) = self.known(name) {
            self.refresh_if_old(now);
            return Some(issuer);
        }
        let mut attempts = self.attempts.lock().await;
        if self.known(name).is_none() && attempts.begin(&self.source, self.floors.file, now).await {
            self.read_or_warn().await;
        }
        drop(attempts);
        self.known(name)
    }

    fn known(&self, name: &str) -> Option<Arc<Issuer>> {
        self.issuers.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn refresh_if_old(self: &Arc<Self>, now: DateTime<Utc>) {
        let old = self.attempts.try_lock().is_ok_and(|last| last.older_than(AGE_MAX, now));
        if !old {
            return;
        }
        let registry = Arc::clone(self);
        tokio::spawn(async move {
            let mut attempts = registry.attempts.lock().await;
            if attempts.begin(&registry.source, AGE_MAX, now).await {
                registry.read_or_warn().await;
            }
        });
    }

    async fn read_or_warn(&self) {
        if let Err(error) = self.read().await {
            tracing::warn!(%error, "issuers file not read; keeping the issuers known");
        }
    }

    /// Replaces the issuers; those that did not change keep their keys.
    async fn read(&self) -> Result<(), IssuersError> {
        let bytes = self.source.read(&self.http).await.map_err(|error| IssuersError::Io {
            path: self.path.clone(),
            cause: format!("{error}: {}", chain(&error)),
        })?;
        let text = String::from_utf8(bytes).map_err(|e| IssuersError::Malformed(e.to_string()))?;
        let file = IssuersFile::parse(&text)?;
        let bindings = file.bindings()?;
        let mut next = HashMap::new();
        for (entry, binding) in file.issuers.into_iter().zip(bindings) {
            let same = self.known(&entry.issuer).filter(|known| known.entry == entry);
            let issuer = same.unwrap_or_else(|| Arc::new(self.open(entry, binding)));
            next.insert(issuer.entry.issuer.clone(), issuer);
        }
        *self.issuers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    fn open(&self, entry: IssuerEntry, binding: Binding) -> Issuer {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        let source = Source::parse(&entry.jwks, folder);
        let floor = match source {
            Source::File(_) => self.floors.file,
            Source::Url(_) => self.floors.url,
        };
        let algorithm = match entry.algorithm {
            IssuerAlgorithm::EdDSA => Algorithm::EdDSA,
            IssuerAlgorithm::ES256 => Algorithm::ES256,
            IssuerAlgorithm::RS256 => Algorithm::RS256,
        };
        let keys = Arc::new(KeySet::new(source, algorithm, floor, self.http.clone()));
        Issuer { entry, binding, algorithm, keys }
    }
}

#[cfg(test)]
mod tests {
    use super::{IssuersError, IssuersFile};

    const GOOD: &str = r#"
        [[issuer]]
        issuer = "ops"
        algorithm = "EdDSA"
        jwks = "ops.json"
        audience = "backlog"

        [[issuer]]
        issuer = "backlog-services"
        kind = "services"
        algorithm = "EdDSA"
        jwks = "services.json"
    "#;

    /// A file that is right comes back the same after writing.
    #[test]
    fn round_trips() {
        let file = IssuersFile::parse(GOOD).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issuers.toml");
        file.write(&path).unwrap();
        assert_eq!(IssuersFile::read(&path).unwrap(), file);
        assert!(!folder.path().join("issuers.toml.next").exists());
    }

    /// All contradictions are named at once; nothing is half accepted.
    #[test]
    fn names_all_contradictions() {
        let mut file = IssuersFile::parse(GOOD).unwrap();
        let mut twice = file.issuers[0].clone();
        twice.audience = None;
        let mut account = file.issuers[0].clone();
        account.issuer = "vendor".to_owned();
        account.account = Some("ten_1".to_owned());
        file.issuers[1].audience = Some("backlog".to_owned());
        file.issuers.extend([twice, account]);
        let Err(IssuersError::Invalid(problems)) = file.bindings() else { panic!() };
        assert_eq!(problems.len(), 4, "{problems:?}");
    }

    /// Unknown keys and algorithms are refused rather than ignored.
    #[test]
    fn refuses_what_it_does_not_know() {
        let algorithm = GOOD.replace("EdDSA", "HS256");
        let typo = GOOD.replace("audience", "audiense");
        for text in [algorithm.as_str(), typo.as_str(), "issuer = 1"] {
            assert!(matches!(IssuersFile::parse(text), Err(IssuersError::Malformed(_))), "{text}");
        }
    }
}
