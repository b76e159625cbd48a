//! Reading requests: all violations at once, and the identity of a command.

use std::collections::BTreeMap;

use backlog_event_log::RequestKey;
use backlog_proto::fields::Fields;
use backlog_service_kit::{InvalidFields, to_status};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Status;

/// The key of a call of `method`. `canonical` is the parsed command written back to the wire, amounts
/// normalized and defaults filled in, without request_id, validate_only, generated ids and maps: so
/// "1200" and "1200.00" are the same command. Maps, which have no order on the wire, come sorted.
pub(crate) fn key(
    request_id: String,
    method: &str,
    canonical: &impl Message,
    map: &BTreeMap<String, String>,
) -> RequestKey {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        // With its length, so that no two commands hash the same bytes.
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    part(method.as_bytes());
    part(&canonical.encode_to_vec());
    for (name, value) in map {
        part(name.as_bytes());
        part(value.as_bytes());
    }
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
