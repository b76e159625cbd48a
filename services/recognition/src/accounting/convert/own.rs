//! Facts that this service keeps itself: progress, estimates, adjustments.

use backlog_ids::{ContractId, ObligationId};
use backlog_money::Currency;
use backlog_proto::common::v1 as common;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_proto::recognition::v1::progress::Reading as WireReading;
use backlog_recognition_engine::{
    AdjustmentFact, AssessmentFact, Estimate, EstimateFact, Fact, HoldFact, ProgressFact, Reading,
};

use super::super::fact::OwnFact;
use super::amounts::{optional_quantity, quantity};
use super::criteria::criteria;

/// Longest text of an evidence or a reason.
const TEXT_MAX: usize = 500;

/// Reads a fact of this service's own, recording everything that is wrong with it. Paths begin with
/// the name of its field in requests.
pub fn own_fact(wire: &Wire, fields: &mut Fields) -> Option<OwnFact> {
    match wire {
        Wire::Progress(progress) => self::progress(progress, fields),
        Wire::Estimate(estimate) => self::estimate(estimate, fields),
        Wire::Adjustment(adjustment) => self::adjustment(adjustment, fields),
        Wire::Hold(hold) => self::hold(hold, fields),
        Wire::Assessment(assessment) => self::assessment(assessment, fields),
        Wire::Combination(_)
        | Wire::AccountMapping(_)
        | Wire::ExchangeRate(_)
        | Wire::JournalExport(_)
        | Wire::PeriodClosed(_)
        | Wire::PeriodReopened(_)
        | Wire::AdjustmentProposed(_)
        | Wire::AdjustmentApproved(_)
        | Wire::AdjustmentRejected(_)
        | Wire::PolicySet(_) => {
            fields.violation("own_fact", "must be of one contract");
            None
        }
    }
}

/// Currencies that a fact names: all must be the contract's.
#[derive(Default)]
struct Currencies(Option<Currency>);

impl Currencies {
    fn amount(
        &mut self,
        field: &str,
        value: Option<&common::Money>,
        fields: &mut Fields,
    ) -> Option<i128> {
        let money = fields.money(field, value)?;
        let currency = *self.0.get_or_insert(money.currency());
        if money.currency() != currency {
            fields.violation(field, format!("must be in {currency}, as the other amounts"));
            return None;
        }
        Some(money.minor())
    }

    /// The outer `None` is a violation, the inner one "not stated".
    fn optional(
        &mut self,
        field: &str,
        value: Option<&common::Money>,
        fields: &mut Fields,
    ) -> Option<Option<i128>> {
        match value {
            None => Some(None),
            Some(value) => self.amount(field, Some(value), fields).map(Some),
        }
    }
}

fn progress(wire: &pb::Progress, fields: &mut Fields) -> Option<OwnFact> {
    let contract = fields.id::<ContractId>("progress.contract_id", &wire.contract_id);
    let obligation = fields.id::<ObligationId>("progress.obligation_id", &wire.obligation_id);
    let on = fields.date("progress.on", wire.on.as_ref());
    let evidence = fields.text("progress.evidence", &wire.evidence, 0, TEXT_MAX);
    let mut currencies = Currencies::default();
    let reading = match &wire.reading {
        Some(wire) => reading(wire, &mut currencies, fields),
        None => {
            fields.violation("progress.reading", "must be set to what was done");
            None
        }
    };
    evidence?;
    let (contract, reading) = (contract?, reading?);
    let fact =
        Fact::Progressed(ProgressFact { contract, obligation: obligation?, on: on?, reading });
    Some(OwnFact { contract, currency: currencies.0, fact })
}

fn reading(
    wire: &WireReading,
    currencies: &mut Currencies,
    fields: &mut Fields,
) -> Option<Reading> {
    Some(match wire {
        WireReading::Percent(done) => Reading::Percent(quantity("progress.percent", done, fields)?),
        WireReading::Units(done) => Reading::Units(quantity("progress.units", done, fields)?),
        WireReading::Hours(done) => Reading::Hours(quantity("progress.hours", done, fields)?),
        WireReading::Cost(cost) => {
            let done = currencies.amount("progress.cost.cost", cost.cost.as_ref(), fields);
            let field = "progress.cost.estimate_at_completion";
            let estimate = currencies.optional(field, cost.estimate_at_completion.as_ref(), fields);
            let field = "progress.cost.uninstalled";
            let uninstalled = currencies.optional(field, cost.uninstalled.as_ref(), fields);
            Reading::Cost {
                cost: done?,
                estimate: estimate?,
                uninstalled: uninstalled?.unwrap_or(0),
            }
        }
        WireReading::Usage(usage) => {
            let used = quantity("progress.usage.quantity", &usage.quantity, fields);
            let amount =
                currencies.optional("progress.usage.amount", usage.amount.as_ref(), fields);
            Reading::Usage { quantity: used?, amount: amount? }
        }
        WireReading::Milestone(id) => {
            Reading::Milestone(fields.text("progress.milestone", id, 1, 60)?)
        }
        WireReading::Delivery(delivery) => {
            let field = "progress.delivery.quantity";
            let quantity = optional_quantity(field, &delivery.quantity, fields);
            let gate = fields.text("progress.delivery.gate", &delivery.gate, 0, 60);
            Reading::Delivered { quantity: quantity?, gate: gate.filter(|gate| !gate.is_empty()) }
        }
        WireReading::ExercisedShare(share) => {
            Reading::Exercised(quantity("progress.exercised_share", share, fields)?)
        }
        WireReading::Expired(true) => Reading::Expired,
        WireReading::Expired(false) => {
            fields.violation("progress.expired", "must be true, or another reading");
            return None;
        }
    })
}

