//! What happened, as the fold takes it in.

use backlog_ids::{ContractId, InvoiceId, ObligationId};
use backlog_money::{Currency, Quantity};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    amend::AmendmentFact,
    combine::Combination,
    method::Method,
    policy::{Policy, PolicyVersion},
    progress::ProgressFact,
    standing::Criterion,
    term::Term,
    terminate::TerminationFact,
};

/// Something that happened to one contract. Facts may come in any order of their dates, but changes
/// of what was agreed or estimated go forward.
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
    /// An invoice was credited.
    Credited(CreditFact),
    /// Cash was received, or given back when negative.
    Paid(PaymentFact),
    /// Progress was reported.
    Progressed(ProgressFact),
    /// An estimate changed.
    Reestimated(EstimateFact),
    /// The contract was changed.
    Amended(AmendmentFact),
    /// The contract was terminated.
    Terminated(TerminationFact),
    /// Whether it is a contract was assessed anew.
    Reassessed(AssessmentFact),
    /// A person adjusted revenue.
    Adjusted(AdjustmentFact),
    /// Revenue is withheld from a day on.
    Held(HoldFact),
    /// What was withheld may be posted.
    Released(HoldFact),
    /// Other contracts are accounted for as one with it.
    Combined(Combination),
    /// Another version of the tenant's policy governs the contract.
    PolicyChanged(PolicyVersion),
    /// Revenue is to be posted.
    Run {
        /// Last day covered.
        through: NaiveDate,
    },
}

impl Fact {
    /// The day on which it takes effect first.
    #[must_use]
    pub const fn on(&self) -> NaiveDate {
        match self {
            Self::Signed { contract, .. } => contract.signed_on,
            Self::Invoiced(fact) => fact.issued_on,
            Self::Credited(fact) => fact.on,
            Self::Paid(fact) => fact.on,
            Self::Progressed(fact) => fact.on,
            Self::Reestimated(fact) => fact.on,
            Self::Amended(fact) => fact.on,
            Self::Terminated(fact) => fact.on,
            Self::Reassessed(fact) => fact.on,
            Self::Adjusted(fact) => fact.on,
            Self::Held(fact) | Self::Released(fact) => fact.on,
            Self::Combined(fact) => fact.on,
            Self::PolicyChanged(version) => version.from,
            Self::Run { through } => *through,
        }
    }
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
    /// Variable consideration (606-10-32-5 to 32-14).
    pub variables: Vec<Variable>,
    /// Obligations that the discount belongs to (606-10-32-36 to 32-38).
    pub discount: Option<DiscountScope>,
    /// On what terms it can be ended early.
    pub clauses: Vec<Clause>,
    /// Yearly interest, as a fraction, where one side finances the other (606-10-32-15).
    pub financing: Option<Quantity>,
    /// Criteria of a contract that it does not meet at signature (606-10-25-1): it is then none.
    pub unmet: Vec<Criterion>,
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
    /// Lowest and highest price at which it is sold alone, in minor units.
    pub ssp_range: Option<(i128, i128)>,
    /// Whether its SSP is what the price leaves after the others' (606-10-32-34c).
    pub residual: bool,
    /// Its own term, within the contract's.
    pub term: Option<Term>,
    /// How its revenue is recognized.
    pub method: Method,
    /// Whether it is an option to renew that is looked through (606-10-55-45).
    pub renewal: Option<Renewal>,
}

/// An option to renew, accounted for as if the expected renewals were promised (606-10-55-45).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The share of it that is expected to be exercised, above zero, at most one.
    pub expected_share: Quantity,
    /// What exercising all of it costs, in minor units; in T as far as it was exercised.
    pub exercise_price: i128,
    /// Last day of the option.
    pub expires_on: NaiveDate,
}

/// A right to end a contract early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// Whether the vendor has it too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mutual: bool,
    /// Days from notice to the end.
    pub notice_days: u32,
    /// What leaving costs, in minor units.
    pub penalty: i128,
    /// First day on which it can be left; any day where none is given.
    pub from: Option<NaiveDate>,
    /// Last day on which notice can be given.
    pub to: Option<NaiveDate>,
}

/// An assessment of whether an agreement is a contract (606-10-25-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssessmentFact {
    /// The contract.
    pub contract: ContractId,
    /// Day from which it holds.
    pub on: NaiveDate,
    /// The criteria that it still does not meet; none where it meets all.
    pub unmet: Vec<Criterion>,
}

/// Posting is withheld, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldFact {
    /// The contract.
    pub contract: ContractId,
    /// Only this obligation; all of them where none is given.
    pub obligation: Option<ObligationId>,
    /// First day on which it holds.
    pub on: NaiveDate,
}

/// An amount that depends on what is yet to happen. Minor units; rebates and penalties are negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// The caller's handle, unique within the contract.
    pub id: String,
    /// The estimate, by expected value or as the most likely amount (606-10-32-8).
    pub estimate: i128,
    /// The part that is not constrained (606-10-32-11): what counts in T.
    pub included: i128,
    /// The obligations that it was promised for (606-10-32-40); all when empty.
    pub applies_to: Vec<ObligationId>,
    /// The part of a series that it was promised for (606-10-25-14b, 32-40b): earned over these days
    /// alone. None where it is for the whole promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Term>,
    /// The legal contract that it is of, where that was combined with others before it; none else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ContractId>,
}

/// A discount that belongs to some obligations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscountScope {
    /// Those obligations.
    pub obligations: Vec<ObligationId>,
    /// How much of the discount is theirs, in minor units; all of it where none is given.
    pub amount: Option<i128>,
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

/// The part of an invoice or credit note that concerns one obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoiceLine {
    /// The obligation billed.
    pub obligation: ObligationId,
    /// Amount without tax, in minor units, not negative.
    pub amount: i128,
}

/// A credit note. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditFact {
    /// The contract.
    pub contract: ContractId,
    /// Day of issue.
    pub on: NaiveDate,
    /// What is credited by obligation, as recorded.
    pub lines: Vec<InvoiceLine>,
    /// Tax credited on top.
    pub tax: i128,
    /// Whether the price is reduced with it.
    pub concession: Concession,
}

/// Whether a credit reduces the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concession {
    /// No: what was billed is billed again in another way.
    None,
    /// Over the whole promise, as a catch-up.
    Whole,
    /// For what was transferred already.
    Transferred,
}

/// Cash received, or given back when negative. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentFact {
    /// The contract.
    pub contract: ContractId,
    /// The day.
    pub on: NaiveDate,
    /// The amount.
    pub amount: i128,
}

/// A changed estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstimateFact {
    /// The contract.
    pub contract: ContractId,
    /// Day from which it holds.
    pub on: NaiveDate,
    /// Of what, and how much.
    pub estimate: Estimate,
}

/// An estimate. Minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Estimate {
    /// Of a variable amount.
    Variable {
        /// Its handle.
        id: String,
        /// The whole estimate.
        estimate: i128,
        /// The part in T.
        included: i128,
    },
    /// Of the cost of an obligation at completion.
    Cost {
        /// The obligation.
        obligation: ObligationId,
        /// The whole cost.
        estimate: i128,
    },
    /// Of the share of a right that will be exercised.
    Exercise {
        /// The obligation.
        obligation: ObligationId,
        /// The share of all rights.
        share: Quantity,
    },
}

/// An adjustment of revenue, decided by a person. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdjustmentFact {
    /// The contract.
    pub contract: ContractId,
    /// The obligation.
    pub obligation: ObligationId,
    /// The day on which it takes effect.
    pub on: NaiveDate,
    /// By how much revenue to date changes.
    pub amount: i128,
}
