//! What changes what was agreed on or estimated: amendments, terminations, new estimates.

use backlog_money::{Money, Quantity};
use backlog_recognition_engine::CombinationCriterion;
use chrono::NaiveDate;

use super::{Clause, Obligation, expect::Word, names};

/// A change of a contract: new totals over the whole life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Amendment {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// Obligations that change.
    pub(crate) changes: Vec<Change>,
    /// Promises that are added.
    pub(crate) added: Vec<Obligation>,
    /// On what terms it can be ended early from then on; as before where none are given.
    pub(crate) clauses: Option<Vec<Clause>>,
    /// Whether the parties have not approved it yet.
    pub(crate) proposed: bool,
    /// How it is accounted for; as proposed where none is given.
    pub(crate) treatment: Option<Treatment>,
    /// How it must turn out to be accounted for.
    pub(crate) expect_treatment: Option<Word>,
}

/// A change of one obligation; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The obligation.
    pub(crate) obligation: String,
    /// New stated price.
    pub(crate) price: Option<Money>,
    /// New total of units or hours.
    pub(crate) quantity: Option<Quantity>,
    /// New price of every unit.
    pub(crate) unit_price: Option<Quantity>,
    /// New term, as written.
    pub(crate) term: Option<(NaiveDate, NaiveDate)>,
    /// New stand-alone selling price of the whole.
    pub(crate) ssp: Option<Money>,
    /// Whether what remains of it is given up.
    pub(crate) remove: bool,
    /// Whether what remains is distinct; by its method where not given.
    pub(crate) distinct: Option<bool>,
    /// New committed minimum of metered use.
    pub(crate) minimum: Option<Money>,
    /// New cap of metered use.
    pub(crate) cap: Option<Money>,
}

names! {
    /// How a change is accounted for.
    Treatment {
        /// As if the old contract ended and a new one began.
        Prospective = "prospective",
        /// As part of the contract, measured anew.
        CatchUp = "catch_up",
        /// As a contract of its own.
        Separate = "separate",
    }
}

/// The end of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Termination {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// What of the amounts billed is given up.
    pub(crate) refund: Option<Refund>,
    /// What the customer owes for ending it.
    pub(crate) penalty: Option<Money>,
    /// Whether what was earned stays earned.
    pub(crate) keep_earned: bool,
    /// Last day of winding down.
    pub(crate) wind_down_to: Option<NaiveDate>,
    /// Why; may be empty.
    pub(crate) reason: String,
}

/// What of the amounts billed is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refund {
    /// An amount.
    Amount(Money),
    /// Everything billed beyond what was earned.
    All,
}

/// Contracts that are accounted for as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Combine {
    /// Handles of the contracts: the others join the first.
    pub(crate) contracts: Vec<String>,
    /// Why they are one.
    pub(crate) criterion: CombinationCriterion,
    /// What that rests on.
    pub(crate) reason: String,
}

/// A new estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reestimate {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// Of what.
    pub(crate) estimate: Estimate,
}

/// What is estimated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Estimate {
    /// A variable amount.
    Variable {
        /// Its handle.
        id: String,
        /// The new estimate of all of it; the last where none is given.
        amount: Option<Money>,
        /// The part in T; with a new estimate all of it, else the last, where none is given.
        included: Option<Included>,
    },
    /// The cost of an obligation at completion.
    Cost {
        /// The obligation.
        obligation: String,
        /// The whole cost.
        estimate: Money,
    },
    /// How much of a right will be exercised.
    Exercise {
        /// The obligation.
        obligation: String,
        /// The share of all rights.
        share: Quantity,
    },
}

/// The part of a variable amount that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Included {
    /// This much.
    Amount(Money),
    /// All of it.
    Whole,
}

impl Included {
    /// Estimate and part in T after a new estimate, from those before. Minor units.
    #[must_use]
    pub(crate) fn after(
        amount: Option<Money>,
        included: Option<Self>,
        (estimate_before, included_before): (i128, i128),
    ) -> (i128, i128) {
        let estimate = amount.map_or(estimate_before, Money::minor);
        let included = match (included, amount) {
            (Some(Self::Amount(included)), _) => included.minor(),
            (Some(Self::Whole), _) | (None, Some(_)) => estimate,
            (None, None) => included_before,
        };
        (estimate, included)
    }
}
