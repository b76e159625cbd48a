//! Billing: invoices, credit notes and payments. Of all these only a concession changes backlog.

pub(crate) mod convert;
pub(crate) mod credit;
pub(crate) mod credit_note;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod grpc;
#[expect(clippy::module_inception, reason = "the room of the aggregate is named after it")]
pub(crate) mod invoice;
pub(crate) mod issue;
pub(crate) mod pay;
pub(crate) mod payment;
mod queries;
pub(crate) mod repo;
pub(crate) mod rows;
