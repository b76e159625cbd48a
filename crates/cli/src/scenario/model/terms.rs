//! What the parties of a contract agree on.

use std::collections::BTreeMap;

use backlog_money::{Currency, Money, Quantity, exact_to_minor};
use backlog_recognition_engine::{Convention, Criterion};
use chrono::NaiveDate;

use super::names;

/// What the parties agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Handle of the contract in this file.
    pub(crate) contract: String,
    /// Customer; the handle where none is given.
    pub(crate) customer: String,
    /// First and last day of the term, as written.
    pub(crate) term: (NaiveDate, NaiveDate),
    /// Reporting dimensions.
    pub(crate) dimensions: BTreeMap<String, String>,
    /// Fixed price of the whole contract.
    pub(crate) price: Option<Money>,
    /// The promises, in order.
    pub(crate) obligations: Vec<Obligation>,
    /// Amounts that depend on what is yet to happen.
    pub(crate) variables: Vec<Variable>,
    /// Whose the discount is; everybody's where none is given.
    pub(crate) discount: Option<DiscountScope>,
    /// On what terms it can be ended early.
    pub(crate) clauses: Vec<Clause>,
    /// Yearly interest where one side finances the other, as a fraction.
    pub(crate) financing: Option<Quantity>,
    /// Criteria of a contract that it does not meet.
    pub(crate) unmet: Option<Unmet>,
}

/// What keeps an agreement from being a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unmet {
    /// The criteria that it does not meet.
    pub(crate) criteria: Vec<Criterion>,
    /// Why.
    pub(crate) reason: String,
}

/// A right to end a contract early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    /// Who has it.
    pub(crate) by: ClauseParty,
    /// Days from notice to the end.
    pub(crate) notice_days: u32,
    /// What leaving costs.
    pub(crate) penalty: Option<Money>,
    /// First day on which it can be left.
    pub(crate) from: Option<NaiveDate>,
    /// Last day on which notice can be given.
    pub(crate) to: Option<NaiveDate>,
}

names! {
    /// Who may end a contract early.
    ClauseParty {
        /// The customer.
        Customer = "customer",
        /// Either party.
        Either = "either",
    }
}

/// An option to renew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// The share of it that is expected to be exercised.
    pub(crate) expected_share: Quantity,
    /// Last day of the option.
    pub(crate) expires_on: NaiveDate,
    /// What exercising all of it costs.
    pub(crate) exercise_price: Option<Money>,
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obligation {
    /// Its handle, the key on the wire.
    pub(crate) id: String,
    /// Stated price.
    pub(crate) price: Option<Money>,
    /// Units promised.
    pub(crate) quantity: Option<Quantity>,
    /// Price of a unit.
    pub(crate) unit_price: Option<Quantity>,
    /// Stand-alone selling price.
    pub(crate) ssp: Option<Money>,
    /// Lowest and highest price at which it is sold alone.
    pub(crate) ssp_range: Option<(Money, Money)>,
    /// Whether it takes what the price leaves after the others'.
    pub(crate) residual: bool,
    /// Term of its own, as written.
    pub(crate) term: Option<(NaiveDate, NaiveDate)>,
    /// How it is recognized.
    pub(crate) method: Method,
    /// Product line; may be empty.
    pub(crate) product_line: String,
    /// That it is an option to renew.
    pub(crate) renewal: Option<Renewal>,
}

/// How an obligation is recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Method {
    /// By time.
    StraightLine {
        /// Convention of its own.
        convention: Option<Convention>,
    },
    /// When control passes.
    PointInTime {
        /// What each unit must pass.
        gates: Vec<String>,
    },
    /// By milestones reached.
    Milestones(Vec<Milestone>),
    /// By cost.
    CostToCost {
        /// Cost expected at completion.
        estimate: Money,
    },
    /// By units.
    Units {
        /// Units promised; the quantity where none are given.
        total: Option<Quantity>,
    },
    /// By percent complete.
    PercentComplete,
    /// By hours.
    LaborHours {
        /// Hours expected; the quantity where none are given.
        total: Option<Quantity>,
    },
    /// By what may be invoiced.
    RightToInvoice {
        /// Beyond which nothing is owed.
        cap: Option<Money>,
    },
    /// By metered use.
    Usage {
        /// Committed over the term.
        minimum: Option<Money>,
        /// Beyond which nothing is owed.
        cap: Option<Money>,
    },
    /// An option that is a material right, as it is exercised.
    MaterialRight {
        /// The share of all rights that is expected to be exercised.
        expected_share: Quantity,
        /// Last day of the right.
        expires_on: NaiveDate,
        /// What exercising all rights costs.
        exercise_price: Option<Money>,
    },
}

/// A milestone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Milestone {
    /// Its handle.
    pub(crate) id: String,
    /// What it earns.
    pub(crate) weight: Weight,
}

/// What a milestone earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A share of the whole.
    Share(Quantity),
    /// An amount of the price.
    Amount(Money),
}

/// A variable amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its handle.
    pub(crate) id: String,
    /// The estimate.
    pub(crate) amount: Money,
    /// The part in T, where it is stated.
    pub(crate) included: Option<Money>,
    /// How it is estimated.
    pub(crate) kind: VariableKind,
    /// The obligations that it was promised for; all when empty.
    pub(crate) applies_to: Vec<String>,
    /// The part of a series that it was promised for, as written.
    pub(crate) period: Option<(NaiveDate, NaiveDate)>,
}

names! {
    /// How a variable amount is estimated.
    VariableKind {
        /// The sum of probability-weighted amounts.
        ExpectedValue = "expected_value",
        /// The most likely amount.
        MostLikely = "most_likely",
        /// Nothing of it counts until it is freed.
        Constrained = "constrained",
    }
}

/// Whose the discount is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiscountScope {
    /// Those obligations.
    pub(crate) obligations: Vec<String>,
    /// How much of it; all where none is given.
    pub(crate) amount: Option<Money>,
}

impl Variable {
    /// The part in T: all of it, unless stated otherwise. A constraint leaves a bonus out, and never
    /// lowers what is expected to be given back.
    #[must_use]
    pub(crate) fn counted(&self) -> Money {
        let left_out = self.kind == VariableKind::Constrained && self.amount.minor() > 0;
        let default = if left_out { Money::zero(self.amount.currency()) } else { self.amount };
        self.included.unwrap_or(default)
    }
}

impl Method {
    /// Whether what is owed follows from what is metered, so that no price is stated.
    #[must_use]
    pub(crate) const fn is_metered(&self) -> bool {
        matches!(self, Self::RightToInvoice { .. } | Self::Usage { .. })
    }

    /// Whether units or hours promised measure its progress.
    #[must_use]
    pub(crate) const fn counts(&self) -> bool {
        matches!(self, Self::PointInTime { .. } | Self::Units { .. } | Self::LaborHours { .. })
    }
}

impl Obligation {
    /// The stated price, or that of all units, in minor units.
    #[must_use]
    pub(crate) fn stated(&self, currency: Currency) -> Option<i128> {
        match (self.price, self.quantity, self.unit_price) {
            (Some(price), _, _) => Some(price.minor()),
            (None, Some(quantity), Some(unit)) => units_value(quantity, unit, currency),
            (None, _, _) => None,
        }
    }
}

/// The price of units in minor units, rounded once; none when it is too large.
#[must_use]
pub(crate) fn units_value(
    units: Quantity,
    unit_price: Quantity,
    currency: Currency,
) -> Option<i128> {
    exact_to_minor(units.exact_value(unit_price)?, currency.minor_digits())
}
