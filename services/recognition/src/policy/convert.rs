//! Policies and their versions, between the wire and the domain.

use backlog_event_log::{Answer, RequestKey};
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::contract::v1 as contract;
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{Convention, Policy, PolicyVersion, ReceivableOn, Rounding};
use backlog_service_kit::error::InvalidFields;
use chrono::NaiveDate;
use prost::Message;
use sha2::{Digest, Sha256};

use super::policy::{SetPolicy, Version};
use super::queries::KnownPolicies;
use crate::accounting::convert::{convention, receivable_on, rounding};
use crate::run::convert::min_positions;

/// A request to set a version, parsed.
#[derive(Debug)]
pub struct Asked {
    /// What to set.
    pub set: SetPolicy,
    /// What makes it idempotent.
    pub key: RequestKey,
    /// Positions to wait for.
    pub positions: Vec<Position>,
}

/// Parses a request to set a version.
///
/// # Errors
/// All violations.
pub fn set_request(request: &pb::SetPolicyRequest, by: &str) -> Result<Asked, InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.request_id("request_id", &request.request_id);
    let policy = fields.required("policy", request.policy.as_ref());
    if let Some(policy) = policy {
        measures(policy, Policy::default(), &mut fields);
        standard(policy, &mut fields);
    }
    let from = fields.date("effective_from", request.effective_from.as_ref());
    let reason = fields.text("reason", &request.reason, 1, 500);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let (Some(id), Some(policy), Some(from)) = (id, policy, from) else {
        return Err(InvalidFields(Vec::new()));
    };
    let (Some(reason), Some(positions)) = (reason, positions) else {
        return Err(InvalidFields(Vec::new()));
    };
    let key = RequestKey { id, content_hash: hash(policy, from, &reason) };
    let set = SetPolicy { policy: *policy, from, reason, set_by: by.to_owned() };
    Ok(Asked { set, key, positions })
}

/// What makes two requests the same command.
fn hash(policy: &pb::Policy, from: NaiveDate, reason: &str) -> [u8; 32] {
    let command = pb::SetPolicyRequest {
        policy: Some(*policy),
        effective_from: Some(from.into()),
        reason: reason.to_owned(),
        ..pb::SetPolicyRequest::default()
    };
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.PolicyService/SetPolicy");
    hash.update(command.encode_to_vec());
    hash.finalize().into()
}

/// Parses the day that a policy is asked for.
///
/// # Errors
/// All violations.
pub fn get_request(
    request: &pb::GetPolicyRequest,
) -> Result<(NaiveDate, Vec<Position>), InvalidFields> {
    let mut fields = Fields::new();
    let on = fields.date("on", request.on.as_ref());
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    on.zip(positions).ok_or_else(|| InvalidFields(Vec::new()))
}

/// Parses positions to wait for.
///
/// # Errors
/// All violations.
pub fn list_request(request: &pb::ListPoliciesRequest) -> Result<Vec<Position>, InvalidFields> {
    let mut fields = Fields::new();
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    positions.ok_or_else(|| InvalidFields(Vec::new()))
}

/// What a policy measures by; what is not set is as `before`.
fn measures(policy: &pb::Policy, before: Policy, fields: &mut Fields) -> Option<Policy> {
    let convention = convention("policy.convention", policy.convention, fields);
    let rounding = rounding("policy.rounding", policy.rounding, fields);
    let receivable_on = receivable_on("policy.receivable_on", policy.receivable_on, fields);
    Some(Policy {
        version: before.version,
        convention: convention?.unwrap_or(before.convention),
        rounding: rounding?.unwrap_or(before.rounding),
        receivable_on: receivable_on?.unwrap_or(before.receivable_on),
    })
}

fn standard(policy: &pb::Policy, fields: &mut Fields) {
    if pb::AccountingStandard::try_from(policy.standard).is_err() {
        fields.violation("policy.standard", "must be a standard that is known here");
    }
}

