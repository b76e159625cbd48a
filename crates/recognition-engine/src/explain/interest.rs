//! Interest on advances explained: by the days of the year of interest, over what is not earned yet.

use super::{
    formula::{Formula, Unit},
    label::Label,
    rule::Rule,
    statement::{Draft, Of},
};
use crate::{
    allocation::split,
    effects::{Cause, Effects, Measure, Working},
    error::EngineError,
    math::add,
    state::ContractState,
};
use backlog_money::Quantity;

/// What a run posts of interest before it posts revenue; answers the contract with it.
pub(super) fn accrued(
    draft: &mut Draft<'_>,
    before: &ContractState,
    effects: &Effects,
) -> Result<ContractState, EngineError> {
    let mut state = before.clone();
    for working in &effects.workings {
        let Working::Interest { on, summed, rate, days, before, amount, weights } = working else {
            continue;
        };
        let whole = i128::from(*days).checked_mul(Quantity::ONE.scaled());
        let whole = whole.ok_or(EngineError::Overflow)?;
        let formula = Formula::figure(Label::AdvancesByDay, *summed)
            .share((rate.scaled(), whole), Unit::YearlyRate)
            .less_figure(Label::InterestBefore, *before);
        for (place, part) in split(*amount, weights)?.into_iter().enumerate() {
            if part == 0 {
                continue;
            }
            let share = Formula::figure(Label::InterestOfPeriod, *amount);
            let alone = weights.iter().filter(|weight| **weight != 0).count() == 1;
            let share = if alone { share } else { share.split(weights, place) };
            for (measure, rule) in [
                (Measure::TransactionPrice, Rule::InterestInPrice),
                (Measure::Billed, Rule::InterestAccreted),
                (Measure::Unconditional, Rule::InterestAccreted),
            ] {
                let moved = (Cause::Interest, measure, *on);
                draft.expect(Of::Place(place), moved, rule, share.clone());
            }
            // Interest is of days that are not posted yet: the run that accrues it posts them.
            let known = state.obligations.get_mut(place).ok_or(EngineError::Overflow)?;
            known.bear(part)?;
            known.transaction_price = add(known.transaction_price, part)?;
        }
        let moved = (Cause::Interest, Measure::Interest, *on);
        draft.expect(Of::whole(state.contract), moved, Rule::InterestAccreted, formula);
    }
    Ok(state)
}
