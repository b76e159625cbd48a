//! Prices explained: booking, metered use, estimates.

use backlog_ids::ObligationId;
use backlog_money::Quantity;
use chrono::NaiveDate;

use super::{
    formula::{Formula, Unit},
    label::Label,
    option,
    rule::Rule,
    spread::metered_price,
    statement::{Draft, Of, Value},
};
use crate::{
    allocation::Allocation,
    effects::{Cause, Effects, Measure, Working},
    error::EngineError,
    facts::{Estimate, EstimateFact, SignedContract, Variable},
    math::{add, sub, sum},
    meter::later_prices,
    phase::{Phase, Spread},
    prices::weight_before_discount,
    progress::ProgressFact,
    standing::Standing,
    state::{ContractState, ObligationState},
};

/// The transaction price of each obligation at inception (606-10-32-28).
pub(super) fn booking(
    draft: &mut Draft<'_>,
    contract: &SignedContract,
    after: &ContractState,
) -> Result<(), EngineError> {
    let allocation = &after.allocation;
    if after.standing.not_yet().is_some() {
        return Ok(());
    }
    weights(draft, contract, allocation)?;
    for (place, obligation) in after.obligations.iter().enumerate() {
        let mut formula = share_at(allocation, obligation)?;
        let rule = match obligation.method.is_metered() {
            _ if obligation.of_variable.is_some() => Rule::VariableToSome,
            true => {
                formula = formula.plus(metered_price(obligation, NaiveDate::MAX)?);
                Rule::MeteredPrice
            }
            false => Rule::RelativeStandAlone,
        };
        let moved = (Cause::Booking, Measure::TransactionPrice, contract.signed_on);
        draft.expect(Of::Place(place), moved, rule, formula);
    }
    Ok(())
}

/// What is booked when an agreement becomes a contract: the price that it then has, as shared at
/// inception where it did not change since. What ends without a contract is explained by its end.
pub(super) fn arisen(
    draft: &mut Draft<'_>,
    before: &ContractState,
    after: &ContractState,
) -> Result<(), EngineError> {
    let Standing::Since(day) = after.standing else { return Ok(()) };
    let ended = after.obligations.iter().all(|obligation| obligation.ended_on.is_some());
    if before.standing.not_yet().is_none() || ended {
        return Ok(());
    }
    draft.tell(Label::ContractSince, Value::Day(day));
    for (place, obligation) in after.obligations.iter().enumerate() {
        let mut formula = share_at(&after.allocation, obligation)?;
        if obligation.method.is_metered() {
            formula = formula.plus(metered_price(obligation, NaiveDate::MAX)?);
        }
        if formula.amount()? != obligation.transaction_price {
            formula = Formula::figure(Label::TransactionPrice, obligation.transaction_price);
        }
        let moved = (Cause::Booking, Measure::TransactionPrice, day);
        draft.expect(Of::Place(place), moved, Rule::ContractArises, formula);
    }
    Ok(())
}

/// What each obligation weighs, where that is not its stand-alone selling price as it stands.
fn weights(
    draft: &mut Draft<'_>,
    contract: &SignedContract,
    allocation: &Allocation,
) -> Result<(), EngineError> {
    let own: Vec<i128> = contract
        .obligations
        .iter()
        .map(|obligation| weight_before_discount(contract, obligation))
        .collect::<Result<_, _>>()?;
    for obligation in &contract.obligations {
        if let Some(option) = obligation.renewal {
            let whole = obligation.ssp.unwrap_or(option.exercise_price);
            let share = (option.expected_share.scaled(), Quantity::ONE.scaled());
            let formula = Formula::figure(Label::StandAlonePrice, whole);
            let formula = formula.share(share, Unit::Quantity);
            let what = (Label::AllocationWeight, Some(obligation.key.as_str()));
            draft.step(what, Rule::LookThrough, formula)?;
        }
    }
    if let Some(scope) = &contract.discount {
        let in_scope = |id: &ObligationId| scope.obligations.contains(id);
        let scoped: Vec<i128> = contract
            .obligations
            .iter()
            .zip(&own)
            .map(|(o, price)| if in_scope(&o.id) { *price } else { 0 })
            .collect();
        let discount = match scope.amount {
            Some(amount) => Formula::figure(Label::Discount, amount),
            None => Formula::figure(Label::StandAlonePrice, sum(own.iter().copied())?)
                .less(looked_through(allocation)?),
        };
        let discount = draft.step((Label::Discount, None), Rule::DiscountToSome, discount)?;
        for (place, (obligation, price)) in contract.obligations.iter().zip(&own).enumerate() {
            if in_scope(&obligation.id) {
                let part = Formula::figure(Label::Discount, discount).split(&scoped, place);
                let formula = Formula::figure(Label::StandAlonePrice, *price).less(part);
                let what = (Label::AllocationWeight, Some(obligation.key.as_str()));
                draft.step(what, Rule::DiscountToSome, formula)?;
            }
        }
    }
    let residual = contract.obligations.iter().enumerate().find(|(_, o)| o.residual);
    if let Some((place, obligation)) = residual {
        let others = allocation.weights.iter().enumerate().filter(|(n, _)| *n != place);
        let others = sum(others.map(|(_, (_, weight))| *weight))?;
        let formula =
            looked_through(allocation)?.less(Formula::figure(Label::OtherWeights, others));
        let what = (Label::AllocationWeight, Some(obligation.key.as_str()));
        draft.step(what, Rule::Residual, formula)?;
    }
    Ok(())
}

