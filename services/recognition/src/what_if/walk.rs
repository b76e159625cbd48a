//! The walk of a what-if through the logs, pure: each entry is accounted for twice, as in the books and under
//! what is assumed, with the steps that the writer takes.
//!
//! A run posts, under what is assumed too, for the contracts that its chunks name, where they do. For those
//! that the books had nothing to post for there may be something: they are run when the run has ended.

use std::collections::BTreeSet;

use backlog_ids::{ContractId, TenantId};
use backlog_money::Money;
use backlog_proto::fields::Fields;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{ContractState, Measure};
use chrono::NaiveDate;
use prost::Message;

use super::rows::{Both, Kept, Sums, Sweep};
use super::what_if::{Assumed, wire};
use crate::accounting::books::{Books, BooksChange};
use crate::accounting::convert::{fact, measure, own_fact};
use crate::accounting::fact::ContractFact;
use crate::accounting::totals::PeriodTotals;
use crate::combination::combination::combine;
use crate::combination::convert::combination;
use crate::journal::JournalChange;
use crate::policy::convert::version;
use crate::policy::policy::set;
use crate::progress::record::record;
use crate::run::run::recognize;

/// An entry of this log, with the entry of the contract log that it accounts for, where it does.
pub(crate) struct Step {
    /// Its place.
    pub(crate) seq: u64,
    posted: AccountingPosted,
    fact: Option<LogEntry>,
}

impl Step {
    /// Reads an entry of this log.
    pub(crate) fn of(entry: &LogEntry) -> Result<Self, String> {
        let posted = AccountingPosted::decode(entry.payload.as_slice());
        let posted = posted.map_err(|error| format!("entry {}: {error}", entry.seq))?;
        Ok(Self { seq: entry.seq, posted, fact: None })
    }

    /// The entry of the contract log that it accounts for; none for runs and facts of this log's own.
    pub(crate) const fn contract_seq(&self) -> Option<u64> {
        match (&self.posted.run, &self.posted.own_fact) {
            (None, None) => Some(self.posted.covered_contract_seq),
            _ => None,
        }
    }

    /// Takes the entry of the contract log in.
    pub(crate) fn accounts_for(&mut self, entry: LogEntry) {
        self.fact = Some(entry);
    }

    /// Whether it ends a run over all contracts.
    pub(crate) fn ends_run(&self) -> bool {
        self.posted.run.as_ref().is_some_and(|run| run.last && run.contract_id.is_empty())
    }

    /// The contracts that it is about.
    pub(crate) fn contracts(&self) -> Result<BTreeSet<ContractId>, String> {
        let mut contracts = BTreeSet::new();
        if let Some(entry) = &self.fact {
            match fact(entry).map_err(|error| error.to_string())? {
                ContractFact::Signed { contract, .. } => contracts.extend([contract.contract]),
                ContractFact::Changed { contract, .. } => contracts.extend([contract]),
                ContractFact::TenantCreated { .. }
                | ContractFact::SuspensionChanged(_)
                | ContractFact::Drafted => {}
            }
        }
        if let Some(Wire::Combination(wire)) = &self.posted.own_fact
            && let Some(of) = combination(wire, &mut Fields::new())
        {
            contracts.extend(of.contracts);
        }
        if let Some(own) = recorded(&self.posted)
            && let Some(own) = own_fact(&own, &mut Fields::new())
        {
            contracts.insert(own.contract);
        }
        let moved = self.posted.movements.iter().map(|moved| &moved.contract_id);
        let planned = self.posted.plan_changes.iter().map(|planned| &planned.contract_id);
        let run = self.posted.run.iter().map(|run| &run.contract_id).filter(|id| !id.is_empty());
        for id in moved.chain(planned).chain(run) {
            contracts.insert(id.parse().map_err(|error| format!("{id:?}: {error}"))?);
        }
        Ok(contracts)
    }
}

