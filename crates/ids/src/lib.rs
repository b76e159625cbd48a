//! Typed, prefixed identifiers with UUIDv7 inside.
//!
//! Each kind of thing has a type of its own, so that a tenant's id cannot be passed where a
//! contract's is meant. On the wire an id is its prefix and 32 lower-case hexadecimal digits, such
//! as `ctr_0192f3a1c8e67d4fb0a1b2c3d4e5f607`. There is exactly one spelling per id: it is compared,
//! hashed and signed as text elsewhere.

mod parse;
mod typed;

pub use parse::IdError;
pub use typed::{
    AccountId, AccountingContractId, AdjustmentId, ContractId, CreditNoteId, EventId, InvoiceId,
    JournalBatchId, ObligationId, PaymentId, RunId, TenantId, TypedId, WhatIfId,
};

use uuid::{Builder, Uuid};

/// A UUID of version 7 from `unix_ms`, milliseconds since 1970, and ten random bytes. Bits of the
/// time beyond 48 are dropped, as the format has no room for them.
#[must_use]
pub fn v7(unix_ms: u64, random: [u8; 10]) -> Uuid {
    Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid()
}

/// A UUID of version 5 that is the same for the same `parent` and `name`, always and everywhere:
/// for ids that must come out the same on replay.
#[must_use]
pub fn derive(parent: Uuid, name: &str) -> Uuid {
    Uuid::new_v5(&parent, name.as_bytes())
}

#[cfg(test)]
mod tests;
