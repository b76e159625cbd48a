//! Signing: backlog starts here.

use std::collections::BTreeMap;

use backlog_event_log::{Change, RequestKey};
use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use chrono::NaiveDate;

use super::contract::Contract;
use super::convert::canonical_terms;
use super::error::ContractError;
use super::events;
use super::terms::Terms;
use crate::domain::Effect;
use crate::request;

/// Asks for a signature.
#[derive(Debug)]
pub(crate) struct SignContract {
    /// What is signed.
    pub(crate) subject: Signed,
    /// Day of signature.
    pub(crate) signed_on: NaiveDate,
}

/// What is signed.
#[derive(Debug)]
pub(crate) enum Signed {
    /// A stored draft.
    Draft {
        /// Its id.
        contract: ContractId,
        /// Its etag as read; empty for no guard.
        etag: String,
    },
    /// Terms not stored before.
    Terms {
        /// Id to give the contract.
        contract: ContractId,
        /// What the parties agree on.
        terms: Box<Terms>,
    },
}

impl SignContract {
    /// The stored contract that the command names.
    pub(crate) fn draft(&self) -> Option<ContractId> {
        match &self.subject {
            Signed::Draft { contract, .. } => Some(*contract),
            Signed::Terms { .. } => None,
        }
    }

    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let no_dimensions = BTreeMap::new();
        let (subject, etag, dimensions) = match &self.subject {
            Signed::Draft { contract, etag } => {
                (Subject::ContractId(contract.to_string()), etag.clone(), &no_dimensions)
            }
            Signed::Terms { terms, .. } => {
                (Subject::Terms(canonical_terms(terms)), String::new(), &terms.dimensions)
            }
        };
        let canonical = pb::SignContractRequest {
            request_id: String::new(),
            subject: Some(subject),
            signed_on: Some(self.signed_on.into()),
            etag,
            validate_only: false,
        };
        request::key(request_id, "SignContract", &canonical, dimensions)
    }

    /// The signed contract. `stored` is the draft that the command names.
    ///
    /// # Errors
    /// `NOT_FOUND`, `ALREADY_SIGNED`, `ETAG_MISMATCH`.
    pub(crate) fn decide(
        &self,
        stored: Option<&Contract>,
    ) -> Result<Change<Effect>, ContractError> {
        let contract = match &self.subject {
            Signed::Draft { contract, etag } => {
                stored.ok_or(ContractError::NotFound(*contract))?.sign(self.signed_on, etag)?
            }
            Signed::Terms { contract, terms } => {
                Contract::signed(*contract, Terms::clone(terms), self.signed_on)
            }
        };
        let event = events::signed(&contract, self.signed_on);
        Ok(Change { events: vec![event], effect: Effect::Contract(Box::new(contract)) })
    }
}
