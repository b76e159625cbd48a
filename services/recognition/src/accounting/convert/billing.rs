//! Invoices, credit notes and payments, from the wire.

use backlog_ids::{ContractId, InvoiceId};
use backlog_money::Currency;
use backlog_proto::contract::v1 as contract;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{
    Concession, CreditFact, Fact, InvoiceFact, InvoiceLine, PaymentFact,
};

use super::super::fact::ContractFact;
use super::amounts::{amount, optional_amount};
use super::tenant::unknown;

/// An invoice.
pub(super) fn invoice_issued(
    event: &contract::InvoiceIssued,
    fields: &mut Fields,
) -> Option<ContractFact> {
    let invoice = fields.required("invoice", event.invoice.as_ref())?;
    let id = fields.id::<InvoiceId>("invoice.invoice_id", &invoice.invoice_id);
    let contract = fields.id::<ContractId>("invoice.contract_id", &invoice.contract_id);
    let issued_on = fields.date("invoice.issued_on", invoice.issued_on.as_ref());
    let due_on = fields.date("invoice.due_on", invoice.due_on.as_ref());
    let total = fields.money("invoice.amount", invoice.amount.as_ref())?;
    let currency = total.currency();
    let tax = optional_amount("invoice.tax", invoice.tax.as_ref(), currency, fields);
    let lines = lines("invoice", &invoice.lines, (total.minor(), currency), fields);
    let contract = contract?;
    let fact = Fact::Invoiced(InvoiceFact {
        invoice: id?,
        contract,
        issued_on: issued_on?,
        due_on: due_on?,
        lines: lines?,
        tax: tax?.unwrap_or(0),
    });
    Some(ContractFact::Changed { contract, currency: Some(currency), fact })
}

/// A credit note.
pub(super) fn credit_note_issued(
    event: &contract::CreditNoteIssued,
    fields: &mut Fields,
) -> Option<ContractFact> {
    let note = fields.required("credit_note", event.credit_note.as_ref())?;
    let contract = fields.id::<ContractId>("credit_note.contract_id", &note.contract_id);
    let on = fields.date("credit_note.issued_on", note.issued_on.as_ref());
    let total = fields.money("credit_note.amount", note.amount.as_ref())?;
    let currency = total.currency();
    let tax = optional_amount("credit_note.tax", note.tax.as_ref(), currency, fields);
    let lines = lines("credit_note", &note.lines, (total.minor(), currency), fields);
    let concession = match contract::Concession::try_from(note.concession) {
        Ok(contract::Concession::Unspecified) => Some(Concession::None),
        Ok(contract::Concession::Whole) => Some(Concession::Whole),
        Ok(contract::Concession::Transferred) => Some(Concession::Transferred),
        Err(_) => unknown("credit_note.concession", note.concession, fields),
    };
    let contract = contract?;
    let fact = Fact::Credited(CreditFact {
        contract,
        on: on?,
        lines: lines?,
        tax: tax?.unwrap_or(0),
        concession: concession?,
    });
    Some(ContractFact::Changed { contract, currency: Some(currency), fact })
}

/// Cash.
pub(super) fn payment_recorded(
    event: &contract::PaymentRecorded,
    fields: &mut Fields,
) -> Option<ContractFact> {
    let payment = fields.required("payment", event.payment.as_ref())?;
    let contract = fields.id::<ContractId>("payment.contract_id", &payment.contract_id);
    let on = fields.date("payment.paid_on", payment.paid_on.as_ref());
    let amount = fields.money("payment.amount", payment.amount.as_ref());
    let (contract, amount) = (contract?, amount?);
    let fact = Fact::Paid(PaymentFact { contract, on: on?, amount: amount.minor() });
    Some(ContractFact::Changed { contract, currency: Some(amount.currency()), fact })
}

fn lines(
    path: &str,
    wire: &[contract::InvoiceLine],
    (total, currency): (i128, Currency),
    fields: &mut Fields,
) -> Option<Vec<InvoiceLine>> {
    let (mut lines, mut sum) = (Vec::with_capacity(wire.len()), 0_i128);
    for (index, line) in wire.iter().enumerate() {
        let path = format!("{path}.lines[{index}]");
        let obligation = fields.id(&format!("{path}.obligation_id"), &line.obligation_id);
        let amount = amount(&format!("{path}.amount"), line.amount.as_ref(), currency, fields);
        if let (Some(obligation), Some(amount)) = (obligation, amount) {
            sum = sum.saturating_add(amount);
            lines.push(InvoiceLine { obligation, amount });
        }
    }
    if fields.is_clean() && sum != total {
        fields.violation(format!("{path}.amount"), "must be the sum of the lines");
    }
    (lines.len() == wire.len()).then_some(lines)
}
