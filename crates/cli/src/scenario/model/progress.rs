//! What was done for an obligation, and what a person adjusts.

use backlog_money::{Money, Quantity};
use backlog_recognition_engine::Criterion;

/// Something that was done for an obligation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// The obligation.
    pub(crate) obligation: String,
    /// What.
    pub(crate) reading: Reading,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Percent complete, to date.
    Percent(Quantity),
    /// Units, to date.
    Units(Quantity),
    /// Hours, to date.
    Hours(Quantity),
    /// Cost, to date.
    Cost {
        /// Cost incurred, uninstalled materials included.
        cost: Money,
        /// Cost expected at completion, the same included.
        estimate: Option<Money>,
        /// Materials that are not installed yet.
        uninstalled: Option<Money>,
    },
    /// Metered use on the day.
    Usage {
        /// Units.
        quantity: Quantity,
        /// Their price, where it is not quantity x unit price.
        amount: Option<Money>,
    },
    /// A milestone was reached.
    Milestone {
        /// Its handle.
        id: String,
        /// What proves it; may be empty.
        evidence: String,
    },
    /// Something was delivered.
    Delivery {
        /// Units; all that are missing where none are given.
        quantity: Option<Quantity>,
        /// The gate that they passed.
        gate: Option<String>,
    },
    /// The share of all rights that was exercised, to date.
    Exercised(Quantity),
    /// The right ended before its last day.
    Expired,
}

impl Progress {
    /// The verb that reports it.
    #[must_use]
    pub(crate) const fn verb(&self) -> &'static str {
        match self.reading {
            Reading::Milestone { .. } => "milestone",
            Reading::Delivery { .. } => "deliver",
            Reading::Exercised(_) => "exercise",
            Reading::Expired => "expire",
            Reading::Percent(_)
            | Reading::Units(_)
            | Reading::Hours(_)
            | Reading::Cost { .. }
            | Reading::Usage { .. } => "progress",
        }
    }
}

/// An adjustment of revenue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adjustment {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// The obligation.
    pub(crate) obligation: String,
    /// By how much revenue to date changes.
    pub(crate) amount: Money,
    /// Why.
    pub(crate) reason: String,
}

/// Whether what was signed is a contract, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assessment {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// The criteria that it still does not meet.
    pub(crate) unmet: Vec<Criterion>,
    /// Why.
    pub(crate) reason: String,
}

/// Revenue is withheld from a day on, or released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// Only this obligation.
    pub(crate) obligation: Option<String>,
    /// Whether it is released.
    pub(crate) released: bool,
}
