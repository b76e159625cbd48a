//! A recognition run, pure: what a chunk of it posts, and how chunks become entries of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use backlog_ids::{ContractId, RunId, TenantId, derive};
use backlog_money::{Currency, Money};
use backlog_proto::recognition::v1::{AccountingPosted, RunChunk};
use backlog_recognition_engine::{ContractState, Effects, EngineError, Fact, Measure, account};
use chrono::NaiveDate;

use super::ahead::{Ahead, Worked};
use super::error::RunRefusal;
use crate::accounting::basis::same_basis;
use crate::accounting::books::{Books, BooksChange, ContractChange, TenantBooks, fits_columns};
use crate::accounting::convert::accounting_posted;
use crate::accounting::totals::PeriodTotals;
use crate::journal::journal::sums;

/// Recognition entries in one entry of the log at most. Part of the wire's promise.
pub const ENTRIES_MAX: usize = 500;

/// A run, as far as it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id, derived from the tenant and the request_id, so that a retry continues it.
    pub id: RunId,
    /// Last day covered.
    pub through: NaiveDate,
    /// The contract that it is limited to; none for all.
    pub contract: Option<ContractId>,
    /// Entries of the log written for it.
    pub chunks: u64,
    /// What they posted.
    pub totals: Totals,
    /// Whether the last chunk is written.
    pub finished: bool,
    /// Place of its last chunk in the recognition log.
    pub seq: u64,
}

/// What a run posted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries, one per obligation and service month.
    pub entries: u64,
    /// Their sum per currency, in minor units.
    pub recognized: BTreeMap<Currency, i128>,
}

/// A part of a run: posts for these contracts, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecognizeChunk {
    /// The run.
    pub run_id: RunId,
    /// Last day covered.
    pub through: NaiveDate,
    /// The contract that the run is limited to; none for all.
    pub contract: Option<ContractId>,
    /// The contracts of this chunk.
    pub contracts: Vec<ContractId>,
    /// Whether nothing of the run's scope is left after it.
    pub last: bool,
    /// The fence of the lease under which a scheduled run works; it is done with the last chunk.
    pub fence: Option<u64>,
    /// What it comes to, where that was worked out before.
    pub ahead: Option<Ahead>,
}

/// What a chunk comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Posted {
    /// Entries for the log, and the change of the books.
    Now(Vec<AccountingPosted>, Box<BooksChange>),
    /// The run was finished before, by the entry at this place.
    Before(u64),
}

/// The id of the run that a request starts, the same at each retry.
#[must_use]
pub fn run_id(tenant: TenantId, request_id: &str) -> RunId {
    RunId::from_uuid(derive(tenant.uuid(), &format!("run/{request_id}")))
}

impl RecognizeChunk {
    /// Decides the chunk on the books as they are: what another run posted meanwhile is not posted
    /// again. Errors when the run cannot be, or not like this.
    pub fn decide(&self, books: &Books) -> Result<Posted, RunRefusal> {
        let tenant = books.tenant.ok_or(RunRefusal::TenantNotReady)?;
        let mut run = self.run(books)?;
        if self.fence.is_some() && self.fence != books.fence {
            return Err(RunRefusal::Superseded);
        }
        if run.finished {
            return Ok(Posted::Before(run.seq));
        }
        let (through, periods) = (self.through, tenant.periods);
        if periods.is_closed(through) {
            let open_from = periods.effective(through);
            return Err(RunRefusal::PeriodClosed { through, open_from });
        }
        let mut change = BooksChange::default();
        let mut effects = Vec::new();
        for contract in &self.contracts {
            let posted = match &books.ahead {
                Some(worked) => worked.get(contract).cloned(),
                None => recognize(books, *contract, self.through)?,
            };
            let Some(posted) = posted else { continue };
            change.contracts.push(posted.0);
            effects.push(posted.1);
        }
        effects.iter().for_each(|effects| change.totals.add(&PeriodTotals::of(effects)));
        let parts = parts(effects);
        let after = self.tenant_after(tenant);
        let last = parts.len().saturating_sub(1);
        let mut events = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            let ends = self.last && index == last;
            run.take(part, ends).ok_or_else(|| self.overflow())?;
            change.journal.sums.push(sums(part).map_err(|_| self.overflow())?);
            let through = if ends { after } else { tenant }.recognized_through;
            events.push(run.event(part, tenant.covered, through));
        }
        change.tenant = self.last.then_some(after);
        change.scheduled = self.fence.filter(|_| self.last).map(|_| self.through);
        change.run = Some(run);
        Ok(Posted::Now(events, Box::new(change)))
    }

    /// What the chunk comes to, where that was worked out and holds while `head` is the log's last entry.
    pub(crate) fn worked_out(&self, head: u64) -> Option<Arc<Worked>> {
        let ahead = self.ahead.as_ref().filter(|_| self.contract.is_none())?;
        ahead.at(head)
    }

    /// The run so far: as stored, or new.
    fn run(&self, books: &Books) -> Result<Run, RunRefusal> {
        if let Some(contract) = self.contract.filter(|id| books.contract(*id).is_none()) {
            return Err(RunRefusal::UnknownContract(contract));
        }
        match books.runs.get(&self.run_id) {
            Some(run) if (run.through, run.contract) == (self.through, self.contract) => {
                Ok(run.clone())
            }
            Some(_) => Err(RunRefusal::RequestIdReused),
            None => Ok(Run::new(self.run_id, self.through, self.contract)),
        }
    }

    fn tenant_after(&self, tenant: TenantBooks) -> TenantBooks {
        recognized(tenant, self.contract, self.through)
    }

    fn overflow(&self) -> RunRefusal {
        RunRefusal::Engine { contract: self.contract, source: EngineError::Overflow }
    }
}

