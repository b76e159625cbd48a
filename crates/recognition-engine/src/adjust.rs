//! Adjustments of revenue by a person.

use crate::{
    effects::{Cause, Effects, Measure, Movement},
    error::EngineError,
    facts::AdjustmentFact,
    math::add,
    periods::Periods,
    phase::Phase,
    settle::Settlement,
    state::ContractState,
    term::first_of_month,
};

/// Moves R of an obligation at once, on the day of the adjustment; the rest of its plan spreads T - R
/// over what remains.
pub(crate) fn adjust(
    state: ContractState,
    fact: &AdjustmentFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let place = state.place(fact.obligation)?;
    if state.standing.not_yet().is_some() {
        return Err(EngineError::NotContract);
    }
    let mut settlement = Settlement::of(state, periods);
    settlement.change(place, fact.on, |obligation| {
        let last = obligation.last_phase(fact.on)?.clone();
        let carved = add(obligation.carved_before(fact.on)?, fact.amount)?;
        let satisfied = obligation.satisfied_before(fact.on)?;
        let spread = obligation.left(last.spread, fact.on);
        obligation.recognized = add(obligation.recognized, fact.amount)?;
        obligation.begin(Phase {
            from: fact.on,
            price: last.price,
            carved,
            satisfied,
            spread,
            posted_ahead: fact.amount,
            by_policy: false,
        })
    })?;
    let service_month = first_of_month(fact.on);
    let (cause, measure) = (Cause::Adjustment, Measure::Recognized);
    let moved = settlement.state.movement(place, (cause, measure), fact.amount, fact.on)?;
    let part = settlement.state.part_of(Some(place));
    settlement.push(part, Movement { service_month: Some(service_month), ..moved })?;
    settlement.finish(fact.on)
}
