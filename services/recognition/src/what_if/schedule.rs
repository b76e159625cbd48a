//! Which replica works on which what-if.
//!
//! A lease row per what-if says who works on it. Taking it raises its fence, every page names the fence it
//! was taken with, and a page with an older one is refused. Each page renews the lease; a replica that falls
//! silent is taken over from, where its last page ended.

use std::time::Duration;

use backlog_db::{Database, DbError};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::queries::{self, Lease};
use super::work::{Paged, WhatIfs};

/// What-ifs that a replica works on at once.
const AT_ONCE: i64 = 2;

/// Works on what was started.
#[derive(Clone)]
pub struct WhatIfWorker {
    database: Database,
    what_ifs: WhatIfs,
    every: Duration,
    holder: Uuid,
}

impl WhatIfWorker {
    /// A worker of one replica, `holder`, which is a fresh id at each start; it looks for work `every` so often.
    #[must_use]
    pub fn new(database: Database, what_ifs: WhatIfs, every: Duration, holder: Uuid) -> Self {
        Self { database, what_ifs, every, holder }
    }

    /// Works until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let busy = match self.look(stop).await {
                Ok(found) => found > 0,
                Err(error) => {
                    tracing::warn!(%error, "what-ifs are looked for again");
                    false
                }
            };
            if busy {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Takes leases of what-ifs that nobody works on.
    ///
    /// # Errors
    /// As the database says.
    pub async fn claim(&self) -> Result<Vec<Lease>, DbError> {
        queries::claim(&self.database, self.holder, AT_ONCE).await
    }

    async fn look(&self, stop: &CancellationToken) -> Result<usize, DbError> {
        let leases = self.claim().await?;
        join_all(leases.iter().map(|lease| self.work(*lease, stop))).await;
        Ok(leases.len())
    }

    /// What fails is left: the lease ends by itself, and whoever takes it next goes on.
    async fn work(&self, lease: Lease, stop: &CancellationToken) {
        let Lease { tenant, what_if, .. } = lease;
        while !stop.is_cancelled() {
            match self.what_ifs.page(lease).await {
                Ok(Paged::More) => {}
                Ok(Paged::Done) => {
                    tracing::info!(%tenant, %what_if, "a what-if has ended");
                    return;
                }
                Ok(Paged::Superseded) => {
                    tracing::info!(%tenant, %what_if, "a what-if is another replica's now");
                    return;
                }
                Err(fault) => {
                    tracing::warn!(%tenant, %what_if, %fault, "a what-if is left for later");
                    return;
                }
            }
        }
        if let Err(error) = queries::release(&self.database, lease).await {
            tracing::debug!(%error, "the lease of a what-if ends by itself");
        }
    }
}
