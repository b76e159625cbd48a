//! `stack.json`: what a stack consists of, for the command line, scripts and other processes.

use crate::account;
use crate::databases::{DatabaseCluster, DatabaseUrls};
use crate::error::LocalStackError;
use crate::folder::{is_running, remove};
use crate::keys::DevelopmentKeys;
use crate::nats_config::NatsUsers;
use crate::services::ServicesFiles;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The name of the manifest inside the stack's folder.
pub const MANIFEST_FILE: &str = "stack.json";

/// A running stack: where everything is and how to get in. It holds passwords; the file has mode
/// 0600.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The stack's folder.
    pub folder: PathBuf,
    /// Process id of Postgres.
    pub postgres_pid: u32,
    /// Postgres with its roles, for creating further databases.
    pub cluster: DatabaseCluster,
    /// The stack's own database.
    pub databases: DatabaseUrls,
    /// Process id of nats-server.
    pub nats_pid: u32,
    /// The URL of nats-server, without credentials.
    pub nats_url: String,
    /// The users of nats-server.
    pub nats: NatsUsers,
    /// Development keys.
    pub keys: DevelopmentKeys,
    /// Configuration of the services, for whoever starts them.
    pub services: ServicesFiles,
}

/// Which servers of a stack run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Running {
    /// Whether Postgres runs.
    pub postgres: bool,
    /// Whether nats-server runs.
    pub nats: bool,
}

impl Manifest {
    /// Reads the manifest of the stack in `folder`.
    ///
    /// # Errors
    /// When there is none, or it belongs to another user: its URLs would lead to their servers.
    pub fn read(folder: &Path) -> Result<Self, LocalStackError> {
        let path = folder.join(MANIFEST_FILE);
        let wrong = |reason: String| LocalStackError::Manifest { path: path.clone(), reason };
        let uid = std::fs::metadata(&path).map_err(|error| wrong(error.to_string()))?.uid();
        if uid != account::own_uid()? {
            return Err(wrong(format!("it belongs to user {uid}")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    /// Which of its servers run now.
    #[must_use]
    pub fn running(&self) -> Running {
        Running {
            postgres: is_running(self.postgres_pid, &self.folder),
            nats: is_running(self.nats_pid, &self.folder),
        }
    }

    /// Ends the servers and removes the folder.
    ///
    /// # Errors
    /// When the shell that does it cannot be run.
    pub fn down(&self) -> Result<(), LocalStackError> {
        remove(&self.folder)
    }
}
