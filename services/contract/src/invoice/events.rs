//! What invoices write to the log.

use backlog_event_log::NewEvent;
use backlog_proto::contract::v1 as pb;
use prost::Message;

use super::convert::invoice_to_proto;
use super::invoice::Invoice;

/// Name of the event of an invoice.
pub(crate) const INVOICE_ISSUED: &str = "backlog.contract.v1.InvoiceIssued";

/// An invoice was issued, effective on the day of issue.
pub(crate) fn issued(invoice: &Invoice) -> NewEvent {
    let event = pb::InvoiceIssued { invoice: Some(invoice_to_proto(invoice)) };
    NewEvent {
        type_name: INVOICE_ISSUED,
        aggregate_id: invoice.id.to_string(),
        aggregate_version: 1,
        effective_date: invoice.issued_on,
        depends_on: Vec::new(),
        payload: event.encode_to_vec(),
    }
}
