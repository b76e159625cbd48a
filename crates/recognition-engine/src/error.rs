//! What the fold refuses, and why.

use std::fmt;

use backlog_ids::{ContractId, ObligationId};
use chrono::NaiveDate;
use thiserror::Error;

use crate::combine::NotCombinable;

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
    /// Progress of another kind than the obligation's method measures.
    #[error("obligation {0:?} does not measure progress in this way")]
    OtherMethod(String),
    /// Progress below nothing, beyond what is promised, or an estimate below what is done.
    #[error(
        "the progress of obligation {0:?} leaves its range: from zero to what is promised, and no estimate below what is done"
    )]
    ProgressOutOfRange(String),
    /// A milestone that the obligation does not have.
    #[error("there is no milestone {0:?}")]
    UnknownMilestone(String),
    /// A milestone that was reached before.
    #[error("milestone {0:?} was reached before")]
    AlreadyReached(String),
    /// A gate that the obligation does not have, or none where it has some.
    #[error("there is no gate {0:?}")]
    UnknownGate(String),
    /// A variable amount that the contract does not have.
    #[error("there is no variable amount {0:?}")]
    UnknownVariable(String),
    /// What the parties agreed on, or an estimate, cannot change before a change known already.
    #[error("a change on {on} cannot come before the last one, on {last}")]
    ChangeBeforeLast {
        /// Day of the change.
        on: NaiveDate,
        /// Day of the last one.
        last: NaiveDate,
    },
    /// A change that says nothing, or what the obligation's method does not have.
    #[error("the change of obligation {0:?} does not fit it")]
    UnfitChange(String),
    /// A run or an adjustment of a day whose period is closed.
    #[error("{on} lies in a closed period; the first open day is {open_from}")]
    PeriodClosed {
        /// Its day.
        on: NaiveDate,
        /// The first open day.
        open_from: NaiveDate,
    },
    /// What is a contract is not assessed anew (606-10-25-5).
    #[error("it is a contract already")]
    IsContract,
    /// Revenue cannot be adjusted before there is a contract.
    #[error("it is no contract yet, so it has no revenue")]
    NotContract,
    /// A contract that cannot be accounted for as one with others (606-10-25-9).
    #[error("contract {contract} cannot be combined: {}", .why.name())]
    NotCombinable {
        /// The contract.
        contract: ContractId,
        /// Why.
        why: NotCombinable,
    },
    /// The contract has ended.
    #[error("the contract is terminated")]
    Terminated,
    /// An amount has nothing to be shared by.
    #[error("nothing has a price or stand-alone selling price to share the amount by")]
    NothingToShareBy,
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
    /// More than one residual obligation, or one that states a stand-alone selling price.
    #[error("one obligation at most takes the residual, and it states no price of its own")]
    ResidualUnfit,
    /// Nothing is left for a residual obligation (606-10-32-35).
    #[error("the price leaves nothing for the obligation that takes the residual")]
    ResidualNotPositive,
    /// What is left for a residual obligation is not a price at which it is sold.
    #[error("what the price leaves is outside the range in which the obligation is sold alone")]
    ResidualOutOfRange,
    /// A range of prices whose low end is above its high end, or not positive.
    #[error("the range of stand-alone selling prices must begin above zero and not end before")]
    SspRangeUnfit,
    /// A discount below zero or above what its obligations are sold for.
    #[error("the discount must lie between zero and the prices of its obligations")]
    DiscountOutOfRange,
    /// A discount or a variable amount for an obligation that the contract does not have.
    #[error("it names an obligation that the contract does not have")]
    UnknownObligation,
    /// A discount of no obligations, or one without an amount beside a residual.
    #[error("a discount names its obligations, and its amount where one takes the residual")]
    DiscountUnfit,
    /// Two variable amounts share a handle, or one includes more than its estimate.
    #[error("a variable amount needs its own id, and includes no more than its estimate")]
    VariableUnfit,
    /// A period of a variable amount that names no obligations, or leaves their series.
    #[error("a variable amount of a period names obligations that time earns, within their terms")]
    PeriodUnfit,
    /// Milestones that are none, share ids, or do not sum to the whole.
    #[error("milestones need ids of their own and shares that sum to the whole")]
    MilestonesUnfit,
    /// A quantity, an estimate of cost or a minimum that is not above zero.
    #[error("what progress is measured by must be above zero")]
    MeasureUnfit,
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
