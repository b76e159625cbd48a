//! What billing writes to the log.

use backlog_event_log::NewEvent;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;
use prost::Message;

use super::convert::{credit_note_to_proto, invoice_to_proto, payment_to_proto};
use super::credit_note::CreditNote;
use super::invoice::Invoice;
use super::payment::Payment;

/// Name of the event of an invoice.
pub(crate) const INVOICE_ISSUED: &str = "backlog.contract.v1.InvoiceIssued";
/// Name of the event of a credit note.
pub(crate) const CREDIT_NOTE_ISSUED: &str = "backlog.contract.v1.CreditNoteIssued";
/// Name of the event of cash.
pub(crate) const PAYMENT_RECORDED: &str = "backlog.contract.v1.PaymentRecorded";

/// An invoice was issued, effective on the day of issue.
pub(crate) fn issued(invoice: &Invoice) -> NewEvent {
    let event = pb::InvoiceIssued { invoice: Some(invoice_to_proto(invoice)) };
    new_event(INVOICE_ISSUED, invoice.id.to_string(), invoice.issued_on, &event)
}

/// A credit note was issued, effective on the day of issue.
pub(crate) fn credited(note: &CreditNote) -> NewEvent {
    let event = pb::CreditNoteIssued { credit_note: Some(credit_note_to_proto(note)) };
    new_event(CREDIT_NOTE_ISSUED, note.id.to_string(), note.issued_on, &event)
}

/// Cash was received or given back, effective on the day.
pub(crate) fn paid(payment: &Payment) -> NewEvent {
    let event = pb::PaymentRecorded { payment: Some(payment_to_proto(payment)) };
    new_event(PAYMENT_RECORDED, payment.id.to_string(), payment.paid_on, &event)
}

/// Each is an aggregate of its own that never changes.
fn new_event(
    type_name: &'static str,
    aggregate_id: String,
    effective_date: NaiveDate,
    event: &impl Message,
) -> NewEvent {
    NewEvent {
        type_name,
        aggregate_id,
        aggregate_version: 1,
        effective_date,
        depends_on: Vec::new(),
        payload: event.encode_to_vec(),
    }
}
