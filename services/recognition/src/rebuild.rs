//! The rebuild check: folds both logs from the beginning beside the stored state, emitting nothing,
//! and compares. What the fold emits must be what the recognition log says, entry by entry, and its
//! state must be the stored one, line by line.

use std::collections::{BTreeSet, HashMap};

use backlog_db::{Database, DbError};
use backlog_event_log::Opened;
use backlog_ids::{AdjustmentId, ContractId, RunId, TenantId};
use backlog_proto::fields::Fields;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_proto::recognition::v1::{AccountingPosted, RunChunk};
use backlog_recognition_engine::{ContractState, Effects};
use chrono::NaiveDate;
use prost::Message;
use thiserror::Error;

use crate::accounting::basis::obligation_basis;
use crate::accounting::books::{Books, BooksChange};
use crate::accounting::convert::own_fact;
use crate::accounting::events::ACCOUNTING_POSTED;
use crate::accounting::fact::OwnFact;
use crate::accounting::rows::{due_from, never, own_rows, posted_through};
use crate::accounting::totals::PeriodTotals;
use crate::adjustment::Verdict;
use crate::adjustment::adjustment::{decided, proposed};
use crate::combination::combination::combine;
use crate::combination::convert::combination;
use crate::journal::JournalChange;
use crate::journal::convert::kept;
use crate::journal::journal::{Kept, batch_id};
use crate::journal::record::keep;
use crate::journal::rows::accounts;
use crate::period::period::{reopened, replayed};
use crate::policy::policy::set;
use crate::progress::record::record;
use crate::run::Run;
use crate::run::rows::{contract_column, sums};
use crate::run::run::{recognize, recognized};

/// Where a rebuild differs from what is stored.
#[derive(Debug, Error)]
pub enum Mismatch {
    /// An entry of the recognition log is not what the fold makes.
    #[error("entry {seq} of the recognition log: {detail}")]
    Entry {
        /// The entry.
        seq: u64,
        /// What is wrong.
        detail: String,
    },
    /// Lines of the state; all that differ.
    #[error("the stored state differs: rebuilt but not stored {missing:?}; stored only {extra:?}")]
    State {
        /// What the fold makes and the tables lack.
        missing: Vec<String>,
        /// What the tables have and the fold does not make.
        extra: Vec<String>,
    },
    /// The stored state cannot be read.
    #[error("the stored state cannot be read")]
    Database(#[from] DbError),
}

/// Folds both logs, each complete and in order, and compares with the stored state. The tenant must
/// be at rest: entries that it applies meanwhile are found to be missing.
///
/// # Errors
/// The first entry that differs; else all lines of state that do.
pub async fn verify(
    database: &Database,
    tenant: TenantId,
    contract: &[Opened],
    recognition: &[Opened],
) -> Result<(), Mismatch> {
    let rebuilt = state_lines(tenant, &fold(tenant, contract, recognition)?);
    let stored = stored_lines(database, tenant).await?;
    let missing: Vec<String> = rebuilt.difference(&stored).cloned().collect();
    let extra: Vec<String> = stored.difference(&rebuilt).cloned().collect();
    if missing.is_empty() && extra.is_empty() {
        Ok(())
    } else {
        Err(Mismatch::State { missing, extra })
    }
}

/// The books that both logs come to. Contract facts are taken in the order in which the recognition
/// log covers them; runs post for the contracts that their chunks name.
///
/// # Errors
/// The first entry of the recognition log that is not what the fold makes.
pub fn fold(
    tenant: TenantId,
    contract: &[Opened],
    recognition: &[Opened],
) -> Result<Books, Mismatch> {
    let facts = contract.iter().map(|opened| (opened.entry.seq, &opened.entry)).collect();
    let mut rebuild = Rebuild { tenant, facts, books: Books::default(), left: None };
    for (expected, opened) in (1_u64..).zip(recognition) {
        let entry = &opened.entry;
        let step = rebuild.place(entry, expected).and_then(|()| rebuild.entry(entry));
        step.map_err(|detail| Mismatch::Entry { seq: entry.seq, detail })?;
    }
    match rebuild.left {
        None => Ok(rebuild.books),
        Some(_) => {
            let seq = recognition.last().map_or(0, |opened| opened.entry.seq);
            Err(Mismatch::Entry { seq, detail: "a contract is posted in part only".to_owned() })
        }
    }
}

struct Rebuild<'a> {
    tenant: TenantId,
    facts: HashMap<u64, &'a LogEntry>,
    books: Books,
    /// What a contract did that is too much for one entry: the part for the entries to come.
    left: Option<(RunId, Effects)>,
}

