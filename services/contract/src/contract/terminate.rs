//! Terminating: nothing more is promised.

use std::collections::BTreeMap;

use backlog_event_log::{Change, RequestKey};
use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;

use super::contract::Contract;
use super::convert::termination_to_proto;
use super::error::ContractError;
use super::events;
use super::termination::Termination;
use crate::domain::Effect;
use crate::request;

/// Asks for a termination.
#[derive(Debug)]
pub(crate) struct TerminateContract {
    /// The contract.
    pub(crate) contract: ContractId,
    /// How it ends.
    pub(crate) termination: Termination,
    /// The contract's etag as read; empty for no guard.
    pub(crate) etag: String,
}

impl TerminateContract {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let canonical = pb::TerminateContractRequest {
            request_id: String::new(),
            contract_id: self.contract.to_string(),
            termination: Some(termination_to_proto(&self.termination)),
            etag: self.etag.clone(),
            validate_only: false,
        };
        request::key(request_id, "TerminateContract", &canonical, &BTreeMap::new())
    }

    /// The ended contract.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_SIGNED`, `TERMINATED`, `ETAG_MISMATCH`, `CHANGE_BEFORE_LAST`,
    /// `INVALID_FIELDS`.
    pub(crate) fn decide(
        &self,
        stored: Option<&Contract>,
    ) -> Result<Change<Effect>, ContractError> {
        let contract = stored.ok_or(ContractError::NotFound(self.contract))?;
        let on = self.termination.effective_on;
        contract.check_change(on, &self.etag)?;
        let mut fields = Fields::new();
        self.termination.check(&mut fields, contract.terms.currency);
        fields.finish().map_err(ContractError::Invalid)?;
        let contract = contract.end(on);
        let event = events::terminated(&contract, &self.termination);
        Ok(Change { events: vec![event], effect: Effect::Contract(Box::new(contract)) })
    }
}
