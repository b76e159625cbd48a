//! Invoices, credits, cash and adjustments explained.

use std::collections::BTreeSet;

use backlog_ids::ObligationId;

use super::{
    formula::Formula,
    label::Label,
    price::adjusted_meter,
    rule::Rule,
    statement::{Draft, Of},
};
use crate::{
    cash::{advance_weights, refund_weights},
    effects::{Cause, Measure},
    error::EngineError,
    facts::{AdjustmentFact, Concession, CreditFact, InvoiceFact, PaymentFact},
    invoice::{advance_parts, unconditional_on},
    math::{add, sub, sum},
    state::ContractState,
};

/// An invoice: B on issue, U and the receivable when the right is unconditional; an advance pays first.
pub(super) fn invoice(
    draft: &mut Draft<'_>,
    before: &ContractState,
    fact: &InvoiceFact,
) -> Result<(), EngineError> {
    let due = unconditional_on(before, fact);
    let lines: Vec<i128> = fact.lines.iter().map(|line| line.amount).collect();
    let net = sum(lines.iter().copied())?;
    let gross = add(net, fact.tax)?;
    let advance = before.legal_of(fact.contract)?.advance.min(gross);
    let mut state = before.clone();
    for line in &fact.lines {
        for (place, amount) in take(&mut state, line.obligation, line.amount)? {
            let formula = Formula::figure(Label::InvoiceLine, amount);
            let billed = (Cause::Invoice, Measure::Billed, fact.issued_on);
            draft.expect(Of::Place(place), billed, Rule::Invoiced, formula.clone());
            let due = (Cause::Invoice, Measure::Unconditional, due);
            draft.expect(Of::Place(place), due, Rule::UnconditionalRight, formula);
        }
    }
    for (line, part) in fact.lines.iter().zip(advance_parts(advance, &lines)?) {
        for (place, amount) in take(&mut state, line.obligation, sub(0, part)?)? {
            let formula = Formula::figure(Label::Advance, amount);
            let billed = (Cause::Invoice, Measure::Billed, fact.issued_on);
            draft.expect(Of::Place(place), billed, Rule::CashSettles, formula.clone());
            let due = (Cause::Invoice, Measure::Unconditional, due);
            draft.expect(Of::Place(place), due, Rule::CashSettles, formula);
        }
    }
    if fact.tax != 0 {
        let moved = (Cause::Invoice, Measure::Tax, due);
        let tax = Formula::figure(Label::Tax, fact.tax);
        draft.expect(Of::whole(fact.contract), moved, Rule::UnconditionalRight, tax);
    }
    let receivable = Formula::figure(Label::InvoiceLine, net)
        .plus_figure(Label::Tax, fact.tax)
        .plus_figure(Label::Advance, sub(0, advance)?);
    let moved = (Cause::Invoice, Measure::Receivable, due);
    draft.expect(Of::whole(fact.contract), moved, Rule::UnconditionalRight, receivable);
    Ok(())
}

/// The places that a line bills, and how much of it; what is billed says where the next one goes.
fn take(
    state: &mut ContractState,
    obligation: ObligationId,
    amount: i128,
) -> Result<Vec<(usize, i128)>, EngineError> {
    let parts = state.of_line(obligation, amount)?;
    for (place, part) in &parts {
        if let Some(known) = state.obligations.get_mut(*place) {
            known.billed = add(known.billed, *part)?;
        }
    }
    Ok(parts)
}

/// A credit note: B, U and the receivable go down; T with them where the price is reduced.
pub(super) fn credit(
    draft: &mut Draft<'_>,
    before: &ContractState,
    fact: &CreditFact,
) -> Result<(), EngineError> {
    let zero = || Formula::figure(Label::Zero, 0);
    let mut receivable = zero();
    let mut state = before.clone();
    let mut conceded = BTreeSet::new();
    for line in &fact.lines {
        receivable = receivable.less(Formula::figure(Label::Credited, line.amount));
        for (place, amount) in take(&mut state, line.obligation, sub(0, line.amount)?)? {
            let credited = zero().less(Formula::figure(Label::Credited, sub(0, amount)?));
            for measure in [Measure::Billed, Measure::Unconditional] {
                let moved = (Cause::CreditNote, measure, fact.on);
                draft.expect(Of::Place(place), moved, Rule::CreditedInvoice, credited.clone());
            }
            if fact.concession != Concession::None {
                let adjusted = match conceded.insert(place) {
                    true => adjusted_meter(before.at(place)?)?,
                    false => 0,
                };
                let moved = (Cause::Concession, Measure::TransactionPrice, fact.on);
                let formula = credited.plus_figure(Label::Adjusted, adjusted);
                draft.expect(Of::Place(place), moved, Rule::Concession, formula);
            }
        }
    }
    if fact.tax != 0 {
        let tax = Formula::figure(Label::Tax, fact.tax);
        let moved = (Cause::CreditNote, Measure::Tax, fact.on);
        draft.expect(
            Of::whole(fact.contract),
            moved,
            Rule::CreditedInvoice,
            zero().less(tax.clone()),
        );
        receivable = receivable.less(tax);
    }
    let moved = (Cause::CreditNote, Measure::Receivable, fact.on);
    draft.expect(Of::whole(fact.contract), moved, Rule::CreditedInvoice, receivable);
    Ok(())
}

/// Cash: settles the receivable, the rest is an advance; given back, the other way round.
pub(super) fn pay(
    draft: &mut Draft<'_>,
    before: &ContractState,
    fact: &PaymentFact,
) -> Result<(), EngineError> {
    let cash = Formula::figure(Label::Cash, fact.amount);
    let owed = Formula::figure(Label::ReceivableBefore, before.legal_of(fact.contract)?.receivable);
    let zero = || Formula::figure(Label::Zero, 0);
    let (cause, settled) = match fact.amount < 0 {
        true => (Cause::Refund, cash.clone().at_least(owed.at_most(zero()))),
        false => (Cause::Payment, cash.clone().at_most(owed.at_least(zero()))),
    };
    let rest = sub(fact.amount, settled.amount()?)?;
    draft.expect(
        Of::whole(fact.contract),
        (cause, Measure::Cash, fact.on),
        Rule::CashSettles,
        cash.clone(),
    );
    let moved = (cause, Measure::Receivable, fact.on);
    draft.expect(Of::whole(fact.contract), moved, Rule::CashSettles, zero().less(settled.clone()));
    if rest == 0 {
        return Ok(());
    }
    let weights = match rest > 0 {
        true => advance_weights(before, fact.contract)?,
        false => refund_weights(before, (fact.contract, rest))?,
    };
    let beyond = cash.less(settled);
    for place in before.places_of(fact.contract) {
        let part = match before.places_of(fact.contract).count() {
            1 => beyond.clone(),
            _ => beyond.clone().split(&weights, place),
        };
        for measure in [Measure::Billed, Measure::Unconditional] {
            let moved = (cause, measure, fact.on);
            draft.expect(Of::Place(place), moved, Rule::CashSettles, part.clone());
        }
    }
    Ok(())
}

/// An adjustment: its amount, as a person decided.
pub(super) fn adjust(
    draft: &mut Draft<'_>,
    before: &ContractState,
    fact: &AdjustmentFact,
) -> Result<(), EngineError> {
    let place = before.place(fact.obligation)?;
    let moved = (Cause::Adjustment, Measure::Recognized, fact.on);
    let formula = Formula::figure(Label::Adjusted, fact.amount);
    draft.expect(Of::Place(place), moved, Rule::Adjusted, formula);
    Ok(())
}
