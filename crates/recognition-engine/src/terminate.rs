//! Termination: the price becomes what the customer owes after all, the rest leaves backlog.

use backlog_ids::ContractId;
use chrono::NaiveDate;

use crate::{
    allocation::split,
    effects::{Cause, Effects},
    error::EngineError,
    math::{add, sub, sum},
    periods::Periods,
    phase::{BEGINNING, Phase, Spread},
    policy::Convention,
    settle::Settlement,
    share::Share,
    state::ContractState,
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
    if state.obligations.iter().all(|obligation| obligation.ended_on.is_some()) {
        return Err(EngineError::Terminated);
    }
    if state.standing.not_yet().is_some() {
        return end_without_contract(state, fact, periods);
    }
    let mut settlement = Settlement::of(state, periods);
    let obligations = &settlement.state.obligations;
    let earned = obligations
        .iter()
        .map(|obligation| if fact.keep_earned { obligation.earned_before(fact.on) } else { Ok(0) })
        .collect::<Result<Vec<i128>, _>>()?;
    let total = sum(earned.iter().copied())?;
    let billed = sum(obligations.iter().map(|obligation| obligation.billed))?;
    let kept = match fact.refund {
        Refund::Amount(amount) if fact.keep_earned => total.max(sub(billed, amount)?),
        Refund::Amount(_) | Refund::All | Refund::Unearned => total,
    };
    let more = sub(add(kept, fact.penalty)?, total)?;
    // By what is left of each price; by order where nothing is.
    let mut weights = Vec::with_capacity(earned.len());
    for (obligation, earned) in obligations.iter().zip(&earned) {
        weights.push(sub(obligation.transaction_price, *earned)?.max(0));
    }
    if weights.iter().all(|weight| *weight == 0) {
        weights = (0..earned.len()).map(|place| i128::from(place == 0)).collect();
    }
    let parts = split(more, &weights)?;
    for (place, (earned, part)) in earned.into_iter().zip(parts).enumerate() {
        let price = (earned, add(earned, part)?);
        end(&mut settlement, place, fact, (Cause::Termination, price))?;
    }
    settlement.state.allocation.variables.clear();
    settlement.finish(fact.on)
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
    for part in &mut state.accounting {
        // What must be given back is owed to the customer.
        part.reduced = true;
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
    settlement.state.allocation.variables.clear();
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
