//! The split of the net position explained: liability, refund liability and asset at ends of days.

use chrono::NaiveDate;

use super::{
    formula::Formula,
    label::Label,
    rule::Rule,
    statement::{Draft, Of},
};
use crate::{
    effects::{Cause, Effects, Measure},
    error::EngineError,
    math::{add, sub, sum},
    state::{BalancePoint, ContractState},
};

/// The three balances in the order in which they are posted.
const MEASURES: [(Measure, Rule); 3] = [
    (Measure::DeferredRevenue, Rule::ContractLiability),
    (Measure::RefundLiability, Rule::RefundLiability),
    (Measure::ContractAsset, Rule::ContractAsset),
];

/// What each balance is at the end of each day that the fact touches, less what was posted up to then.
pub(super) fn splits(
    draft: &mut Draft<'_>,
    before: Option<&ContractState>,
    after: &ContractState,
    effects: &Effects,
) -> Result<(), EngineError> {
    let Some(first) = effects.balances_from else { return Ok(()) };
    for (part, accounting) in after.accounting.iter().enumerate() {
        let old = before.and_then(|state| state.accounting.get(part));
        let old = old.map(|known| known.balances.as_slice()).unwrap_or_default();
        part_splits(draft, part, (old, &accounting.balances), first)?;
    }
    Ok(())
}

/// The same of one accounting contract, from its points as they were and as they are.
fn part_splits(
    draft: &mut Draft<'_>,
    part: usize,
    (old, new): (&[BalancePoint], &[BalancePoint]),
    first: NaiveDate,
) -> Result<(), EngineError> {
    let mut last: Option<(BalancePoint, BalancePoint)> = None;
    for point in new.iter().filter(|point| point.on >= first) {
        let known = at(old, point.on);
        let formulas = targets(new, point)?;
        for ((measure, rule), formula) in MEASURES.into_iter().zip(formulas) {
            let corrected = match &last {
                Some((now, then)) => sub(posted(now, measure), posted(then, measure))?,
                None => 0,
            };
            let so_far = add(posted(&known, measure), corrected)?;
            let formula = formula.less(Formula::figure(Label::BalanceBefore, so_far));
            let moved = (Cause::ContractBalance, measure, point.on);
            draft.expect(Of::Part(part), moved, rule, formula);
        }
        last = Some((*point, known));
    }
    Ok(())
}

/// The balances as known at the end of a day.
fn at(points: &[BalancePoint], day: NaiveDate) -> BalancePoint {
    let after = points.partition_point(|point| point.on <= day);
    let last = after.checked_sub(1).and_then(|index| points.get(index));
    last.copied().unwrap_or(BalancePoint {
        on: day,
        unconditional: 0,
        recognized: 0,
        refundable: 0,
        deferred_revenue: 0,
        contract_asset: 0,
        refund_liability: 0,
        refund_estimate: 0,
    })
}

const fn posted(point: &BalancePoint, measure: Measure) -> i128 {
    match measure {
        Measure::DeferredRevenue => point.deferred_revenue,
        Measure::RefundLiability => point.refund_liability,
        _ => point.contract_asset,
    }
}

/// Liability, refund liability and asset at the end of a point's day.
fn targets(points: &[BalancePoint], point: &BalancePoint) -> Result<[Formula; 3], EngineError> {
    let through = || points.iter().filter(|known| known.on <= point.on);
    let unconditional = sum(through().map(|known| known.unconditional))?;
    let recognized = sum(through().map(|known| known.recognized))?;
    let unconditional = || Formula::figure(Label::Unconditional, unconditional);
    let recognized = || Formula::figure(Label::Recognized, recognized);
    let zero = || Formula::figure(Label::Zero, 0);
    let owed = || unconditional().less(recognized()).at_least(zero());
    let estimate =
        || Formula::figure(Label::RefundEstimate, point.refund_estimate).at_least(zero());
    let refund = || match point.refund_estimate {
        amount if amount <= 0 => zero(),
        _ => estimate().at_most(owed()),
    };
    let liability = match point.refund_liability {
        0 => owed(),
        amount => owed().less(Formula::figure(Label::RefundLiability, amount)),
    };
    Ok([liability, refund(), recognized().less(unconditional()).at_least(zero())])
}
