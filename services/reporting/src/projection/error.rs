//! Why an entry of another log cannot be applied: its tenant stops there.

use backlog_event_log::Poison;
use backlog_ids::{ContractId, ObligationId};
use backlog_proto::FieldViolation;
use thiserror::Error;

/// What makes an entry impossible to apply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ProjectionError {
    /// A log that nobody writes for this service.
    #[error("entries of {0} are not applied here")]
    OtherLog(&'static str),
    /// A type that this version does not know.
    #[error("events of type {0:?} are not known to this version of the service")]
    UnknownType(String),
    /// The payload is not of the type that the entry names.
    #[error("the payload is not a {type_name}: {cause}")]
    Undecodable {
        /// What the entry says it is.
        type_name: String,
        /// What the decoder says.
        cause: String,
    },
    /// Fields that mean nothing here; all of them.
    #[error("the {type_name} has wrong fields: {}", joined(.violations))]
    WrongFields {
        /// Full name of the message.
        type_name: &'static str,
        /// What is wrong.
        violations: Vec<FieldViolation>,
    },
    /// The first entry is not the tenant's creation, or a later one is.
    #[error("the creation of the tenant is at entry {0} of the contract log; it must be entry 1")]
    CreationMisplaced(u64),
    /// The tenant's creation was not applied.
    #[error("the creation of the tenant was not applied before")]
    NoTenant,
    /// The event names another tenant than its entry.
    #[error("the event is about {0}, which is not the tenant of the log")]
    OtherTenant(String),
    /// Signed twice.
    #[error("contract {0} is signed already")]
    SignedTwice(ContractId),
    /// Accounting for a contract whose signature was not applied.
    #[error("contract {0} is not known here: its signature must be covered by this entry")]
    UnknownContract(ContractId),
    /// Accounting for an obligation that the contract does not have.
    #[error("contract {0} has no obligation {1}")]
    UnknownObligation(ContractId, ObligationId),
    /// Accounting that covers contract entries which are not applied.
    #[error("it covers entry {covered} of the contract log, of which {applied} are applied here")]
    NotCovered {
        /// What the event says.
        covered: u64,
        /// What is applied.
        applied: u64,
    },
    /// Accounting that covers less than the entry before.
    #[error("it covers entry {covered} of the contract log, the one before covered {before}")]
    CoversLess {
        /// What the event says.
        covered: u64,
        /// What the entry before it said.
        before: u64,
    },
    /// The audit trail holds other bytes than the log.
    #[error("the entry before it is not the one in the audit trail: the bytes kept here differ")]
    OtherBytes,
}

fn joined(violations: &[FieldViolation]) -> String {
    let each = violations.iter().map(|wrong| format!("{} {}", wrong.field, wrong.description));
    each.collect::<Vec<_>>().join("; ")
}

impl From<ProjectionError> for Poison {
    fn from(error: ProjectionError) -> Self {
        Self { detail: error.to_string() }
    }
}