/// Reads a version, recording everything that is wrong with it.
pub(crate) fn version(wire: &pb::PolicyVersion, fields: &mut Fields) -> Option<Version> {
    let policy = fields.required("policy", wire.policy.as_ref());
    let policy = policy.and_then(|policy| measures(policy, Policy::default(), fields));
    let from = fields.date("effective_from", wire.effective_from.as_ref());
    let policy = Policy { version: wire.version, ..policy? };
    Some(Version { measures: PolicyVersion { from: from?, policy }, wire: wire.clone() })
}

/// The first version: that of the tenant's creation.
pub(crate) fn first(policy: &Policy) -> pb::PolicyVersion {
    pb::PolicyVersion {
        version: policy.version,
        policy: Some(pb::Policy {
            convention: convention_wire(policy.convention).into(),
            rounding: rounding_wire(policy.rounding).into(),
            receivable_on: receivable_wire(policy.receivable_on).into(),
            standard: pb::AccountingStandard::Asc606.into(),
            expedients: Some(pb::Expedients::default()),
        }),
        ..pb::PolicyVersion::default()
    }
}

/// A policy, what it does not say taken from the one before.
pub(crate) fn overlaid(before: Option<&pb::Policy>, policy: &pb::Policy) -> pb::Policy {
    let before = before.copied().unwrap_or_default();
    let stated = |new: i32, old: i32| if new == 0 { old } else { new };
    pb::Policy {
        convention: stated(policy.convention, before.convention),
        rounding: stated(policy.rounding, before.rounding),
        receivable_on: stated(policy.receivable_on, before.receivable_on),
        standard: stated(policy.standard, before.standard),
        expedients: policy.expedients.or(before.expedients),
    }
}

/// Renders the answer to a version that was set from its event alone, so that a replay answers the same
/// bytes.
#[must_use]
pub fn set_response(answer: &Answer) -> Option<pb::SetPolicyResponse> {
    let posted = AccountingPosted::decode(answer.payload.as_slice()).ok()?;
    let Some(Wire::PolicySet(version)) = posted.own_fact else { return None };
    let position: Option<LogPosition> =
        answer.seq.map(|seq| Position { log: Log::Recognition, seq }.into());
    Some(pb::SetPolicyResponse { version: Some(version), position })
}

/// Renders the version in force on a day.
pub(crate) fn get_response(known: &KnownPolicies, on: NaiveDate) -> pb::GetPolicyResponse {
    let in_force = known.versions.iter().rev().find(|version| version.measures.from <= on);
    let version = in_force.map_or_else(|| first(&known.first), |version| version.wire.clone());
    pb::GetPolicyResponse { version: Some(version) }
}

/// Renders all versions.
pub(crate) fn list_response(known: &KnownPolicies) -> pb::ListPoliciesResponse {
    let later = known.versions.iter().map(|version| version.wire.clone());
    pb::ListPoliciesResponse {
        versions: std::iter::once(first(&known.first)).chain(later).collect(),
    }
}

const fn convention_wire(convention: Convention) -> contract::Convention {
    match convention {
        Convention::ActualDays => contract::Convention::ActualDays,
        Convention::ProratedMonths => contract::Convention::ProratedMonths,
        Convention::EvenMonths => contract::Convention::EvenMonths,
        Convention::ServiceMonths => contract::Convention::ServiceMonths,
        Convention::Thirty360 => contract::Convention::Thirty360,
        Convention::HalfMonth => contract::Convention::HalfMonth,
        Convention::EndsByDay => contract::Convention::EndsByDay,
    }
}

const fn rounding_wire(rounding: Rounding) -> contract::Rounding {
    match rounding {
        Rounding::Cumulative => contract::Rounding::Cumulative,
        Rounding::FloorLast => contract::Rounding::FloorLast,
        Rounding::PerPeriod => contract::Rounding::PerPeriod,
    }
}

const fn receivable_wire(on: ReceivableOn) -> contract::ReceivableOn {
    match on {
        ReceivableOn::Issue => contract::ReceivableOn::Issue,
        ReceivableOn::Due => contract::ReceivableOn::Due,
    }
}
