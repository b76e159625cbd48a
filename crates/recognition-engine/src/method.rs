//! How the revenue of an obligation is recognized.

use backlog_money::Quantity;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::policy::Convention;

/// How the revenue of an obligation is recognized: where its progress comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Over time, by time elapsed (606-10-25-27, 55-17).
    StraightLine {
        /// Its own convention; the policy's where none is given.
        convention: Option<Convention>,
    },
    /// When control passes: by what is delivered, of the quantity promised (606-10-25-30).
    PointInTime {
        /// What is promised, in units.
        quantity: Quantity,
        /// What each unit must pass, such as shipment and acceptance; one delivery when there are none.
        gates: Vec<String>,
    },
    /// By milestones reached (606-10-55-17).
    Milestones(Vec<Milestone>),
    /// By cost incurred of cost expected (606-10-55-20); uninstalled materials at zero margin (55-21).
    CostToCost {
        /// Cost expected at completion, in minor units.
        estimate: i128,
    },
    /// By units transferred of those promised (606-10-55-17).
    Units {
        /// Units promised.
        total: Quantity,
    },
    /// By percent complete as reported; may fall.
    PercentComplete,
    /// By hours worked of those expected (606-10-55-20); may fall.
    LaborHours {
        /// Hours expected.
        total: Quantity,
    },
    /// By what may be invoiced for work done (606-10-55-18): T is what is earned to date.
    RightToInvoice {
        /// Price of a unit or an hour.
        unit_price: Quantity,
        /// Beyond which nothing is owed, in minor units.
        cap: Option<i128>,
    },
    /// By metered use: T is what is earned to date, at least the committed minimum.
    Usage {
        /// Price of a unit.
        unit_price: Quantity,
        /// Committed over the term, in minor units; recognized at its end as far as unused.
        minimum: i128,
        /// Beyond which nothing is owed, in minor units.
        cap: Option<i128>,
    },
    /// An option that is a material right (606-10-55-42): earned as it is exercised, of what is expected
    /// to be, and wholly when it expires.
    MaterialRight {
        /// The share of all rights that is expected to be exercised (55-44), above zero, at most one.
        expected_share: Quantity,
        /// What exercising all rights costs, in minor units: in T as far as it was exercised.
        exercise_price: i128,
        /// Last day of the right.
        expires_on: NaiveDate,
    },
}

/// A milestone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// The caller's handle, unique in the obligation.
    pub id: String,
    /// What it weighs.
    pub weight: MilestoneWeight,
}

/// What a milestone earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MilestoneWeight {
    /// A share of the whole; shares sum to one.
    Share(Quantity),
    /// An amount of the stated price, in minor units; amounts sum to it.
    Amount(i128),
}

impl Method {
    /// Its name in lower snake case.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StraightLine { .. } => "straight_line",
            Self::PointInTime { .. } => "point_in_time",
            Self::Milestones(_) => "milestones",
            Self::CostToCost { .. } => "cost_to_cost",
            Self::Units { .. } => "units",
            Self::PercentComplete => "percent_complete",
            Self::LaborHours { .. } => "labor_hours",
            Self::RightToInvoice { .. } => "right_to_invoice",
            Self::Usage { .. } => "usage",
            Self::MaterialRight { .. } => "material_right",
        }
    }

    /// Whether T follows what is reported, so that the price is not stated and billing has no ceiling.
    #[must_use]
    pub const fn is_metered(&self) -> bool {
        matches!(self, Self::RightToInvoice { .. } | Self::Usage { .. })
    }

    /// Its convention, where it states one, or the policy's.
    pub(crate) fn convention(&self, policy: Convention) -> Convention {
        match self {
            Self::StraightLine { convention } => convention.unwrap_or(policy),
            _ => policy,
        }
    }

    /// Whether what remains is by nature the same service as what was transferred, so that a change
    /// of it is distinct from the past unless stated otherwise (606-10-25-13).
    #[must_use]
    pub const fn remains_distinct(&self) -> bool {
        !matches!(self, Self::Milestones(_) | Self::CostToCost { .. } | Self::PercentComplete)
    }
}
