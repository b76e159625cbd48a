//! The verb: pages over what a run has to post and hands it on in chunks until all is posted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use backlog_db::{Database, DbError};
use backlog_event_log::{Answer, Refused, RequestKey, Submission, Writers};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::recognition::v1::{AccountingPosted, RunChunk, RunProgress};
use chrono::NaiveDate;
use prost::Message;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::ahead::Ahead;
use super::error::CallFault;
use super::queries::{self, Expected, InScope};
use super::run::{RecognizeChunk, run_id};
use super::schedule::Lease;
use crate::domain::{Command, Recognition, Refusal};

/// How often a scheduled run that goes on renews its lease: well within the time that it holds.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// Chunks whose contracts are looked for at once.
const CHUNKS_A_PAGE: u64 = 2;

/// Limits of runs.
#[derive(Debug, Clone, Copy)]
pub struct RunSettings {
    /// Recognition entries that one chunk aims at: what one transaction posts. A contract is never cut.
    pub chunk_entries: u64,
    /// Contracts in one chunk at most.
    pub chunk_contracts: u64,
    /// Runs under way in this replica at most.
    pub concurrent_max: usize,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self { chunk_entries: 4_000, chunk_contracts: 4_000, concurrent_max: 32 }
    }
}

/// A run as asked for, parsed.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Whose books.
    pub tenant: TenantId,
    /// Who asks.
    pub actor: String,
    /// What makes it idempotent.
    pub key: RequestKey,
    /// Last day covered.
    pub through: NaiveDate,
    /// The contract that it is limited to; none for all.
    pub contract: Option<ContractId>,
    /// The fence of the lease under which a scheduled run works.
    pub fence: Option<u64>,
}

/// The last chunk of a finished run, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Its place in the recognition log.
    pub seq: u64,
    /// Position of the contract log that it covers.
    pub covered: u64,
    /// What it says about the run.
    pub chunk: RunChunk,
}

/// Carries runs out.
#[derive(Clone)]
pub struct Runs {
    database: Database,
    writers: Writers<Recognition>,
    settings: RunSettings,
    under_way: Arc<Semaphore>,
}

impl Runs {
    /// Runs over these writers.
    #[must_use]
    pub fn new(database: Database, writers: Writers<Recognition>, settings: RunSettings) -> Self {
        let under_way = Arc::new(Semaphore::new(settings.concurrent_max));
        Self { database, writers, settings, under_way }
    }

    /// Runs to the end in a task of its own, which a caller that goes away does not stop. A call that
    /// repeats the request_id continues the same run, or answers as the finished one. How far it is goes
    /// to `progress`, chunk by chunk.
    ///
    /// # Errors
    /// What stopped it; what was posted before stays, and the same request_id continues.
    pub async fn recognize(
        &self,
        request: RunRequest,
        progress: Option<watch::Sender<RunProgress>>,
    ) -> Result<Finished, CallFault> {
        let permit = Arc::clone(&self.under_way)
            .try_acquire_owned()
            .map_err(|_| CallFault::TooManyRuns(self.settings.concurrent_max))?;
        let runs = self.clone();
        let span = tracing::Span::current();
        let task = tokio::spawn(tracing::Instrument::instrument(
            async move {
                let outcome = runs.carry_out(&request, progress.as_ref()).await;
                drop(permit);
                outcome
            },
            span,
        ));
        match task.await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a recognition run panicked");
                Err(CallFault::Internal)
            }
        }
    }

    async fn carry_out(
        &self,
        request: &RunRequest,
        progress: Option<&watch::Sender<RunProgress>>,
    ) -> Result<Finished, CallFault> {
        let mut page = Page::default();
        let mut renewed = Instant::now();
        let mut chunk = self.next(request, &mut page).await?;
        loop {
            // What comes next is worked out while this is being written.
            let following = async {
                if chunk.last {
                    return Ok(None);
                }
                let next = self.next(request, &mut page).await?;
                let ahead = Ahead::of(&self.database, request.tenant, next.clone()).await?;
                Ok::<_, DbError>(Some((next, ahead)))
            };
            let (answer, following) = tokio::join!(self.submit(request, chunk.clone()), following);
            let answer = answer?;
            // A chunk of a run that was finished before answers with that run's last one.
            let finished = finished(&answer)?;
            if finished.chunk.last {
                return Ok(finished);
            }
            if let Some(progress) = progress {
                tell(progress, &finished.chunk);
            }
            if let Some(fence) = request.fence.filter(|_| renewed.elapsed() >= RENEW_EVERY) {
                queries::renew_due(&self.database, Lease { tenant: request.tenant, fence }).await?;
                renewed = Instant::now();
            }
            // The chunk written was not the last, so there is one to follow.
            let Some((next, ahead)) = following? else { return Err(CallFault::Internal) };
            chunk = RecognizeChunk { ahead: ahead.and_then(|ahead| ahead.after(&answer)), ..next };
        }
    }

    async fn submit(
        &self,
        request: &RunRequest,
        chunk: RecognizeChunk,
    ) -> Result<Answer, Refused<Refusal>> {
        let submission = Submission {
            tenant: request.tenant,
            actor: request.actor.clone(),
            // The last chunk answers the request, so it carries the key.
            request: chunk.last.then(|| request.key.clone()),
            validate_only: false,
            opens_tenant: false,
            command: Command::Chunk(chunk),
            trace: Arc::default(),
        };
        self.writers.submit(submission).await
    }

    /// How far a run is that may have begun before.
    pub(crate) async fn expected(&self, request: &RunRequest) -> Result<Expected, DbError> {
        let run = run_id(request.tenant, &request.key.id);
        let RunRequest { tenant, through, contract, .. } = *request;
        queries::expected(&self.database, tenant, run, through, contract).await
    }

    /// The next contracts to post for.
    async fn next(&self, request: &RunRequest, page: &mut Page) -> Result<RecognizeChunk, DbError> {
        if taken(page.found.make_contiguous(), &self.settings) == page.found.len() && page.more {
            // A chunk may end with the page or go beyond it.
            let RunRequest { tenant, through, contract, .. } = *request;
            let limit = self.settings.chunk_contracts.saturating_mul(CHUNKS_A_PAGE).max(1);
            let found =
                queries::scope(&self.database, tenant, through, contract, page.after, limit)
                    .await?;
            page.after = found.last().map(|in_scope| in_scope.contract).or(page.after);
            page.more = u64::try_from(found.len()).unwrap_or(u64::MAX) >= limit;
            page.found.extend(found);
        }
        let taken = taken(page.found.make_contiguous(), &self.settings);
        let contracts = page.found.drain(..taken).map(|in_scope| in_scope.contract).collect();
        Ok(RecognizeChunk {
            run_id: run_id(request.tenant, &request.key.id),
            through: request.through,
            contract: request.contract,
            contracts,
            last: page.found.is_empty() && !page.more,
            fence: request.fence,
            ahead: None,
        })
    }
}

