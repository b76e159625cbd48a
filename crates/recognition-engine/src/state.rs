//! What the fold remembers of a contract: plain values, so that a service can keep them in tables.

use backlog_ids::{AccountingContractId, ContractId, ObligationId};
use backlog_money::{Currency, Money};
use chrono::NaiveDate;

use crate::{
    RULE_VERSION,
    effects::{Cause, Measure, Movement},
    error::EngineError,
    policy::{Convention, Policy, Rounding},
    schedule::Schedule,
    term::{Term, first_of_month},
};

/// A signed contract as accounted for so far. Amounts in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractState {
    /// The legal contract.
    pub contract: ContractId,
    /// What is accounted for as one contract (606-10-25-9).
    pub accounting_contract: AccountingContractId,
    /// Day of signature; revenue takes effect on it at the earliest.
    pub signed_on: NaiveDate,
    /// Currency of all amounts.
    pub currency: Currency,
    /// The policy at inception.
    pub policy: Policy,
    /// The obligations, in the contract's order.
    pub obligations: Vec<ObligationState>,
    /// Days on which U or R of the accounting contract changed, in order, one point a day. A fact
    /// needs those from its own effective date on and the last one before; earlier ones may be left
    /// out when loading.
    pub balances: Vec<BalancePoint>,
}

/// A performance obligation as accounted for so far. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObligationState {
    /// Its id.
    pub id: ObligationId,
    /// The caller's handle.
    pub key: String,
    /// Place in the contract, from 0.
    pub ordinal: u32,
    /// Convention of its straight line.
    pub convention: Convention,
    /// Rounding of its months.
    pub rounding: Rounding,
    /// Its term.
    pub term: Term,
    /// Transaction price T allocated to it.
    pub transaction_price: i128,
    /// Revenue posted, R: what its schedule has earned through `posted_through`.
    pub recognized: i128,
    /// Last day of its term covered by a run; none before the first.
    pub posted_through: Option<NaiveDate>,
    /// Billed, B.
    pub billed: i128,
}

/// The end of a day on which the net position of an accounting contract changed. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalancePoint {
    /// The day.
    pub on: NaiveDate,
    /// Change of U on that day.
    pub unconditional: i128,
    /// Change of R on that day.
    pub recognized: i128,
    /// Contract liability posted, at the end of that day.
    pub deferred_revenue: i128,
    /// Contract asset posted, at the end of that day.
    pub contract_asset: i128,
}

impl ContractState {
    /// T - B of each obligation in order: what an invoice that names none is spread by.
    pub fn unbilled(&self) -> Result<Vec<i128>, EngineError> {
        let unbilled = |obligation: &ObligationState| {
            obligation.transaction_price.checked_sub(obligation.billed).ok_or(EngineError::Overflow)
        };
        self.obligations.iter().map(unbilled).collect()
    }

    /// A movement of this contract as a whole; callers set obligation and service month.
    pub(crate) fn movement(
        &self,
        cause: Cause,
        measure: Measure,
        amount: i128,
        effective_date: NaiveDate,
    ) -> Movement {
        Movement {
            contract: self.contract,
            accounting_contract: self.accounting_contract,
            obligation: None,
            cause,
            measure,
            amount: Money::from_minor(amount, self.currency),
            effective_date,
            posting_period: first_of_month(effective_date),
            service_month: None,
            rule_version: RULE_VERSION,
            policy_version: self.policy.version,
        }
    }
}

impl ObligationState {
    /// How its price is earned.
    pub fn schedule(&self) -> Result<Schedule, EngineError> {
        Schedule::new(self.term, self.convention, self.rounding, self.transaction_price)
    }
}
