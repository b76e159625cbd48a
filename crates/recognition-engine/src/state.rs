//! What the fold remembers of a contract: plain values, so that a service can keep them in tables.

use backlog_ids::{ContractId, ObligationId};
use backlog_money::{Currency, Money, Quantity};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    RULE_VERSION,
    allocation::Allocation,
    book::accounting_contract_of,
    effects::{Cause, Measure, Movement},
    error::EngineError,
    facts::Renewal,
    legal::{AccountingContract, LegalContract},
    math::sum,
    meter::Meter,
    method::Method,
    phase::Phase,
    policy::{Policy, PolicyVersion, Rounding},
    progress::{Mark, Point},
    several::AtLeastOne,
    standing::Standing,
    term::{Term, first_of_month},
};

/// A signed contract as accounted for so far. Amounts in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractState {
    /// The first of its legal contracts, which names it.
    pub contract: ContractId,
    /// The legal contracts that it is made of: one, or several that were combined (606-10-25-9).
    pub legal: AtLeastOne<LegalContract>,
    /// Currency of all amounts.
    pub currency: Currency,
    /// The policy at inception; of several legal contracts the earliest.
    pub policy: Policy,
    /// Later versions of the policy that govern it, in order.
    pub policies: Vec<PolicyVersion>,
    /// How the price was shared, for later changes of estimates.
    pub allocation: Allocation,
    /// The obligations, in the contract's order.
    pub obligations: Vec<ObligationState>,
    /// The last day for which it was worked out what is enforceable.
    pub enforced_on: Option<NaiveDate>,
    /// Interest where one side finances the other.
    pub financing: Option<Financing>,
    /// What is accounted for as a contract of its own (606-10-25-12): the contract as signed first,
    /// then each later addition at its stand-alone selling price. At least one.
    pub accounting: Vec<AccountingContract>,
    /// Whether it is a contract. While it is none, prices, plans and what is done are those that it would
    /// have as one: none of them is in any figure.
    pub standing: Standing,
}

/// A performance obligation as accounted for so far. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationState {
    /// Its id.
    pub id: ObligationId,
    /// The caller's handle.
    pub key: String,
    /// Its legal contract.
    pub contract: ContractId,
    /// Place in its legal contract, from 0.
    pub ordinal: u32,
    /// Place among all obligations of the state; the ordinal where nothing is combined.
    pub place: u32,
    /// Place of its accounting contract among the contract's. What a later addition promises more of
    /// an obligation is a state of its own, with the same id and key.
    pub part: u32,
    /// How it is recognized.
    pub method: Method,
    /// Rounding of its months.
    pub rounding: Rounding,
    /// Minor digits of the contract's currency.
    pub minor_digits: u32,
    /// Its term.
    pub term: Term,
    /// Stated price; none where the contract states one for all.
    pub stated: Option<i128>,
    /// Stand-alone selling price of the whole promise, as last stated.
    pub ssp: i128,
    /// Price allocated to it over the stated term: T, and what is beyond enforceable.
    pub transaction_price: i128,
    /// How it is earned, in order of time; at least one.
    pub phases: Vec<Phase>,
    /// What was done, in order of days, one a day; none where time alone counts.
    pub points: Vec<Point>,
    /// Milestones reached and units through gates.
    pub marks: Vec<Mark>,
    /// Corrections of days that are posted, for the next run.
    pub pending: Vec<Pending>,
    /// Revenue posted, R.
    pub recognized: i128,
    /// Last day covered by a run; none before the first.
    pub posted_through: Option<NaiveDate>,
    /// Day from which nothing more is done under it: termination.
    pub ended_on: Option<NaiveDate>,
    /// Billed, B.
    pub billed: i128,
    /// The part of B without an unconditional right, because the customer may leave unpaid and unserved.
    pub conditional: i128,
    /// The part of [`ObligationState::transaction_price`] that the customer may still leave before: it
    /// is not in T, but in TCV.
    pub beyond: i128,
    /// The variable amount, by its handle, that this state is of: one that was promised for a part of a
    /// series is earned by itself, beside the rest of the obligation, with the same id and key.
    pub of_variable: Option<String>,
    /// The option that it is.
    pub renewal: Option<Renewal>,
    /// The share of it that was exercised.
    pub exercised: Quantity,
    /// What the option would bring if all of it were exercised, beyond what was.
    pub potential: i128,
    /// Terms of metered use in order of time, the first and each that a change made; none while they never
    /// changed.
    pub meters: Vec<Meter>,
    /// Days for which revenue is or was withheld.
    pub hold: Option<Hold>,
    /// Holds before that one, all released, in order.
    pub held: Vec<Hold>,
    /// Days through which runs were made while reports say what is earned, in order, each stretch of
    /// days on end as one: a report that comes late counts from the run that would have posted it.
    pub runs: Vec<Term>,
}