/// The fact about a contract that an entry keeps; none where it waits for a second person, or is of no
/// contract.
fn recorded(posted: &AccountingPosted) -> Option<Wire> {
    match posted.own_fact.as_ref()? {
        Wire::AdjustmentApproved(of) => of.adjustment.clone().map(Wire::Adjustment),
        own @ (Wire::Progress(_)
        | Wire::Estimate(_)
        | Wire::Adjustment(_)
        | Wire::Hold(_)
        | Wire::Assessment(_)) => Some(own.clone()),
        Wire::Combination(_)
        | Wire::AccountMapping(_)
        | Wire::ExchangeRate(_)
        | Wire::JournalExport(_)
        | Wire::PeriodClosed(_)
        | Wire::PeriodReopened(_)
        | Wire::PolicySet(_)
        | Wire::AdjustmentProposed(_)
        | Wire::AdjustmentRejected(_) => None,
    }
}

/// A page of the walk.
pub(crate) struct Walk {
    tenant: TenantId,
    assumed: Assumed,
    kept: Kept,
    books: Both<Books>,
    touched: BTreeSet<ContractId>,
}

/// What a page of the walk leaves to be saved.
pub(crate) struct Walked {
    /// How far it is.
    pub(crate) kept: Kept,
    /// Contracts that changed.
    pub(crate) changed: Vec<Both<ContractState>>,
    /// Those that joined another, with which they are kept from now on.
    pub(crate) joined: Vec<ContractId>,
}

impl Walk {
    /// Goes on from where a page before ended. Errors when that cannot be read.
    pub(crate) fn new(tenant: TenantId, assumed: Assumed, kept: Kept) -> Result<Self, String> {
        let books = kept.books().ok_or("how far it is cannot be read")?;
        Ok(Self { tenant, assumed, kept, books, touched: BTreeSet::new() })
    }

    /// Takes contracts in, as they were left.
    pub(crate) fn load(&mut self, contracts: Vec<Both<ContractState>>) {
        for Both { books, assumed } in contracts {
            self.books.books.contracts.insert(books.contract, books);
            self.books.assumed.contracts.insert(assumed.contract, assumed);
        }
    }

    /// What is to be kept, the contracts that changed, and those that joined another.
    pub(crate) fn end(mut self) -> Walked {
        let before = std::mem::take(&mut self.kept.joined);
        self.kept.take(&self.books);
        let new = self.kept.joined.keys().filter(|id| !before.contains_key(id));
        let joined = new.copied().collect();
        let Both { books, assumed } = &mut self.books;
        let pair = |id: &ContractId| {
            let (books, assumed) = (books.contracts.remove(id), assumed.contracts.remove(id));
            books.zip(assumed).map(|(books, assumed)| Both { books, assumed })
        };
        let changed = self.touched.iter().filter_map(pair).collect();
        Walked { kept: self.kept, changed, joined }
    }

