//! What contracts write to the log.

use backlog_event_log::NewEvent;
use backlog_money::Money;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;
use prost::Message;

use super::amendment::Amendment;
use super::contract::Contract;
use super::convert::{amendment_to_proto, contract_to_proto, termination_to_proto};
use super::termination::Termination;

/// Name of the event of a draft.
pub(crate) const CONTRACT_DRAFTED: &str = "backlog.contract.v1.ContractDrafted";
/// Name of the event of a signature.
pub(crate) const CONTRACT_SIGNED: &str = "backlog.contract.v1.ContractSigned";
/// Name of the event of an amendment.
pub(crate) const CONTRACT_AMENDED: &str = "backlog.contract.v1.ContractAmended";
/// Name of the event of a change that is not approved.
pub(crate) const AMENDMENT_PROPOSED: &str = "backlog.contract.v1.AmendmentProposed";
/// Name of the event of a termination.
pub(crate) const CONTRACT_TERMINATED: &str = "backlog.contract.v1.ContractTerminated";

/// A draft was entered, effective on the day of entry.
pub(crate) fn drafted(contract: &Contract, entered_on: NaiveDate) -> NewEvent {
    let event = pb::ContractDrafted { contract: Some(contract_to_proto(contract)) };
    new_event(CONTRACT_DRAFTED, contract, entered_on, &event)
}

/// A contract was signed, effective on the day of signature.
pub(crate) fn signed(contract: &Contract, signed_on: NaiveDate) -> NewEvent {
    let price = Money::from_minor(contract.terms.total(), contract.terms.currency);
    let event = pb::ContractSigned {
        contract: Some(contract_to_proto(contract)),
        signed_on: Some(signed_on.into()),
        price: Some(price.into()),
    };
    new_event(CONTRACT_SIGNED, contract, signed_on, &event)
}

/// A contract was amended: as it is after `amendment`, whose prices are worked out.
pub(crate) fn amended(contract: &Contract, amendment: &Amendment) -> NewEvent {
    let event = pb::ContractAmended {
        contract: Some(contract_to_proto(contract)),
        amendment: Some(amendment_to_proto(amendment, contract.terms.currency)),
    };
    new_event(CONTRACT_AMENDED, contract, amendment.effective_on, &event)
}

/// A change of a contract was proposed, which stays as it is.
pub(crate) fn proposed(contract: &Contract, amendment: &Amendment) -> NewEvent {
    let event = pb::AmendmentProposed {
        contract: Some(contract_to_proto(contract)),
        amendment: Some(amendment_to_proto(amendment, contract.terms.currency)),
    };
    new_event(AMENDMENT_PROPOSED, contract, amendment.effective_on, &event)
}

/// A contract was terminated, effective on the first day on which nothing more is promised.
pub(crate) fn terminated(contract: &Contract, termination: &Termination) -> NewEvent {
    let event = pb::ContractTerminated {
        contract: Some(contract_to_proto(contract)),
        termination: Some(termination_to_proto(termination)),
    };
    new_event(CONTRACT_TERMINATED, contract, termination.effective_on, &event)
}

fn new_event(
    type_name: &'static str,
    contract: &Contract,
    effective_date: NaiveDate,
    event: &impl Message,
) -> NewEvent {
    NewEvent {
        type_name,
        aggregate_id: contract.id.to_string(),
        aggregate_version: contract.version,
        effective_date,
        depends_on: Vec::new(),
        payload: event.encode_to_vec(),
    }
}
