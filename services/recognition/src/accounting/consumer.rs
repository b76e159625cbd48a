//! The other door: an entry of the contract log becomes one event of this log.

use backlog_event_log::{Change, Poison};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::LogEntry;

use super::books::{Books, BooksChange};
use super::convert::effective_date;
use super::error::AccountingError;
use super::events::event;

/// Decides what an entry does. Errors with what makes it impossible to account for.
pub fn decide(
    tenant: TenantId,
    log: Log,
    entry: &LogEntry,
    books: &Books,
) -> Result<Change<BooksChange>, Poison> {
    if log != Log::Contract {
        let log = log.as_str_name();
        return Err(Poison { detail: format!("this service does not apply the log {log}") });
    }
    account(tenant, entry, books).map_err(|error| Poison { detail: error.to_string() })
}

fn account(
    tenant: TenantId,
    entry: &LogEntry,
    books: &Books,
) -> Result<Change<BooksChange>, AccountingError> {
    let effective_date = effective_date(entry)?;
    let (posted, effect) = books.account(tenant, entry)?;
    let aggregate = entry.aggregate_id.clone();
    let event = event(&posted, aggregate, entry.aggregate_version, effective_date);
    Ok(Change { events: vec![event], effect })
}
