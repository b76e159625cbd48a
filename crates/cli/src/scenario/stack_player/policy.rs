//! Versions of the policy.

use backlog_proto::recognition::v1 as pb;
use chrono::NaiveDate;

use crate::client::{date, from_status};
use crate::failure::Failure;
use crate::policy;
use crate::scenario::model::PolicyStep;

use super::StackPlayer;

impl StackPlayer {
    pub(super) async fn set_policy(
        &mut self,
        on: NaiveDate,
        step: &PolicyStep,
    ) -> Result<(), Failure> {
        let policy = pb::Policy {
            convention: step.convention.map_or(0, |of| policy::convention(of).into()),
            rounding: step.rounding.map_or(0, |of| policy::rounding(of).into()),
            receivable_on: step.receivable_on.map_or(0, |of| policy::receivable_on(of).into()),
            standard: step.standard.map_or(0, |of| of.wire().into()),
            expedients: step.expedients.as_ref().map(policy::expedients),
        };
        let request = pb::SetPolicyRequest {
            request_id: self.session.request_id(None),
            policy: Some(policy),
            effective_from: date(step.effective),
            reason: "the scenario says so".to_owned(),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.policies().set_policy(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }
}
