//! Requests and answers about adjustments, between the wire and the domain.

use backlog_event_log::RequestKey;
use backlog_ids::AdjustmentId;
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_service_kit::error::InvalidFields;
use sha2::{Digest, Sha256};

use super::adjustment::{Adjustment, Verdict};
use crate::run::convert::min_positions;

/// Adjustments in one answer where the caller does not say.
const PAGE_DEFAULT: usize = 100;

/// A decision as asked for, parsed.
#[derive(Debug)]
pub struct Asked {
    /// The adjustment.
    pub id: AdjustmentId,
    /// What is decided.
    pub verdict: Verdict,
    /// What makes it idempotent.
    pub key: RequestKey,
    /// Positions to wait for.
    pub positions: Vec<Position>,
}

/// Parses an approval.
///
/// # Errors
/// All violations.
pub fn approve_request(request: &pb::ApproveAdjustmentRequest) -> Result<Asked, InvalidFields> {
    let mut fields = Fields::new();
    let key = fields.request_id("request_id", &request.request_id);
    let id = fields.id::<AdjustmentId>("adjustment_id", &request.adjustment_id);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let (Some(key), Some(id), Some(positions)) = (key, id, positions) else {
        return Err(InvalidFields(Vec::new()));
    };
    let key = RequestKey { id: key, content_hash: hash("ApproveAdjustment", id, "") };
    Ok(Asked { id, verdict: Verdict::Approve, key, positions })
}

/// Parses a rejection.
///
/// # Errors
/// All violations.
pub fn reject_request(request: &pb::RejectAdjustmentRequest) -> Result<Asked, InvalidFields> {
    let mut fields = Fields::new();
    let key = fields.request_id("request_id", &request.request_id);
    let id = fields.id::<AdjustmentId>("adjustment_id", &request.adjustment_id);
    let reason = fields.text("reason", &request.reason, 1, 500);
    fields.finish().map_err(InvalidFields)?;
    let (Some(key), Some(id), Some(reason)) = (key, id, reason) else {
        return Err(InvalidFields(Vec::new()));
    };
    let key = RequestKey { id: key, content_hash: hash("RejectAdjustment", id, &reason) };
    Ok(Asked { id, verdict: Verdict::Reject(reason), key, positions: Vec::new() })
}

fn hash(method: &str, id: AdjustmentId, reason: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.ProgressService/");
    hash.update(method);
    hash.update(id.uuid().as_bytes());
    hash.update(reason);
    hash.finalize().into()
}

/// A page of adjustments that wait: how many, after which, and positions to wait for.
pub type Page = (usize, Option<AdjustmentId>, Vec<Position>);

/// Parses which adjustments are asked for.
///
/// # Errors
/// All violations.
pub fn list_request(request: &pb::ListProposedAdjustmentsRequest) -> Result<Page, InvalidFields> {
    let mut fields = Fields::new();
    let size = match request.page_size {
        0 => Some(PAGE_DEFAULT),
        size => usize::try_from(size).ok().filter(|size| *size <= 500),
    };
    if size.is_none() {
        fields.violation("page_size", "must lie between 0 and 500");
    }
    let field = "after_adjustment_id";
    let after = fields.optional_id::<AdjustmentId>(field, &request.after_adjustment_id);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let page = size.zip(positions).map(|(size, positions)| (size, after, positions));
    page.ok_or_else(|| InvalidFields(Vec::new()))
}

/// Renders adjustments that wait.
#[must_use]
pub fn list_response(adjustments: Vec<Adjustment>) -> pb::ListProposedAdjustmentsResponse {
    let waiting = adjustments.into_iter().map(|of| pb::ProposedAdjustment {
        adjustment_id: of.id.to_string(),
        adjustment: Some(of.wire),
        proposed_by: of.proposed_by,
    });
    pb::ListProposedAdjustmentsResponse { adjustments: waiting.collect() }
}
