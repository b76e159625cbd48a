//! Where issuers and keys are read from, and how often: never more often than a floor allows.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use thiserror::Error;

/// A file or an answer larger than this is refused.
const BYTES_MAX: usize = 1_000_000;
/// A key server that takes longer counts as failed.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// A document that may change while we run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file; read again as soon as it changed.
    File(PathBuf),
    /// An address; fetched again no sooner than the floor.
    Url(String),
}

/// The document could not be had.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    #[error("cannot read {path}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("cannot fetch {url}")]
    Fetch { url: String, source: reqwest::Error },
    #[error("{0} answered {1}")]
    Refused(String, u16),
    #[error("the document is larger than {BYTES_MAX} bytes")]
    TooLarge,
}

/// When the document was last asked for, whatever came of it.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    last: Option<DateTime<Utc>>,
    stamp: Option<(SystemTime, u64)>,
}

impl Source {
    /// A path, relative ones from `folder`, or an http(s) address.
    pub(crate) fn parse(text: &str, folder: &Path) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Url(text.to_owned())
        } else {
            Self::File(folder.join(text))
        }
    }

    /// The whole document.
    pub(crate) async fn read(&self, http: &reqwest::Client) -> Result<Vec<u8>, SourceError> {
        match self {
            Self::File(path) => {
                let file = |source| SourceError::File { path: path.clone(), source };
                let metadata = tokio::fs::metadata(path).await.map_err(file)?;
                if metadata.len() > u64::try_from(BYTES_MAX).unwrap_or(u64::MAX) {
                    return Err(SourceError::TooLarge);
                }
                tokio::fs::read(path).await.map_err(file)
            }
            Self::Url(url) => fetch(url, http).await,
        }
    }
}

async fn fetch(url: &str, http: &reqwest::Client) -> Result<Vec<u8>, SourceError> {
    let failed = |source| SourceError::Fetch { url: url.to_owned(), source };
    let mut answer = http.get(url).timeout(FETCH_TIMEOUT).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(SourceError::Refused(url.to_owned(), answer.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if bytes.len().saturating_add(chunk.len()) > BYTES_MAX {
            return Err(SourceError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl Attempts {
    /// Whether it may be read now; if so, that is noted as an attempt. A file may be read as soon
    /// as it differs from the one that was last read; else only `floor` after the last attempt.
    pub(crate) async fn begin(
        &mut self,
        source: &Source,
        floor: Duration,
        now: DateTime<Utc>,
    ) -> bool {
        let stamp = match source {
            Source::File(path) => stamp(path).await,
            Source::Url(_) => None,
        };
        let changed = stamp.is_some() && stamp != self.stamp;
        if !changed && !self.older_than(floor, now) {
            return false;
        }
        self.last = Some(now);
        self.stamp = stamp;
        true
    }

    /// Whether the last attempt is further away than `age`, in either direction: a clock that was
    /// set back must not stop all reading.
    pub(crate) fn older_than(&self, age: Duration, now: DateTime<Utc>) -> bool {
        self.last.is_none_or(|last| {
            let distance = now.signed_duration_since(last).abs();
            distance.to_std().is_ok_and(|distance| distance >= age)
        })
    }
}

async fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