fn tell(progress: &watch::Sender<RunProgress>, chunk: &RunChunk) {
    progress.send_modify(|told| {
        told.entries_posted = chunk.entries_posted;
        told.entries_expected = told.entries_expected.max(chunk.entries_posted);
        told.recognized.clone_from(&chunk.recognized);
    });
}

/// Contracts that a run has found and not posted for yet. One that another run posts for meanwhile is
/// passed over when it is decided.
struct Page {
    found: VecDeque<InScope>,
    /// The last one found.
    after: Option<ContractId>,
    /// Whether there may be more.
    more: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self { found: VecDeque::new(), after: None, more: true }
    }
}

/// How many of the contracts make a chunk: one at least, while entries and contracts stay in limits.
fn taken(found: &[InScope], settings: &RunSettings) -> usize {
    let contracts_max = usize::try_from(settings.chunk_contracts.max(1)).unwrap_or(usize::MAX);
    let mut entries = 0_u64;
    let fits = |(index, in_scope): &(usize, &InScope)| {
        entries = entries.saturating_add(in_scope.entries);
        *index == 0 || (*index < contracts_max && entries <= settings.chunk_entries)
    };
    found.iter().enumerate().take_while(fits).count()
}

fn finished(answer: &Answer) -> Result<Finished, CallFault> {
    let posted = AccountingPosted::decode(answer.payload.as_slice()).ok();
    let parts = posted.and_then(|posted| Some((posted.covered_contract_seq, posted.run?)));
    match (answer.seq, parts) {
        (Some(seq), Some((covered, chunk))) => Ok(Finished { seq, covered, chunk }),
        _ => {
            tracing::error!(type_name = answer.type_name, "the answer to a chunk is not one");
            Err(CallFault::Internal)
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    // Shows where a page is cut: after the contract that fills the entries, at the most contracts,
    // and never before the first, however many entries it has.
    #[test]
    fn a_chunk_takes_what_fits_and_at_least_one() {
        let settings = RunSettings { chunk_entries: 10, chunk_contracts: 3, concurrent_max: 1 };
        for (entries, expected) in [
            (vec![], 0),
            (vec![4, 6, 1], 2),
            (vec![4, 6], 2),
            (vec![99, 1], 1),
            (vec![1, 1, 1, 1], 3),
            (vec![9, 2, 1], 1),
        ] {
            let found: Vec<InScope> = (1_u128..)
                .zip(&entries)
                .map(|(n, entries)| InScope {
                    contract: ContractId::from_uuid(Uuid::from_u128(n)),
                    entries: *entries,
                })
                .collect();
            assert_eq!(taken(&found, &settings), expected, "{entries:?}");
        }
    }
}