fn estimate(wire: &pb::EstimateChange, fields: &mut Fields) -> Option<OwnFact> {
    let contract = fields.id::<ContractId>("change.contract_id", &wire.contract_id);
    let on = fields.date("change.on", wire.on.as_ref());
    let mut currencies = Currencies::default();
    let estimate = match &wire.estimate {
        Some(pb::estimate_change::Estimate::Variable(variable)) => {
            let id = fields.text("change.variable.id", &variable.id, 1, 60);
            let field = "change.variable.estimate";
            let estimate = currencies.amount(field, variable.estimate.as_ref(), fields);
            let field = "change.variable.included";
            let included = currencies.optional(field, variable.included.as_ref(), fields);
            let estimate = estimate?;
            let included = included?.unwrap_or(estimate);
            if included > estimate {
                fields.violation(field, "must not exceed the estimate");
                return None;
            }
            Some(Estimate::Variable { id: id?, estimate, included })
        }
        Some(pb::estimate_change::Estimate::Cost(cost)) => {
            let obligation = fields.id("change.cost.obligation_id", &cost.obligation_id);
            let field = "change.cost.estimate_at_completion";
            let estimate = currencies.amount(field, cost.estimate_at_completion.as_ref(), fields);
            Some(Estimate::Cost { obligation: obligation?, estimate: estimate? })
        }
        Some(pb::estimate_change::Estimate::Exercise(exercise)) => {
            let obligation = fields.id("change.exercise.obligation_id", &exercise.obligation_id);
            let field = "change.exercise.expected_share";
            let share = quantity(field, &exercise.expected_share, fields);
            Some(Estimate::Exercise { obligation: obligation?, share: share? })
        }
        None => {
            fields.violation("change.estimate", "must be set to what is estimated");
            None
        }
    };
    let contract = contract?;
    let fact = Fact::Reestimated(EstimateFact { contract, on: on?, estimate: estimate? });
    Some(OwnFact { contract, currency: currencies.0, fact })
}

fn hold(wire: &pb::Hold, fields: &mut Fields) -> Option<OwnFact> {
    let contract = fields.id::<ContractId>("hold.contract_id", &wire.contract_id);
    let obligation = match wire.obligation_id.as_str() {
        "" => Some(None),
        id => fields.id::<ObligationId>("hold.obligation_id", id).map(Some),
    };
    let on = fields.date("hold.on", wire.on.as_ref());
    fields.text("hold.reason", &wire.reason, 1, TEXT_MAX)?;
    let contract = contract?;
    let hold = HoldFact { contract, obligation: obligation?, on: on? };
    let fact = if wire.released { Fact::Released(hold) } else { Fact::Held(hold) };
    Some(OwnFact { contract, currency: None, fact })
}

fn assessment(wire: &pb::Assessment, fields: &mut Fields) -> Option<OwnFact> {
    let contract = fields.id::<ContractId>("assessment.contract_id", &wire.contract_id);
    let on = fields.date("assessment.on", wire.on.as_ref());
    let unmet = criteria("assessment.unmet", &wire.unmet, fields);
    fields.text("assessment.reason", &wire.reason, 1, TEXT_MAX)?;
    let contract = contract?;
    let fact = Fact::Reassessed(AssessmentFact { contract, on: on?, unmet: unmet? });
    Some(OwnFact { contract, currency: None, fact })
}

fn adjustment(wire: &pb::Adjustment, fields: &mut Fields) -> Option<OwnFact> {
    let contract = fields.id::<ContractId>("adjustment.contract_id", &wire.contract_id);
    let obligation = fields.id::<ObligationId>("adjustment.obligation_id", &wire.obligation_id);
    let on = fields.date("adjustment.on", wire.on.as_ref());
    let reason = fields.text("adjustment.reason", &wire.reason, 1, TEXT_MAX);
    let mut currencies = Currencies::default();
    let amount = currencies.amount("adjustment.amount", wire.amount.as_ref(), fields);
    if amount == Some(0) {
        fields.violation("adjustment.amount.amount", "must not be zero");
        return None;
    }
    reason?;
    let contract = contract?;
    let fact = Fact::Adjusted(AdjustmentFact {
        contract,
        obligation: obligation?,
        on: on?,
        amount: amount?,
    });
    Some(OwnFact { contract, currency: currencies.0, fact })
}
