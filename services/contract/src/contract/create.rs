//! Creating a draft.

use backlog_event_log::{Change, RequestKey};
use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;

use super::contract::Contract;
use super::convert::canonical_terms;
use super::events;
use super::terms::Terms;
use crate::domain::Effect;
use crate::request;

/// Asks for a draft.
#[derive(Debug)]
pub(crate) struct CreateContract {
    /// Id to give it.
    pub(crate) contract: ContractId,
    /// What the parties would agree on.
    pub(crate) terms: Terms,
    /// Day on which it is entered.
    pub(crate) entered_on: NaiveDate,
}

impl CreateContract {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let canonical = pb::CreateContractRequest {
            request_id: String::new(),
            terms: Some(canonical_terms(&self.terms)),
            validate_only: false,
            entered_on: Some(self.entered_on.into()),
        };
        request::key(request_id, "CreateContract", &canonical, &self.terms.dimensions)
    }

    /// The draft. Sound terms are always accepted: a draft promises nothing.
    pub(crate) fn decide(&self) -> Change<Effect> {
        let contract = Contract::draft(self.contract, self.terms.clone());
        let event = events::drafted(&contract, self.entered_on);
        Change { events: vec![event], effect: Effect::Contract(Box::new(contract)) }
    }
}
