//! What a scenario file says, parsed: amounts are exact, dates are days, names are known.

use std::collections::BTreeMap;

use backlog_money::{Currency, Money};
use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{Balances, Convention, Policy};
use chrono::NaiveDate;

/// One tenant's story and the figures that must come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scenario {
    /// Its name, which is that of its file.
    pub(crate) name: String,
    /// A line for people.
    pub(crate) title: String,
    /// Where the example is from.
    pub(crate) source: String,
    /// Currency of all its amounts.
    pub(crate) currency: Currency,
    /// Currency of the books; the scenario's where none is given.
    pub(crate) functional_currency: Currency,
    /// The tenant's policy from the start.
    pub(crate) policy: Policy,
    /// What happens, in order.
    pub(crate) steps: Vec<Step>,
    /// Figures of the source that are outside our measures, and why.
    pub(crate) not_shown: Vec<(String, String)>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its day; never before that of the step before.
    pub(crate) on: NaiveDate,
    /// Its line in the file.
    pub(crate) line: usize,
    /// What happens.
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Something happens.
    Do(Verb),
    /// Something must be refused for this reason, and change nothing.
    Refuse(Verb, ErrorReason),
    /// Figures must be these.
    Expect(Expect),
}

/// Something that happens to a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A draft is entered.
    Draft(Terms),
    /// Terms are signed at once.
    Sign {
        /// What the parties agree on.
        terms: Terms,
        /// Day of signature.
        signed_on: NaiveDate,
    },
    /// A draft is signed.
    SignDraft {
        /// Handle of the contract.
        contract: String,
        /// Day of signature.
        signed_on: NaiveDate,
    },
    /// An invoice is issued.
    Invoice(Invoice),
    /// Revenue is posted.
    Recognize {
        /// Last day covered.
        through: NaiveDate,
        /// Only this contract.
        contract: Option<String>,
    },
}

impl Verb {
    /// The word for it in files and tables.
    #[must_use]
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Draft(_) => "draft",
            Self::Sign { .. } | Self::SignDraft { .. } => "sign",
            Self::Invoice(_) => "invoice",
            Self::Recognize { .. } => "recognize",
        }
    }
}

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
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obligation {
    /// Its handle, the key on the wire.
    pub(crate) id: String,
    /// Stated price.
    pub(crate) price: Option<Money>,
    /// Stand-alone selling price.
    pub(crate) ssp: Option<Money>,
    /// Term of its own, as written.
    pub(crate) term: Option<(NaiveDate, NaiveDate)>,
    /// Straight-line convention of its own.
    pub(crate) convention: Option<Convention>,
    /// Product line; may be empty.
    pub(crate) product_line: String,
}

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invoice {
    /// Handle of the contract.
    pub(crate) contract: String,
    /// Amount net of tax.
    pub(crate) amount: Money,
    /// Bills this obligation; spread over all where none is given.
    pub(crate) obligation: Option<String>,
    /// Tax on top.
    pub(crate) tax: Option<Money>,
    /// Day on which payment is due; the day of the step where none is given.
    pub(crate) due_on: Option<NaiveDate>,
    /// The vendor's number; may be empty.
    pub(crate) number: String,
}

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

macro_rules! names {
    ($(#[$doc:meta])* $enum:ident { $($(#[$value_doc:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $enum { $($(#[$value_doc])* $value,)+ }

        impl $enum {
            /// All of them, in order.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$value,)+];

            /// The name in files.
            #[must_use]
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)+ }
            }
        }
    };
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
    /// The measure's balance; none for bookings, which are a flow.
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
            Self::Bookings => return None,
        })
    }
}