    /// Accounts for an entry. Errors with what cannot be.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        let posted = &step.posted;
        let done = match (&posted.run, &posted.own_fact, &step.fact) {
            (Some(run), _, _) => self.chunk(step, run),
            (None, Some(own), _) => self.own(posted, own),
            (None, None, Some(fact)) => self.fact(fact),
            (None, None, None) => Err(format!("no contract entry {}", posted.covered_contract_seq)),
        };
        done.and_then(|()| self.posted(posted))
            .map_err(|detail| format!("entry {} of the recognition log: {detail}", step.seq))?;
        self.kept.position = step.seq;
        Ok(())
    }

    /// Adds up what the entry says was posted: at the end the fold must have come to the same.
    fn posted(&mut self, posted: &AccountingPosted) -> Result<(), String> {
        for moved in &posted.movements {
            let of = Measure::ALL.iter().find(|of| measure(**of) == moved.measure());
            let amount = moved.amount.as_ref().and_then(|amount| Money::try_from(amount).ok());
            let period = moved.posting_period.as_ref();
            let period: Option<NaiveDate> = period.and_then(|period| period.try_into().ok());
            let ((of, amount), period) =
                of.zip(amount).zip(period).ok_or("a movement is not readable")?;
            self.kept.posted.add((period, amount.currency(), *of), amount.minor());
        }
        Ok(())
    }

    fn fact(&mut self, entry: &LogEntry) -> Result<(), String> {
        let reached = self.kept.covered;
        if reached.checked_add(1) != Some(entry.seq) {
            return Err(format!("it covers contract entry {} after {reached}", entry.seq));
        }
        let account = |books: &Books| {
            let (_, change) =
                books.account(self.tenant, entry).map_err(|error| error.to_string())?;
            Ok::<_, String>(change)
        };
        let own = account(&self.books.books)?;
        let mut assumed = account(&self.books.assumed)?;
        let opens = assumed.opens;
        if let Some(tenant) = assumed.tenant.as_mut().filter(|_| opens) {
            tenant.policy = self.assumed.in_each_version(tenant.policy);
        }
        self.take(own, assumed);
        self.kept.covered = entry.seq;
        if opens { self.assume() } else { Ok(()) }
    }

    /// Sets what is assumed from a day on, once it is the turn of the version after all others.
    fn assume(&mut self) -> Result<(), String> {
        let books = &self.books.assumed;
        let latest = books.tenant.map_or(0, |tenant| tenant.policy_versions);
        let Some(from) = self.assumed.from.filter(|_| latest == self.kept.policy_versions) else {
            return Ok(());
        };
        let policies = books.policies();
        let before = policies.later.last().map_or(policies.first, |version| version.policy);
        let mut policy = self.assumed.over(before);
        policy.version = latest.saturating_add(1);
        let (_, change) = set(books, &wire(&policy, from)).map_err(|error| error.to_string())?;
        self.take(BooksChange::default(), change);
        Ok(())
    }

    /// A fact that this service keeps itself.
    fn own(&mut self, posted: &AccountingPosted, own: &Wire) -> Result<(), String> {
        match own {
            Wire::PeriodClosed(of) => self.period(of.period.as_ref(), true),
            Wire::PeriodReopened(of) => self.period(of.period.as_ref(), false),
            Wire::PolicySet(version) => self.policy(version),
            Wire::Combination(wire) => self.combine(wire),
            _ => match recorded(posted) {
                Some(wire) => self.record(&wire),
                // What is of the journal, or waits for a second person, moves nothing.
                None => Ok(()),
            },
        }
    }

    fn period(&mut self, period: Option<&pb::Period>, closes: bool) -> Result<(), String> {
        let name = period.map(|period| period.name.as_str()).unwrap_or_default();
        let period = self.books.books.periods().calendar.period(name);
        let last = period.ok_or_else(|| format!("{name:?} is no period"))?.last;
        if closes {
            self.kept.closed.insert(last);
        } else {
            self.kept.closed.remove(&last);
        }
        for books in [&mut self.books.books, &mut self.books.assumed] {
            if let Some(tenant) = &mut books.tenant {
                tenant.periods.closed_through = self.kept.closed.last().copied();
            }
        }
        Ok(())
    }

    fn policy(&mut self, stored: &pb::PolicyVersion) -> Result<(), String> {
        let read = version(stored, &mut Fields::new()).ok_or("a policy is not readable")?;
        let assumed = self.assumed.in_each_version(read.measures.policy);
        let text = |error: crate::policy::error::PolicyRefusal| error.to_string();
        let (_, own) = set(&self.books.books, stored).map_err(text)?;
        let assumed = wire(&assumed, read.measures.from);
        let (_, assumed) = set(&self.books.assumed, &assumed).map_err(text)?;
        self.take(own, assumed);
        self.assume()
    }

    fn record(&mut self, wire: &Wire) -> Result<(), String> {
        let own = own_fact(wire, &mut Fields::new()).ok_or("its own fact is not readable")?;
        let recorded = |books: &Books| {
            let (_, change) = record(books, &own, wire).map_err(|error| error.to_string())?;
            Ok::<_, String>(change)
        };
        let (own, assumed) = (recorded(&self.books.books)?, recorded(&self.books.assumed)?);
        self.take(own, assumed);
        Ok(())
    }

    /// Lets contracts be one in both books.
    fn combine(&mut self, wire: &pb::Combination) -> Result<(), String> {
        let of = combination(wire, &mut Fields::new()).ok_or("a combination is not readable")?;
        let combined = |books: &Books| {
            let (_, change) = combine(books, &of).map_err(|error| error.to_string())?;
            Ok::<_, String>(change)
        };
        let (own, assumed) = (combined(&self.books.books)?, combined(&self.books.assumed)?);
        self.take(own, assumed);
        Ok(())
    }

    /// Posts where a chunk of a run does. The run goes on to all other contracts where it has ended.
    fn chunk(&mut self, step: &Step, run: &pb::RunChunk) -> Result<(), String> {
        let through = run.through.as_ref().and_then(|through| through.try_into().ok());
        let through: NaiveDate = through.ok_or("the run has no day")?;
        let limited_to = run.contract_id.parse().ok();
        let limited_to = limited_to.map(|id| self.books.books.accounted_as(id));
        let named = step.contracts()?.into_iter();
        // Those that are one are posted together.
        let named: BTreeSet<_> = named.map(|id| self.books.books.accounted_as(id)).collect();
        for contract in named {
            let own = recognized(&self.books.books, contract, through)?;
            if own.is_none() && limited_to == Some(contract) {
                // It may have something to post under what is assumed only.
                self.run_too(contract, through)?;
                continue;
            }
            let assumed = recognized(&self.books.assumed, contract, through)?;
            self.take(own.unwrap_or_default(), assumed.unwrap_or_default());
        }
        if step.ends_run() {
            self.kept.recognized_through = self.kept.recognized_through.max(Some(through));
            self.kept.sweep = Some(Sweep { through, after: None });
        }
        Ok(())
    }

    /// Runs, under what is assumed, for a contract that a run of the books posts nothing for: unless the run
    /// has missed it there, because what it would post came in meanwhile. The next run then posts it.
    fn run_too(&mut self, contract: ContractId, through: NaiveDate) -> Result<(), String> {
        if recognized(&self.books.books, contract, through)?.is_none()
            && let Some(assumed) = recognized(&self.books.assumed, contract, through)?
        {
            self.take(BooksChange::default(), assumed);
        }
        Ok(())
    }

    /// Runs for contracts that are loaded, in a run that has ended.
    pub(crate) fn sweep(&mut self, sweep: Sweep) -> Result<(), String> {
        let contracts: Vec<ContractId> = self.books.books.contracts.keys().copied().collect();
        for contract in contracts {
            self.run_too(contract, sweep.through)?;
        }
        Ok(())
    }

    fn take(&mut self, own: BooksChange, assumed: BooksChange) {
        let Both { books, assumed: other } = &mut self.books;
        let Kept { books: kept, assumed: kept_other, .. } = &mut self.kept;
        for (books, sums, change) in
            [(books, &mut kept.sums, own), (other, &mut kept_other.sums, assumed)]
        {
            self.touched.extend(change.contracts.iter().map(|contract| contract.state.contract));
            add(sums, &change.totals);
            // Of these, no more is needed than the sums.
            let (journal, totals) = (JournalChange::default(), PeriodTotals::default());
            books.apply(BooksChange { journal, totals, ..change }, 0);
        }
    }
}

fn add(sums: &mut Sums, totals: &PeriodTotals) {
    totals.iter().for_each(|(of, amount)| sums.add((of.period, of.currency, of.measure), amount));
}

/// What a run posts for a contract; none where it posts nothing.
fn recognized(
    books: &Books,
    contract: ContractId,
    through: NaiveDate,
) -> Result<Option<BooksChange>, String> {
    let posted = recognize(books, contract, through).map_err(|error| error.to_string())?;
    Ok(posted.map(|(changed, effects)| BooksChange {
        contracts: vec![changed],
        totals: PeriodTotals::of(&effects),
        ..BooksChange::default()
    }))
}
