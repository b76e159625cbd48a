//! Why there is no explanation or preview.

use std::time::Duration;

use backlog_db::DbError;
use backlog_event_log::{Behind, ReadError};
use backlog_ids::ContractId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_recognition_engine::EngineError;
use backlog_service_kit::error::{Fault, InvalidFields, Kind};
use backlog_service_kit::page::PageTokenInvalid;
use thiserror::Error;

/// Why a call came to no answer.
#[derive(Debug, Error)]
pub enum ExplainFault {
    /// The request is wrong; all that is.
    #[error(transparent)]
    Invalid(#[from] InvalidFields),
    /// The page token is not one for this call.
    #[error(transparent)]
    Page(#[from] PageTokenInvalid),
    /// The positions asked for were not reached in time.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// The contract is unknown, another tenant's, or not signed.
    #[error("no signed contract {0} is known here")]
    UnknownContract(ContractId),
    /// More happened to the contract than one answer can be made from.
    #[error("more than {0} entries concern the contract; it cannot be explained at once")]
    TooLong(u64),
    /// The change does not fit the contract as it is.
    #[error("the change cannot be accounted for: {0}")]
    Refused(EngineError),
    /// A log or the database cannot be asked.
    #[error("the contract's history cannot be read now; try again")]
    Unavailable,
    /// A fault of the system.
    #[error("an internal error happened and was logged")]
    Internal,
}

impl From<DbError> for ExplainFault {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading for an explanation failed");
        match error {
            DbError::Corrupt(_) => Self::Internal,
            DbError::Refused { .. } | DbError::Lost(_) | DbError::Driver(_) => Self::Unavailable,
        }
    }
}

impl From<ReadError> for ExplainFault {
    fn from(error: ReadError) -> Self {
        tracing::warn!(%error, "reading the contract log for an explanation failed");
        match error {
            ReadError::Unavailable(_) => Self::Unavailable,
            ReadError::Diverged | ReadError::Setup(_) => Self::Internal,
        }
    }
}

impl Fault for ExplainFault {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(invalid) => invalid.kind(),
            Self::Page(page) => page.kind(),
            Self::Behind(_) | Self::Unavailable => Kind::Unavailable,
            Self::UnknownContract(_) => Kind::NotFound,
            Self::TooLong(_) => Kind::ResourceExhausted,
            Self::Refused(_) => Kind::FailedPrecondition,
            Self::Internal => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Invalid(invalid) => invalid.reason(),
            Self::Page(page) => page.reason(),
            Self::Behind(_) => ErrorReason::Behind,
            Self::UnknownContract(_) => ErrorReason::NotFound,
            Self::TooLong(_) => ErrorReason::LimitExceeded,
            Self::Refused(EngineError::AlreadySigned(_)) => ErrorReason::AlreadySigned,
            Self::Refused(EngineError::Terminated) => ErrorReason::Terminated,
            Self::Refused(EngineError::PeriodClosed { .. }) => ErrorReason::PeriodClosed,
            Self::Refused(EngineError::ChangeBeforeLast { .. }) => ErrorReason::ChangeBeforeLast,
            Self::Refused(_) => ErrorReason::InvalidFields,
            Self::Unavailable => ErrorReason::Unavailable,
            Self::Internal => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Behind(behind) => vec![
                ("log", behind.log.to_owned()),
                ("reached", behind.reached.to_string()),
                ("wanted", behind.wanted.to_string()),
            ],
            Self::UnknownContract(contract) => vec![("contract_id", contract.to_string())],
            Self::TooLong(_) => vec![("limit", "explain.entries_max".to_owned())],
            Self::Invalid(_)
            | Self::Page(_)
            | Self::Refused(_)
            | Self::Unavailable
            | Self::Internal => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Invalid(invalid) => invalid.violations(),
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Behind(_) | Self::Unavailable => Some(Duration::from_millis(200)),
            _ => None,
        }
    }
}