/// An obligation's share of the price, as an allocation splits it; a figure of zero where it takes no
/// part.
pub(super) fn share_of(
    allocation: &Allocation,
    obligation: ObligationId,
) -> Result<Formula, EngineError> {
    let place = allocation.weights.iter().position(|(id, _)| *id == obligation);
    let Some(place) = place else { return Ok(Formula::figure(Label::Zero, 0)) };
    let all: Vec<i128> = allocation.weights.iter().map(|(_, weight)| *weight).collect();
    let mut pool = looked_through(allocation)?;
    for variable in allocation.variables.iter().filter(|v| v.applies_to.is_empty()) {
        pool =
            pool.plus(Formula::figure_of(Label::VariableIncluded, &variable.id, variable.included));
    }
    let mut formula = split_over(pool, &all, |_| true, place)?;
    let whole = allocation.variables.iter().filter(|variable| variable.period.is_none());
    for variable in whole.filter(|variable| variable.applies_to.contains(&obligation)) {
        formula = formula.plus(part_of(allocation, variable, place)?);
    }
    let renewal = allocation.renewals.iter().find(|(id, _)| *id == obligation);
    Ok(match renewal {
        Some((_, expected)) => formula.less_figure(Label::ExpectedRenewal, *expected),
        None => formula,
    })
}

/// The share that a state of an obligation has: of the price, or of an amount for a part of a series.
fn share_at(allocation: &Allocation, of: &ObligationState) -> Result<Formula, EngineError> {
    let Some(variable) = &of.of_variable else { return share_of(allocation, of.id) };
    let own = |known: &&Variable| known.id == *variable && known.applies_to.contains(&of.id);
    let variable = allocation.variables.iter().find(own);
    let place = allocation.weights.iter().position(|(id, _)| *id == of.id);
    match variable.zip(place) {
        Some((variable, place)) => part_of(allocation, variable, place),
        None => Ok(Formula::figure(Label::Zero, 0)),
    }
}

/// The part of a variable amount of some obligations that the one at a place among the weights has.
fn part_of(
    allocation: &Allocation,
    variable: &Variable,
    place: usize,
) -> Result<Formula, EngineError> {
    let all: Vec<i128> = allocation.weights.iter().map(|(_, weight)| *weight).collect();
    let named = |n: usize| {
        allocation.weights.get(n).is_some_and(|(id, _)| variable.applies_to.contains(id))
    };
    let amount = Formula::figure_of(Label::VariableIncluded, &variable.id, variable.included);
    split_over(amount, &all, named, place)
}

/// The fixed price, with what options to renew are expected to bring.
fn looked_through(allocation: &Allocation) -> Result<Formula, EngineError> {
    let renewals = sum(allocation.renewals.iter().map(|(_, amount)| *amount))?;
    let fixed = Formula::figure(Label::FixedPrice, allocation.fixed);
    Ok(fixed.plus_figure(Label::ExpectedRenewals, renewals))
}

/// As the allocation does: by weights, in equal parts where none has one.
fn split_over(
    amount: Formula,
    weights: &[i128],
    of: impl Fn(usize) -> bool,
    place: usize,
) -> Result<Formula, EngineError> {
    let named = |weight: i128, n: usize| if of(n) { weight } else { 0 };
    let mut own: Vec<i128> = weights.iter().enumerate().map(|(n, w)| named(*w, n)).collect();
    if own.iter().all(|weight| *weight == 0) {
        if amount.amount()? == 0 {
            return Ok(amount);
        }
        own = (0..weights.len()).map(|n| named(1, n)).collect();
    }
    let alone = own.iter().enumerate().all(|(n, weight)| n == place || *weight == 0);
    Ok(if alone { amount } else { amount.split(&own, place) })
}

