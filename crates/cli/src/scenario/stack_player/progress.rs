//! What was done, and adjustments, through the recognition service.

use backlog_proto::recognition::v1 as pb;
use chrono::NaiveDate;

use super::super::model::{Adjustment, Assessment, Hold, Progress, Reading};
use super::StackPlayer;
use crate::client::{date, from_status};
use crate::failure::Failure;
use crate::terms::{criterion, decimal};

impl StackPlayer {
    pub(super) async fn progress(
        &mut self,
        on: NaiveDate,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let request = pb::ReportProgressRequest {
            request_id: self.session.request_id(None),
            progress: Some(pb::Progress {
                contract_id: self.contract_id(&progress.contract),
                obligation_id: self.obligation_id(&progress.contract, &progress.obligation),
                on: date(on),
                evidence: evidence(&progress.reading),
                reading: Some(reading(&progress.reading)),
            }),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.progress().report_progress(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }

    pub(super) async fn hold(&mut self, on: NaiveDate, hold: &Hold) -> Result<(), Failure> {
        let obligation = hold.obligation.as_ref();
        let request = pb::HoldRevenueRequest {
            request_id: self.session.request_id(None),
            hold: Some(pb::Hold {
                contract_id: self.contract_id(&hold.contract),
                obligation_id: obligation
                    .map(|key| self.obligation_id(&hold.contract, key))
                    .unwrap_or_default(),
                on: date(on),
                released: hold.released,
                reason: "as the scenario says".to_owned(),
            }),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.progress().hold_revenue(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }

    pub(super) async fn reassess(
        &mut self,
        on: NaiveDate,
        assessment: &Assessment,
    ) -> Result<(), Failure> {
        let request = pb::ReassessContractRequest {
            request_id: self.session.request_id(None),
            assessment: Some(pb::Assessment {
                contract_id: self.contract_id(&assessment.contract),
                on: date(on),
                unmet: assessment.unmet.iter().map(|of| criterion(*of).into()).collect(),
                reason: assessment.reason.clone(),
            }),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.progress().reassess_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }

    pub(super) async fn adjust(
        &mut self,
        on: NaiveDate,
        adjustment: &Adjustment,
    ) -> Result<(), Failure> {
        let request = pb::AdjustRevenueRequest {
            request_id: self.session.request_id(None),
            adjustment: Some(pb::Adjustment {
                contract_id: self.contract_id(&adjustment.contract),
                obligation_id: self.obligation_id(&adjustment.contract, &adjustment.obligation),
                on: date(on),
                amount: Some(adjustment.amount.into()),
                reason: adjustment.reason.clone(),
            }),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.progress().adjust_revenue(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }
}

fn evidence(reading: &Reading) -> String {
    match reading {
        Reading::Milestone { evidence, .. } => evidence.clone(),
        _ => String::new(),
    }
}

fn reading(reading: &Reading) -> pb::progress::Reading {
    use pb::progress::Reading as Wire;
    match reading {
        Reading::Percent(percent) => Wire::Percent(percent.to_string()),
        Reading::Units(units) => Wire::Units(units.to_string()),
        Reading::Hours(hours) => Wire::Hours(hours.to_string()),
        Reading::Cost { cost, estimate, uninstalled } => Wire::Cost(pb::CostReading {
            cost: Some((*cost).into()),
            estimate_at_completion: estimate.map(Into::into),
            uninstalled: uninstalled.map(Into::into),
        }),
        Reading::Usage { quantity, amount } => Wire::Usage(pb::UsageReading {
            quantity: quantity.to_string(),
            amount: amount.map(Into::into),
        }),
        Reading::Milestone { id, .. } => Wire::Milestone(id.clone()),
        Reading::Delivery { quantity, gate } => Wire::Delivery(pb::Delivery {
            quantity: decimal(*quantity),
            gate: gate.clone().unwrap_or_default(),
        }),
        Reading::Exercised(share) => Wire::ExercisedShare(share.to_string()),
        Reading::Expired => Wire::Expired(true),
    }
}
