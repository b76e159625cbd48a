//! Interest explained: by the days of the year of interest; on advances over what is not earned yet, on
//! arrears over what is.

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
        let Working::Interest { on, arrears, summed, rate, days, before, amount, weights } =
            working
        else {
            continue;
        };
        let whole = i128::from(*days).checked_mul(Quantity::ONE.scaled());
        let whole = whole.ok_or(EngineError::Overflow)?;
        let base = if *arrears { Label::ArrearsByDay } else { Label::AdvancesByDay };
        let formula = Formula::figure(base, *summed)
            .share((rate.scaled(), whole), Unit::YearlyRate)
            .less_figure(Label::InterestBefore, *before);
        // Income takes from what is billed: it is asked for with the price.
        let signed = |formula: Formula| match arrears {
            true => Formula::figure(Label::Zero, 0).less(formula),
            false => formula,
        };
        for (place, part) in split(*amount, weights)?.into_iter().enumerate() {
            if part == 0 {
                continue;
            }
            let share = Formula::figure(Label::InterestOfPeriod, *amount);
            let alone = weights.iter().filter(|weight| **weight != 0).count() == 1;
            let share = signed(if alone { share } else { share.split(weights, place) });
            let (price, billed) = match arrears {
                true => (None, Rule::InterestEarned),
                false => (Some(Rule::InterestInPrice), Rule::InterestAccreted),
            };
            let moved = price.map(|rule| (Measure::TransactionPrice, rule));
            let billed = [(Measure::Billed, billed), (Measure::Unconditional, billed)];
            for (measure, rule) in moved.into_iter().chain(billed) {
                let moved = (Cause::Interest, measure, *on);
                draft.expect(Of::Place(place), moved, rule, share.clone());
            }
            if *arrears {
                continue;
            }
            // Interest is of days that are not posted yet: the run that accrues it posts them.
            let known = state.obligations.get_mut(place).ok_or(EngineError::Overflow)?;
            known.bear(part)?;
            known.transaction_price = add(known.transaction_price, part)?;
        }
        let moved = (Cause::Interest, Measure::Interest, *on);
        let rule = if *arrears { Rule::InterestEarned } else { Rule::InterestAccreted };
        draft.expect(Of::whole(state.contract), moved, rule, signed(formula));
    }
    Ok(state)
}
