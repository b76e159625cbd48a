//! Log entries: sealed once, when their place is known; opened again from the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use backlog_audit_log::{Hash, leaf_hash};
use backlog_ids::{EventId, TenantId};
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::convert::timestamp;
use backlog_proto::log::v1::LogEntry;
use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use prost::Message;

/// W3C trace headers by name; empty when nothing is traced.
pub type Trace = Arc<BTreeMap<String, String>>;

/// Hash before the first entry.
pub const GENESIS: Hash = [0; 32];

/// An event that has no place in a log yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Full name of the payload's message.
    pub type_name: &'static str,
    /// Id of the aggregate that changes, such as `ctr_...`.
    pub aggregate_id: String,
    /// Version of the aggregate after the change.
    pub aggregate_version: u64,
    /// Day on which the fact takes effect.
    pub effective_date: NaiveDate,
    /// Positions in other logs that it was made from.
    pub depends_on: Vec<LogPosition>,
    /// The event, serialized.
    pub payload: Vec<u8>,
}

/// The end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Last sequence number; 0 for an empty log.
    pub seq: u64,
    /// Leaf hash of the last entry.
    pub hash: Hash,
    /// When the last entry was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// An entry as stored, sent and hashed.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Whose log.
    pub tenant: TenantId,
    /// Place in the log.
    pub seq: u64,
    /// Leaf hash of the bytes.
    pub hash: Hash,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// The stored bytes.
    pub bytes: Arc<[u8]>,
    /// Trace headers of what caused it; they travel beside the entry, never in it.
    pub trace: Trace,
}

/// Who caused an entry, and by which command.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The token's subject, or the service's name.
    pub actor: &'a str,
    /// The command's request_id; empty for a service's own work.
    pub request_id: &'a str,
    /// Trace headers of the cause.
    pub trace: &'a Trace,
}

/// Gives an event its place after `head` and serializes it. `recorded_at` never goes back: it is the
/// clock, or one microsecond after the entry before.
#[must_use]
pub fn seal(
    head: &Head,
    tenant: TenantId,
    log: Log,
    event: &NewEvent,
    origin: Origin<'_>,
    now: DateTime<Utc>,
) -> Sealed {
    let seq = head.seq.saturating_add(1);
    let after_last = head.recorded_at.checked_add_signed(TimeDelta::microseconds(1)).unwrap_or(now);
    let recorded_at = now.trunc_subsecs(6).max(after_last);
    let event_id = backlog_ids::derive(tenant.uuid(), &format!("{}/{seq}", log.as_str_name()));
    let entry = LogEntry {
        tenant_id: tenant.to_string(),
        log: log.into(),
        seq,
        prev_hash: head.hash.to_vec(),
        event_id: EventId::from_uuid(event_id).to_string(),
        r#type: event.type_name.to_owned(),
        aggregate_id: event.aggregate_id.clone(),
        aggregate_version: event.aggregate_version,
        effective_date: Some(event.effective_date.into()),
        recorded_at: Some(timestamp(recorded_at)),
        actor: origin.actor.to_owned(),
        request_id: origin.request_id.to_owned(),
        depends_on: event.depends_on.clone(),
        payload: event.payload.clone(),
    };
    let bytes: Arc<[u8]> = entry.encode_to_vec().into();
    let hash = leaf_hash(&bytes);
    Sealed { tenant, seq, hash, recorded_at, bytes, trace: Arc::clone(origin.trace) }
}

/// An entry read back: the stored bytes and what they say.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What the bytes say.
    pub entry: LogEntry,
    /// Leaf hash of the bytes.
    pub hash: Hash,
    /// The stored bytes.
    pub bytes: Arc<[u8]>,
}

/// Opens stored bytes.
///
/// # Errors
/// When they are not a `LogEntry`.
pub fn open(bytes: &[u8]) -> Result<Opened, prost::DecodeError> {
    let entry = LogEntry::decode(bytes)?;
    Ok(Opened { entry, hash: leaf_hash(bytes), bytes: bytes.into() })
}
