//! The books of one tenant: what the fold remembers, and the pure step from a contract fact to
//! accounting. The writer and the rebuild take the same steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use backlog_ids::{AccountId, AdjustmentId, ContractId, RunId, TenantId};
use backlog_money::Currency;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_recognition_engine::{
    ContractState, Effects, Fact, Periods, Policies, Policy, SignedContract, account,
};
use chrono::NaiveDate;

use super::convert::{accounting_posted, fact};
use super::error::AccountingError;
use super::fact::ContractFact;
use super::totals::PeriodTotals;
use crate::adjustment::Adjustment;
use crate::journal::{JournalBooks, JournalChange};
use crate::period::{Close, OpenWork};
use crate::policy::Version;
use crate::run::{Run, Worked};

/// A tenant's books, as far as they are loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Books {
    /// The tenant; none before its creation was applied.
    pub tenant: Option<TenantBooks>,
    /// Signed contracts; of those that are accounted for as one, the one that the others joined.
    pub contracts: BTreeMap<ContractId, ContractState>,
    /// Contracts that joined another, and which.
    pub joined: BTreeMap<ContractId, ContractId>,
    /// Whose the contracts are that the batch signs.
    pub customers: BTreeMap<ContractId, String>,
    /// Recognition runs.
    pub runs: BTreeMap<RunId, Run>,
    /// The journal, of what the batch posts and keeps only.
    pub journal: JournalBooks,
    /// Sums of what was posted. Loaded for a close; else only of what the batch posts.
    pub totals: PeriodTotals,
    /// Closes, by first day of the period and version.
    pub closes: BTreeMap<(NaiveDate, u32), Close>,
    /// Adjustments that need, or needed, a second person.
    pub adjustments: BTreeMap<AdjustmentId, Adjustment>,
    /// Versions of the policy after the first; all of them, whatever else is loaded.
    pub policies: BTreeMap<u32, Version>,
    /// What is left to do before a day, as the tables tell it for a close.
    pub open_work: BTreeMap<NaiveDate, OpenWork>,
    /// The fence of the latest lease of scheduled runs; loaded for chunks that name one.
    pub fence: Option<u64>,
    /// What the batch's only command, a chunk of a run, comes to, where it was worked out ahead; its
    /// contracts are then not loaded.
    pub(crate) ahead: Option<Arc<Worked>>,
}

/// What holds for the tenant as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantBooks {
    /// The account that owns it.
    pub account: AccountId,
    /// The currency of the books.
    pub functional: Currency,
    /// The first measurement policy.
    pub policy: Policy,
    /// How many versions of the policy there are.
    pub policy_versions: u32,
    /// The calendar, and how far it is closed.
    pub periods: Periods,
    /// Whether an adjustment is posted only when a second person has approved it.
    pub adjustments_need_approval: bool,
    /// Last day through which a finished run over all contracts has posted.
    pub recognized_through: Option<NaiveDate>,
    /// Position of the contract log up to which facts are accounted for.
    pub covered: u64,
}

/// What one decision changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BooksChange {
    /// The tenant, as it then is.
    pub tenant: Option<TenantBooks>,
    /// Whether the tenant comes into being with it.
    pub opens: bool,
    /// The tenant's suspension, when it changes.
    pub suspended: Option<bool>,
    /// Contracts, as they then are.
    pub contracts: Vec<ContractChange>,
    /// The customer of the contract that is signed.
    pub customer: Option<(ContractId, String)>,
    /// The run, as it then is but for its place in the log.
    pub run: Option<Run>,
    /// What it comes to in the journal.
    pub journal: JournalChange,
    /// What is posted, in sums.
    pub totals: PeriodTotals,
    /// A close, as it then is.
    pub close: Option<Close>,
    /// A version of the policy that is set.
    pub policy: Option<Version>,
    /// An adjustment, as it then is.
    pub adjustment: Option<Adjustment>,
    /// The day through which scheduled runs are done with it.
    pub scheduled: Option<NaiveDate>,
}

/// A contract that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractChange {
    /// The contract, as it then is.
    pub state: ContractState,
    /// Whether its own row changes, not only its obligations and balances.
    pub own_row: bool,
    /// Whether more of its obligations changes than what a run posts.
    pub bases: bool,
    /// First day on which its balances changed.
    pub balances_from: Option<NaiveDate>,
}

impl Books {
    /// What an entry of the contract log does: the accounting to post, which is empty for a fact
    /// without accounting effect, and the change of the books. Errors say what an operator must know.
    pub fn account(
        &self,
        tenant: TenantId,
        entry: &LogEntry,
    ) -> Result<(AccountingPosted, BooksChange), AccountingError> {
        let fact = fact(entry)?;
        let covered = entry.seq;
        if let ContractFact::TenantCreated {
            tenant: named,
            account,
            functional,
            policy,
            calendar,
            adjustments_need_approval,
            suspended,
        } = fact
        {
            if covered != 1 || self.tenant.is_some() {
                return Err(AccountingError::CreationMisplaced(covered));
            }
            if named != tenant.to_string() {
                return Err(AccountingError::OtherTenant(named));
            }
            let books = TenantBooks {
                account,
                functional,
                policy,
                policy_versions: policy.version,
                periods: Periods { calendar, closed_through: None },
                adjustments_need_approval,
                recognized_through: None,
                covered,
            };
            let change = BooksChange {
                tenant: Some(books),
                opens: true,
                suspended: Some(suspended),
                ..BooksChange::default()
            };
            return Ok((accounting_posted(&Effects::default(), covered), change));
        }
        let books = self.tenant.ok_or(AccountingError::NoTenant(covered))?;
        let tenant = Some(TenantBooks { covered, ..books });
        let mut change = BooksChange { tenant, ..BooksChange::default() };
        let effects = match fact {
            ContractFact::TenantCreated { .. } | ContractFact::Drafted => Effects::default(),
            ContractFact::SuspensionChanged(suspended) => {
                change.suspended = Some(suspended);
                Effects::default()
            }
            ContractFact::Signed { contract, stated_price, customer } => {
                change.customer = Some((contract.contract, customer));
                self.signed(contract, stated_price, &mut change)?
            }
            ContractFact::Changed { contract, currency, fact } => {
                let (changed, effects) = self.changed(contract, currency, &fact)?;
                change.contracts.push(changed);
                effects
            }
        };
        change.journal =
            JournalChange::of(&effects).map_err(|_| AccountingError::JournalTooLarge)?;
        change.totals = PeriodTotals::of(&effects);
        Ok((accounting_posted(&effects, covered), change))
    }

