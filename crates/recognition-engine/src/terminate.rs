//! Termination: the price becomes what the customer owes after all, the rest leaves backlog.

use backlog_ids::ContractId;
use chrono::NaiveDate;

use crate::{
    allocation::split,
    effects::{Cause, Effects},
    error::EngineError,
    legal::Portion,
    math::{add, sub, sum},
    periods::Periods,
    phase::{BEGINNING, Phase, Spread},
    policy::Convention,
    settle::Settlement,
    share::Share,
    state::{ContractState, ObligationState},
    term::Term,
};

/// A termination. Amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminationFact {
    /// The contract.
    pub contract: ContractId,
    /// First day on which nothing more is promised.
    pub on: NaiveDate,
    /// What of the amounts billed is given up.
    pub refund: Refund,
    /// What the customer owes for ending it.
    pub penalty: i128,
    /// Whether what was earned stays earned.
    pub keep_earned: bool,
    /// Last day of winding down; none where there is nothing to do.
    pub wind_down_to: Option<NaiveDate>,
}

/// What of the amounts billed is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refund {
    /// What was billed beyond what is owed.
    Unearned,
    /// An amount: what is billed beyond it is kept, and earned (in minor units).
    Amount(i128),
    /// Everything billed beyond what was earned.
    All,
}

/// Accounts for a termination. T becomes C: what is earned and the penalty; with a refund X, what is
/// billed less X where that is more; the penalty alone when nothing earned is kept. C - R is earned
/// while winding down, at once without it; T - C leaves backlog. What never became a contract ends with
/// what is kept of what was received.
pub(crate) fn terminate(
    state: ContractState,
    fact: &TerminationFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    state.legal_of(fact.contract)?;
    if state.is_ended(fact.contract) {
        return Err(EngineError::Terminated);
    }
    if state.standing.not_yet().is_some() {
        return end_without_contract(state, fact, periods);
    }
    let mut settlement = Settlement::of(state, periods);
    let (state, contract) = (&settlement.state, fact.contract);
    let back = given_back(state, fact)?;
    let earned = state.each_of(contract, |obligation| {
        if fact.keep_earned { obligation.earned_before(fact.on) } else { Ok(0) }
    })?;
    let total = sum(earned.iter().copied())?;
    let billed = sum(state.each_of(contract, |obligation| Ok(obligation.billed))?)?;
    let kept = match fact.refund {
        Refund::Amount(amount) if fact.keep_earned => total.max(sub(billed, amount)?),
        Refund::Amount(_) | Refund::All | Refund::Unearned => total,
    };
    let more = sub(add(kept, fact.penalty)?, total)?;
    // By what is left of each price; by order where nothing is.
    let weights = state.weights_of(contract, |obligation| {
        let earned = if fact.keep_earned { obligation.earned_before(fact.on)? } else { 0 };
        Ok(sub(obligation.transaction_price, earned)?.max(0))
    })?;
    let parts = split(more, &weights)?;
    let own: Vec<usize> = state.places_of(contract).collect();
    for (place, (earned, part)) in earned.into_iter().zip(parts).enumerate() {
        if own.contains(&place) {
            let price = (earned, add(earned, part)?);
            end(&mut settlement, place, fact, (Cause::Termination, price))?;
        }
    }
    settlement.forget_variables(contract);
    settlement.give_back((contract, fact.on), &back)?;
    settlement.finish(fact.on)
}

/// Price that goes back from a contract that ends to those that it was combined with. Minor units.
pub(crate) struct GivenBack {
    /// By how much its price is above what was agreed for it; below zero where it gave to the others.
    pub(crate) moved: i128,
    /// The share of its price that it does not earn any more.
    pub(crate) open: Share,
    /// That share of what was moved.
    pub(crate) amount: i128,
    /// What each obligation of the others weighs in it.
    pub(crate) weights: Vec<i128>,
}

/// What of the price that was moved to a contract, or from it, when it was combined with others is of what
/// it does not earn any more: those have it again.
pub(crate) fn given_back(
    state: &ContractState,
    fact: &TerminationFact,
) -> Result<GivenBack, EngineError> {
    let own = |(part, portion): &(usize, &Portion)| *part == 0 && portion.contract == fact.contract;
    let moved = state.portions().find(own).map_or(0, |(_, portion)| portion.moved);
    if moved == 0 {
        return Ok(GivenBack { moved, open: Share::NONE, amount: 0, weights: Vec::new() });
    }
    let (mut price, mut left) = (0, 0);
    for of in state.obligations.iter().filter(|of| of.contract == fact.contract && of.part == 0) {
        let earned = if fact.keep_earned { of.earned_before(fact.on)? } else { 0 };
        price = add(price, of.transaction_price)?;
        left = add(left, sub(of.transaction_price, earned)?)?;
    }
    let open = Share::new(left, price);
    let mut weights = Vec::with_capacity(state.obligations.len());
    let of_others = |of: &ObligationState| of.contract != fact.contract && of.part == 0;
    for of in &state.obligations {
        let takes = of_others(of) && of.takes_part(fact.on)?;
        let left = if takes { sub(of.transaction_price, of.earned_before(fact.on)?)? } else { 0 };
        weights.push(left.max(0));
    }
    if weights.iter().all(|weight| *weight == 0) {
        // All of the others is earned: so is what they have again.
        weights = state.obligations.iter().map(|of| i128::from(of_others(of))).collect();
    }
    Ok(GivenBack { moved, open, amount: open.apply(moved)?, weights })
}

