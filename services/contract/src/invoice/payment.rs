//! Cash as recorded. Pure.

use backlog_ids::{ContractId, PaymentId};
use backlog_money::Money;
use chrono::NaiveDate;

/// Cash received, or given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payment {
    /// Its id.
    pub(crate) id: PaymentId,
    /// Contract that it concerns.
    pub(crate) contract: ContractId,
    /// The day.
    pub(crate) paid_on: NaiveDate,
    /// Received when positive, given back when negative; not zero.
    pub(crate) amount: Money,
    /// The caller's reference; may be empty.
    pub(crate) reference: String,
}
