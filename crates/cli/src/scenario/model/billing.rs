//! Billing and cash.

use backlog_money::Money;
use chrono::NaiveDate;

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invoice {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// Amount net of tax.
    pub(crate) amount: Money,
    /// Bills this obligation; spread over all where none is given.
    pub(crate) obligation: Option<String>,
    /// Tax on top.
    pub(crate) tax: Option<Money>,
    /// Day on which payment is due; the day of the step where none is given.
    pub(crate) due_on: Option<NaiveDate>,
    /// The vendor's number; may be empty.
    pub(crate) number: String,
}

/// A credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreditNote {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// Amount net of tax.
    pub(crate) amount: Money,
    /// Credits this obligation; spread over what is billed where none is given.
    pub(crate) obligation: Option<String>,
    /// Tax credited on top.
    pub(crate) tax: Option<Money>,
    /// The vendor's number; may be empty.
    pub(crate) number: String,
    /// How the price is reduced with it; it is not where none is given.
    pub(crate) concession: Option<Concession>,
}

/// How a credit note reduces the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concession {
    /// Over the whole promise, as a catch-up.
    Whole,
    /// All of it against what was delivered.
    Transferred,
}

/// Cash that comes in, or is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cash {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// The amount.
    pub(crate) amount: Money,
}