    /// The tenant's periods; all open before its creation.
    pub(crate) fn periods(&self) -> Periods {
        self.tenant.map(|tenant| tenant.periods).unwrap_or_default()
    }

    /// The contract that another one joined, or itself.
    pub(crate) fn accounted_as(&self, contract: ContractId) -> ContractId {
        self.joined.get(&contract).copied().unwrap_or(contract)
    }

    /// A signed contract, with those that are accounted for as one with it.
    pub(crate) fn contract(&self, contract: ContractId) -> Option<&ContractState> {
        self.contracts.get(&self.accounted_as(contract))
    }

    /// All versions of the tenant's policy.
    pub(crate) fn policies(&self) -> Policies {
        let first = self.tenant.map(|tenant| tenant.policy).unwrap_or_default();
        let later = self.policies.values().map(|version| version.measures).collect();
        Policies { first, later }
    }

    /// Takes a change in. `place` is the last entry of this log that was written for it.
    pub fn apply(&mut self, change: BooksChange, place: u64) {
        if let Some(tenant) = change.tenant {
            self.tenant = Some(tenant);
        }
        for contract in change.contracts {
            for joined in contract.state.legal.more() {
                self.contracts.remove(&joined.id);
                self.joined.insert(joined.id, contract.state.contract);
            }
            self.contracts.insert(contract.state.contract, contract.state);
        }
        self.customers.extend(change.customer);
        if let Some(mut run) = change.run {
            run.seq = place;
            self.runs.insert(run.id, run);
        }
        self.journal.apply(change.journal, place);
        self.totals.add(&change.totals);
        if let Some(close) = change.close {
            self.closes.insert((close.first, close.version), close);
        }
        if let Some(version) = change.policy {
            self.policies.insert(version.measures.policy.version, version);
        }
        if let Some(adjustment) = change.adjustment {
            self.adjustments.insert(adjustment.id, adjustment);
        }
    }

    /// A signature books the contract under the policy in force on its day (606-10-25-1, 32-28).
    fn signed(
        &self,
        contract: SignedContract,
        stated_price: Option<i128>,
        change: &mut BooksChange,
    ) -> Result<Effects, AccountingError> {
        let id = contract.contract;
        let engine = |source| AccountingError::Engine { contract: id, source };
        let known = self.contract(id).cloned();
        let policies = self.policies();
        let policy = policies.on(contract.signed_on);
        let fact = Fact::Signed { contract, policy };
        let (state, effects) = account(known, &fact, &policies, self.periods()).map_err(engine)?;
        let allocated = state.allocation.fixed;
        if let Some(stated) = stated_price.filter(|stated| *stated != allocated) {
            return Err(AccountingError::PriceDiffers { contract: id, allocated, stated });
        }
        change.contracts.push(kept(state, &effects)?);
        Ok(effects)
    }

    /// What a fact about a signed contract does, whichever log it comes from.
    pub(crate) fn changed(
        &self,
        contract: ContractId,
        currency: Option<Currency>,
        fact: &Fact,
    ) -> Result<(ContractChange, Effects), AccountingError> {
        let known = self.contract(contract).cloned();
        let expected = known.as_ref().map(|state| state.currency);
        if let Some((expected, found)) = expected.zip(currency).filter(|(of, found)| of != found) {
            return Err(AccountingError::OtherCurrency { contract, expected, found });
        }
        let (state, effects) = account(known, fact, &self.policies(), self.periods())
            .map_err(|source| AccountingError::Engine { contract, source })?;
        let changed = kept(state, &effects)?;
        Ok((changed, effects))
    }
}

fn kept(state: ContractState, effects: &Effects) -> Result<ContractChange, AccountingError> {
    if !fits_columns(&state) {
        return Err(AccountingError::TooLarge(state.contract));
    }
    Ok(ContractChange { state, own_row: true, bases: true, balances_from: effects.balances_from })
}

/// Whether every amount fits a `bigint`.
pub(crate) fn fits_columns(state: &ContractState) -> bool {
    let obligations = state.obligations.iter().flat_map(|obligation| {
        [obligation.transaction_price, obligation.recognized, obligation.billed]
    });
    let portions = state.accounting.iter().flat_map(|part| part.portions.iter());
    let balances = portions.flat_map(|portion| &portion.balances).flat_map(|point| {
        [
            point.unconditional,
            point.recognized,
            point.refundable,
            point.deferred_revenue,
            point.contract_asset,
            point.refund_liability,
            point.refund_estimate,
        ]
    });
    let cash = state.legal.iter().flat_map(|legal| [legal.receivable, legal.advance]);
    obligations.chain(balances).chain(cash).all(|amount| i64::try_from(amount).is_ok())
}