/// Revenue withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// First day withheld.
    pub from: NaiveDate,
    /// The day on which it was released, and on which it is posted.
    pub released_on: Option<NaiveDate>,
}

/// Interest on what one side owes the other, as accrued so far. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Financing {
    /// Yearly rate, as a fraction.
    pub rate: Quantity,
    /// First day of the year of interest; none before the first day that bears any.
    pub year_from: Option<NaiveDate>,
    /// Last day accrued; none before the first.
    pub accrued_through: Option<NaiveDate>,
    /// Of the year so far, on advances that finance the vendor.
    pub advances: Accrued,
    /// Of the year so far, on what was earned and not received.
    pub arrears: Accrued,
    /// Posted ever: on advances, less on arrears.
    pub interest: i128,
    /// Received net of tax by the end of the last day accrued.
    pub received: i128,
    /// The same of later days, in order.
    pub receipts: Vec<(NaiveDate, i128)>,
    /// Tax invoiced and not paid.
    pub tax: i128,
}

/// Interest of the year of interest so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accrued {
    /// Sum over the days of the year of what bears it x rate, in minor units x 10^-12.
    pub exact: i128,
    /// Interest posted for the year, in minor units.
    pub posted: i128,
}

/// Revenue to be posted by the next run for days that were posted before. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// First day of the month of service.
    pub service_month: NaiveDate,
    /// Day of effect.
    pub on: NaiveDate,
    /// The amount, not zero.
    pub amount: i128,
    /// Whether it is for performance before the change that caused it (606-10-50-12A).
    pub prior_performance: bool,
    /// Whether it arises from a change of policy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_policy: bool,
}

/// The end of a day on which the net position of an accounting contract changed. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancePoint {
    /// The day.
    pub on: NaiveDate,
    /// Change of U on that day.
    pub unconditional: i128,
    /// Change of R on that day.
    pub recognized: i128,
    /// Change, on that day, of the estimate of what must be given back.
    pub refundable: i128,
    /// Contract liability posted, at the end of that day.
    pub deferred_revenue: i128,
    /// Contract asset posted, at the end of that day.
    pub contract_asset: i128,
    /// Refund liability posted, at the end of that day.
    pub refund_liability: i128,
    /// The estimate of what must be given back, at the end of that day.
    pub refund_estimate: i128,
}

impl ContractState {
    /// The first day on which a run through `through` can change balances; none when it posts nothing.
    pub fn posts_from(&self, through: NaiveDate) -> Result<Option<NaiveDate>, EngineError> {
        if self.standing.not_yet().is_some() {
            return Ok(self.arises_by_time().filter(|day| *day <= through));
        }
        let signed_on = self.first_signed_on();
        let interest = self.financing.as_ref().map(|of| of.next_day(signed_on));
        // Time passing can make a bill an unconditional right.
        let conditional = self.obligations.iter().any(|obligation| obligation.conditional != 0);
        let right = conditional.then_some(through);
        let mut first = interest.filter(|day| *day <= through).into_iter().chain(right).min();
        for obligation in &self.obligations {
            let own = self.signed_on(obligation);
            if own > through {
                continue;
            }
            if let Some(due) = obligation.due_from()?.filter(|due| *due <= through) {
                let due = due.max(own);
                first = Some(first.map_or(due, |first| first.min(due)));
            }
        }
        Ok(first.map(|first| first.max(signed_on)).filter(|_| through >= signed_on))
    }

