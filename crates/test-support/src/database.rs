//! A database of its own for each test: a copy of a template that was migrated once.

use crate::cluster::{TestCluster, blocking};
use anyhow::Context;
use backlog_local_stack::{DatabaseCluster, DatabaseUrls};
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};

const EMPTY: &str = "empty";

/// A fresh database with the three services' schemas. Dropping the value drops the database with
/// all its connections.
#[derive(Debug)]
pub struct TestDatabase {
    urls: DatabaseUrls,
    cluster: DatabaseCluster,
}

impl TestDatabase {
    /// A database with empty schemas.
    ///
    /// # Errors
    /// When the cluster does not start or Postgres refuses.
    pub async fn empty() -> anyhow::Result<Self> {
        Self::from_template(EMPTY, async |_| Ok(())).await
    }

    /// A copy of the template `name`, which is made at the first use in the run: a database with
    /// empty schemas on which `migrate` ran. Processes that ask at once wait for the first. Equal
    /// names must mean equal migrations. The pools that `migrate` opens it must close.
    ///
    /// # Errors
    /// When the cluster does not start, `migrate` fails or Postgres refuses.
    pub async fn from_template<M, F>(name: &str, migrate: M) -> anyhow::Result<Self>
    where
        M: FnOnce(DatabaseUrls) -> F,
        F: Future<Output = anyhow::Result<()>>,
    {
        let manifest = TestCluster::shared().await?.manifest();
        let template = format!("template_{name}");
        // Across processes too, and given up by the system when a process dies.
        let path = manifest.folder.join(format!("{template}.lock"));
        let lock = blocking(move || {
            let lock = File::create(&path).with_context(|| format!("create {}", path.display()))?;
            lock.lock().context("lock the template")?;
            Ok(lock)
        })
        .await?;
        let cluster = manifest.cluster.clone();
        let found = template.clone();
        let unfinished = blocking(move || {
            if cluster.has_template(&found)? {
                return Ok(None);
            }
            // What an earlier attempt left is in an unknown state.
            cluster.drop_database(&found)?;
            Ok(Some(cluster.create_database(&found)?))
        })
        .await?;
        if let Some(urls) = unfinished {
            migrate(urls).await.with_context(|| format!("migrate the template {name}"))?;
            let (cluster, done) = (manifest.cluster.clone(), template.clone());
            blocking(move || Ok(cluster.seal_template(&done)?)).await?;
        }
        drop(lock);
        Self::copy(manifest.cluster.clone(), template).await
    }

    /// The URLs of the database.
    #[must_use]
    pub fn urls(&self) -> &DatabaseUrls {
        &self.urls
    }

    /// Runs SQL as the superuser, past row-level security; answers rows of fields separated by
    /// `|`. For looking at what the code under test left behind.
    ///
    /// # Errors
    /// What Postgres said.
    pub async fn superuser_sql(&self, sql: &str) -> anyhow::Result<String> {
        let (cluster, name, sql) =
            (self.cluster.clone(), self.urls.database.clone(), sql.to_owned());
        blocking(move || Ok(cluster.access.run(&name, &sql)?)).await
    }

    async fn copy(cluster: DatabaseCluster, template: String) -> anyhow::Result<Self> {
        // Random per process and call; the test's own ids stay what its seed says.
        let name = format!("test_{:016x}", RandomState::new().build_hasher().finish());
        blocking(move || {
            let urls = cluster.create_from_template(&name, &template)?;
            Ok(Self { urls, cluster })
        })
        .await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A failure leaves a database to a cluster that goes away anyway.
        drop(self.cluster.drop_database(&self.urls.database));
    }
}
