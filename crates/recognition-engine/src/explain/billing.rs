//! Invoices, credits, cash and adjustments explained.

use super::{formula::Formula, label::Label, price::adjusted_meter, rule::Rule, statement::Draft};
use crate::{
    cash::{advance_weights, refund_weights},
    effects::{Cause, Measure},
    error::EngineError,
    facts::{AdjustmentFact, Concession, CreditFact, InvoiceFact, PaymentFact},
    math::{add, sub, sum},
    policy::ReceivableOn,
    state::ContractState,
};

/// An invoice: B on issue, U and the receivable when the right is unconditional; an advance pays first.
pub(super) fn invoice(
    draft: &mut Draft,
    before: &ContractState,
    fact: &InvoiceFact,
) -> Result<(), EngineError> {
    let due = match before.policy.receivable_on {
        ReceivableOn::Issue => fact.issued_on,
        ReceivableOn::Due => fact.due_on.max(fact.issued_on),
    };
    let lines: Vec<i128> = fact.lines.iter().map(|line| line.amount).collect();
    let net = sum(lines.iter().copied())?;
    let gross = add(net, fact.tax)?;
    let advance = before.advance.min(gross);
    let advanced = advance.min(net);
    for line in &fact.lines {
        let formula = Formula::figure(Label::InvoiceLine, line.amount);
        let id = Some(line.obligation);
        let billed = (Cause::Invoice, Measure::Billed, fact.issued_on);
        draft.expect(id, billed, Rule::Invoiced, formula.clone());
        let due = (Cause::Invoice, Measure::Unconditional, due);
        draft.expect(id, due, Rule::UnconditionalRight, formula);
    }
    for (place, line) in fact.lines.iter().enumerate() {
        let part = Formula::figure(Label::Advance, advanced).split(&lines, place);
        let formula = Formula::figure(Label::Zero, 0).less(part);
        if advanced == 0 {
            continue;
        }
        let id = Some(line.obligation);
        let billed = (Cause::Invoice, Measure::Billed, fact.issued_on);
        draft.expect(id, billed, Rule::CashSettles, formula.clone());
        let due = (Cause::Invoice, Measure::Unconditional, due);
        draft.expect(id, due, Rule::CashSettles, formula);
    }
    let receivable = Formula::figure(Label::InvoiceLine, net)
        .plus_figure(Label::Tax, fact.tax)
        .plus_figure(Label::Advance, sub(0, advance)?);
    let moved = (Cause::Invoice, Measure::Receivable, due);
    draft.expect(None, moved, Rule::UnconditionalRight, receivable);
    Ok(())
}

/// A credit note: B, U and the receivable go down; T with them where the price is reduced.
pub(super) fn credit(
    draft: &mut Draft,
    before: &ContractState,
    fact: &CreditFact,
) -> Result<(), EngineError> {
    let zero = || Formula::figure(Label::Zero, 0);
    let mut receivable = zero();
    for (n, line) in fact.lines.iter().enumerate() {
        let amount = Formula::figure(Label::Credited, line.amount);
        receivable = receivable.less(amount.clone());
        let id = Some(line.obligation);
        for measure in [Measure::Billed, Measure::Unconditional] {
            let moved = (Cause::CreditNote, measure, fact.on);
            draft.expect(id, moved, Rule::CreditedInvoice, zero().less(amount.clone()));
        }
        if fact.concession != Concession::None {
            let first = fact.lines.iter().position(|of| of.obligation == line.obligation);
            let obligation = before.obligations.get(before.place(line.obligation)?);
            let adjusted = match obligation.filter(|_| first == Some(n)) {
                Some(obligation) => adjusted_meter(obligation)?,
                None => 0,
            };
            let moved = (Cause::Concession, Measure::TransactionPrice, fact.on);
            let formula = zero().less(amount).plus_figure(Label::Adjusted, adjusted);
            draft.expect(id, moved, Rule::Concession, formula);
        }
    }
    if fact.tax != 0 {
        receivable = receivable.less(Formula::figure(Label::Tax, fact.tax));
    }
    let moved = (Cause::CreditNote, Measure::Receivable, fact.on);
    draft.expect(None, moved, Rule::CreditedInvoice, receivable);
    Ok(())
}

/// Cash: settles the receivable, the rest is an advance; given back, the other way round.
pub(super) fn pay(
    draft: &mut Draft,
    before: &ContractState,
    fact: &PaymentFact,
) -> Result<(), EngineError> {
    let cash = Formula::figure(Label::Cash, fact.amount);
    let owed = Formula::figure(Label::ReceivableBefore, before.receivable);
    let zero = || Formula::figure(Label::Zero, 0);
    let (cause, settled) = match fact.amount < 0 {
        true => (Cause::Refund, cash.clone().at_least(owed.at_most(zero()))),
        false => (Cause::Payment, cash.clone().at_most(owed.at_least(zero()))),
    };
    let rest = sub(fact.amount, settled.amount()?)?;
    draft.expect(None, (cause, Measure::Cash, fact.on), Rule::CashSettles, cash.clone());
    let moved = (cause, Measure::Receivable, fact.on);
    draft.expect(None, moved, Rule::CashSettles, zero().less(settled.clone()));
    if rest == 0 {
        return Ok(());
    }
    let weights = match rest > 0 {
        true => advance_weights(before)?,
        false => refund_weights(before, rest)?,
    };
    let beyond = cash.less(settled);
    for (place, obligation) in before.obligations.iter().enumerate() {
        let part = match before.obligations.len() {
            1 => beyond.clone(),
            _ => beyond.clone().split(&weights, place),
        };
        for measure in [Measure::Billed, Measure::Unconditional] {
            let moved = (cause, measure, fact.on);
            draft.expect(Some(obligation.id), moved, Rule::CashSettles, part.clone());
        }
    }
    Ok(())
}

/// An adjustment: its amount, as a person decided.
pub(super) fn adjust(draft: &mut Draft, fact: &AdjustmentFact) {
    let moved = (Cause::Adjustment, Measure::Recognized, fact.on);
    let formula = Formula::figure(Label::Adjusted, fact.amount);
    draft.expect(Some(fact.obligation), moved, Rule::Adjusted, formula);
}
