//! Reading requests: all violations at once, and the identity of a command.

use backlog_event_log::RequestKey;
use backlog_proto::fields::Fields;
use backlog_service_kit::{InvalidFields, to_status};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Status;

/// The key of a call of `method`. `canonical` is the parsed command written back to the wire, amounts
/// normalized and defaults filled in, without request_id, validate_only and generated ids: so "1200"
/// and "1200.00" are the same command.
pub(crate) fn key(request_id: String, method: &str, canonical: &impl Message) -> RequestKey {
    let mut hash = Sha256::new();
    // The method keeps equal bytes of two kinds of command apart.
    hash.update(method.as_bytes());
    hash.update([0]);
    hash.update(canonical.encode_to_vec());
    RequestKey { id: request_id, content_hash: hash.finalize().into() }
}

/// What was read from a request, or everything that is wrong with its fields. A parser answers `None`
/// only after recording why.
pub(crate) fn finish<T>(fields: Fields, parsed: Option<T>) -> Result<T, Status> {
    let violations = match (fields.finish(), parsed) {
        (Ok(()), Some(parsed)) => return Ok(parsed),
        (Err(violations), _) => violations,
        (Ok(()), None) => Vec::new(),
    };
    Err(to_status(&InvalidFields(violations)))
}
