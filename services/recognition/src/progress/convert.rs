//! Requests of progress, estimates and adjustments, between the wire and the domain.

use backlog_event_log::{Answer, RequestKey};
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_service_kit::error::InvalidFields;
use backlog_tenancy::TenantScope;
use prost::Message;
use sha2::{Digest, Sha256};

use super::record::Record;
use crate::accounting::convert::own_fact;
use crate::adjustment::adjustment_id;
use crate::run::convert::min_positions;

/// A call of any of the RPCs of the service, as far as they are alike.
#[derive(Debug)]
pub struct Call<'a> {
    /// The RPC's name.
    pub method: &'static str,
    /// Idempotency key.
    pub request_id: &'a str,
    /// The field that holds the fact.
    pub field: &'static str,
    /// The fact.
    pub fact: Option<Wire>,
    /// Positions to wait for.
    pub min_positions: &'a [LogPosition],
    /// Whether nothing is to be written.
    pub validate_only: bool,
}

/// What a call asks for.
#[derive(Debug)]
pub struct Asked {
    /// The fact.
    pub record: Record,
    /// What makes it idempotent.
    pub key: RequestKey,
    /// Positions to wait for.
    pub positions: Vec<Position>,
}

/// Parses a call, collecting everything that is wrong with it.
///
/// # Errors
/// All violations.
pub fn asked(call: &Call<'_>, scope: &TenantScope) -> Result<Asked, InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.request_id("request_id", call.request_id);
    let wire = fields.required(call.field, call.fact.clone());
    let own = wire.as_ref().and_then(|wire| own_fact(wire, &mut fields));
    let positions = min_positions(call.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let (Some(id), Some(wire), Some(own), Some(positions)) = (id, wire, own, positions) else {
        return Err(InvalidFields(Vec::new()));
    };
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.ProgressService/");
    hash.update(call.method.as_bytes());
    hash.update(encoded(&wire));
    let key = RequestKey { id, content_hash: hash.finalize().into() };
    let adjustment_id = adjustment_id(scope.tenant, &key.id);
    let record = Record { own, wire, actor: scope.actor.to_string(), adjustment_id };
    Ok(Asked { record, key, positions })
}

fn encoded(wire: &Wire) -> Vec<u8> {
    match wire {
        Wire::Progress(progress) => progress.encode_to_vec(),
        Wire::Estimate(estimate) => estimate.encode_to_vec(),
        Wire::Adjustment(adjustment) => adjustment.encode_to_vec(),
        Wire::Hold(hold) => hold.encode_to_vec(),
        Wire::Assessment(assessment) => assessment.encode_to_vec(),
        Wire::AccountMapping(mapping) => mapping.encode_to_vec(),
        Wire::ExchangeRate(rate) => rate.encode_to_vec(),
        Wire::JournalExport(export) => export.encode_to_vec(),
        // No call of the service holds these.
        Wire::Combination(_)
        | Wire::PeriodClosed(_)
        | Wire::PeriodReopened(_)
        | Wire::AdjustmentProposed(_)
        | Wire::AdjustmentApproved(_)
        | Wire::AdjustmentRejected(_)
        | Wire::PolicySet(_) => Vec::new(),
    }
}

/// The id of the adjustment that an answer says waits; empty where none does.
#[must_use]
pub fn waiting(answer: &Answer) -> String {
    let posted = AccountingPosted::decode(answer.payload.as_slice()).unwrap_or_default();
    match posted.own_fact {
        Some(Wire::AdjustmentProposed(proposed)) => proposed.adjustment_id,
        _ => String::new(),
    }
}

/// Renders the position of an effect; none when nothing was written.
#[must_use]
pub fn position(seq: Option<u64>) -> Option<LogPosition> {
    seq.map(|seq| Position { log: Log::Recognition, seq }.into())
}
