//! The whole local stack: Postgres with the services' database, NATS, keys, and a manifest.

use crate::databases::DatabaseCluster;
use crate::error::LocalStackError;
use crate::folder::PrivateFolder;
use crate::keys::DevelopmentKeys;
use crate::manifest::{MANIFEST_FILE, Manifest};
use crate::nats::NatsServer;
use crate::postgres::{PostgresOptions, PostgresServer};
use crate::services::{ServiceInputs, ServicesFiles};
use std::path::PathBuf;
use std::sync::Arc;

/// How a stack is set up.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// The stack's folder, which must not exist yet; `None` makes a random one under the temp
    /// directory.
    pub folder: Option<PathBuf>,
    /// The name of the database that gets the services' schemas.
    pub database: String,
    /// How Postgres is set up.
    pub postgres: PostgresOptions,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self { folder: None, database: "backlog".to_owned(), postgres: PostgresOptions::default() }
    }
}

/// A running stack. Dropping it ends the servers and removes the folder.
#[derive(Debug)]
pub struct LocalStack {
    /// Postgres, for tests that stop or kill it.
    pub postgres: PostgresServer,
    /// NATS, for tests that stop, kill, pause or wipe it.
    pub nats: NatsServer,
    manifest: Manifest,
    folder: Arc<PrivateFolder>,
}

impl LocalStack {
    /// Starts Postgres and NATS, creates the database, schemas, roles and keys, and writes the
    /// manifest. The services are started by whoever asked for the stack.
    ///
    /// # Errors
    /// When a server is missing or does not start; what was started is ended again.
    pub fn start(options: &StackOptions) -> Result<Self, LocalStackError> {
        let folder = Arc::new(match &options.folder {
            Some(path) => PrivateFolder::create_at(path)?,
            None => PrivateFolder::create()?,
        });
        let postgres = PostgresServer::start(&folder, &options.postgres)?;
        let nats = NatsServer::start(&folder)?;
        let cluster = DatabaseCluster::create(postgres.access().clone())?;
        let databases = cluster.create_database(&options.database)?;
        let keys = DevelopmentKeys::generate(&folder)?;
        let home = folder.own_folder("services")?;
        let services = ServicesFiles::write(&ServiceInputs {
            folder: &home,
            databases: &databases,
            nats_url: &nats.url(),
            nats: nats.users(),
            keys: &keys,
            extra: "",
        })?;
        let manifest = Manifest {
            folder: folder.path().to_owned(),
            postgres_pid: postgres.pid().unwrap_or_default(),
            cluster,
            databases,
            nats_pid: nats.pid().unwrap_or_default(),
            nats_url: nats.url(),
            nats: nats.users().clone(),
            keys,
            services,
        };
        let stack = Self { postgres, nats, manifest, folder };
        stack.write_manifest()?;
        Ok(stack)
    }

    /// Where everything is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Lets the stack live on after this process: until [`Manifest::down`] or, with `while_pid`,
    /// until that process has ended. Answers the manifest.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub fn detach(mut self, while_pid: Option<u32>) -> Result<Manifest, LocalStackError> {
        // A restart may have given the servers new process ids.
        self.manifest.postgres_pid = self.postgres.pid().unwrap_or_default();
        self.manifest.nats_pid = self.nats.pid().unwrap_or_default();
        self.write_manifest()?;
        self.folder.detach(while_pid)?;
        self.postgres.detach();
        self.nats.detach();
        Ok(self.manifest)
    }

    fn write_manifest(&self) -> Result<(), LocalStackError> {
        let text = serde_json::to_string_pretty(&self.manifest).map_err(|error| {
            LocalStackError::Manifest {
                path: self.folder.path().join(MANIFEST_FILE),
                reason: error.to_string(),
            }
        })?;
        self.folder.write(MANIFEST_FILE, &text).map(drop)
    }
}
