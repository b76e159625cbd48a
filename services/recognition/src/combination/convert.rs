//! Combinations and proposals, between the wire and the domain.

use backlog_event_log::{Answer, RequestKey};
use backlog_ids::ContractId;
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{CombinationCriterion, accounting_contract_of};
use backlog_service_kit::error::InvalidFields;
use prost::Message;
use sha2::{Digest, Sha256};

use super::combination::Combine;
use super::proposal::Candidate;
use crate::run::convert::min_positions;

/// Contracts in one combination at most.
const CONTRACTS_MAX: usize = 20;

/// Days from one signature to the next where none are given, and at most.
const WITHIN_DAYS: (i32, i32) = (30, 366);

/// A request to combine contracts, parsed.
#[derive(Debug)]
pub struct Asked {
    /// What to combine.
    pub combine: Combine,
    /// What makes it idempotent.
    pub key: RequestKey,
    /// Positions to wait for.
    pub positions: Vec<Position>,
}

/// Parses a request to combine contracts.
///
/// # Errors
/// All violations.
pub fn combine_request(request: &pb::CombineContractsRequest) -> Result<Asked, InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.request_id("request_id", &request.request_id);
    let wire = fields.required("combination", request.combination.as_ref());
    let combine = wire.and_then(|wire| combination(wire, &mut fields));
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let (Some(id), Some(combine), Some(positions)) = (id, combine, positions) else {
        return Err(InvalidFields(Vec::new()));
    };
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.CombinationService/CombineContracts");
    hash.update(combine.wire.encode_to_vec());
    let key = RequestKey { id, content_hash: hash.finalize().into() };
    Ok(Asked { combine, key, positions })
}

/// Reads a combination, recording everything that is wrong with it.
pub(crate) fn combination(wire: &pb::Combination, fields: &mut Fields) -> Option<Combine> {
    let contracts = contracts(&wire.contract_ids, fields);
    let on = fields.date("combination.on", wire.on.as_ref());
    let criterion = criterion(wire.criterion);
    if criterion.is_none() {
        let sentence = "must be the criterion of ASC 606-10-25-9 that they meet";
        fields.violation("combination.criterion", sentence);
    }
    let reason = fields.text("combination.reason", &wire.reason, 1, 500);
    criterion?;
    reason?;
    Some(Combine { contracts: contracts?, on: on?, wire: wire.clone() })
}

fn contracts(wire: &[String], fields: &mut Fields) -> Option<Vec<ContractId>> {
    let field = "combination.contract_ids";
    if !(2..=CONTRACTS_MAX).contains(&wire.len()) {
        fields.violation(field, format!("must be 2 to {CONTRACTS_MAX} contracts"));
        return None;
    }
    let mut read = Vec::with_capacity(wire.len());
    for (index, text) in wire.iter().enumerate() {
        let place = format!("{field}[{index}]");
        let Some(id) = fields.id::<ContractId>(&place, text) else { continue };
        if read.contains(&id) {
            fields.violation(place, "must be a contract that is not named before");
            continue;
        }
        read.push(id);
    }
    (read.len() == wire.len()).then_some(read)
}

/// A criterion from the wire.
fn criterion(wire: i32) -> Option<CombinationCriterion> {
    match pb::CombinationCriterion::try_from(wire) {
        Ok(pb::CombinationCriterion::SingleObjective) => {
            Some(CombinationCriterion::SingleObjective)
        }
        Ok(pb::CombinationCriterion::DependentConsideration) => {
            Some(CombinationCriterion::DependentConsideration)
        }
        Ok(pb::CombinationCriterion::SingleObligation) => {
            Some(CombinationCriterion::SingleObligation)
        }
        Ok(pb::CombinationCriterion::Unspecified) | Err(_) => None,
    }
}

/// Renders the answer to a combination from its event alone, so that a replay answers the same bytes.
#[must_use]
pub fn combine_response(answer: &Answer) -> Option<pb::CombineContractsResponse> {
    let posted = AccountingPosted::decode(answer.payload.as_slice()).ok()?;
    let Some(Wire::Combination(combination)) = posted.own_fact else { return None };
    let position: Option<LogPosition> =
        answer.seq.map(|seq| Position { log: Log::Recognition, seq }.into());
    let named = posted.movements.first().map(|moved| moved.accounting_contract_id.clone());
    let first = combination.contract_ids.first()?.parse::<ContractId>().ok()?;
    let accounting_contract_id =
        named.unwrap_or_else(|| accounting_contract_of(first, 0).to_string());
    Some(pb::CombineContractsResponse { accounting_contract_id, position })
}

/// What could be one, as asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) customer: String,
    pub(super) within_days: i64,
    pub(super) page_size: usize,
    pub(super) positions: Vec<Position>,
}

/// Parses a request for proposals.
///
/// # Errors
/// All violations.
pub(super) fn proposals_request(
    request: &pb::ListCombinationProposalsRequest,
) -> Result<Wanted, InvalidFields> {
    let mut fields = Fields::new();
    let customer = fields.text("customer", &request.customer, 0, 200);
    let (usual, most) = WITHIN_DAYS;
    let days = match request.within_days {
        0 => usual,
        days if (1..=most).contains(&days) => days,
        _ => {
            fields.violation("within_days", format!("must be 0 to {most}"));
            usual
        }
    };
    let page_size = fields.page_size("page_size", request.page_size);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let (Some(customer), Some(page_size), Some(positions)) = (customer, page_size, positions)
    else {
        return Err(InvalidFields(Vec::new()));
    };
    Ok(Wanted { customer, within_days: i64::from(days), page_size, positions })
}

/// Renders a proposal.
pub(super) fn proposal(group: &[Candidate]) -> Option<pb::CombinationProposal> {
    let first = group.first()?;
    let contracts = group.iter().map(|of| pb::ProposedContract {
        contract_id: of.contract.to_string(),
        signed_on: Some(of.signed_on.into()),
        combined_into: of.combined_into.map(|id| id.to_string()).unwrap_or_default(),
    });
    Some(pb::CombinationProposal {
        customer: first.customer.clone(),
        currency_code: first.currency.code().to_owned(),
        contracts: contracts.collect(),
    })
}
