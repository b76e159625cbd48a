//! What explanations tell: how a change was accounted for, and what a person should look at.

use backlog_proto::common::v1::DateRange;
use backlog_proto::contract::v1::ChangeTreatment;
use backlog_proto::recognition::v1 as pb;

use super::super::model::View;
use super::StackPlayer;
use crate::client::{date, day, explained, from_status};
use crate::commands::explain::treatment_name;
use crate::failure::Failure;
use crate::terms::no_contract_reasons;

impl StackPlayer {
    /// How the last change of the view's contract up to its day was accounted for.
    pub(super) async fn treatment_of(&self, view: &View) -> Result<Option<String>, Failure> {
        let Some(handle) = &view.contract else { return Ok(None) };
        let answer = explained(&self.client, self.request(handle)).await?;
        let facts = answer
            .facts
            .iter()
            .filter(|fact| day(fact.on.as_ref()).is_some_and(|on| on <= view.as_of));
        let treated = facts.filter_map(|fact| fact.treated.as_ref()).next_back();
        let used = treated.map(pb::Treated::used);
        Ok(used.filter(|used| *used != ChangeTreatment::Unspecified).map(treatment_name))
    }

    /// What a person should look at in the view's contract.
    pub(super) async fn warnings_of(&self, view: &View) -> Result<Vec<String>, Failure> {
        let Some(handle) = &view.contract else { return Ok(Vec::new()) };
        let from = self.first_day.unwrap_or(view.as_of).min(view.as_of);
        let period = Some(DateRange { from: date(from), to: date(view.as_of) });
        let request = pb::ExplainContractRequest { period, ..self.request(handle) };
        let answer = explained(&self.client, request).await?;
        Ok(answer.warnings.into_iter().map(|warning| warning.reason).collect())
    }

    /// Why the view's contract is none.
    pub(super) async fn why_no_contract(&self, view: &View) -> Result<Vec<String>, Failure> {
        let Some(handle) = &view.contract else { return Ok(Vec::new()) };
        let request = pb::GetPlanRequest {
            contract_id: self.contract_id(handle),
            min_positions: self.positions.clone(),
        };
        let answer = self.client.recognition().get_plan(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        Ok(answer.not_a_contract.as_ref().map(no_contract_reasons).unwrap_or_default())
    }

    /// Why the figures of a contract are what they are, in words.
    pub(super) async fn explained_text(&self, handle: &str) -> Result<Vec<String>, Failure> {
        let answer = explained(&self.client, self.request(handle)).await?;
        Ok(answer.facts.into_iter().flat_map(|fact| fact.text).collect())
    }

    fn request(&self, handle: &str) -> pb::ExplainContractRequest {
        pb::ExplainContractRequest {
            contract_id: self.contract_id(handle),
            min_positions: self.positions.clone(),
            ..pb::ExplainContractRequest::default()
        }
    }
}
