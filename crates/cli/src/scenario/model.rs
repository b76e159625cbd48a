//! What a scenario file says, parsed: amounts are exact, dates are days, names are known.

mod billing;
mod changes;
mod expect;
mod policy;
mod progress;
mod terms;

use backlog_money::{Currency, Quantity};
use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{Calendar, Policy, RateKind};
use chrono::NaiveDate;

pub(crate) use billing::{Cash, Concession, CreditNote, Invoice};
pub(crate) use changes::{
    Amendment, Change, Combine, Estimate, Included, Reestimate, Refund, Termination, Treatment,
};
pub(crate) use expect::{Cell, Claim, EntryKey, Expect, Measure, RollLine, View, Word};
pub(crate) use policy::PolicyStep;
pub(crate) use progress::{Adjustment, Assessment, Hold, Progress, Reading};
pub(crate) use terms::{
    Clause, ClauseParty, DiscountScope, Method, Milestone, Obligation, Renewal, Terms, Unmet,
    Variable, VariableKind, Weight, units_value,
};

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
    /// Its accounting periods.
    pub(crate) calendar: Calendar,
    /// What happens, in order.
    pub(crate) steps: Vec<Step>,
    /// Figures that nothing can tell yet.
    pub(crate) later: Vec<Later>,
    /// Figures of the source that are outside our measures, and why.
    pub(crate) not_shown: Vec<(String, String)>,
}

/// Figures that nothing can tell yet: read for their form alone, counted, and not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Later {
    /// Day of the figures.
    pub(crate) on: NaiveDate,
    /// Line in the file.
    pub(crate) line: usize,
    /// Names of the figures.
    pub(crate) figures: Vec<String>,
}

/// An exchange rate, of the step's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FxRate {
    /// Currency of the amounts to be translated.
    pub(crate) from: Currency,
    /// The functional currency.
    pub(crate) to: Currency,
    /// What it is for.
    pub(crate) kind: RateKind,
    /// Units of the one for one of the other.
    pub(crate) rate: Quantity,
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
    /// A contract is changed.
    Amend(Amendment),
    /// A contract ends.
    Terminate(Termination),
    /// An invoice is issued.
    Invoice(Invoice),
    /// A credit note is issued.
    CreditNote(CreditNote),
    /// Cash comes in.
    Pay(Cash),
    /// Cash is given back.
    Refund(Cash),
    /// Something was done for an obligation.
    Progress(Progress),
    /// An estimate changes.
    Reestimate(Reestimate),
    /// A person moves revenue.
    Adjust(Adjustment),
    /// Revenue is withheld, or released.
    Hold(Hold),
    /// Whether it is a contract is assessed anew.
    Reassess(Assessment),
    /// An exchange rate is stated.
    FxRate(FxRate),
    /// The next version of the policy is set.
    Policy(PolicyStep),
    /// Contracts are accounted for as one.
    Combine(Combine),
    /// Revenue is posted.
    Recognize {
        /// Last day covered.
        through: NaiveDate,
        /// Only this contract.
        contract: Option<String>,
    },
    /// A period is closed, by its name.
    ClosePeriod(String),
    /// The latest closed period is opened again.
    ReopenPeriod(String),
}

impl Verb {
    /// The word for it in files and tables.
    #[must_use]
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Draft(_) => "draft",
            Self::Sign { .. } | Self::SignDraft { .. } => "sign",
            Self::Amend(_) => "amend",
            Self::Terminate(_) => "terminate",
            Self::Invoice(_) => "invoice",
            Self::CreditNote(_) => "credit_note",
            Self::Pay(_) => "pay",
            Self::Refund(_) => "refund",
            Self::Progress(progress) => progress.verb(),
            Self::Reestimate(_) => "reestimate",
            Self::Adjust(_) => "adjust",
            Self::Hold(Hold { released: false, .. }) => "hold",
            Self::Hold(_) => "release",
            Self::Reassess(_) => "reassess",
            Self::FxRate(_) => "fx_rate",
            Self::Policy(_) => "policy",
            Self::Combine(_) => "combine",
            Self::Recognize { .. } => "recognize",
            Self::ClosePeriod(_) => "close_period",
            Self::ReopenPeriod(_) => "reopen_period",
        }
    }
}

/// Declares an enumeration whose values have one name in files.
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

use names;
