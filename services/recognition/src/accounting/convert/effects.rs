//! What the engine emitted, onto the wire.

use backlog_money::{Currency, Money};
use backlog_proto::common::v1 as common;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{Cause, Effects, Measure, Movement, PlanChange};

/// Renders what the engine emitted, as of a position of the contract log.
#[must_use]
pub fn accounting_posted(effects: &Effects, covered: u64) -> pb::AccountingPosted {
    pb::AccountingPosted {
        covered_contract_seq: covered,
        movements: effects.movements.iter().map(movement).collect(),
        plan_changes: effects.plan_changes.iter().map(plan_change).collect(),
        run: None,
        own_fact: None,
    }
}

/// Renders a movement.
#[must_use]
pub fn movement(movement: &Movement) -> pb::Movement {
    pb::Movement {
        contract_id: movement.contract.to_string(),
        accounting_contract_id: movement.accounting_contract.to_string(),
        obligation_id: movement.obligation.map(|id| id.to_string()).unwrap_or_default(),
        cause: cause(movement.cause).into(),
        measure: measure(movement.measure).into(),
        amount: Some(movement.amount.into()),
        effective_date: Some(movement.effective_date.into()),
        posting_period: Some(movement.posting_period.into()),
        service_month: movement.service_month.map(Into::into),
        rule_version: movement.rule_version,
        policy_version: movement.policy_version,
        prior_performance: movement.prior_performance,
        late_of: movement.late_of.map(Into::into),
    }
}

/// Renders a change of plan.
#[must_use]
pub fn plan_change(change: &PlanChange) -> pb::PlanChange {
    pb::PlanChange {
        contract_id: change.contract.to_string(),
        obligation_id: change.obligation.to_string(),
        month: Some(change.month.into()),
        amount: Some(change.amount.into()),
        effective_date: Some(change.effective_date.into()),
        service_from: change.service.map(|days| days.from.into()),
        service_to: change.service.map(|days| days.to.into()),
    }
}

/// Renders a cause.
#[must_use]
pub fn cause(cause: Cause) -> pb::Cause {
    match cause {
        Cause::Booking => pb::Cause::Booking,
        Cause::Recognition => pb::Cause::Recognition,
        Cause::Invoice => pb::Cause::Invoice,
        Cause::ContractBalance => pb::Cause::ContractBalance,
        Cause::Amendment => pb::Cause::Amendment,
        Cause::Reallocation => pb::Cause::Reallocation,
        Cause::EstimateChange => pb::Cause::EstimateChange,
        Cause::Usage => pb::Cause::Usage,
        Cause::Concession => pb::Cause::Concession,
        Cause::Termination => pb::Cause::Termination,
        Cause::Adjustment => pb::Cause::Adjustment,
        Cause::CreditNote => pb::Cause::CreditNote,
        Cause::Payment => pb::Cause::Payment,
        Cause::Refund => pb::Cause::Refund,
        Cause::Renewal => pb::Cause::Renewal,
        Cause::Interest => pb::Cause::Interest,
        Cause::Expiry => pb::Cause::Expiry,
        Cause::PolicyChange => pb::Cause::PolicyChange,
    }
}

/// Renders a measure.
#[must_use]
pub fn measure(measure: Measure) -> pb::Measure {
    match measure {
        Measure::TransactionPrice => pb::Measure::TransactionPrice,
        Measure::BeyondEnforceable => pb::Measure::BeyondEnforceable,
        Measure::Recognized => pb::Measure::Recognized,
        Measure::Billed => pb::Measure::Billed,
        Measure::Unconditional => pb::Measure::Unconditional,
        Measure::DeferredRevenue => pb::Measure::DeferredRevenue,
        Measure::ContractAsset => pb::Measure::ContractAsset,
        Measure::RefundLiability => pb::Measure::RefundLiability,
        Measure::Receivable => pb::Measure::Receivable,
        Measure::Cash => pb::Measure::Cash,
        Measure::Interest => pb::Measure::Interest,
        Measure::Potential => pb::Measure::Potential,
        Measure::Tax => pb::Measure::Tax,
    }
}

/// Renders an amount of minor units.
#[must_use]
pub fn money(minor: i128, currency: Currency) -> common::Money {
    Money::from_minor(minor, currency).into()
}
