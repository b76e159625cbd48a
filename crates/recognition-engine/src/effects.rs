//! What the fold emits: movements of measures and changes of plan.

use backlog_ids::{AccountingContractId, ContractId, ObligationId};
use backlog_money::{Money, Quantity};
use chrono::NaiveDate;

use crate::{amend::Treatment, named::named_enum};

named_enum! {
    /// Why a measure moved; every movement has exactly one cause.
    pub enum Cause {
        /// A contract was signed.
        Booking = "booking",
        /// A contract was changed (606-10-25-10 to 25-13).
        Amendment = "amendment",
        /// A change moved price between obligations; nets to zero over the contract.
        Reallocation = "reallocation",
        /// An estimate of variable consideration changed (606-10-32-42 to 32-45).
        EstimateChange = "estimate_change",
        /// Metered use was reported.
        Usage = "usage",
        /// The price was reduced after the fact.
        Concession = "concession",
        /// The contract was terminated.
        Termination = "termination",
        /// Time passed that a customer can no longer leave before; nets to zero over TCV.
        Renewal = "renewal",
        /// Interest where one side finances the other (606-10-32-20).
        Interest = "interest",
        /// A right or an option expired.
        Expiry = "expiry",
        /// Revenue was recognized by transfer of control.
        Recognition = "recognition",
        /// Revenue was adjusted by a person, with a reason.
        Adjustment = "adjustment",
        /// An invoice was issued, or became an unconditional right.
        Invoice = "invoice",
        /// An invoice was credited.
        CreditNote = "credit_note",
        /// Cash was received.
        Payment = "payment",
        /// Cash was given back.
        Refund = "refund",
        /// The net position of an accounting contract was split anew.
        ContractBalance = "contract_balance",
        /// Another version of the policy measures days that were posted under the one before.
        PolicyChange = "policy_change",
    }
}

named_enum! {
    /// What moved. A measure at a date is the sum of its movements effective up to it.
    pub enum Measure {
        /// Transaction price T, of the obligation.
        TransactionPrice = "transaction_price",
        /// What the stated term adds to T, of the obligation.
        BeyondEnforceable = "beyond_enforceable",
        /// Revenue recognized R, of the obligation.
        Recognized = "recognized",
        /// Billed B, of the obligation.
        Billed = "billed",
        /// The unconditional part U of B, of the obligation.
        Unconditional = "unconditional",
        /// Contract liability, of the accounting contract.
        DeferredRevenue = "deferred_revenue",
        /// Contract asset, of the accounting contract.
        ContractAsset = "contract_asset",
        /// Refund liability, of the accounting contract.
        RefundLiability = "refund_liability",
        /// Invoiced and unpaid with tax, of the accounting contract.
        Receivable = "receivable",
        /// Cash received less cash given back, of the accounting contract.
        Cash = "cash",
        /// Interest accreted on advances, less interest income on arrears, of the accounting contract.
        Interest = "interest",
        /// What options not exercised would bring, of the obligation; never in backlog.
        Potential = "potential",
        /// Tax invoiced less tax credited, of the accounting contract: what the receivable holds
        /// beyond the price, owed to the authority (606-10-32-2A).
        Tax = "tax",
    }
}

impl Measure {
    /// Whether only a contract has it (606-10-25-1); of what is billed and received there is a figure
    /// without one.
    pub(crate) const fn needs_contract(self) -> bool {
        matches!(
            self,
            Self::TransactionPrice | Self::BeyondEnforceable | Self::Recognized | Self::Potential
        )
    }
}

/// What a fact did, in the order made. No amount is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// Movements of measures.
    pub movements: Vec<Movement>,
    /// Changes of plan.
    pub plan_changes: Vec<PlanChange>,
    /// The first day from which balance points of the state are new or changed: all that a service
    /// has to save of them. None when no balance changed.
    pub balances_from: Option<NaiveDate>,
    /// Decisions and figures on the way that no movement shows: what explanations build on. Replay
    /// makes them again, so that nobody has to keep them.
    pub workings: Vec<Working>,
}

