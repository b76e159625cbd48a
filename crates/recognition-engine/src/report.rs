//! Progress and estimates: what was done, and what is expected.

use chrono::NaiveDate;

use crate::{
    effects::{Cause, Effects},
    error::EngineError,
    facts::{Estimate, EstimateFact},
    math::{add, sub},
    meter::price_by_day,
    periods::Periods,
    phase::{Phase, Spread},
    progress::{ProgressFact, Reading},
    settle::Settlement,
    state::ContractState,
};

/// Takes in progress as reported. Revenue waits for the next run; T of metered use, and the plan,
/// change at once. Errors when the report does not fit the obligation.
pub(crate) fn progress(
    state: ContractState,
    fact: &ProgressFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let mut settlement = Settlement::of(state, periods);
    for (place, reading) in settlement.state.of_reading(fact.obligation, &fact.reading)? {
        report(&mut settlement, place, fact.on, &reading)?;
    }
    settlement.finish(fact.on)
}

fn report(
    settlement: &mut Settlement,
    place: usize,
    on: NaiveDate,
    reading: &Reading,
) -> Result<(), EngineError> {
    let old = settlement.state.at(place)?.clone();
    let paid_before = old.exercise_value()?;
    settlement.change(place, on, |obligation| obligation.report(on, reading))?;
    price_by_day(settlement, &old, (place, on, Cause::Usage))?;
    let of = settlement.state.at(place)?;
    let paid = sub(of.exercise_value()?, paid_before)?;
    let renewed = of.renewal.is_some() && matches!(reading, Reading::Exercised(_));
    if paid != 0 || renewed {
        settlement.take_up(place, on, paid)?;
    }
    Ok(())
}

/// Takes in a changed estimate: T of the obligations that the amount was promised for changes as it
/// was shared at inception, satisfied parts with it (606-10-32-42 to 32-45).
pub(crate) fn reestimate(
    state: ContractState,
    fact: &EstimateFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let mut settlement = Settlement::of(state, periods);
    match &fact.estimate {
        Estimate::Cost { obligation, estimate } => {
            let place = settlement.state.place(*obligation)?;
            settlement.change(place, fact.on, |o| o.expect_cost(fact.on, *estimate))?;
        }
        Estimate::Exercise { obligation, share } => {
            let place = settlement.state.place(*obligation)?;
            settlement.change(place, fact.on, |o| o.expect_share(fact.on, share.scaled()))?;
        }
        Estimate::Variable { id, estimate, included } => {
            let mut allocation = settlement.state.allocation.clone();
            let of = (settlement.state.owner(fact.contract), id.as_str());
            let changes = allocation.reestimate(of, *estimate, *included)?;
            settlement.state.allocation = allocation;
            for (obligation, amount) in changes {
                if amount != 0 {
                    let place = settlement.state.place_of_variable(obligation, of)?;
                    reprice(&mut settlement, place, fact.on, amount, Cause::EstimateChange)?;
                }
            }
        }
    }
    settlement.finish(fact.on)
}

/// Changes T of an obligation by `amount` from `on` on: the part of the promise that was carved out
/// as satisfied takes its share of it at once, what is satisfied since then by its measure.
pub(crate) fn reprice(
    settlement: &mut Settlement,
    place: usize,
    on: NaiveDate,
    amount: i128,
    cause: Cause,
) -> Result<(), EngineError> {
    settlement.begin(place, (on, cause), |obligation| {
        let last = obligation.last_phase(on)?.clone();
        let caught_up = match last.spread {
            // All of it is for what was used to date.
            Spread::Metered => amount,
            _ => last.satisfied.apply(amount)?,
        };
        let carved = add(last.carved, caught_up)?;
        let price = add(last.price, amount)?;
        Ok(Phase { from: on, price, carved, posted_ahead: 0, ..last })
    })
}