impl Rebuild<'_> {
    fn place(&self, entry: &LogEntry, expected: u64) -> Result<(), String> {
        if entry.seq != expected {
            return Err(format!("entry {expected} is missing"));
        }
        if entry.tenant_id != self.tenant.to_string() {
            return Err(format!("it is of tenant {}", entry.tenant_id));
        }
        Ok(())
    }

    fn entry(&mut self, entry: &LogEntry) -> Result<(), String> {
        if entry.r#type != ACCOUNTING_POSTED {
            return Err(format!("events of type {:?} are not known", entry.r#type));
        }
        let stored = AccountingPosted::decode(entry.payload.as_slice())
            .map_err(|error| error.to_string())?;
        let (expected, change) = match (&stored.run, &stored.own_fact) {
            (Some(chunk), _) => self.chunk(&stored, chunk)?,
            (None, Some(own)) => self.own(own)?,
            (None, None) => self.fact(stored.covered_contract_seq)?,
        };
        if expected != stored {
            return Err(format!("the fold makes {expected:?}, stored is {stored:?}"));
        }
        self.books.apply(change, entry.seq);
        Ok(())
    }

    fn fact(&mut self, covered: u64) -> Result<(AccountingPosted, BooksChange), String> {
        if self.left.is_some() {
            return Err("the run before it posts a contract in part only".to_owned());
        }
        let reached = self.books.tenant.map_or(0, |tenant| tenant.covered);
        if reached.checked_add(1) != Some(covered) {
            return Err(format!("it covers contract entry {covered} after {reached}"));
        }
        let fact =
            self.facts.get(&covered).ok_or_else(|| format!("no contract entry {covered}"))?;
        self.books.account(self.tenant, fact).map_err(|error| error.to_string())
    }

    /// A fact that this service keeps itself.
    fn own(&self, wire: &Wire) -> Result<(AccountingPosted, BooksChange), String> {
        if self.left.is_some() {
            return Err("the run before it posts a contract in part only".to_owned());
        }
        if let Some(kept) = kept(wire, &mut Fields::new()) {
            return keep(&self.books, &kept, wire).map_err(|error| error.to_string());
        }
        let text = |error: &dyn std::error::Error| error.to_string();
        let books = &self.books;
        match wire {
            Wire::PeriodClosed(closed) => replayed(books, closed).map_err(|e| text(&e)),
            Wire::PeriodReopened(of) => {
                let name = of.period.as_ref().map(|period| period.name.as_str());
                let name = name.unwrap_or_default();
                let (posted, change, _) = reopened(books, name, &of.reopened_by, &of.reason)
                    .map_err(|error| text(&error))?;
                Ok((posted, change))
            }
            Wire::AdjustmentProposed(of) => {
                let inner = of.adjustment.clone().ok_or("it proposes no adjustment")?;
                let own = readable(&Wire::Adjustment(inner.clone()))?;
                let by = (id(&of.adjustment_id)?, of.proposed_by.as_str());
                proposed(books, &own, &inner, by).map_err(|error| text(&error))
            }
            Wire::AdjustmentApproved(of) => {
                decided(books, id(&of.adjustment_id)?, &of.approved_by, &Verdict::Approve)
                    .map_err(|error| text(&error))
            }
            Wire::AdjustmentRejected(of) => {
                let verdict = Verdict::Reject(of.reason.clone());
                decided(books, id(&of.adjustment_id)?, &of.rejected_by, &verdict)
                    .map_err(|error| text(&error))
            }
            Wire::PolicySet(version) => set(books, version).map_err(|error| text(&error)),
            Wire::Combination(wire) => {
                let of = combination(wire, &mut Fields::new());
                let of = of.ok_or("its combination is not readable")?;
                combine(books, &of).map_err(|error| text(&error))
            }
            Wire::AccountMapping(_)
            | Wire::ExchangeRate(_)
            | Wire::JournalExport(_)
            | Wire::Progress(_)
            | Wire::Estimate(_)
            | Wire::Adjustment(_)
            | Wire::Hold(_)
            | Wire::Assessment(_) => {
                record(books, &readable(wire)?, wire).map_err(|error| text(&error))
            }
        }
    }

    fn chunk(
        &mut self,
        stored: &AccountingPosted,
        chunk: &RunChunk,
    ) -> Result<(AccountingPosted, BooksChange), String> {
        let tenant = self.books.tenant.ok_or("a run before the tenant's creation")?;
        let asked = Asked::of(chunk).ok_or("the chunk's run, day or contract is not readable")?;
        let known = self.books.runs.get(&asked.run);
        let new = || Run::new(asked.run, asked.through, asked.contract);
        let mut run = known.cloned().unwrap_or_else(new);
        if run.finished || (run.through, run.contract) != (asked.through, asked.contract) {
            return Err("its run is finished already, or another one".to_owned());
        }
        let mut change = BooksChange::default();
        let effects = self.posted(stored, &asked, &mut change)?;
        change.totals = PeriodTotals::of(&effects);
        run.take(&effects, chunk.last).ok_or("a sum leaves its range")?;
        change.journal = JournalChange::of(&effects).map_err(|error| error.to_string())?;
        let after = recognized(tenant, asked.contract, asked.through);
        let as_of = if chunk.last { after } else { tenant };
        change.tenant = Some(as_of);
        let expected = run.event(&effects, tenant.covered, as_of.recognized_through);
        change.run = Some(run);
        Ok((expected, change))
    }

    /// What the contracts that a chunk names did, as far as the chunk's length goes.
    fn posted(
        &mut self,
        stored: &AccountingPosted,
        asked: &Asked,
        change: &mut BooksChange,
    ) -> Result<Effects, String> {
        let mut effects = match self.left.take() {
            Some((run, _)) if run != asked.run => {
                return Err("the run before it posts a contract in part only".to_owned());
            }
            Some((_, left)) => left,
            None => Effects::default(),
        };
        while let Some(contract) = next_contract(&self.books, stored, &effects)? {
            let posted = recognize(&self.books, contract, asked.through);
            let (changed, more) = posted
                .map_err(|error| error.to_string())?
                .filter(|_| change.contracts.iter().all(|c| c.state.contract != contract))
                .ok_or_else(|| format!("the fold has nothing to post for {contract}"))?;
            change.contracts.push(changed);
            effects.movements.extend(more.movements);
            effects.plan_changes.extend(more.plan_changes);
        }
        let left = Effects {
            movements: effects
                .movements
                .split_off(stored.movements.len().min(effects.movements.len())),
            plan_changes: effects
                .plan_changes
                .split_off(stored.plan_changes.len().min(effects.plan_changes.len())),
            ..Effects::default()
        };
        self.left = (!left.is_empty()).then_some((asked.run, left));
        Ok(effects)
    }
}

