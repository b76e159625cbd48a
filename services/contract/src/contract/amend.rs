//! Amending: what the parties agreed changes.

use std::collections::BTreeMap;

use backlog_event_log::{Change, RequestKey};
use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;

use super::contract::Contract;
use super::convert::AskedAmendment;
use super::error::ContractError;
use super::events;
use super::terms::Limits;
use crate::domain::Effect;
use crate::request;

/// Asks for an amendment.
#[derive(Debug)]
pub(crate) struct AmendContract {
    /// The contract.
    pub(crate) contract: ContractId,
    /// What changes.
    pub(crate) amendment: AskedAmendment,
    /// The contract's etag as read; empty for no guard.
    pub(crate) etag: String,
    /// How much a contract may hold.
    pub(crate) limits: Limits,
    /// Whether the parties have not approved it yet (606-10-25-10).
    pub(crate) proposed: bool,
}

impl AmendContract {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let canonical = pb::AmendContractRequest {
            request_id: String::new(),
            contract_id: self.contract.to_string(),
            amendment: Some(self.amendment.canonical()),
            etag: self.etag.clone(),
            validate_only: false,
            proposed: self.proposed,
        };
        request::key(request_id, "AmendContract", &canonical, &BTreeMap::new())
    }

    /// The amended contract, or that a change of it is proposed.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_SIGNED`, `TERMINATED`, `ETAG_MISMATCH`, `CHANGE_BEFORE_LAST`,
    /// `INVALID_FIELDS`.
    pub(crate) fn decide(
        &self,
        stored: Option<&Contract>,
    ) -> Result<Change<Effect>, ContractError> {
        let contract = stored.ok_or(ContractError::NotFound(self.contract))?;
        contract.check_change(self.amendment.effective_on(), &self.etag)?;
        let mut fields = Fields::new();
        let amendment = self.amendment.read(&mut fields, contract, self.limits);
        let amended = amendment.and_then(|amendment| contract.amend(&mut fields, &amendment));
        fields.finish().map_err(ContractError::Invalid)?;
        let (changed, amendment) = amended.ok_or(ContractError::Uncomputable(self.contract))?;
        let (event, after) = if self.proposed {
            (events::proposed(contract, &amendment), contract.clone())
        } else {
            (events::amended(&changed, &amendment), changed)
        };
        Ok(Change { events: vec![event], effect: Effect::Contract(Box::new(after)) })
    }
}
