//! Cash: what was invoiced is paid; what is paid beyond that is an advance, and counts as billed.

use chrono::NaiveDate;

use crate::{
    allocation::split,
    effects::{Cause, Effects, Measure},
    error::EngineError,
    facts::PaymentFact,
    invoice::bill,
    math::{add, sub, sum},
    periods::Periods,
    settle::Settlement,
    state::ContractState,
};

/// Accounts for cash received, or given back when the amount is negative. Received, it settles the
/// receivable; the rest is an advance. Given back, it settles what is owed to the customer first, then
/// takes from what was billed.
pub(crate) fn pay(
    state: ContractState,
    payment: &PaymentFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let amount = payment.amount;
    let (cause, settled) = if amount < 0 {
        (Cause::Refund, amount.max(state.receivable.min(0)))
    } else {
        (Cause::Payment, amount.min(state.receivable.max(0)))
    };
    let mut settlement = Settlement::of(state, periods);
    settlement.movement(None, (cause, Measure::Cash), amount, payment.on)?;
    receive(&mut settlement, (cause, sub(0, settled)?), payment.on)?;
    let rest = sub(amount, settled)?;
    let parts = match rest {
        0 => Vec::new(),
        advance if advance > 0 => split(advance, &advance_weights(&settlement.state)?)?,
        refund => split(refund, &refund_weights(&settlement.state, refund)?)?,
    };
    for (place, part) in parts.into_iter().enumerate() {
        bill(&mut settlement, place, part, cause, (payment.on, payment.on))?;
    }
    settlement.state.advance = add(settlement.state.advance, rest)?.max(0);
    settlement.finish(payment.on)
}

/// Moves the receivable.
pub(crate) fn receive(
    settlement: &mut Settlement,
    (cause, amount): (Cause, i128),
    on: NaiveDate,
) -> Result<(), EngineError> {
    settlement.state.receivable = add(settlement.state.receivable, amount)?;
    settlement.movement(None, (cause, Measure::Receivable), amount, on)
}

/// An advance belongs to what is not billed yet, else to the prices.
pub(crate) fn advance_weights(state: &ContractState) -> Result<Vec<i128>, EngineError> {
    let unbilled: Vec<i128> = state.unbilled()?.into_iter().map(|part| part.max(0)).collect();
    if unbilled.iter().any(|part| *part > 0) {
        return Ok(unbilled);
    }
    Ok((0..state.obligations.len()).map(|place| i128::from(place == 0)).collect())
}

/// What is given back was billed beyond the price first, then billed at all.
pub(crate) fn refund_weights(
    state: &ContractState,
    refund: i128,
) -> Result<Vec<i128>, EngineError> {
    let mut beyond = Vec::with_capacity(state.obligations.len());
    for obligation in &state.obligations {
        beyond.push(sub(obligation.billed, obligation.transaction_price)?.max(0));
    }
    if sum(beyond.iter().copied())? >= refund.saturating_neg() {
        return Ok(beyond);
    }
    let billed: Vec<i128> = state.obligations.iter().map(|o| o.billed.max(0)).collect();
    if sum(billed.iter().copied())? == 0 {
        return Ok((0..billed.len()).map(|place| i128::from(place == 0)).collect());
    }
    Ok(billed)
}