/// The variable amount beside the meter, while that says the price.
fn beside_meter(obligation: &ObligationState) -> Option<i128> {
    match obligation.phases.last() {
        Some(Phase { spread: Spread::Metered, carved, .. }) => Some(*carved),
        _ => None,
    }
}

/// What an adjustment of metered revenue adds to T, once T is next worked out.
pub(super) fn adjusted_meter(obligation: &ObligationState) -> Result<i128, EngineError> {
    match beside_meter(obligation) {
        Some(carved) => {
            sub(add(carved, obligation.metered_price()?)?, obligation.transaction_price)
        }
        None => Ok(0),
    }
}

/// What a report of progress does to prices: metered use, and what exercising a right costs.
pub(super) fn progress(
    draft: &mut Draft<'_>,
    before: &ContractState,
    after: &ContractState,
    fact: &ProgressFact,
) -> Result<(), EngineError> {
    for (place, _) in before.of_reading(fact.obligation, &fact.reading)? {
        reported(draft, (place, fact.on), before.at(place)?, after.at(place)?)?;
    }
    Ok(())
}

/// What a report does to the price of the obligation at a place.
fn reported(
    draft: &mut Draft<'_>,
    (place, on): (usize, NaiveDate),
    old: &ObligationState,
    new: &ObligationState,
) -> Result<(), EngineError> {
    by_use(draft, (place, on), (Cause::Usage, Rule::MeteredPrice), (old, new))?;
    option::take_up(draft, (place, on), old, new);
    Ok(())
}

/// Contracts combined: prices shared as if they had been one, less what each obligation had.
pub(super) fn combined(
    draft: &mut Draft<'_>,
    (before, after): (&ContractState, &ContractState),
    on: NaiveDate,
    effects: &Effects,
) -> Result<(), EngineError> {
    for working in &effects.workings {
        let Working::Combined { parts, .. } = working else { continue };
        for part in parts.iter().filter(|part| part.own != 0) {
            let of = before.at(part.place)?;
            let formula = share_of(&after.allocation, of.id)?
                .less(Formula::figure(Label::OwnContractShare, part.earned))
                .plus_figure(Label::Adjusted, adjusted_meter(of)?);
            let moved = (Cause::Reallocation, Measure::TransactionPrice, on);
            draft.expect(Of::Place(part.place), moved, Rule::Combined, formula);
        }
    }
    Ok(())
}

/// What use, or other terms of it, does to the price: on its day, and on later days where that differs.
pub(super) fn by_use(
    draft: &mut Draft<'_>,
    (place, on): (usize, NaiveDate),
    (cause, rule): (Cause, Rule),
    (old, new): (&ObligationState, &ObligationState),
) -> Result<(), EngineError> {
    let Some(carved) = beside_meter(new) else { return Ok(()) };
    let later = sub(old.metered_price()?, old.metered_price_by(on)?)?;
    let before = sub(old.transaction_price, later)?;
    let formula = metered_price(new, on)?
        .plus_figure(Label::VariableIncluded, carved)
        .less(Formula::figure(Label::TransactionPriceBefore, before));
    let moved = (cause, Measure::TransactionPrice, on);
    draft.expect(Of::Place(place), moved, rule, formula);
    for (day, change) in later_prices(old, new, on)? {
        let before = sub(new.metered_price_by(day)?, change)?;
        let before = Formula::figure(Label::TransactionPriceBefore, before);
        let moved = (cause, Measure::TransactionPrice, day);
        draft.expect(Of::Place(place), moved, rule, metered_price(new, day)?.less(before));
    }
    Ok(())
}

/// A changed estimate of a variable amount: shared as at inception, less what was shared before.
pub(super) fn reestimate(
    draft: &mut Draft<'_>,
    before: &ContractState,
    after: &ContractState,
    fact: &EstimateFact,
) -> Result<(), EngineError> {
    let Estimate::Variable { id: variable, .. } = &fact.estimate else { return Ok(()) };
    let owner = after.owner(fact.contract);
    for (id, _) in &after.allocation.weights {
        let place = before.place_of_variable(*id, (owner, variable))?;
        let of = before.at(place)?;
        let now = share_at(&after.allocation, of)?;
        let then = share_at(&before.allocation, of)?;
        let adjusted = adjusted_meter(of)?;
        let formula = now.less(Formula::figure(Label::SharedBefore, then.amount()?));
        if formula.amount()? == 0 {
            continue;
        }
        let formula = formula.plus_figure(Label::Adjusted, adjusted);
        let moved = (Cause::EstimateChange, Measure::TransactionPrice, fact.on);
        draft.expect(Of::Place(place), moved, Rule::EstimateChange, formula);
    }
    Ok(())
}