    /// What was received of what was billed, advances included: where there is no contract, nothing else
    /// of it is unconditional.
    pub(crate) fn received(&self) -> Result<i128, EngineError> {
        sum(self.obligations.iter().map(|o| o.billed.saturating_sub(o.conditional)))
    }

    /// The place of an obligation as signed; more of it may have been promised since.
    pub(crate) fn place(&self, id: ObligationId) -> Result<usize, EngineError> {
        let place = self.obligations.iter().position(|obligation| obligation.id == id);
        place.ok_or(EngineError::UnknownObligation(id))
    }

    /// All places of an obligation, as signed first; at least one.
    pub(crate) fn places(&self, id: ObligationId) -> Result<Vec<usize>, EngineError> {
        let of = self.obligations.iter().enumerate().filter(|(_, known)| known.id == id);
        let places: Vec<usize> = of.map(|(place, _)| place).collect();
        if places.is_empty() { Err(EngineError::UnknownObligation(id)) } else { Ok(places) }
    }

    /// The places of what was promised of an obligation itself, amounts for parts of a series aside.
    pub(crate) fn promised_places(&self, id: ObligationId) -> Result<Vec<usize>, EngineError> {
        let mut places = self.places(id)?;
        places.retain(|place| self.at(*place).is_ok_and(|of| of.of_variable.is_none()));
        Ok(places)
    }

    /// The place at which a variable amount is earned of an obligation: its own where it is for a part
    /// of a series, else the obligation's.
    pub(crate) fn place_of_variable(
        &self,
        id: ObligationId,
        (owner, variable): (Option<ContractId>, &str),
    ) -> Result<usize, EngineError> {
        let own = |known: &ObligationState| {
            known.id == id
                && known.of_variable.as_deref() == Some(variable)
                && self.owner(known.contract) == owner
        };
        match self.obligations.iter().position(own) {
            Some(place) => Ok(place),
            None => self.place(id),
        }
    }

    /// The obligation at a place.
    pub(crate) fn at(&self, place: usize) -> Result<&ObligationState, EngineError> {
        self.obligations.get(place).ok_or(EngineError::Overflow)
    }

    /// The place among [`ContractState::accounting`] that movements of an obligation belong to; the
    /// contract as signed for those of the whole.
    pub(crate) fn part_of(&self, place: Option<usize>) -> usize {
        let part = place.and_then(|place| self.obligations.get(place)).map_or(0, |o| o.part);
        usize::try_from(part).unwrap_or_default()
    }

    /// A movement of the obligation at a place; callers set the service month, settling it the period.
    pub(crate) fn movement(
        &self,
        place: usize,
        what: (Cause, Measure),
        amount: i128,
        effective_date: NaiveDate,
    ) -> Result<Movement, EngineError> {
        let (of, part) = (self.at(place)?, self.part_of(Some(place)));
        let whole = self.movement_of((of.contract, part), what, amount, effective_date);
        Ok(Movement { obligation: Some(of.id), ..whole })
    }

    /// A movement of what of an accounting contract is of a legal contract, as a whole.
    pub(crate) fn movement_of(
        &self,
        (contract, part): (ContractId, usize),
        (cause, measure): (Cause, Measure),
        amount: i128,
        effective_date: NaiveDate,
    ) -> Movement {
        let known = self.accounting.get(part).map(AccountingContract::id);
        Movement {
            contract,
            accounting_contract: known.unwrap_or_else(|| accounting_contract_of(contract, part)),
            obligation: None,
            cause,
            measure,
            amount: Money::from_minor(amount, self.currency),
            effective_date,
            posting_period: first_of_month(effective_date),
            service_month: None,
            late_of: None,
            prior_performance: false,
            rule_version: RULE_VERSION,
            policy_version: self.policy_on(effective_date).version,
        }
    }
}
