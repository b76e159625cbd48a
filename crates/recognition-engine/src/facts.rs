//! What happened, as the fold takes it in.

use backlog_ids::{ContractId, InvoiceId, ObligationId};
use backlog_money::Currency;
use chrono::NaiveDate;

use crate::{
    policy::{Convention, Policy},
    term::Term,
};

/// Something that happened to one contract. Facts may come in any order of their dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The contract was signed, under this policy.
    Signed {
        /// The contract.
        contract: SignedContract,
        /// The tenant's measurement policy at inception.
        policy: Policy,
    },
    /// An invoice was issued.
    Invoiced(InvoiceFact),
    /// Revenue is to be posted.
    Run {
        /// Last day covered.
        through: NaiveDate,
    },
}

/// A signed contract. Amounts in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedContract {
    /// Its id.
    pub contract: ContractId,
    /// Day of signature: bookings take effect on it, revenue never before it.
    pub signed_on: NaiveDate,
    /// Currency of all its amounts.
    pub currency: Currency,
    /// Its term; that of obligations which state none.
    pub term: Term,
    /// Fixed price of the whole; then obligations state SSP and no price.
    pub price: Option<i128>,
    /// What was promised, in the contract's order.
    pub obligations: Vec<SignedObligation>,
}

/// A performance obligation as signed (606-10-25-14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedObligation {
    /// Its id.
    pub id: ObligationId,
    /// The caller's handle, unique within the contract.
    pub key: String,
    /// Stated price, in minor units.
    pub price: Option<i128>,
    /// Stand-alone selling price, in minor units; the stated price where none is given.
    pub ssp: Option<i128>,
    /// Its own term, within the contract's.
    pub term: Option<Term>,
    /// How its revenue is recognized.
    pub method: Method,
}

/// How the revenue of an obligation is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Over time, by time elapsed (606-10-25-27, 55-17).
    StraightLine {
        /// Its own convention; the policy's where none is given.
        convention: Option<Convention>,
    },
}

/// An issued invoice. Amounts in minor units of the contract's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceFact {
    /// Its id.
    pub invoice: InvoiceId,
    /// The contract billed.
    pub contract: ContractId,
    /// Day of issue.
    pub issued_on: NaiveDate,
    /// Day on which payment is due. A day before issue counts as the day of issue.
    pub due_on: NaiveDate,
    /// The spread over obligations as recorded; never recomputed.
    pub lines: Vec<InvoiceLine>,
    /// Tax on top: part of the receivable, never of revenue (606-10-32-2A).
    pub tax: i128,
}

/// The part of an invoice that bills one obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoiceLine {
    /// The obligation billed.
    pub obligation: ObligationId,
    /// Amount without tax, in minor units, not negative.
    pub amount: i128,
}