/// The tenant after a finished run: one over all contracts moves `recognized_through` on, never back.
pub(crate) fn recognized(
    tenant: TenantBooks,
    contract: Option<ContractId>,
    through: NaiveDate,
) -> TenantBooks {
    let reached = match contract {
        None => tenant.recognized_through.max(Some(through)),
        Some(_) => tenant.recognized_through,
    };
    TenantBooks { recognized_through: reached, ..tenant }
}

/// Posts for one contract (606-10-25-31). Nothing when there is nothing to post: the contract then
/// stays as it is, so that the log alone tells which contracts a run changed.
pub(crate) fn recognize(
    books: &Books,
    contract: ContractId,
    through: NaiveDate,
) -> Result<Option<(ContractChange, Effects)>, RunRefusal> {
    let Some(before) = books.contract(contract) else { return Ok(None) };
    let refuse = |source| RunRefusal::Engine { contract: Some(contract), source };
    let (known, run) = (Some(before.clone()), Fact::Run { through });
    let (state, effects) =
        account(known, &run, &books.policies(), books.periods()).map_err(refuse)?;
    if effects.is_empty() {
        return Ok(None);
    }
    if !fits_columns(&state) {
        return Err(refuse(EngineError::Overflow));
    }
    let balances_from = effects.balances_from;
    let mut pairs = before.obligations.iter().zip(&state.obligations);
    let bases = !pairs.all(|(before, after)| same_basis(before, after));
    // What a run changes of a contract itself: how far interest and what is enforceable are known, and
    // whether it is one, and which policies govern it.
    let own = |of: &ContractState| (of.enforced_on, of.financing.clone(), of.standing.clone());
    let own_row = own(before) != own(&state) || before.policies != state.policies;
    Ok(Some((ContractChange { state, own_row, bases, balances_from }, effects)))
}

impl Run {
    /// A run that posted nothing yet.
    #[must_use]
    pub fn new(id: RunId, through: NaiveDate, contract: Option<ContractId>) -> Self {
        let totals = Totals::default();
        Self { id, through, contract, chunks: 0, totals, finished: false, seq: 0 }
    }

    /// Counts a chunk. Nothing when a sum leaves its range.
    pub(crate) fn take(&mut self, part: &Effects, ends: bool) -> Option<()> {
        self.chunks = self.chunks.checked_add(1)?;
        self.finished = ends;
        for movement in part.movements.iter().filter(|m| m.measure == Measure::Recognized) {
            self.totals.entries = self.totals.entries.checked_add(1)?;
            let sum = self.totals.recognized.entry(movement.amount.currency()).or_default();
            *sum = sum.checked_add(movement.amount.minor())?;
        }
        Some(())
    }

    /// The entry for a chunk just counted.
    pub(crate) fn event(
        &self,
        part: &Effects,
        covered: u64,
        recognized_through: Option<NaiveDate>,
    ) -> AccountingPosted {
        let recognized = self.totals.recognized.iter();
        let run = RunChunk {
            run_id: self.id.to_string(),
            through: Some(self.through.into()),
            contract_id: self.contract.map(|id| id.to_string()).unwrap_or_default(),
            last: self.finished,
            entries_posted: self.totals.entries,
            recognized: recognized
                .map(|(currency, minor)| Money::from_minor(*minor, *currency).into())
                .collect(),
            recognized_through: recognized_through.map(Into::into),
        };
        AccountingPosted { run: Some(run), ..accounting_posted(part, covered) }
    }
}

/// Packs what contracts did into parts of at most [`ENTRIES_MAX`] recognition entries, at least one
/// part. A contract is cut only when it alone has more.
fn parts(effects: Vec<Effects>) -> Vec<Effects> {
    let mut parts = Vec::new();
    let (mut part, mut entries) = (Effects::default(), 0_usize);
    for of_contract in effects {
        for piece in pieces(of_contract) {
            let more = piece.plan_changes.len();
            if entries > 0 && entries.saturating_add(more) > ENTRIES_MAX {
                parts.push(std::mem::take(&mut part));
                entries = 0;
            }
            entries = entries.saturating_add(more);
            part.movements.extend(piece.movements);
            part.plan_changes.extend(piece.plan_changes);
        }
    }
    if parts.is_empty() || !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// What one contract did, whole, or cut after each [`ENTRIES_MAX`] changes of plan. An entry and its
/// change of plan stay together; the split of balances follows the last entry, what is planned anew
/// comes last.
fn pieces(mut effects: Effects) -> Vec<Effects> {
    let mut pieces = Vec::new();
    while effects.plan_changes.len() > ENTRIES_MAX {
        let later = effects.plan_changes.split_off(ENTRIES_MAX);
        let cut = effects
            .movements
            .iter()
            .enumerate()
            .filter(|(_, movement)| movement.measure == Measure::Recognized)
            .nth(ENTRIES_MAX)
            .map_or(effects.movements.len(), |(index, _)| index);
        let movements = effects.movements.split_off(cut);
        let rest = Effects { movements, plan_changes: later, ..Effects::default() };
        pieces.push(std::mem::replace(&mut effects, rest));
    }
    pieces.push(effects);
    pieces
}

#[cfg(test)]
mod tests;
