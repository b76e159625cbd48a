//! The pure fold from contract facts to accounting: allocation, plan, movements, balances.
//!
//! Facts go in one at a time ([`fold`]), movements of measures and changes of plan come out
//! ([`Effects`]). There is no clock, no input or output, and no panic: the recognition service, the
//! scenario runner and the offline verifier call this same fold and must get the same figures.
//! The rules, with their paragraphs, are in this crate's README.

mod accrual;
mod adjust;
mod allocation;
mod amend;
mod balances;
mod billing;
mod book;
mod calendar;
mod cash;
mod combine;
mod effects;
mod enforce;
mod entries;
mod error;
mod explain;
mod facts;
mod financing;
mod fold;
mod hold;
mod invoice;
mod journal;
mod ledger;
mod legal;
mod math;
mod meter;
mod method;
mod named;
mod option;
mod periods;
mod phase;
mod places;
mod plan;
mod policy;
mod policy_change;
mod preview;
mod prices;
mod progress;
mod recognize;
mod report;
mod schedule;
mod separate;
mod settle;
mod several;
mod share;
mod standing;
mod state;
mod term;
mod terminate;
mod validate;
mod warnings;
mod weights;

#[cfg(test)]
mod tests;

pub use accrual::accrued_part;
pub use allocation::{Allocation, allocate_price};
pub use amend::{AmendmentFact, ObligationChange, Treatment, propose};
pub use billing::{check_ceiling, invoice_spread};
pub use book::accounting_contract_of;
pub use calendar::{Calendar, Period, WeekPattern, YearEnd, YearEndRule};
pub use combine::{Combination, CombinationCriterion, NotCombinable};
pub use effects::{
    Cause, ChangeOutcome, Effects, Measure, Movement, PlanChange, PooledPart, ServiceDays, Working,
};
pub use error::{EngineError, Violation, ViolationReason};
pub use explain::{
    Explained, Explainer, FactKind, Formula, Label, Line, Rendered, RenderedLine, Rule, Step, Told,
    Treated, Unit, Value, render, render_formula,
};
pub use facts::{
    AdjustmentFact, AssessmentFact, Clause, Concession, CreditFact, DiscountScope, Estimate,
    EstimateFact, Fact, HoldFact, InvoiceFact, InvoiceLine, PaymentFact, Renewal, SignedContract,
    SignedObligation, Variable,
};
pub use fold::{account, fold, policies_due};
pub use journal::{
    JournalLine, RateKind, Rates, Role, Translated, TranslationError, Turnover, journal, translate,
    turnover,
};
pub use ledger::{Balances, Entry, Filter, Ledger, RollForward};
pub use legal::{AccountingContract, LegalContract, Portion};
pub use meter::{Meter, MeterChange};
pub use method::{Method, Milestone, MilestoneWeight};
pub use periods::Periods;
pub use phase::{BEGINNING, Phase, Spread};
pub use plan::{PlannedMonth, plan};
pub use policy::{Convention, Policies, Policy, PolicyVersion, ReceivableOn, Rounding};
pub use preview::{Preview, preview};
pub use progress::{Mark, Point, ProgressFact, Reading};
pub use schedule::{Schedule, ScheduledMonth};
pub use separate::can_be_separate;
pub use several::AtLeastOne;
pub use share::Share;
pub use standing::{Criterion, EITHER_MAY_LEAVE, NotYet, Standing};
pub use state::{Accrued, BalancePoint, ContractState, Financing, Hold, ObligationState, Pending};
pub use term::{TERM_MONTHS_MAX, Term, TermError};
pub use terminate::{Refund, TerminationFact};
pub use validate::validate;
pub use warnings::{Warning, WarningReason, warnings};

/// Version of these rules. Every movement names the version it was made under; a change of rules
/// that alters any result is a new version, and replay uses the movement's own.
pub const RULE_VERSION: u32 = 1;
