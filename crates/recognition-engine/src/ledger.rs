//! A ledger in memory: sums what the fold emitted, for the scenario runner and the verifier.

mod balances;
mod journal;
mod roll_forward;

use std::collections::{BTreeMap, BTreeSet};

use backlog_ids::{ContractId, ObligationId};
use backlog_money::Currency;
use chrono::NaiveDate;

pub use self::{balances::Balances, roll_forward::RollForward};
use crate::{
    effects::{Effects, Measure, Movement, PlanChange},
    error::EngineError,
};

/// All movements and plan changes in the order applied. Computes no accounting: it only sums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    movements: Vec<Movement>,
    plan_changes: Vec<PlanChange>,
}

/// Which rows count. All given parts must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only this currency: amounts of different ones never add.
    pub currency: Currency,
    /// Only these contracts; all when none are given.
    pub contracts: Option<BTreeSet<ContractId>>,
    /// Only this obligation; measures of whole accounting contracts are then zero.
    pub obligation: Option<ObligationId>,
}

/// Revenue posted for one obligation, service month and posting period. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The contract.
    pub contract: ContractId,
    /// The obligation.
    pub obligation: ObligationId,
    /// First day of the month of service.
    pub service_month: NaiveDate,
    /// First day of the accounting period posted in.
    pub posting_period: NaiveDate,
    /// The sum posted.
    pub amount: i128,
}

impl Filter {
    /// Everything in this currency.
    #[must_use]
    pub const fn all(currency: Currency) -> Self {
        Self { currency, contracts: None, obligation: None }
    }

    /// One contract.
    #[must_use]
    pub fn contract(currency: Currency, contract: ContractId) -> Self {
        Self { contracts: Some(BTreeSet::from([contract])), ..Self::all(currency) }
    }

    /// One obligation.
    #[must_use]
    pub const fn obligation(currency: Currency, obligation: ObligationId) -> Self {
        Self { currency, contracts: None, obligation: Some(obligation) }
    }

    fn movement(&self, movement: &Movement) -> bool {
        self.currency == movement.amount.currency()
            && self.has_contract(movement.contract)
            && self.obligation.is_none_or(|id| movement.obligation == Some(id))
    }

    fn plan_change(&self, change: &PlanChange) -> bool {
        self.currency == change.amount.currency()
            && self.has_contract(change.contract)
            && self.obligation.is_none_or(|id| change.obligation == id)
    }

    fn has_contract(&self, contract: ContractId) -> bool {
        self.contracts.as_ref().is_none_or(|contracts| contracts.contains(&contract))
    }
}

impl Ledger {
    /// Appends what a fact did.
    pub fn apply(&mut self, effects: &Effects) {
        self.movements.extend_from_slice(&effects.movements);
        self.plan_changes.extend_from_slice(&effects.plan_changes);
    }

    /// Appends all of another ledger, as of a contract that joins.
    pub fn absorb(&mut self, other: &Self) {
        self.movements.extend_from_slice(&other.movements);
        self.plan_changes.extend_from_slice(&other.plan_changes);
    }

    /// All movements, in the order applied.
    #[must_use]
    pub fn movements(&self) -> &[Movement] {
        &self.movements
    }

    /// All plan changes, in the order applied.
    #[must_use]
    pub fn plan_changes(&self) -> &[PlanChange] {
        &self.plan_changes
    }

    /// Revenue effective up to the end of `as_of`, by posting period; periods of zero left out.
    /// Minor units.
    pub fn by_month(
        &self,
        as_of: NaiveDate,
        filter: &Filter,
    ) -> Result<BTreeMap<NaiveDate, i128>, EngineError> {
        let posted = self.recognized_through(as_of, filter);
        sums(posted.map(|movement| (movement.posting_period, movement.amount.minor())))
    }

    /// What is still planned at the end of `as_of`, by month; months of zero left out. Minor units.
    pub fn schedule(
        &self,
        as_of: NaiveDate,
        filter: &Filter,
    ) -> Result<BTreeMap<NaiveDate, i128>, EngineError> {
        let rows = self.planned_through(as_of, filter);
        sums(rows.map(|change| (change.month, change.amount.minor())))
    }

    /// Revenue effective up to the end of `as_of`, summed per obligation, service month and posting
    /// period, in this order; sums of zero left out.
    pub fn entries(&self, as_of: NaiveDate, filter: &Filter) -> Result<Vec<Entry>, EngineError> {
        let keyed = self.recognized_through(as_of, filter).filter_map(|movement| {
            let key = (movement.contract, movement.obligation?, movement.service_month?);
            Some(((key, movement.posting_period), movement.amount.minor()))
        });
        let entry = |(((contract, obligation, service_month), posting_period), amount)| Entry {
            contract,
            obligation,
            service_month,
            posting_period,
            amount,
        };
        Ok(sums(keyed)?.into_iter().map(entry).collect())
    }

    fn recognized_through<'a>(
        &'a self,
        as_of: NaiveDate,
        filter: &'a Filter,
    ) -> impl Iterator<Item = &'a Movement> {
        self.movements.iter().filter(move |movement| {
            movement.measure == Measure::Recognized
                && movement.effective_date <= as_of
                && filter.movement(movement)
        })
    }

    fn planned_through<'a>(
        &'a self,
        as_of: NaiveDate,
        filter: &'a Filter,
    ) -> impl Iterator<Item = &'a PlanChange> {
        let counts =
            move |row: &&PlanChange| row.effective_date <= as_of && filter.plan_change(row);
        self.plan_changes.iter().filter(counts)
    }
}

/// Sums by key; keys whose amounts sum to zero left out.
fn sums<K: Ord>(rows: impl Iterator<Item = (K, i128)>) -> Result<BTreeMap<K, i128>, EngineError> {
    let mut sums = BTreeMap::new();
    for (key, amount) in rows {
        let sum = sums.entry(key).or_insert(0_i128);
        *sum = sum.checked_add(amount).ok_or(EngineError::Overflow)?;
    }
    sums.retain(|_, sum| *sum != 0);
    Ok(sums)
}
