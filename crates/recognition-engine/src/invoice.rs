//! Invoicing: unbilled backlog becomes billed, backlog itself does not change.

use std::collections::BTreeMap;

use crate::{
    balances::{NetChanges, split},
    effects::{Cause, Effects, Measure, Movement},
    error::EngineError,
    facts::InvoiceFact,
    policy::ReceivableOn,
    state::ContractState,
};

/// Accounts for an issued invoice: B of each line on the day of issue; U of each line, and the
/// receivable with tax, on the day when the right becomes unconditional (606-10-45-4), by policy the
/// day of issue or the due date, which may lie ahead. Errors when the invoice names what the contract
/// does not have or a negative amount; the state is then unchanged.
pub fn invoice(state: &mut ContractState, invoice: &InvoiceFact) -> Result<Effects, EngineError> {
    if invoice.contract != state.contract {
        return Err(EngineError::OtherContract { fact: invoice.contract, state: state.contract });
    }
    let unconditional_on = match state.policy.receivable_on {
        ReceivableOn::Issue => invoice.issued_on,
        ReceivableOn::Due => invoice.due_on.max(invoice.issued_on),
    };
    let places: BTreeMap<_, _> = state
        .obligations
        .iter()
        .enumerate()
        .map(|(place, obligation)| (obligation.id, place))
        .collect();
    let mut billed: Vec<i128> = state.obligations.iter().map(|o| o.billed).collect();
    let mut receivable = not_negative(invoice.tax)?;
    let mut effects = Effects::default();
    let mut changes = NetChanges::default();
    for line in &invoice.lines {
        let amount = not_negative(line.amount)?;
        let place = places.get(&line.obligation).and_then(|place| billed.get_mut(*place));
        let billed = place.ok_or(EngineError::UnknownObligation(line.obligation))?;
        *billed = billed.checked_add(amount).ok_or(EngineError::Overflow)?;
        receivable = receivable.checked_add(amount).ok_or(EngineError::Overflow)?;
        if amount == 0 {
            continue;
        }
        for (measure, on) in
            [(Measure::Billed, invoice.issued_on), (Measure::Unconditional, unconditional_on)]
        {
            effects.movements.push(Movement {
                obligation: Some(line.obligation),
                ..state.movement(Cause::Invoice, measure, amount, on)
            });
        }
        changes.unconditional(unconditional_on, amount)?;
    }
    if receivable != 0 {
        let measure = Measure::Receivable;
        let movement = state.movement(Cause::Invoice, measure, receivable, unconditional_on);
        effects.movements.push(movement);
    }
    let balances = split(state, &changes, &mut effects)?;
    balances.save(state);
    for (obligation, billed) in state.obligations.iter_mut().zip(billed) {
        obligation.billed = billed;
    }
    Ok(effects)
}

fn not_negative(amount: i128) -> Result<i128, EngineError> {
    if amount < 0 { Err(EngineError::NegativeInvoice) } else { Ok(amount) }
}
