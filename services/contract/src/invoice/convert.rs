//! Invoices, credit notes and payments between wire and domain.

use std::collections::BTreeSet;

use backlog_ids::ObligationId;
use backlog_money::{Currency, Money};
use backlog_proto::common::v1 as common;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;

use super::credit_note::{Concession, CreditNote};
use super::invoice::{Billing, Invoice, Line};
use super::payment::Payment;

/// Reads what is billed or credited: an amount, or lines.
pub(super) fn parse_billing(
    fields: &mut Fields,
    amount: Option<&common::Money>,
    lines: &[pb::InvoiceLine],
    lines_max: usize,
) -> Option<Billing> {
    match (amount, lines.is_empty()) {
        (Some(amount), true) => parse_positive(fields, "amount", amount).map(Billing::Spread),
        (None, false) => parse_lines(fields, lines, lines_max),
        (Some(amount), false) => {
            parse_positive(fields, "amount", amount);
            fields.violation("lines", "must be empty with an amount");
            parse_lines(fields, lines, lines_max);
            None
        }
        (None, true) => {
            fields.violation("amount", "must be set, or lines");
            None
        }
    }
}

fn parse_lines(
    fields: &mut Fields,
    lines: &[pb::InvoiceLine],
    lines_max: usize,
) -> Option<Billing> {
    if lines.len() > lines_max {
        fields.violation("lines", format!("must be at most {lines_max}"));
        return None;
    }
    let mut named = BTreeSet::new();
    let mut parsed = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        let path = format!("lines[{place}].obligation_id");
        let obligation = fields.id::<ObligationId>(&path, &line.obligation_id);
        if obligation.is_some_and(|obligation| !named.insert(obligation)) {
            fields.violation(path, "must not be named by a line before it");
        }
        let path = format!("lines[{place}].amount");
        let amount = fields.required(&path, line.amount.as_ref());
        let amount = amount.and_then(|amount| parse_positive(fields, &path, amount));
        parsed.extend(obligation.zip(amount));
    }
    (parsed.len() == lines.len()).then_some(Billing::Lines(parsed))
}

fn parse_positive(fields: &mut Fields, path: &str, amount: &common::Money) -> Option<Money> {
    let money = fields.money(path, Some(amount))?;
    if money.minor() <= 0 {
        fields.violation(format!("{path}.amount"), "must be above zero");
        return None;
    }
    Some(money)
}

/// Reads the tax, not negative; `None` when unset or wrong.
pub(super) fn parse_tax(fields: &mut Fields, tax: Option<&common::Money>) -> Option<Money> {
    let money = fields.optional_money("tax", tax)?;
    if money.minor() < 0 {
        fields.violation("tax.amount", "must not be negative");
        return None;
    }
    Some(money)
}

/// Reads whether a credit reduces the price; `Some(None)` when it does not.
pub(super) fn parse_concession(fields: &mut Fields, concession: i32) -> Option<Option<Concession>> {
    match pb::Concession::try_from(concession) {
        Ok(pb::Concession::Unspecified) => Some(None),
        Ok(pb::Concession::Whole) => Some(Some(Concession::Whole)),
        Ok(pb::Concession::Transferred) => Some(Some(Concession::Transferred)),
        Err(_) => {
            fields.violation("concession", "must be a concession that this service knows");
            None
        }
    }
}

/// Reads an amount of cash, not zero.
pub(super) fn parse_cash(fields: &mut Fields, amount: Option<&common::Money>) -> Option<Money> {
    let money = fields.money("amount", amount)?;
    if money.minor() == 0 {
        fields.violation("amount.amount", "must not be zero");
        return None;
    }
    Some(money)
}

/// Writes what is billed or credited, as it was asked for.
pub(super) fn billing_to_proto(billing: &Billing) -> (Option<common::Money>, Vec<pb::InvoiceLine>) {
    match billing {
        Billing::Spread(amount) => (Some((*amount).into()), Vec::new()),
        Billing::Lines(lines) => {
            (None, lines.iter().map(|(id, money)| line_to_proto(*id, *money)).collect())
        }
    }
}

fn line_to_proto(obligation: ObligationId, amount: Money) -> pb::InvoiceLine {
    pb::InvoiceLine { obligation_id: obligation.to_string(), amount: Some(amount.into()) }
}

/// Writes lines, and their sum.
fn lines_to_proto(lines: &[Line], currency: Currency) -> (Vec<pb::InvoiceLine>, common::Money) {
    let money = |minor: i128| Money::from_minor(minor, currency);
    let total = lines.iter().fold(0_i128, |sum, line| sum.saturating_add(line.amount));
    let lines = lines.iter().map(|line| line_to_proto(line.obligation, money(line.amount)));
    (lines.collect(), money(total).into())
}

/// Writes an invoice.
pub(super) fn invoice_to_proto(invoice: &Invoice) -> pb::Invoice {
    let (lines, amount) = lines_to_proto(&invoice.lines, invoice.currency);
    pb::Invoice {
        invoice_id: invoice.id.to_string(),
        contract_id: invoice.contract.to_string(),
        number: invoice.number.clone(),
        issued_on: Some(invoice.issued_on.into()),
        due_on: Some(invoice.due_on.into()),
        lines,
        amount: Some(amount),
        tax: Some(Money::from_minor(invoice.tax, invoice.currency).into()),
    }
}

/// Writes whether a credit reduces the price.
pub(super) const fn concession_to_proto(concession: Option<Concession>) -> pb::Concession {
    match concession {
        None => pb::Concession::Unspecified,
        Some(Concession::Whole) => pb::Concession::Whole,
        Some(Concession::Transferred) => pb::Concession::Transferred,
    }
}

/// Writes a credit note.
pub(super) fn credit_note_to_proto(note: &CreditNote) -> pb::CreditNote {
    let (lines, amount) = lines_to_proto(&note.lines, note.currency);
    pb::CreditNote {
        credit_note_id: note.id.to_string(),
        contract_id: note.contract.to_string(),
        number: note.number.clone(),
        issued_on: Some(note.issued_on.into()),
        lines,
        amount: Some(amount),
        tax: Some(Money::from_minor(note.tax, note.currency).into()),
        concession: concession_to_proto(note.concession).into(),
    }
}

/// Writes a payment.
pub(super) fn payment_to_proto(payment: &Payment) -> pb::Payment {
    pb::Payment {
        payment_id: payment.id.to_string(),
        contract_id: payment.contract.to_string(),
        paid_on: Some(payment.paid_on.into()),
        amount: Some(payment.amount.into()),
        reference: payment.reference.clone(),
    }
}
