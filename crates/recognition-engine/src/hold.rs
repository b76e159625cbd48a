//! Holds: revenue is withheld from a day on, and posted together once it is released.

use crate::{
    effects::Effects,
    error::EngineError,
    facts::HoldFact,
    periods::Periods,
    settle::Settlement,
    state::{ContractState, Hold},
};

/// Withholds what is earned from a day on. Days before it are still posted.
pub(crate) fn hold(
    state: ContractState,
    fact: &HoldFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let mut settlement = Settlement::of(state, periods);
    for place in places(&settlement.state, fact)? {
        let Some(obligation) = settlement.state.obligations.get_mut(place) else { continue };
        // Held twice is held from the first day on.
        let held = obligation.hold.filter(|hold| hold.released_on.is_none());
        let from = held.map_or(fact.on, |hold| hold.from.min(fact.on));
        obligation.held.extend(obligation.hold.filter(|hold| hold.released_on.is_some()));
        obligation.hold = Some(Hold { from, released_on: None });
    }
    settlement.finish(fact.on)
}

/// Lets the next run post what was withheld, on the day of the release.
pub(crate) fn release(
    state: ContractState,
    fact: &HoldFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let mut settlement = Settlement::of(state, periods);
    for place in places(&settlement.state, fact)? {
        let Some(obligation) = settlement.state.obligations.get_mut(place) else { continue };
        if let Some(hold) = obligation.hold.as_mut().filter(|hold| hold.released_on.is_none()) {
            hold.released_on = Some(fact.on.max(hold.from));
        }
    }
    settlement.finish(fact.on)
}

fn places(state: &ContractState, fact: &HoldFact) -> Result<Vec<usize>, EngineError> {
    match fact.obligation {
        Some(obligation) => state.places(obligation),
        None => Ok(state.places_of(fact.contract).collect()),
    }
}
