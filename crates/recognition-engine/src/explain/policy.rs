//! A change of policy explained: what is left alone, and what is spread anew.

use super::{
    formula::Formula,
    label::Label,
    rule::Rule,
    statement::{Draft, Told, Value},
};
use crate::{
    effects::{Cause, Measure},
    error::EngineError,
    phase::{Phase, Spread},
    state::ContractState,
};

/// What remains of each price that another policy spreads. It moves nothing by itself: what it corrects
/// of posted days is noted for the next run.
pub(super) fn changed(
    draft: &mut Draft<'_>,
    before: &ContractState,
    after: &ContractState,
) -> Result<(), EngineError> {
    for (old, new) in before.obligations.iter().zip(&after.obligations) {
        let Some(phase) = new.phases.last().filter(|_| old.phases != new.phases) else { continue };
        spread(draft, &new.key, phase);
        let open = Formula::figure(Label::TransactionPriceBefore, phase.price)
            .less(Formula::figure(Label::EarnedBefore, phase.carved));
        draft.step((Label::Unearned, Some(new.key.as_str())), Rule::PolicyChange, open)?;
    }
    Ok(())
}

/// How it is spread from then on.
fn spread(draft: &mut Draft<'_>, key: &str, phase: &Phase) {
    if let Spread::Time { term, convention, .. } = phase.spread {
        draft.told.push(Told::of(Label::Term, key, Value::Term(term)));
        let convention = Value::Name(convention.name().to_owned());
        draft.told.push(Told::of(Label::Convention, key, convention));
        draft.told.push(Told::of(Label::Since, key, Value::Day(phase.from)));
    }
}

/// What corrects posted days is posted for its own cause and by its own rule.
pub(super) const fn corrects(by_policy: bool, prior_performance: bool) -> ((Cause, Measure), Rule) {
    match (by_policy, prior_performance) {
        (true, _) => ((Cause::PolicyChange, Measure::Recognized), Rule::PolicyChange),
        (false, true) => ((Cause::Recognition, Measure::Recognized), Rule::PriorPerformance),
        (false, false) => ((Cause::Recognition, Measure::Recognized), Rule::CorrectsPosted),
    }
}
