//! What is expected: the view, the figures, their names.

use std::collections::BTreeMap;

use backlog_money::{Currency, Money};
use backlog_recognition_engine::{Balances, Role};
use chrono::NaiveDate;

use super::names;

/// Figures that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expect {
    /// What is looked at.
    pub(crate) view: View,
    /// The figures.
    pub(crate) claims: Vec<Claim>,
    /// Figures of the source that are outside our measures, and why.
    pub(crate) not_shown: Vec<(String, String)>,
}

/// What a figure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// Only this contract, by handle.
    pub(crate) contract: Option<String>,
    /// Only this obligation of it.
    pub(crate) obligation: Option<String>,
    /// Only contracts with these dimension values.
    pub(crate) dimensions: BTreeMap<String, String>,
    /// Only this currency.
    pub(crate) currency: Currency,
    /// At the end of this day.
    pub(crate) as_of: NaiveDate,
    /// As known at the end of the steps of this day.
    pub(crate) known_at: Option<NaiveDate>,
}

/// An amount that is expected, at a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell<K> {
    /// Its name: a measure, a month, an obligation, a line of the roll-forward.
    pub(crate) key: K,
    /// The amount.
    pub(crate) amount: Money,
    /// Line in the file.
    pub(crate) line: usize,
}

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A balance to date.
    Measure(Cell<Measure>),
    /// Transaction price by obligation.
    Allocations(Vec<Cell<String>>),
    /// Still planned, by month.
    Schedule(Vec<Cell<NaiveDate>>),
    /// Recognized, by posting month.
    ByMonth(Vec<Cell<NaiveDate>>),
    /// Change of measures over a span of days, both inclusive.
    InPeriod {
        /// First day.
        from: NaiveDate,
        /// Last day.
        to: NaiveDate,
        /// The changes.
        cells: Vec<Cell<Measure>>,
    },
    /// Revenue entries; what is not listed must be zero.
    Entries {
        /// Line of the table.
        line: usize,
        /// The rows.
        rows: Vec<Cell<EntryKey>>,
    },
    /// The journal of the posting period of the view's day, in the functional currency, debits
    /// positive; roles not listed must be zero.
    Journal {
        /// Line of the table.
        line: usize,
        /// The roles.
        cells: Vec<Cell<Role>>,
    },
    /// How the contract's last change was accounted for.
    Treatment(Word),
    /// Why it is no contract, in any order; none where it is one.
    NotAContract {
        /// Line of the list.
        line: usize,
        /// The reasons.
        reasons: Vec<String>,
    },
    /// What a person should look at, all of it in any order.
    Warnings {
        /// Line of the list.
        line: usize,
        /// The reasons.
        reasons: Vec<String>,
    },
    /// The roll-forward; lines not listed must be zero.
    RollForward {
        /// First day.
        from: NaiveDate,
        /// Last day.
        to: NaiveDate,
        /// Line of the table.
        line: usize,
        /// The lines.
        cells: Vec<Cell<RollLine>>,
    },
}

/// A word that is expected, at a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word.
    pub(crate) text: String,
    /// Line in the file.
    pub(crate) line: usize,
}

/// Which entries a row sums.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryKey {
    /// Only this obligation.
    pub(crate) obligation: Option<String>,
    /// First day of the month of service.
    pub(crate) service_period: NaiveDate,
    /// First day of the month posted in.
    pub(crate) posting_period: NaiveDate,
}

names! {
    /// A measure that can be expected.
    Measure {
        /// T.
        TransactionPrice = "transaction_price",
        /// T + beyond enforceable.
        Tcv = "tcv",
        /// What the stated term adds to T.
        BeyondEnforceable = "beyond_enforceable",
        /// R.
        Recognized = "recognized",
        /// R carried on to the day along the plan.
        RecognizedAccrued = "recognized_accrued",
        /// B.
        Billed = "billed",
        /// B - U.
        ConditionalBilling = "conditional_billing",
        /// TCV - B.
        UnbilledBacklog = "unbilled_backlog",
        /// TCV - R.
        Backlog = "backlog",
        /// TCV - recognized accrued.
        BacklogAccrued = "backlog_accrued",
        /// Contract liability.
        DeferredRevenue = "deferred_revenue",
        /// Refund liability.
        RefundLiability = "refund_liability",
        /// Contract asset.
        ContractAsset = "contract_asset",
        /// Invoiced and unpaid, with tax.
        Receivable = "receivable",
        /// Cash received less cash given back.
        Cash = "cash",
        /// Interest accreted on advances.
        Interest = "interest",
        /// What options not exercised would bring.
        Potential = "potential",
        /// TCV of contracts signed.
        Bookings = "bookings",
    }
}

names! {
    /// A line of the roll-forward of backlog.
    RollLine {
        /// Backlog at the end of the day before.
        Opening = "opening",
        /// Contracts signed.
        Bookings = "bookings",
        /// Contracts changed.
        Amendments = "amendments",
        /// Moved between obligations by a change; nothing over a whole contract.
        Reallocation = "reallocation",
        /// Metered use.
        Usage = "usage",
        /// Estimates changed.
        EstimateChanges = "estimate_changes",
        /// Concessions given.
        Concessions = "concessions",
        /// Interest accreted.
        Interest = "interest",
        /// Rights that expired.
        Expiries = "expiries",
        /// Contracts terminated; positive when they reduce.
        Cancellations = "cancellations",
        /// Moved between segments.
        Reclassified = "reclassified",
        /// Changes of policy.
        PolicyChanges = "policy_changes",
        /// Revenue; positive when it reduces.
        Recognized = "recognized",
        /// Currency translation.
        Fx = "fx",
        /// Backlog at the end of the last day.
        Closing = "closing",
    }
}

impl Measure {
    /// The measure's balance; none for bookings, which are asked for apart.
    #[must_use]
    pub(crate) const fn of(self, balances: &Balances) -> Option<i128> {
        Some(match self {
            Self::TransactionPrice => balances.transaction_price,
            Self::Tcv => balances.tcv,
            Self::BeyondEnforceable => balances.beyond_enforceable,
            Self::Recognized => balances.recognized,
            Self::RecognizedAccrued => balances.recognized_accrued,
            Self::Billed => balances.billed,
            Self::ConditionalBilling => balances.conditional_billing,
            Self::UnbilledBacklog => balances.unbilled_backlog,
            Self::Backlog => balances.backlog,
            Self::BacklogAccrued => balances.backlog_accrued,
            Self::DeferredRevenue => balances.deferred_revenue,
            Self::RefundLiability => balances.refund_liability,
            Self::ContractAsset => balances.contract_asset,
            Self::Receivable => balances.receivable,
            Self::Cash => balances.cash,
            Self::Interest => balances.interest,
            Self::Potential => balances.potential,
            Self::Bookings => return None,
        })
    }
}
