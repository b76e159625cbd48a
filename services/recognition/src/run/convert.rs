//! Requests and answers of runs, between the wire and the domain.

use backlog_event_log::RequestKey;
use backlog_ids::ContractId;
use backlog_proto::common::v1::{Log, LogPosition, Watermark};
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1::{RunProgress, RunRecognitionRequest, RunRecognitionResponse};
use backlog_service_kit::error::InvalidFields;
use backlog_tenancy::TenantScope;
use chrono::NaiveDate;
use prost::Message;
use sha2::{Digest, Sha256};

use super::queries::Expected;
use super::recognize::{Finished, RunRequest};

/// Parses a request, collecting everything that is wrong with it.
///
/// # Errors
/// All violations.
pub fn run_request(
    request: &RunRecognitionRequest,
    scope: &TenantScope,
) -> Result<(RunRequest, Vec<Position>), InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.request_id("request_id", &request.request_id);
    let through = fields.date("through", request.through.as_ref());
    let contract = fields.optional_id::<ContractId>("contract_id", &request.contract_id);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let (Some(id), Some(through), Some(positions)) = (id, through, positions) else {
        return Err(InvalidFields(Vec::new()));
    };
    // What to wait for is no part of the command: a retry may wait for more.
    let key = RequestKey { id, content_hash: content_hash(through, contract) };
    let actor = scope.actor.to_string();
    let tenant = scope.tenant;
    Ok((RunRequest { tenant, actor, key, through, contract, fence: None }, positions))
}

/// What makes two runs the same command.
pub(crate) fn content_hash(through: NaiveDate, contract: Option<ContractId>) -> [u8; 32] {
    let command = RunRecognitionRequest {
        request_id: String::new(),
        through: Some(through.into()),
        contract_id: contract.map(|id| id.to_string()).unwrap_or_default(),
        min_positions: Vec::new(),
    };
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.RecognitionService/RunRecognition");
    hash.update(command.encode_to_vec());
    hash.finalize().into()
}

/// Positions to wait for: of the logs that this service writes or applies.
pub(crate) fn min_positions(
    positions: &[LogPosition],
    fields: &mut Fields,
) -> Option<Vec<Position>> {
    let parsed = fields.positions("min_positions", positions)?;
    for (index, position) in parsed.iter().enumerate() {
        if position.log == Log::Reporting {
            fields.violation(
                format!("min_positions[{index}]"),
                "must be of the contract log or the recognition log",
            );
        }
    }
    Some(parsed)
}

/// How far a run is before its next chunk.
pub(crate) fn run_progress(run_id: &str, expected: Expected) -> RunProgress {
    RunProgress {
        run_id: run_id.to_owned(),
        entries_posted: expected.posted,
        entries_expected: expected.posted.saturating_add(expected.remaining),
        recognized: Vec::new(),
    }
}

/// Renders the answer from the stored last chunk alone, so that a replay answers the same bytes.
#[must_use]
pub fn run_response(finished: Finished) -> RunRecognitionResponse {
    let Finished { seq, covered, chunk } = finished;
    let position = Position { log: Log::Recognition, seq }.into();
    RunRecognitionResponse {
        run_id: chunk.run_id,
        entries_posted: chunk.entries_posted,
        recognized: chunk.recognized,
        position: Some(position),
        watermark: Some(Watermark {
            positions: vec![Position { log: Log::Contract, seq: covered }.into(), position],
            recognized_through: chunk.recognized_through,
        }),
    }
}