/// A decision or figure on the way to movements. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Working {
    /// How a change is accounted for.
    Treated {
        /// By the standard, from what the change says.
        proposed: Treatment,
        /// As used: a person may decide otherwise.
        used: Treatment,
    },
    /// What a change makes of an obligation that it names.
    Changed {
        /// Place of the obligation in the contract's state.
        place: usize,
        /// What.
        outcome: ChangeOutcome,
        /// By how much its own price changes.
        own: i128,
    },
    /// What a contract of its own promises, and its price.
    Separate {
        /// The price of all that is added.
        pool: i128,
        /// The promises, in order.
        parts: Vec<PooledPart>,
    },
    /// What of an obligation the customer could leave before, worked out anew (606-10-25-3).
    Bound {
        /// Place of the obligation in the contract's state.
        place: usize,
        /// Whether at signature or as time passed.
        cause: Cause,
        /// The day on which it takes effect.
        on: NaiveDate,
        /// The last day that the customer is bound for; none where there is no right to leave any more.
        last: Option<NaiveDate>,
        /// What is planned for later days.
        planned: i128,
        /// What of it leaving would cost.
        kept: i128,
        /// Beyond enforceable before.
        before: i128,
    },
    /// What of the bills of a portion of an accounting contract is no right to payment yet (606-10-45-4).
    Conditional {
        /// Place of the accounting contract among the contract's, and the legal contract.
        portion: (usize, ContractId),
        /// The day on which it takes effect.
        on: NaiveDate,
        /// Billed to date.
        billed: i128,
        /// Its enforceable price.
        enforceable: i128,
        /// What of its bills was paid.
        paid: i128,
        /// What is conditional: 0 where the customer may not leave.
        amount: i128,
        /// Conditional before.
        before: i128,
        /// Each obligation of it: its place, what it weighs, and what of it was conditional before.
        parts: Vec<(usize, i128, i128)>,
    },
    /// Interest of a part of a year (606-10-32-20).
    Interest {
        /// The day on which it is posted.
        on: NaiveDate,
        /// Whether it is income, on what was earned and not received; else it is on advances.
        arrears: bool,
        /// What bears it, of the year's days so far, added up.
        summed: i128,
        /// The yearly rate, as a fraction.
        rate: Quantity,
        /// Days of the year of interest.
        days: i64,
        /// Interest of the year posted before.
        before: i128,
        /// What it comes to.
        amount: i128,
        /// What each obligation weighs in it, in the order of the contract's state.
        weights: Vec<i128>,
    },
    /// What an option would still bring.
    Potential {
        /// Place of the obligation in the contract's state.
        place: usize,
        /// Why it changed.
        cause: Cause,
        /// The day on which it takes effect.
        on: NaiveDate,
        /// What it would still bring.
        left: i128,
        /// What it would have brought before.
        before: i128,
    },
    /// What contracts that are combined share, and what each obligation's share was, by how much it
    /// changes, and what it weighs.
    Combined {
        /// The prices of all of them together.
        pool: i128,
        /// The obligations, in order: `earned` is what each had of it before.
        parts: Vec<PooledPart>,
    },
    /// What a prospective change of an accounting contract shares, and among which obligations.
    Pooled {
        /// The price to be shared: not earned yet, and new.
        pool: i128,
        /// Those that take part, in order.
        parts: Vec<PooledPart>,
    },
}

/// What a change makes of an obligation that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// What remains of it is given up.
    GivenUp,
    /// It is measured anew over its whole life.
    CaughtUp,
    /// It takes part in the pool of what remains.
    Pooled,
    /// What is used from then on is metered by other terms; what was used before stays.
    Rated,
}

/// What an obligation brings into a pool and takes out of it. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PooledPart {
    /// Place of the obligation in the contract's state.
    pub place: usize,
    /// Earned before, and left alone.
    pub earned: i128,
    /// By how much its own stated price changes.
    pub own: i128,
    /// What it weighs: the stand-alone selling price of what remains, or one each.
    pub weight: i128,
}

/// A signed change of one measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The legal contract.
    pub contract: ContractId,
    /// The accounting contract.
    pub accounting_contract: AccountingContractId,
    /// The obligation; none for measures of the whole accounting contract.
    pub obligation: Option<ObligationId>,
    /// Why.
    pub cause: Cause,
    /// What.
    pub measure: Measure,
    /// By how much.
    pub amount: Money,
    /// Day on which it takes effect; may lie ahead, as an invoice's due date does.
    pub effective_date: NaiveDate,
    /// First day of the accounting period it posts in: that of the effective date.
    pub posting_period: NaiveDate,
    /// First day of the month of service, for recognition only.
    pub service_month: Option<NaiveDate>,
    /// Its own day, where that lies in a period that is closed: it comes late, and takes effect on the
    /// first open day.
    pub late_of: Option<NaiveDate>,
    /// Whether it is revenue for performance before the change that caused it (606-10-50-12A).
    pub prior_performance: bool,
    /// Version of the rules, [`crate::RULE_VERSION`].
    pub rule_version: u32,
    /// Version of the policy it was made under.
    pub policy_version: u32,
}

/// A signed change of what is planned to be recognized in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanChange {
    /// The legal contract.
    pub contract: ContractId,
    /// The obligation.
    pub obligation: ObligationId,
    /// First day of the month planned.
    pub month: NaiveDate,
    /// By how much.
    pub amount: Money,
    /// Day on which the plan changes.
    pub effective_date: NaiveDate,
    /// The days of the month that are not posted then, where time earns them: what is planned accrues
    /// by them.
    pub service: Option<ServiceDays>,
}

/// Days of service within one month, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceDays {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

impl Effects {
    /// These, and then those. Mostly only one of them is anything, which is then not copied.
    pub(crate) fn then(mut self, later: Self) -> Self {
        if self == Self::default() {
            return later;
        }
        self.movements.extend(later.movements);
        self.plan_changes.extend(later.plan_changes);
        self.workings.extend(later.workings);
        let days = [self.balances_from, later.balances_from];
        self.balances_from = days.into_iter().flatten().min();
        self
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.movements.is_empty() && self.plan_changes.is_empty()
    }
}
