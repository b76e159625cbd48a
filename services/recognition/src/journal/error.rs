//! Why something about the journal is refused or has no answer.

use std::time::Duration;

use backlog_db::DbError;
use backlog_event_log::{Behind, Refused};
use backlog_ids::JournalBatchId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_recognition_engine::TranslationError;
use backlog_service_kit::error::{Fault, InvalidFields, Kind};
use backlog_service_kit::page::PageTokenInvalid;
use chrono::NaiveDate;
use thiserror::Error;

use crate::domain::Refusal;
use crate::run::error::CallFault;

/// Why a fact about the journal is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalRefusal {
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
    /// A rate into another currency than the tenant's functional one.
    #[error("the rate is not into the functional currency")]
    NotFunctional(Vec<FieldViolation>),
    /// A rate for a day in a closed period.
    #[error("{on} lies in a closed period; state a rate for {open_from} or a later day")]
    PeriodClosed {
        /// The rate's day.
        on: NaiveDate,
        /// The first open day.
        open_from: NaiveDate,
    },
}

impl Fault for JournalRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::TenantNotReady => Kind::Unavailable,
            Self::NotFunctional(_) => Kind::InvalidArgument,
            Self::PeriodClosed { .. } => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::TenantNotReady => ErrorReason::TenantNotReady,
            Self::NotFunctional(_) => ErrorReason::InvalidFields,
            Self::PeriodClosed { .. } => ErrorReason::PeriodClosed,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::PeriodClosed { open_from, .. } => vec![("open_from", open_from.to_string())],
            Self::NotFunctional(_) | Self::TenantNotReady => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::NotFunctional(violations) => violations,
            Self::PeriodClosed { .. } | Self::TenantNotReady => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            Self::NotFunctional(_) | Self::PeriodClosed { .. } => None,
        }
    }
}

/// Why a call about the journal came to no answer.
#[derive(Debug, Error)]
pub enum JournalFault {
    /// As any call of this service.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// The page token is not one for this call.
    #[error(transparent)]
    Page(#[from] PageTokenInvalid),
    /// No export of this id: unknown or another tenant's.
    #[error("no export {0} is known here")]
    UnknownBatch(JournalBatchId),
    /// Nothing to translate by.
    #[error("{0}; state one")]
    Translation(#[from] TranslationError),
}

impl From<DbError> for JournalFault {
    fn from(error: DbError) -> Self {
        Self::Call(error.into())
    }
}

impl From<InvalidFields> for JournalFault {
    fn from(invalid: InvalidFields) -> Self {
        Self::Call(invalid.into())
    }
}

impl From<Refused<Refusal>> for JournalFault {
    fn from(refused: Refused<Refusal>) -> Self {
        Self::Call(refused.into())
    }
}

impl From<Behind> for JournalFault {
    fn from(behind: Behind) -> Self {
        Self::Call(behind.into())
    }
}

impl Fault for JournalFault {
    fn kind(&self) -> Kind {
        match self {
            Self::Call(fault) => fault.kind(),
            Self::Page(fault) => fault.kind(),
            Self::UnknownBatch(_) => Kind::NotFound,
            Self::Translation(TranslationError::RateMissing { .. }) => Kind::FailedPrecondition,
            Self::Translation(TranslationError::Overflow) => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Call(fault) => fault.reason(),
            Self::Page(fault) => fault.reason(),
            Self::UnknownBatch(_) => ErrorReason::NotFound,
            Self::Translation(TranslationError::RateMissing { .. }) => ErrorReason::RateMissing,
            Self::Translation(TranslationError::Overflow) => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Call(fault) => fault.metadata(),
            Self::Page(fault) => fault.metadata(),
            Self::UnknownBatch(batch) => vec![("batch_id", batch.to_string())],
            Self::Translation(TranslationError::RateMissing { from, on }) => {
                vec![("currency", from.to_string()), ("on", on.to_string())]
            }
            Self::Translation(TranslationError::Overflow) => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Call(fault) => fault.violations(),
            Self::Page(_) | Self::UnknownBatch(_) | Self::Translation(_) => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(fault) => fault.retry_after(),
            Self::Page(_) | Self::UnknownBatch(_) | Self::Translation(_) => None,
        }
    }
}
