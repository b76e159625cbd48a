//! What a right to leave keeps out of the price, and what of the bills is no right to payment yet,
//! explained.

use super::{
    formula::Formula,
    label::Label,
    rule::Rule,
    statement::{Draft, Of, Told, Value},
};
use crate::{
    effects::{Cause, Effects, Measure, Working},
    error::EngineError,
};

/// What is beyond enforceable and what is conditional after a fact.
pub(super) fn enforceable(draft: &mut Draft<'_>, effects: &Effects) -> Result<(), EngineError> {
    for working in &effects.workings {
        match working {
            Working::Bound { place, cause, on, last, planned, kept, before } => {
                let beyond = Formula::figure(Label::PlannedAfterNotice, *planned)
                    .less_figure(Label::KeptByPenalty, *kept);
                let before = Formula::figure(Label::BeyondBefore, *before);
                let inputs = last.map(|day| Told::new(Label::BoundThrough, Value::Day(day)));
                let inputs: Vec<Told> = inputs.into_iter().collect();
                for (measure, formula) in [
                    (Measure::BeyondEnforceable, beyond.clone().less(before.clone())),
                    (Measure::TransactionPrice, before.less(beyond)),
                ] {
                    let because = (inputs.clone(), formula);
                    let moved = (*cause, measure, *on);
                    draft.expect_with(Of::Place(*place), moved, Rule::EnforceableTerm, because);
                }
            }
            Working::Conditional { .. } => conditional(draft, working)?,
            _ => {}
        }
    }
    Ok(())
}

/// Bills beyond what is enforceable or paid, over the obligations of a portion of an accounting contract by
/// what of them is billed.
fn conditional(draft: &mut Draft<'_>, working: &Working) -> Result<(), EngineError> {
    let Working::Conditional { portion, on, billed, enforceable, paid, amount, before, parts } =
        working
    else {
        return Ok(());
    };
    if *amount != 0 {
        let formula = Formula::figure(Label::Billed, *billed).less(
            Formula::figure(Label::Enforceable, *enforceable)
                .at_least(Formula::figure(Label::PaidToDate, *paid)),
        );
        // Never more than all that is billed, where what is enforceable is below zero.
        let formula = match formula.amount()? > *amount {
            true => formula.at_most(Formula::figure(Label::Billed, *billed)),
            false => formula,
        };
        draft.step((Label::Conditional, None), Rule::UnconditionalRight, formula)?;
    }
    let target = || Formula::figure(Label::Conditional, *amount);
    let weights: Vec<i128> = parts.iter().map(|(_, weight, _)| *weight).collect();
    for (n, (place, _, before)) in parts.iter().enumerate() {
        let own = if parts.len() == 1 { target() } else { target().split(&weights, n) };
        let formula = Formula::figure(Label::ConditionalBefore, *before).less(own);
        let moved = (Cause::Invoice, Measure::Unconditional, *on);
        draft.expect(Of::Place(*place), moved, Rule::UnconditionalRight, formula);
    }
    let formula = Formula::figure(Label::ConditionalBefore, *before).less(target());
    let moved = (Cause::Invoice, Measure::Receivable, *on);
    draft.expect(Of::Portion(portion.0, portion.1), moved, Rule::UnconditionalRight, formula);
    Ok(())
}
