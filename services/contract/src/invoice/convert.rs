//! Invoices between wire and domain.

use std::collections::BTreeSet;

use backlog_ids::ObligationId;
use backlog_money::Money;
use backlog_proto::common::v1 as common;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;

use super::invoice::{Billing, Invoice};

/// Reads what an invoice bills: an amount, or lines.
pub(super) fn parse_billing(
    fields: &mut Fields,
    request: &pb::IssueInvoiceRequest,
    lines_max: usize,
) -> Option<Billing> {
    match (&request.amount, request.lines.is_empty()) {
        (Some(amount), true) => parse_positive(fields, "amount", amount).map(Billing::Spread),
        (None, false) => parse_lines(fields, &request.lines, lines_max),
        (Some(amount), false) => {
            parse_positive(fields, "amount", amount);
            fields.violation("lines", "must be empty with an amount");
            parse_lines(fields, &request.lines, lines_max);
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

/// Writes a line.
pub(super) fn line_to_proto(obligation: ObligationId, amount: Money) -> pb::InvoiceLine {
    pb::InvoiceLine { obligation_id: obligation.to_string(), amount: Some(amount.into()) }
}

/// Writes an invoice.
pub(super) fn invoice_to_proto(invoice: &Invoice) -> pb::Invoice {
    let money = |minor: i128| Money::from_minor(minor, invoice.currency);
    let total = invoice.lines.iter().fold(0_i128, |sum, line| sum.saturating_add(line.amount));
    pb::Invoice {
        invoice_id: invoice.id.to_string(),
        contract_id: invoice.contract.to_string(),
        number: invoice.number.clone(),
        issued_on: Some(invoice.issued_on.into()),
        due_on: Some(invoice.due_on.into()),
        lines: invoice
            .lines
            .iter()
            .map(|line| line_to_proto(line.obligation, money(line.amount)))
            .collect(),
        amount: Some(money(total).into()),
        tax: Some(money(invoice.tax).into()),
    }
}
