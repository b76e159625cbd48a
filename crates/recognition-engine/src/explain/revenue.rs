//! Revenue entries explained: what is earned to date by the phase in force, less what was posted.

use chrono::NaiveDate;

use super::{
    catch_up::CatchUps,
    formula::Formula,
    label::Label,
    policy::corrects,
    rule::Rule,
    spread::{earned, inputs},
    statement::{Draft, Of, Told},
};
use crate::{
    effects::{Cause, Measure},
    entries::Entry,
    error::EngineError,
    math::{add, sub, sum},
    state::{ContractState, ObligationState},
};

/// An entry with its explanation.
pub(super) struct Listed {
    pub(super) entry: Entry,
    pub(super) rule: Rule,
    pub(super) inputs: Vec<Told>,
    pub(super) formula: Formula,
}

/// What a run through a day posts: corrections of posted days first, then what is earned since.
pub(super) fn run(
    draft: &mut Draft<'_>,
    before: &ContractState,
    through: NaiveDate,
    catch_ups: &CatchUps,
) -> Result<(), EngineError> {
    for (place, obligation) in before.obligations.iter().enumerate() {
        let (of, signed_on) = (Of::Place(place), before.signed_on(obligation));
        if through < signed_on {
            continue;
        }
        // Corrections of posted days wait for the release too.
        let held = obligation.held_from().is_some_and(|from| through >= from);
        for pending in obligation.pending.iter().filter(|_| !held) {
            if let Some(known) = catch_ups.get(place, pending) {
                let on = obligation.posted_on(pending.on).max(signed_on);
                let ((cause, measure), rule) =
                    corrects(pending.by_policy, pending.prior_performance);
                let because = (known.inputs.clone(), known.formula.clone());
                draft.expect_with(of, (cause, measure, on), rule, because);
            }
        }
        let Some(covered) = obligation.covered(through) else { continue };
        let (after, so_far) = so_far(obligation)?;
        for listed in listed(obligation, after, so_far, covered)? {
            let on = obligation.posted_on(listed.entry.to).max(signed_on);
            let moved = (Cause::Recognition, Measure::Recognized, on);
            let because = (listed.inputs, listed.formula);
            draft.expect_with(of, moved, listed.rule, because);
        }
    }
    Ok(())
}

/// The last day posted, and what is posted or to be corrected of the days up to it.
fn so_far(obligation: &ObligationState) -> Result<(Option<NaiveDate>, i128), EngineError> {
    let after = obligation.posted_through;
    let ahead = obligation.phases.iter().filter(|phase| after.is_none_or(|day| phase.from > day));
    let ahead = sum(ahead.map(|phase| phase.posted_ahead))?;
    let pending = sum(obligation.pending.iter().map(|pending| pending.amount))?;
    Ok((after, sub(add(obligation.recognized, pending)?, ahead)?))
}

/// The entries of an obligation after a day through another, where `so_far` was earned before, each
/// with its formula.
pub(super) fn listed(
    obligation: &ObligationState,
    after: Option<NaiveDate>,
    so_far: i128,
    through: NaiveDate,
) -> Result<Vec<Listed>, EngineError> {
    let begin = after.map_or(NaiveDate::MIN, |day| day.succ_opt().unwrap_or(NaiveDate::MAX));
    let mut posted = so_far;
    let mut all = Vec::new();
    for entry in obligation.entries(after, so_far, through)? {
        // What was posted with a fact itself, as an adjustment is, counts from its day on.
        let ahead = obligation.phases.iter().filter(|p| p.from >= begin && p.from <= entry.to);
        let counted = add(posted, sum(ahead.map(|phase| phase.posted_ahead))?)?;
        let begun = obligation.phases.partition_point(|phase| phase.from <= entry.to);
        let phase = begun.checked_sub(1).and_then(|index| obligation.phases.get(index));
        let Some(phase) = phase else { continue };
        let day = match entry.prior_performance {
            true => phase.from.pred_opt().unwrap_or(phase.from),
            false => entry.to,
        };
        let formula =
            earned(obligation, phase, day)?.less(Formula::figure(Label::PostedBefore, counted));
        let rule = match entry.prior_performance {
            true => Rule::PriorPerformance,
            false => Rule::of_method(&obligation.method),
        };
        posted = add(posted, entry.amount)?;
        let inputs = inputs(obligation, phase, day);
        all.push(Listed { entry, rule, inputs, formula });
    }
    Ok(all)
}
