//! The split of the net position explained: liability, refund liability and asset at ends of days.

use chrono::NaiveDate;

use super::{
    formula::Formula,
    label::Label,
    rule::Rule,
    statement::{Draft, Of, Told, Value},
};
use crate::{
    effects::{Cause, Effects, Measure},
    error::EngineError,
    legal::Portion,
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
        let known = before.and_then(|state| state.accounting.get(part));
        let portions: Vec<&Portion> = accounting.portions.iter().collect();
        for portion in &portions {
            let mut old = known.into_iter().flat_map(|known| known.portions.iter());
            let old = old.find(|known| known.contract == portion.contract);
            let old = old.map(|known| known.balances.as_slice()).unwrap_or_default();
            portion_splits(draft, (part, portion), (old, &portions), first)?;
        }
    }
    Ok(())
}

/// The same of one portion of an accounting contract, from its points as they were and as they are.
fn portion_splits(
    draft: &mut Draft<'_>,
    (part, portion): (usize, &Portion),
    (old, portions): (&[BalancePoint], &[&Portion]),
    first: NaiveDate,
) -> Result<(), EngineError> {
    let mut last: Option<(BalancePoint, BalancePoint)> = None;
    for point in portion.balances.iter().filter(|point| point.on >= first) {
        let known = at(old, point.on);
        let (inputs, formulas) = together(portion, portions, point)?;
        for ((measure, rule), formula) in MEASURES.into_iter().zip(formulas) {
            let corrected = match &last {
                Some((now, then)) => sub(posted(now, measure), posted(then, measure))?,
                None => 0,
            };
            let so_far = add(posted(&known, measure), corrected)?;
            let formula = formula.less(Formula::figure(Label::BalanceBefore, so_far));
            let moved = (Cause::ContractBalance, measure, point.on);
            let of = Of::Portion(part, portion.contract);
            draft.expect_with(of, moved, rule, (inputs.clone(), formula));
        }
        last = Some((*point, known));
    }
    Ok(())
}

/// Liability, refund liability and asset of a portion at the end of a point's day, with what says which of
/// them it is where it is netted with others.
fn together(
    portion: &Portion,
    portions: &[&Portion],
    point: &BalancePoint,
) -> Result<(Vec<Told>, [Formula; 3]), EngineError> {
    let day = point.on;
    let joined = |other: &&&Portion| portion.is_joined(day) && other.is_joined(day);
    let netted: Vec<&&Portion> = portions.iter().filter(joined).collect();
    if netted.len() < 2 {
        return Ok((Vec::new(), targets(&portion.balances, point)?));
    }
    let mut net = 0;
    for other in netted {
        let known = at(&other.balances, day);
        let owed = add(known.deferred_revenue, known.refund_liability)?;
        net = add(net, sub(owed, known.contract_asset)?)?;
    }
    let [unconditional, recognized] = to_date(&portion.balances, day)?;
    let unconditional = || Formula::figure(Label::Unconditional, unconditional);
    let recognized = || Formula::figure(Label::Recognized, recognized);
    let zero = || Formula::figure(Label::Zero, 0);
    let refund = Formula::figure(Label::RefundLiability, point.refund_liability);
    let formulas = match net >= 0 {
        true => {
            let liability = unconditional().less(recognized());
            [liability.less_figure(Label::RefundLiability, point.refund_liability), refund, zero()]
        }
        false => [zero(), zero(), recognized().less(unconditional())],
    };
    Ok((vec![Told::new(Label::CombinedNet, Value::Amount(net))], formulas))
}

/// U and R at the end of a day.
fn to_date(points: &[BalancePoint], day: NaiveDate) -> Result<[i128; 2], EngineError> {
    let through = || points.iter().filter(|known| known.on <= day);
    Ok([
        sum(through().map(|known| known.unconditional))?,
        sum(through().map(|known| known.recognized))?,
    ])
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
    let [unconditional, recognized] = to_date(points, point.on)?;
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
