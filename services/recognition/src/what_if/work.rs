//! The verb: walks a what-if through the logs, page by page. Each page is saved with the place that it
//! reached, in one transaction that holds its lease, so that whoever goes on begins there.

use std::collections::BTreeSet;

use backlog_db::{Database, DbError};
use backlog_event_log::{ReadError, Reader};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::common::v1::Log;
use backlog_proto::recognition::v1 as pb;
use thiserror::Error;

use super::convert::assumed;
use super::queries::{self, Lease};
use super::rows::{Kept, Sweep};
use super::walk::{Step, Walk, Walked};
use super::what_if::Assumed;

/// Limits of what-ifs.
#[derive(Debug, Clone, Copy)]
pub struct WhatIfSettings {
    /// Entries of this log in one page at most; the contract service answers 500 at once.
    pub page_entries: u64,
    /// Contracts in one page at about: an entry is never cut.
    pub page_contracts: u64,
}

/// How far a page got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paged {
    /// There is more to do.
    More,
    /// The what-if is finished, or has failed.
    Done,
    /// Another replica has taken it over, or it was deleted: nothing was written.
    Superseded,
}

/// Why a page is left for later.
#[derive(Debug, Error)]
pub enum PageFault {
    /// The database cannot be asked.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The contract log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
}

/// Why a page is not walked.
enum Stop {
    /// It is left for later.
    Later(PageFault),
    /// It never can be: the what-if has failed.
    Never(String),
}

impl<E: Into<PageFault>> From<E> for Stop {
    fn from(fault: E) -> Self {
        Self::Later(fault.into())
    }
}

/// Works on what-ifs.
#[derive(Clone)]
pub struct WhatIfs {
    database: Database,
    contract: Reader,
    settings: WhatIfSettings,
}

/// What a page works on.
struct Page {
    lease: Lease,
    assumed: Assumed,
    kept: Kept,
    /// The last entry of this log that is covered.
    last: u64,
}

impl WhatIfs {
    /// Works on what-ifs of this database; facts are read from the contract log.
    #[must_use]
    pub fn new(database: Database, contract: Reader, settings: WhatIfSettings) -> Self {
        Self { database, contract, settings }
    }

    /// Does the next page of a what-if.
    ///
    /// # Errors
    /// What cannot be reached now; the page is then done by whoever takes the lease next.
    pub async fn page(&self, lease: Lease) -> Result<Paged, PageFault> {
        let Some((content, kept)) = queries::work(&self.database, lease).await? else {
            return Ok(Paged::Superseded);
        };
        let last = covered(&content, Log::Recognition);
        let of = |assumed| Page { lease, assumed, kept, last };
        let done = match assumed(&content) {
            Some(assumed) => self.walk(of(assumed)).await,
            None => Err(Stop::Never("what is assumed cannot be read".to_owned())),
        };
        match done {
            Ok(paged) => Ok(paged),
            Err(Stop::Later(fault)) => Err(fault),
            Err(Stop::Never(why)) => {
                let Lease { tenant, what_if, .. } = lease;
                tracing::warn!(%tenant, %what_if, why, "a what-if has failed");
                self.finish(lease, Err(why)).await.map_err(PageFault::from)
            }
        }
    }

    async fn walk(&self, page: Page) -> Result<Paged, Stop> {
        match page.kept.sweep {
            Some(sweep) => self.sweep(page, sweep).await,
            None if page.kept.position < page.last => self.entries(page).await,
            None => self.settle(page).await,
        }
    }

