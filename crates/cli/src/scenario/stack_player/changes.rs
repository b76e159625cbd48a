//! Amendments and terminations through the contract service; new estimates through recognition.

use backlog_money::Money;
use backlog_proto::contract::v1 as pb;
use backlog_proto::recognition::v1 as recognition;
use chrono::NaiveDate;

use super::super::model::{Amendment, Estimate, Included, Reestimate, Refund, Termination};
use super::StackPlayer;
use crate::client::{date, from_status};
use crate::failure::Failure;
use crate::terms;

impl StackPlayer {
    pub(super) async fn amend(
        &mut self,
        on: NaiveDate,
        amendment: &Amendment,
    ) -> Result<(), Failure> {
        let request = pb::AmendContractRequest {
            request_id: self.session.request_id(None),
            contract_id: self.contract_id(&amendment.contract),
            amendment: Some(pb::Amendment {
                effective_on: date(on),
                changes: amendment.changes.iter().map(terms::change).collect(),
                added: amendment.added.iter().map(terms::obligation).collect(),
                treatment: terms::treatment(amendment.treatment).into(),
                clauses: amendment.clauses.as_ref().map(|of| terms::clauses(of)),
            }),
            etag: String::new(),
            validate_only: false,
            proposed: amendment.proposed,
        };
        let answer = self.client.contracts().amend_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let contract = answer.contract.unwrap_or_default();
        let promises = contract.terms.unwrap_or_default().obligations.into_iter();
        if let Some(known) = self.contracts.get_mut(&amendment.contract) {
            known.obligations =
                promises.map(|promise| promise.key).zip(contract.obligation_ids).collect();
        }
        self.wrote(answer.position, on);
        Ok(())
    }

    pub(super) async fn terminate(
        &mut self,
        on: NaiveDate,
        termination: &Termination,
    ) -> Result<(), Failure> {
        let refund = termination.refund.map(|refund| match refund {
            Refund::Amount(amount) => pb::termination::Refund::RefundAmount(amount.into()),
            Refund::All => pb::termination::Refund::RefundAll(true),
        });
        let request = pb::TerminateContractRequest {
            request_id: self.session.request_id(None),
            contract_id: self.contract_id(&termination.contract),
            termination: Some(pb::Termination {
                effective_on: date(on),
                refund,
                penalty: termination.penalty.map(Into::into),
                forfeit_earned: !termination.keep_earned,
                wind_down_to: termination.wind_down_to.map(Into::into),
                reason: termination.reason.clone(),
            }),
            etag: String::new(),
            validate_only: false,
        };
        let answer = self.client.contracts().terminate_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }

    pub(super) async fn reestimate(
        &mut self,
        on: NaiveDate,
        reestimate: &Reestimate,
    ) -> Result<(), Failure> {
        let contract = &reestimate.contract;
        let mut changed = None;
        let estimate = match &reestimate.estimate {
            Estimate::Variable { id, amount, included } => {
                let known = self.contracts.get(contract);
                let before = known.and_then(|known| known.variables.get(id)).copied();
                let (estimate, counted) =
                    Included::after(*amount, *included, before.unwrap_or_default());
                changed = Some((id, (estimate, counted)));
                let money = |minor| Some(Money::from_minor(minor, self.currency).into());
                recognition::estimate_change::Estimate::Variable(recognition::VariableEstimate {
                    id: id.clone(),
                    estimate: money(estimate),
                    included: money(counted),
                })
            }
            Estimate::Cost { obligation, estimate } => {
                recognition::estimate_change::Estimate::Cost(recognition::CostEstimate {
                    obligation_id: self.obligation_id(contract, obligation),
                    estimate_at_completion: Some((*estimate).into()),
                })
            }
            Estimate::Exercise { obligation, share } => {
                recognition::estimate_change::Estimate::Exercise(recognition::ExerciseEstimate {
                    obligation_id: self.obligation_id(contract, obligation),
                    expected_share: share.to_string(),
                })
            }
        };
        let request = recognition::ChangeEstimateRequest {
            request_id: self.session.request_id(None),
            change: Some(recognition::EstimateChange {
                contract_id: self.contract_id(contract),
                on: date(on),
                estimate: Some(estimate),
            }),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.progress().change_estimate(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        if let (Some((id, now)), Some(known)) = (changed, self.contracts.get_mut(contract)) {
            known.variables.insert(id.clone(), now);
        }
        self.wrote(answer.position, on);
        Ok(())
    }
}
