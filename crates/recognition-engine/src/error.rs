//! What the fold refuses, and why.

use std::fmt;

use backlog_ids::{ContractId, ObligationId};
use thiserror::Error;

/// A fact cannot be accounted for. The state is then unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EngineError {
    /// The contract breaks rules; all violations are listed.
    #[error("the contract cannot be booked: {}", joined(.0))]
    InvalidContract(Vec<Violation>),
    /// A second signature of the same contract.
    #[error("contract {0} is signed already")]
    AlreadySigned(ContractId),
    /// Something happened to a contract that is not signed.
    #[error("the contract is not signed, so nothing can be accounted for it")]
    NotSigned,
    /// A fact of one contract met the state of another.
    #[error("the fact is of contract {fact}, the state of contract {state}")]
    OtherContract {
        /// What the fact names.
        fact: ContractId,
        /// What the state is of.
        state: ContractId,
    },
    /// An invoice names an obligation that the contract does not have.
    #[error("obligation {0} is not part of the contract")]
    UnknownObligation(ObligationId),
    /// An invoice with a negative amount or tax; a credit note is another fact.
    #[error("amounts and tax of an invoice must not be negative")]
    NegativeInvoice,
    /// More is billed than the contract promises.
    #[error("the invoice exceeds what can still be billed, {billable} minor units")]
    InvoiceExceedsCeiling {
        /// What can still be billed, in minor units.
        billable: i128,
    },
    /// A sum left the range of amounts.
    #[error("an amount is too large to be computed")]
    Overflow,
}

/// One rule that a contract breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Place of the obligation concerned in the contract's list, from 0; none for the whole.
    pub ordinal: Option<usize>,
    /// Key of the obligation concerned.
    pub obligation: Option<String>,
    /// What is wrong.
    pub reason: ViolationReason,
}

/// What is wrong with a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum ViolationReason {
    /// Nothing is promised.
    #[error("a contract needs at least one obligation")]
    NoObligations,
    /// Two obligations share a key.
    #[error("the key is used by an earlier obligation")]
    DuplicateKey,
    /// Two obligations share an id.
    #[error("the id is used by an earlier obligation")]
    DuplicateId,
    /// Neither the contract nor the obligation states a price.
    #[error("a price is needed where the contract states none")]
    PriceMissing,
    /// Both the contract and the obligation state a price.
    #[error("no price can be stated where the contract states one")]
    PriceTwice,
    /// A price below zero.
    #[error("the price must not be negative")]
    NegativePrice,
    /// The contract states a price and the obligation no stand-alone selling price.
    #[error("a stand-alone selling price is needed where the contract states the price")]
    SspMissing,
    /// A stated SSP of zero or less (606-10-32-33).
    #[error("the stand-alone selling price must be positive")]
    SspNotPositive,
    /// The obligation's term leaves the contract's.
    #[error("the term must lie within the contract's")]
    TermOutside,
    /// An amount, or the sum of the prices, is above the limit of 10^15 minor units.
    #[error("the amount exceeds the limit of 10^15 minor units")]
    AmountTooLarge,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.obligation {
            Some(key) => write!(f, "obligation {key:?}: {}", self.reason),
            None => write!(f, "{}", self.reason),
        }
    }
}

fn joined(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
