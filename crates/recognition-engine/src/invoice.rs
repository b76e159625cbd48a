//! Billing: unbilled backlog becomes billed; backlog itself changes by concessions only.

use chrono::NaiveDate;

use crate::{
    allocation::split,
    cash::receive,
    effects::{Cause, Effects, Measure},
    error::EngineError,
    facts::{Concession, CreditFact, InvoiceFact},
    math::{add, sub, sum},
    periods::Periods,
    phase::Phase,
    policy::ReceivableOn,
    report::reprice,
    settle::Settlement,
    state::ContractState,
};

/// Accounts for an issued invoice: B of each line on the day of issue; U of each line, and the
/// receivable with tax, on the day when the right becomes unconditional (606-10-45-4), by policy the
/// day of issue or the due date, which may lie ahead. Errors when the invoice names what the contract
/// does not have or a negative amount.
pub(crate) fn invoice(
    state: ContractState,
    invoice: &InvoiceFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let contract = invoice.contract;
    let advance = state.legal_of(contract)?.advance;
    let unconditional_on = unconditional_on(&state, invoice);
    let days = (invoice.issued_on, unconditional_on);
    let mut settlement = Settlement::of(state, periods);
    settlement.unconditional_on = Some(unconditional_on);
    settlement.under = Some(invoice.issued_on);
    let mut receivable = not_negative(invoice.tax)?;
    for line in &invoice.lines {
        receivable = add(receivable, not_negative(line.amount)?)?;
        for (place, amount) in settlement.state.of_line(line.obligation, line.amount)? {
            bill(&mut settlement, place, amount, Cause::Invoice, days)?;
        }
    }
    // An advance pays first: it was billed when it was received, so it leaves B as a whole, the part
    // that pays tax too.
    let advance = advance.min(receivable);
    let lines: Vec<i128> = invoice.lines.iter().map(|line| line.amount).collect();
    for (line, part) in invoice.lines.iter().zip(advance_parts(advance, &lines)?) {
        for (place, amount) in settlement.state.of_line(line.obligation, sub(0, part)?)? {
            bill(&mut settlement, place, amount, Cause::Invoice, days)?;
        }
    }
    settlement.state.finance_tax(unconditional_on, invoice.tax, (advance, receivable))?;
    let legal = settlement.state.legal_mut(contract)?;
    legal.advance = sub(legal.advance, advance)?;
    let tax = (Cause::Invoice, Measure::Tax);
    settlement.movement_of(contract, tax, invoice.tax, unconditional_on)?;
    let rest = (Cause::Invoice, sub(receivable, advance)?);
    receive(&mut settlement, contract, rest, unconditional_on)?;
    settlement.finish(invoice.issued_on)
}

/// The day on which an invoice becomes a right to payment: at issue or when due, and not before there is
/// a contract.
pub(crate) fn unconditional_on(state: &ContractState, invoice: &InvoiceFact) -> NaiveDate {
    let on = match state.policy_on(invoice.issued_on).receivable_on {
        ReceivableOn::Issue => invoice.issued_on,
        ReceivableOn::Due => invoice.due_on.max(invoice.issued_on),
    };
    state.not_before(on)
}

/// What of an advance leaves B with each line of the invoice that it pays, by the lines' amounts; evenly
/// where they are nothing and only tax is paid.
pub(crate) fn advance_parts(advance: i128, lines: &[i128]) -> Result<Vec<i128>, EngineError> {
    if sum(lines.iter().copied())? == 0 {
        return split(advance, &vec![1; lines.len()]);
    }
    split(advance, lines)
}

/// Accounts for a credit note: B, U and the receivable go down. T stays, unless it is a concession.
pub(crate) fn credit(
    state: ContractState,
    credit: &CreditFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let mut settlement = Settlement::of(state, periods);
    let mut receivable = not_negative(credit.tax)?;
    for line in &credit.lines {
        receivable = add(receivable, not_negative(line.amount)?)?;
        for (place, amount) in settlement.state.of_line(line.obligation, sub(0, line.amount)?)? {
            bill(&mut settlement, place, amount, Cause::CreditNote, (credit.on, credit.on))?;
            concede(&mut settlement, (place, amount), credit.on, credit.concession)?;
        }
    }
    settlement.state.finance_tax(credit.on, sub(0, credit.tax)?, (0, 0))?;
    let tax = (Cause::CreditNote, Measure::Tax);
    settlement.movement_of(credit.contract, tax, sub(0, credit.tax)?, credit.on)?;
    receive(&mut settlement, credit.contract, (Cause::CreditNote, sub(0, receivable)?), credit.on)?;
    settlement.finish(credit.on)
}

/// Moves B and U of the obligation at a place, each on its day.
pub(crate) fn bill(
    settlement: &mut Settlement,
    place: usize,
    amount: i128,
    cause: Cause,
    (billed_on, unconditional_on): (NaiveDate, NaiveDate),
) -> Result<(), EngineError> {
    let state = settlement.state.obligations.get_mut(place).ok_or(EngineError::Overflow)?;
    // What may be credited was decided where it was recorded, by sums of its own.
    state.billed = add(state.billed, amount)?;
    settlement.movement(place, (cause, Measure::Billed), amount, billed_on)?;
    settlement.movement(place, (cause, Measure::Unconditional), amount, unconditional_on)
}

/// Gives up a part of the price: over the whole promise as a change of it, or wholly against what was
/// transferred, which leaves what remains to be earned as it is.
fn concede(
    settlement: &mut Settlement,
    (place, less): (usize, i128),
    on: NaiveDate,
    concession: Concession,
) -> Result<(), EngineError> {
    match concession {
        Concession::None => Ok(()),
        Concession::Whole => reprice(settlement, place, on, less, Cause::Concession),
        Concession::Transferred => settlement.begin(place, (on, Cause::Concession), |obligation| {
            let last = obligation.last_phase(on)?;
            let price = add(last.price, less)?;
            let carved = add(obligation.carved_before(on)?, less)?;
            let satisfied = obligation.satisfied_before(on)?;
            let spread = obligation.left(last.spread, on);
            Ok(Phase {
                from: on,
                price,
                carved,
                satisfied,
                spread,
                posted_ahead: 0,
                by_policy: false,
            })
        }),
    }
}

fn not_negative(amount: i128) -> Result<i128, EngineError> {
    if amount < 0 { Err(EngineError::NegativeInvoice) } else { Ok(amount) }
}
