//! Requests and answers of what-ifs, between the wire and the domain.

use backlog_event_log::RequestKey;
use backlog_ids::WhatIfId;
use backlog_proto::convert::{Position, time, timestamp};
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::RULE_VERSION;
use backlog_service_kit::error::InvalidFields;
use backlog_service_kit::page::PageTokenInvalid;
use chrono::{DateTime, Utc};
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::queries::Reach;
use super::what_if::Assumed;
use crate::accounting::convert::{convention, receivable_on, rounding};
use crate::plan::convert::watermark;
use crate::run::convert::min_positions;

/// A request to start a what-if, parsed.
#[derive(Debug)]
pub struct Asked {
    /// What it is called.
    pub label: String,
    /// What it measures by.
    pub assumed: Assumed,
    /// The same, on the wire.
    policy: pb::WhatIfPolicy,
    /// What makes it idempotent.
    pub key: RequestKey,
    /// Positions to wait for.
    pub positions: Vec<Position>,
}

/// Parses a request to start a what-if.
///
/// # Errors
/// All violations.
pub fn start_request(request: &pb::StartWhatIfRequest) -> Result<Asked, InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.request_id("request_id", &request.request_id);
    let label = fields.text("label", &request.label, 1, 100);
    let policy = fields.required("policy", request.policy.as_ref()).copied();
    let measures = policy.and_then(|policy| measures(&policy, &mut fields));
    let from = match &request.from {
        None => Some(None),
        day => fields.date("from", day.as_ref()).map(Some),
    };
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let asked = || {
        let (label, policy) = (label?, policy?);
        let assumed = Assumed { from: from?, ..measures? };
        let key = RequestKey { id: id?, content_hash: hash(&label, policy, request) };
        Some(Asked { label, assumed, policy, key, positions: positions? })
    };
    asked().ok_or_else(|| InvalidFields(Vec::new()))
}

fn measures(policy: &pb::WhatIfPolicy, fields: &mut Fields) -> Option<Assumed> {
    let convention = convention("policy.convention", policy.convention, fields);
    let rounding = rounding("policy.rounding", policy.rounding, fields);
    let receivable_on = receivable_on("policy.receivable_on", policy.receivable_on, fields);
    Some(Assumed {
        convention: convention?,
        rounding: rounding?,
        receivable_on: receivable_on?,
        from: None,
    })
}

/// What makes two requests the same command.
fn hash(label: &str, policy: pb::WhatIfPolicy, request: &pb::StartWhatIfRequest) -> [u8; 32] {
    let command = pb::StartWhatIfRequest {
        label: label.to_owned(),
        policy: Some(policy),
        from: request.from,
        ..pb::StartWhatIfRequest::default()
    };
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.WhatIfService/StartWhatIf");
    hash.update(command.encode_to_vec());
    hash.finalize().into()
}

/// A what-if as it is started.
pub(crate) fn started(
    asked: &Asked,
    (id, by): (WhatIfId, &str),
    reach: &Reach,
    at: DateTime<Utc>,
) -> pb::WhatIf {
    pb::WhatIf {
        what_if_id: id.to_string(),
        label: asked.label.clone(),
        policy: Some(asked.policy),
        from: asked.assumed.from.map(Into::into),
        watermark: Some(watermark(
            reach.contract_seq,
            reach.recognition_seq,
            reach.recognized_through,
        )),
        rule_version: RULE_VERSION,
        started_by: by.to_owned(),
        started_at: Some(timestamp(at)),
        ..pb::WhatIf::default()
    }
}

/// What a what-if assumes; none where it cannot be read.
pub(crate) fn assumed(content: &pb::WhatIf) -> Option<Assumed> {
    let measures = measures(&content.policy?, &mut Fields::new())?;
    let from = match content.from {
        None => None,
        Some(day) => Some((&day).try_into().ok()?),
    };
    Some(Assumed { from, ..measures })
}

/// Renders the answer to a start from what is stored alone, so that a replay answers the same bytes.
pub(crate) fn start_response(content: pb::WhatIf) -> pb::StartWhatIfResponse {
    pb::StartWhatIfResponse { what_if_id: content.what_if_id, watermark: content.watermark }
}

/// Parses the id of a what-if.
///
/// # Errors
/// The violation.
pub fn id_request(id: &str) -> Result<WhatIfId, InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.id::<WhatIfId>("what_if_id", id);
    fields.finish().map_err(InvalidFields)?;
    id.ok_or_else(|| InvalidFields(Vec::new()))
}

/// Parses how many what-ifs are asked for.
///
/// # Errors
/// The violation.
pub fn page_size(request: &pb::ListWhatIfsRequest) -> Result<usize, InvalidFields> {
    let mut fields = Fields::new();
    let size = fields.page_size("page_size", request.page_size);
    fields.finish().map_err(InvalidFields)?;
    size.ok_or_else(|| InvalidFields(Vec::new()))
}

/// Where a list goes on: after a what-if, by the moment of its start and its id.
pub(crate) fn cursor(last: &pb::WhatIf) -> Option<Vec<u8>> {
    let at = last.started_at.as_ref().and_then(|at| time(at).ok())?;
    let id: WhatIfId = last.what_if_id.parse().ok()?;
    let mut bytes = at.timestamp_micros().to_be_bytes().to_vec();
    bytes.extend_from_slice(id.uuid().as_bytes());
    Some(bytes)
}

/// Reads a cursor.
pub(crate) fn cursor_from(bytes: &[u8]) -> Result<(DateTime<Utc>, WhatIfId), PageTokenInvalid> {
    let read = || {
        let (at, id) = bytes.split_first_chunk::<8>()?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?;
        Some((at, WhatIfId::from_uuid(Uuid::from_slice(id).ok()?)))
    };
    read().ok_or(PageTokenInvalid)
}
