//! The measurement policy of a tenant, and its versions.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::named::named_enum;

named_enum! {
    /// How a straight-line price is weighted over the calendar months of its term (606-10-25-31 asks
    /// for a measure of progress and 55-17 names time; the convention of counting it is policy).
    /// Both days of a term are inclusive. Within a month the share accrues by service day.
    pub enum Convention {
        /// Service days of the month.
        ActualDays = "actual_days",
        /// Service days of the month over days of that month.
        ProratedMonths = "prorated_months",
        /// One for each calendar month touched.
        EvenMonths = "even_months",
        /// Whole months counted from the start day, each falling in the month where it begins; a
        /// last partial one counts whole.
        ServiceMonths = "service_months",
        /// 30/360 days, inclusive: the 31st counts nothing, the last day of February through the
        /// 30th. Where that leaves a term without any day, actual days decide.
        Thirty360 = "thirty_360",
        /// One half for a partial first or last month, one for each other.
        HalfMonth = "half_month",
        /// First and last part month by day of the whole term, whole months equal.
        EndsByDay = "ends_by_day",
    }
}

named_enum! {
    /// How amounts are rounded to the minor unit. Months always sum to the price.
    pub enum Rounding {
        /// Posted to date is the exact target to date, rounded; nothing drifts.
        Cumulative = "cumulative",
        /// Each month rounded down, the remainder in the last month that has weight.
        FloorLast = "floor_last",
        /// Each month rounded by itself, never beyond the price, the remainder in the last.
        PerPeriod = "per_period",
    }
}

named_enum! {
    /// When an invoice of a non-cancelable contract becomes an unconditional right to payment
    /// (606-10-45-4).
    pub enum ReceivableOn {
        /// On the day of issue.
        Issue = "issue",
        /// On the due date.
        Due = "due",
    }
}

/// The measurement policy that a contract is accounted for under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Version of the tenant's policy, from 1; every movement names it.
    pub version: u32,
    /// Convention where an obligation states none.
    pub convention: Convention,
    /// Rounding.
    pub rounding: Rounding,
    /// When invoices become unconditional.
    pub receivable_on: ReceivableOn,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: 1,
            convention: Convention::ActualDays,
            rounding: Rounding::Cumulative,
            receivable_on: ReceivableOn::Issue,
        }
    }
}

/// A version of the tenant's policy that came after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The first day on which it governs.
    pub from: NaiveDate,
    /// What it says.
    pub policy: Policy,
}

/// All versions of a tenant's policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// The first, in force until the next begins.
    pub first: Policy,
    /// The others, in order; days and versions grow.
    pub later: Vec<PolicyVersion>,
}

impl Policies {
    /// The policy in force on a day.
    #[must_use]
    pub fn on(&self, day: NaiveDate) -> Policy {
        let in_force = self.later.iter().rev().find(|version| version.from <= day);
        in_force.map_or(self.first, |version| version.policy)
    }

    /// Versions in force by a day that are newer than one.
    pub fn newer(&self, than: u32, by: NaiveDate) -> impl Iterator<Item = &PolicyVersion> + '_ {
        let due = move |known: &&PolicyVersion| known.policy.version > than && known.from <= by;
        self.later.iter().filter(due)
    }
}
