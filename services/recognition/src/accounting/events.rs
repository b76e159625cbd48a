//! What this service writes to its log.

use backlog_event_log::NewEvent;
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::recognition::v1::AccountingPosted;
use chrono::NaiveDate;
use prost::Message;

/// Full name of the one message that this service writes.
pub const ACCOUNTING_POSTED: &str = "backlog.recognition.v1.AccountingPosted";

/// Accounting as an event of an aggregate: the one that the contract fact is about, or the run.
#[must_use]
pub fn event(
    posted: &AccountingPosted,
    aggregate_id: String,
    aggregate_version: u64,
    effective_date: NaiveDate,
) -> NewEvent {
    let depends_on =
        vec![LogPosition { log: Log::Contract.into(), seq: posted.covered_contract_seq }];
    NewEvent {
        type_name: ACCOUNTING_POSTED,
        aggregate_id,
        aggregate_version,
        effective_date,
        depends_on,
        payload: posted.encode_to_vec(),
    }
}