impl Settlement {
    /// No estimate of a contract that has ended changes any more.
    fn forget_variables(&mut self, contract: ContractId) {
        let owner = self.state.owner(contract);
        self.state.allocation.variables.retain(|variable| variable.of != owner);
    }

    /// Shares price that comes back from a contract that has ended among what remains of those that it was
    /// combined with (606-10-25-13a): what of them is earned stays.
    fn give_back(
        &mut self,
        (contract, on): (ContractId, NaiveDate),
        back: &GivenBack,
    ) -> Result<(), EngineError> {
        if back.amount == 0 {
            return Ok(());
        }
        let first = self.state.places_of(contract).next();
        if let Some(own) = first.and_then(|place| self.state.portion_mut(place)) {
            own.moved = sub(own.moved, back.amount)?;
        }
        for (place, part) in split(back.amount, &back.weights)?.into_iter().enumerate() {
            if part != 0 {
                self.raise(place, on, part)?;
            }
        }
        Ok(())
    }

    /// Changes the price of what remains of the obligation at a place.
    fn raise(&mut self, place: usize, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        if let Some(portion) = self.state.portion_mut(place) {
            portion.moved = add(portion.moved, amount)?;
        }
        self.begin(place, (on, Cause::Termination), |obligation| {
            let last = obligation.last_phase(on)?;
            Ok(Phase {
                from: on,
                price: add(last.price, amount)?,
                carved: obligation.carved_before(on)?,
                satisfied: obligation.satisfied_before(on)?,
                spread: obligation.left(last.spread, on),
                posted_ahead: 0,
                by_policy: false,
            })
        })
    }
}

/// Ends what never became a contract: what was received and is not given back is revenue at last
/// (606-10-25-7), with what ending it costs the customer. Nothing else of it was ever in backlog.
fn end_without_contract(
    mut state: ContractState,
    fact: &TerminationFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let owed = add(kept_without_contract(&state, fact)?, fact.penalty)?;
    let weights = weights_without_contract(&state);
    state.begin_on(fact.on, periods);
    for portion in state.accounting.iter_mut().flat_map(|part| part.portions.iter_mut()) {
        // What must be given back is owed to the customer.
        portion.reduced = true;
    }
    for obligation in &mut state.obligations {
        obligation.phases = vec![Phase {
            from: BEGINNING,
            price: 0,
            carved: 0,
            satisfied: Share::NONE,
            spread: Spread::AtOnce,
            posted_ahead: 0,
            by_policy: false,
        }];
    }
    let mut settlement = Settlement::arising(state, periods);
    for (place, part) in split(owed, &weights)?.into_iter().enumerate() {
        end(&mut settlement, place, fact, (Cause::Booking, (0, part)))?;
    }
    settlement.forget_variables(fact.contract);
    settlement.finish(fact.on)
}

/// What is kept of what was received without a contract.
pub(crate) fn kept_without_contract(
    state: &ContractState,
    fact: &TerminationFact,
) -> Result<i128, EngineError> {
    match fact.refund {
        Refund::Amount(amount) => Ok(sub(state.received()?, amount)?.max(0)),
        Refund::All | Refund::Unearned => Ok(0),
    }
}

/// What each obligation weighs in it: the price that it would have had, by order where none has one.
pub(crate) fn weights_without_contract(state: &ContractState) -> Vec<i128> {
    let prices = state.obligations.iter().map(|o| o.transaction_price.max(0));
    let weights: Vec<i128> = prices.collect();
    if weights.iter().any(|weight| *weight != 0) {
        return weights;
    }
    (0..weights.len()).map(|place| i128::from(place == 0)).collect()
}

fn end(
    settlement: &mut Settlement,
    place: usize,
    fact: &TerminationFact,
    (cause, (earned, price)): (Cause, (i128, i128)),
) -> Result<(), EngineError> {
    let spread = match fact.wind_down_to {
        Some(to) if to >= fact.on => Spread::Time {
            term: Term::new(fact.on, to).map_err(|_| EngineError::Overflow)?,
            convention: Convention::ActualDays,
            since: None,
            rounding: None,
        },
        Some(_) | None => Spread::AtOnce,
    };
    settlement.change(place, fact.on, |obligation| {
        obligation.ended_on = Some(fact.on);
        obligation.begin(Phase {
            from: fact.on,
            price,
            carved: earned,
            satisfied: Share::WHOLE,
            spread,
            posted_ahead: 0,
            by_policy: false,
        })
    })?;
    settlement.price(place, price, cause, fact.on)
}