    /// Goes on along the log, at most through the end of a run.
    async fn entries(&self, page: Page) -> Result<Paged, Stop> {
        let tenant = page.lease.tenant;
        let left = page.last.saturating_sub(page.kept.position);
        let limit = self.settings.page_entries.min(left);
        let found = queries::entries(&self.database, tenant, page.kept.position, limit).await?;
        let mut steps = Vec::new();
        // An entry of the contract log, not read yet, is about one contract.
        let mut contracts = 0_usize;
        for opened in &found {
            let step = Step::of(&opened.entry).map_err(Stop::Never)?;
            let named = step.contracts().map_err(Stop::Never)?.len();
            contracts = contracts.saturating_add(named.max(1));
            if !steps.is_empty() && self.full(contracts) {
                break;
            }
            let ends = step.ends_run();
            steps.push(step);
            if ends {
                break;
            }
        }
        if steps.is_empty() {
            let next = page.kept.position.saturating_add(1);
            return Err(Stop::Never(format!("entry {next} of the recognition log is missing")));
        }
        self.facts(tenant, &mut steps).await?;
        let mut named = BTreeSet::new();
        for step in &steps {
            let of = step.contracts().map_err(Stop::Never)?.into_iter();
            // What joined another is kept with that.
            named.extend(of.map(|id| page.kept.joined.get(&id).copied().unwrap_or(id)));
        }
        let mut walk = Walk::new(tenant, page.assumed, page.kept).map_err(Stop::Never)?;
        walk.load(queries::contracts(&self.database, page.lease, named.into_iter()).await?);
        for step in &steps {
            walk.step(step).map_err(Stop::Never)?;
        }
        self.save(page.lease, walk).await
    }

    fn full(&self, contracts: usize) -> bool {
        u64::try_from(contracts).unwrap_or(u64::MAX) > self.settings.page_contracts
    }

    /// Gets the entries of the contract log that are accounted for.
    async fn facts(&self, tenant: TenantId, steps: &mut [Step]) -> Result<(), Stop> {
        let seqs: Vec<u64> = steps.iter().filter_map(Step::contract_seq).collect();
        if seqs.is_empty() {
            return Ok(());
        }
        let found = self.contract.entries(tenant, &seqs).await?;
        let mut found = found.into_iter().map(|opened| opened.entry).peekable();
        for step in steps.iter_mut().filter(|step| step.contract_seq().is_some()) {
            let of = |seq| step.contract_seq() == Some(seq);
            if let Some(entry) = found.next_if(|entry| of(entry.seq)) {
                step.accounts_for(entry);
            }
        }
        Ok(())
    }

    /// Goes on through the contracts that a run which has ended did not name.
    async fn sweep(&self, page: Page, sweep: Sweep) -> Result<Paged, Stop> {
        let limit = self.settings.page_contracts.max(1);
        let versions = page.kept.assumed.later();
        let found = queries::due(&self.database, page.lease, sweep, versions, limit).await?;
        let last = found.last().map(|of| of.books.contract);
        let more = u64::try_from(found.len()).unwrap_or(u64::MAX) >= limit;
        let mut kept = page.kept;
        kept.sweep = more.then_some(Sweep { after: last, ..sweep });
        let mut walk = Walk::new(page.lease.tenant, page.assumed, kept).map_err(Stop::Never)?;
        walk.load(found);
        walk.sweep(sweep).map_err(Stop::Never)?;
        self.save(page.lease, walk).await
    }

    async fn save(&self, lease: Lease, walk: Walk) -> Result<Paged, Stop> {
        let Walked { kept, changed, joined } = walk.end();
        let held = queries::save(&self.database, lease, &kept, &changed, &joined).await?;
        Ok(if held { Paged::More } else { Paged::Superseded })
    }

    /// Adds up what the contracts came to; with the last of them it is finished.
    async fn settle(&self, mut page: Page) -> Result<Paged, Stop> {
        let limit = self.settings.page_contracts.max(1);
        let found = queries::left(&self.database, page.lease, page.kept.settled, limit).await?;
        if found.is_empty() {
            let result = page.kept.result().map_err(Stop::Never)?;
            return Ok(self.finish(page.lease, Ok(result)).await?);
        }
        page.kept.settle(&found).map_err(Stop::Never)?;
        let done: Vec<ContractId> = found.iter().map(|of| of.books.contract).collect();
        let held = queries::save(&self.database, page.lease, &page.kept, &[], &done).await?;
        Ok(if held { Paged::More } else { Paged::Superseded })
    }

    async fn finish(
        &self,
        lease: Lease,
        outcome: Result<pb::WhatIfResult, String>,
    ) -> Result<Paged, DbError> {
        let held = queries::finish(&self.database, lease, &outcome).await?;
        Ok(if held { Paged::Done } else { Paged::Superseded })
    }
}

/// The position of a log that a what-if covers.
pub(crate) fn covered(content: &pb::WhatIf, log: Log) -> u64 {
    let positions = content.watermark.iter().flat_map(|watermark| &watermark.positions);
    positions
        .filter(|position| position.log() == log)
        .map(|position| position.seq)
        .max()
        .unwrap_or(0)
}
