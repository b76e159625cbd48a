//! Cash: what was invoiced is paid; what is paid beyond that is an advance, and counts as billed.

use backlog_ids::ContractId;
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
    state::{ContractState, ObligationState},
};

/// Accounts for cash received, or given back when the amount is negative. Received, it settles the
/// receivable; the rest is an advance. Given back, it settles what is owed to the customer first, then
/// takes from what was billed.
pub(crate) fn pay(
    state: ContractState,
    payment: &PaymentFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let (contract, amount) = (payment.contract, payment.amount);
    let receivable = state.legal_of(contract)?.receivable;
    let (cause, settled) = if amount < 0 {
        (Cause::Refund, amount.max(receivable.min(0)))
    } else {
        (Cause::Payment, amount.min(receivable.max(0)))
    };
    let mut settlement = Settlement::of(state, periods);
    settlement.movement_of(contract, (cause, Measure::Cash), amount, payment.on)?;
    settlement.state.finance_cash(payment.on, amount, (settled, receivable))?;
    receive(&mut settlement, contract, (cause, sub(0, settled)?), payment.on)?;
    let rest = sub(amount, settled)?;
    let parts = match rest {
        0 => Vec::new(),
        advance if advance > 0 => split(advance, &advance_weights(&settlement.state, contract)?)?,
        refund => split(refund, &refund_weights(&settlement.state, (contract, refund))?)?,
    };
    for (place, part) in parts.into_iter().enumerate() {
        bill(&mut settlement, place, part, cause, (payment.on, payment.on))?;
    }
    let legal = settlement.state.legal_mut(contract)?;
    legal.advance = add(legal.advance, rest)?.max(0);
    settlement.finish(payment.on)
}

/// Moves the receivable of a legal contract.
pub(crate) fn receive(
    settlement: &mut Settlement,
    contract: ContractId,
    (cause, amount): (Cause, i128),
    on: NaiveDate,
) -> Result<(), EngineError> {
    let legal = settlement.state.legal_mut(contract)?;
    legal.receivable = add(legal.receivable, amount)?;
    settlement.movement_of(contract, (cause, Measure::Receivable), amount, on)
}

/// An advance belongs to what is not billed yet of its legal contract, else to the prices.
pub(crate) fn advance_weights(
    state: &ContractState,
    contract: ContractId,
) -> Result<Vec<i128>, EngineError> {
    state.weights_of(contract, |of| Ok(sub(of.transaction_price, of.billed)?.max(0)))
}

/// What is given back was billed beyond the price first, then billed at all.
pub(crate) fn refund_weights(
    state: &ContractState,
    (contract, refund): (ContractId, i128),
) -> Result<Vec<i128>, EngineError> {
    let of_price = |of: &ObligationState| Ok(sub(of.billed, of.transaction_price)?.max(0));
    let beyond = state.each_of(contract, of_price)?;
    if sum(beyond.iter().copied())? >= refund.saturating_neg() {
        return Ok(beyond);
    }
    state.weights_of(contract, |of| Ok(of.billed.max(0)))
}