fn readable(wire: &Wire) -> Result<OwnFact, String> {
    own_fact(wire, &mut Fields::new()).ok_or_else(|| "its own fact is not readable".to_owned())
}

fn id(text: &str) -> Result<AdjustmentId, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// The contract that a chunk goes on with after what `effects` already explains of it. A run takes
/// contracts in the order of their ids; one may change its plan only.
fn next_contract(
    books: &Books,
    stored: &AccountingPosted,
    effects: &Effects,
) -> Result<Option<ContractId>, String> {
    let movement = stored.movements.get(effects.movements.len()).map(|m| &m.contract_id);
    let change = stored.plan_changes.get(effects.plan_changes.len()).map(|c| &c.contract_id);
    let ids = movement.into_iter().chain(change).map(|id| id.parse::<ContractId>());
    let ids = ids.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    // Those that are accounted for as one are posted together.
    Ok(ids.into_iter().map(|id| books.accounted_as(id)).min())
}

/// What a chunk says about its run.
struct Asked {
    run: RunId,
    through: NaiveDate,
    contract: Option<ContractId>,
}

impl Asked {
    fn of(chunk: &RunChunk) -> Option<Self> {
        let contract = match chunk.contract_id.as_str() {
            "" => None,
            id => Some(id.parse().ok()?),
        };
        let through = chunk.through.as_ref()?.try_into().ok()?;
        Some(Self { run: chunk.run_id.parse().ok()?, through, contract })
    }
}

async fn stored_lines(database: &Database, tenant: TenantId) -> Result<BTreeSet<String>, DbError> {
    let rows =
        database.read("select line from state_lines($1)", vec![tenant.uuid().into()]).await?;
    rows.iter().map(|row| Ok(row.try_get("", "line")?)).collect()
}

/// The books as `state_lines` of the migrations writes them.
fn state_lines(tenant_id: TenantId, books: &Books) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    if let Some(tenant) = &books.tenant {
        let policy = &tenant.policy;
        lines.insert(format!(
            "tenant {} {} {} {} {} {} {} {} {} {} {} {}",
            tenant.account.uuid(),
            policy.version,
            policy.convention.name(),
            policy.rounding.name(),
            policy.receivable_on.name(),
            tenant.recognized_through.unwrap_or_else(never),
            tenant.covered,
            tenant.functional,
            tenant.periods.calendar.word(),
            if tenant.adjustments_need_approval { "t" } else { "f" },
            tenant.periods.closed_through.unwrap_or_else(never),
            tenant.policy_versions,
        ));
    }
    for (version, of) in &books.policies {
        let content = hex(&of.wire.encode_to_vec());
        lines.insert(format!("policy {version} {} {content}", of.measures.from));
    }
    journal_lines(tenant_id, books, &mut lines);
    for state in books.contracts.values() {
        contract_lines(books, state, &mut lines);
    }
    for run in books.runs.values() {
        lines.insert(format!(
            "run {} {} {} {} {} {} {} {}",
            run.id.uuid(),
            run.through,
            contract_column(run.contract),
            run.chunks,
            run.totals.entries,
            if run.finished { "t" } else { "f" },
            run.seq,
            sums(&run.totals.recognized),
        ));
    }
    period_lines(books, &mut lines);
    lines
}

