//! What was done, and adjustments.

use backlog_money::Money;
use backlog_recognition_engine::{
    self as engine, AdjustmentFact, AssessmentFact, Fact, HoldFact, ProgressFact,
};
use chrono::NaiveDate;

use crate::failure::Failure;

use super::super::model::{Adjustment, Assessment, Hold, Progress, Reading};
use super::refusal::unfit;
use super::{EnginePlayer, contract_id};

impl EnginePlayer {
    pub(super) fn progress(&mut self, on: NaiveDate, progress: &Progress) -> Result<(), Failure> {
        let fact = Fact::Progressed(ProgressFact {
            contract: contract_id(&progress.contract),
            obligation: self.obligation(&progress.contract, &progress.obligation)?,
            on,
            reading: reading(&progress.reading),
        });
        self.fold(on, &progress.contract, &fact)
    }

    pub(super) fn hold(&mut self, on: NaiveDate, hold: &Hold) -> Result<(), Failure> {
        self.accounted(&hold.contract)?;
        let of = hold.obligation.as_ref();
        let obligation = of.map(|key| self.obligation(&hold.contract, key)).transpose()?;
        let fact = HoldFact { contract: contract_id(&hold.contract), obligation, on };
        let fact = if hold.released { Fact::Released(fact) } else { Fact::Held(fact) };
        self.fold(on, &hold.contract, &fact)
    }

    pub(super) fn reassess(
        &mut self,
        on: NaiveDate,
        assessment: &Assessment,
    ) -> Result<(), Failure> {
        self.accounted(&assessment.contract)?;
        let contract = contract_id(&assessment.contract);
        let unmet = assessment.unmet.clone();
        let fact = Fact::Reassessed(AssessmentFact { contract, on, unmet });
        self.fold(on, &assessment.contract, &fact)
    }

    pub(super) fn adjust(&mut self, on: NaiveDate, adjustment: &Adjustment) -> Result<(), Failure> {
        if adjustment.amount.minor() == 0 {
            return Err(unfit("an adjustment must not be zero"));
        }
        let fact = Fact::Adjusted(AdjustmentFact {
            contract: contract_id(&adjustment.contract),
            obligation: self.obligation(&adjustment.contract, &adjustment.obligation)?,
            on,
            amount: adjustment.amount.minor(),
        });
        self.fold(on, &adjustment.contract, &fact)
    }
}

fn reading(reading: &Reading) -> engine::Reading {
    match reading {
        Reading::Percent(percent) => engine::Reading::Percent(*percent),
        Reading::Units(units) => engine::Reading::Units(*units),
        Reading::Hours(hours) => engine::Reading::Hours(*hours),
        Reading::Cost { cost, estimate, uninstalled } => engine::Reading::Cost {
            cost: cost.minor(),
            estimate: estimate.map(Money::minor),
            uninstalled: uninstalled.map_or(0, Money::minor),
        },
        Reading::Usage { quantity, amount } => {
            engine::Reading::Usage { quantity: *quantity, amount: amount.map(Money::minor) }
        }
        Reading::Milestone { id, .. } => engine::Reading::Milestone(id.clone()),
        Reading::Delivery { quantity, gate } => {
            engine::Reading::Delivered { quantity: *quantity, gate: gate.clone() }
        }
        Reading::Exercised(share) => engine::Reading::Exercised(*share),
        Reading::Expired => engine::Reading::Expired,
    }
}
