//! Answers of commands, made from the stored event: a replay answers the same bytes.

use backlog_event_log::Answer;
use backlog_proto::common::v1::{ErrorReason, Log, LogPosition};
use backlog_service_kit::error::{Fault, Kind, to_status};
use prost::Message;
use tonic::Status;

/// A stored event does not decode: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the stored event {type_name} does not decode: {cause}")]
struct Undecodable {
    type_name: String,
    cause: prost::DecodeError,
}

impl Fault for Undecodable {
    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::Internal
    }
}

/// The event of an answer.
pub(crate) fn event<E: Message + Default>(answer: &Answer) -> Result<E, Status> {
    E::decode(answer.payload.as_slice())
        .map_err(|cause| to_status(&Undecodable { type_name: answer.type_name.clone(), cause }))
}

/// The position of an effect; none with `validate_only`.
pub(crate) fn position(answer: &Answer) -> Option<LogPosition> {
    answer.seq.map(|seq| LogPosition { log: Log::Contract.into(), seq })
}