fn journal_lines(tenant: TenantId, books: &Books, lines: &mut BTreeSet<String>) {
    for (seq, sums) in &books.journal.sums {
        for ((period, role, currency), of) in sums {
            let (role, debit, credit) = (role.name(), of.debit, of.credit);
            lines.insert(format!("journal {seq} {period} {role} {currency} {debit} {credit}"));
        }
    }
    for ((period, role, currency), of) in books.journal.totals() {
        let (role, debit, credit) = (role.name(), of.debit, of.credit);
        lines.insert(format!("posted {period} {role} {currency} {debit} {credit}"));
    }
    for (seq, kept) in &books.journal.kept {
        lines.insert(match kept {
            Kept::Mapping(mapping) => {
                let (on, shown) = (mapping.on.unwrap_or_default(), mapping.unbilled_receivable);
                let shown = if shown { "t" } else { "f" };
                format!("accounts {seq} {on} {shown} {}", accounts(mapping))
            }
            Kept::Rate(of) => {
                format!("rate {seq} {} {} {} {} {}", of.from, of.to, of.kind.name(), of.on, of.rate)
            }
            Kept::Export(period) => {
                let id = batch_id(tenant, *period, seq.saturating_sub(1));
                format!("export {seq} {} {period}", id.uuid())
            }
        });
    }
}

fn period_lines(books: &Books, lines: &mut BTreeSet<String>) {
    for (key, amount) in books.totals.iter() {
        lines.insert(format!(
            "total {} {} {} {} {amount}",
            key.period,
            key.cause.name(),
            key.measure.name(),
            key.currency,
        ));
    }
    for close in books.closes.values() {
        let (by, reason) = close.reopened.clone().unwrap_or_default();
        lines.insert(format!(
            "close {} {} {} {} {} {} {} {by} {reason}",
            close.first,
            close.version,
            close.last,
            close.covered,
            if close.reopened.is_some() { "t" } else { "f" },
            hex(&close.figures.encode_to_vec()),
            close.closed_by,
        ));
    }
    for of in books.adjustments.values() {
        lines.insert(format!(
            "adjustment {} {} {} {} {} {} {} {}",
            of.id.uuid(),
            of.contract.uuid(),
            of.on,
            of.state.name(),
            hex(&of.wire.encode_to_vec()),
            of.proposed_by,
            of.decided_by,
            of.reason,
        ));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn contract_lines(books: &Books, state: &ContractState, lines: &mut BTreeSet<String>) {
    for own in own_rows(state) {
        let (legal, policy) = (own.legal, &own.legal.policy);
        lines.insert(format!(
            "contract {} {} {} {} {} {} {} {} {} {} {} {} {}",
            legal.id.uuid(),
            legal.signed_on,
            state.currency,
            policy.version,
            policy.convention.name(),
            policy.rounding.name(),
            policy.receivable_on.name(),
            legal.receivable,
            legal.advance,
            state.governing().version,
            own.combined_into,
            books.customers.get(&legal.id).map_or("", String::as_str),
            own.basis,
        ));
    }
    for obligation in &state.obligations {
        lines.insert(format!(
            "obligation {} {} {} {} {} {} {} {} {} {} {}",
            obligation.contract.uuid(),
            obligation.ordinal,
            obligation.id.uuid(),
            obligation.transaction_price,
            obligation.recognized,
            posted_through(obligation),
            due_from(state, obligation),
            obligation.term.to(),
            obligation.billed,
            obligation.key,
            obligation_basis(obligation),
        ));
    }
    let portions = state.accounting.iter().flat_map(|part| part.portions.iter());
    let points = portions.flat_map(|of| of.balances.iter().map(|point| (of.id, point)));
    for (id, point) in points {
        lines.insert(format!(
            "balance {} {} {} {} {} {} {} {} {}",
            id.uuid(),
            point.on,
            point.unconditional,
            point.recognized,
            point.refundable,
            point.deferred_revenue,
            point.contract_asset,
            point.refund_liability,
            point.refund_estimate,
        ));
    }
}
