//! Termination: the price becomes what the customer owes after all, the rest leaves backlog.

use backlog_ids::ContractId;
use chrono::NaiveDate;

use crate::{
    allocation::split,
    effects::{Cause, Effects},
    error::EngineError,
    math::{add, sub, sum},
    periods::Periods,
    phase::{Phase, Spread},
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
/// while winding down, at once without it; T - C leaves backlog.
pub(crate) fn terminate(
    state: ContractState,
    fact: &TerminationFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    if state.obligations.iter().all(|obligation| obligation.ended_on.is_some()) {
        return Err(EngineError::Terminated);
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
        end(&mut settlement, place, fact, (earned, add(earned, part)?))?;
    }
    settlement.state.allocation.variables.clear();
    settlement.finish(fact.on)
}

fn end(
    settlement: &mut Settlement,
    place: usize,
    fact: &TerminationFact,
    (earned, price): (i128, i128),
) -> Result<(), EngineError> {
    let spread = match fact.wind_down_to {
        Some(to) if to >= fact.on => Spread::Time {
            term: Term::new(fact.on, to).map_err(|_| EngineError::Overflow)?,
            convention: Convention::ActualDays,
            since: None,
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
        })
    })?;
    settlement.price(place, price, Cause::Termination, fact.on)
}
