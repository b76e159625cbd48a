//! Options explained: what they would still bring, and what exercising them brings into the price.

use backlog_money::Quantity;
use chrono::NaiveDate;

use super::{
    formula::{Formula, Unit},
    label::Label,
    rule::Rule,
    statement::{Draft, Of},
};
use crate::{
    effects::{Cause, Effects, Measure, Working},
    state::ObligationState,
};

/// What options would still bring after a fact: never in backlog, shown apart.
pub(super) fn potential(draft: &mut Draft<'_>, effects: &Effects) {
    for working in &effects.workings {
        let Working::Potential { place, cause, on, left, before } = working else { continue };
        let rule = match cause {
            Cause::Expiry => Rule::OptionExpired,
            _ => Rule::OptionOpen,
        };
        let formula =
            Formula::figure(Label::OptionOpen, *left).less_figure(Label::OptionOpenBefore, *before);
        let moved = (*cause, Measure::Potential, *on);
        draft.expect(Of::Place(*place), moved, rule, formula);
    }
}

/// What exercising an option brings into the price, by the share exercised to date; none where the
/// obligation is no option.
pub(super) fn exercised(old: &ObligationState, new: &ObligationState) -> Option<Formula> {
    new.last_day_of_option()?;
    let worth = |of: &ObligationState| {
        let done = of.exercised_share();
        let price = Formula::figure(Label::ExercisePrice, of.option_price());
        price.share((done, Quantity::ONE.scaled()), Unit::Quantity)
    };
    let before = worth(old).amount().ok()?;
    Some(worth(new).less(Formula::figure(Label::ExercisedBefore, before)))
}

/// Expects what a report of exercise brings into the price.
pub(super) fn take_up(
    draft: &mut Draft<'_>,
    (place, on): (usize, NaiveDate),
    old: &ObligationState,
    new: &ObligationState,
) {
    if let Some(formula) = exercised(old, new) {
        let moved = (Cause::Amendment, Measure::TransactionPrice, on);
        draft.expect(Of::Place(place), moved, Rule::RightExercised, formula);
    }
}
