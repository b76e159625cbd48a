//! Why a run is refused or not carried out.

use std::time::Duration;

use backlog_db::DbError;
use backlog_event_log::{Behind, Refused};
use backlog_ids::ContractId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_recognition_engine::EngineError;
use backlog_service_kit::error::{Fault, InvalidFields, Kind};
use backlog_service_kit::page::PageTokenInvalid;
use chrono::NaiveDate;
use thiserror::Error;

use crate::domain::Refusal;

/// Why a chunk is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunRefusal {
    /// The contract that the run is limited to is not known: unknown, foreign, or not signed.
    #[error("no signed contract {0} is known here")]
    UnknownContract(ContractId),
    /// The request_id stands for a run through another day or over another contract.
    #[error("the request_id was used before for another run; use a new one for a new command")]
    RequestIdReused,
    /// The last day lies in a closed period.
    #[error("{through} lies in a closed period; run through {open_from} or a later day")]
    PeriodClosed {
        /// Last day asked for.
        through: NaiveDate,
        /// The first open day.
        open_from: NaiveDate,
    },
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
    /// Another replica has taken the tenant's scheduled run over.
    #[error("another replica has taken the run over")]
    Superseded,
    /// The engine cannot post it.
    #[error("revenue cannot be posted: {source}")]
    Engine {
        /// The contract concerned; none for a sum over several.
        contract: Option<ContractId>,
        /// Why.
        source: EngineError,
    },
}

impl Fault for RunRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownContract(_) => Kind::NotFound,
            Self::RequestIdReused => Kind::AlreadyExists,
            Self::TenantNotReady | Self::Superseded => Kind::Unavailable,
            Self::PeriodClosed { .. } => Kind::FailedPrecondition,
            Self::Engine { .. } => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::UnknownContract(_) => ErrorReason::NotFound,
            Self::RequestIdReused => ErrorReason::RequestIdReused,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
            Self::Superseded => ErrorReason::Unavailable,
            Self::PeriodClosed { .. } => ErrorReason::PeriodClosed,
            Self::Engine { .. } => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UnknownContract(contract) => vec![("contract_id", contract.to_string())],
            Self::PeriodClosed { open_from, .. } => vec![("open_from", open_from.to_string())],
            Self::RequestIdReused
            | Self::TenantNotReady
            | Self::Superseded
            | Self::Engine { .. } => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            Self::UnknownContract(_)
            | Self::RequestIdReused
            | Self::Superseded
            | Self::PeriodClosed { .. }
            | Self::Engine { .. } => None,
        }
    }
}

/// Why a call came to no answer.
#[derive(Debug, Error)]
pub enum CallFault {
    /// The request is wrong; all that is.
    #[error(transparent)]
    Invalid(#[from] InvalidFields),
    /// The page token is not one of this call.
    #[error(transparent)]
    Page(#[from] PageTokenInvalid),
    /// A command was refused or could not be written; what was posted before it stays.
    #[error(transparent)]
    Refused(#[from] Refused<Refusal>),
    /// The positions asked for were not reached in time.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// The contract is unknown or another tenant's.
    #[error("no signed contract {0} is known here")]
    UnknownContract(ContractId),
    /// As many runs as may be are under way in this replica.
    #[error("{0} runs are under way already; try again when some have ended")]
    TooManyRuns(usize),
    /// The database cannot be asked.
    #[error("the database cannot answer now; try again with the same request_id")]
    Unavailable,
    /// A fault of the system.
    #[error("an internal error happened and was logged; try again with the same request_id")]
    Internal,
}

impl From<DbError> for CallFault {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading for a call failed");
        match error {
            DbError::Corrupt(_) => Self::Internal,
            DbError::Refused { .. } | DbError::Lost(_) | DbError::Driver(_) => Self::Unavailable,
        }
    }
}

impl Fault for CallFault {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(invalid) => invalid.kind(),
            Self::Page(page) => page.kind(),
            Self::Refused(refused) => refused.kind(),
            Self::Behind(_) | Self::Unavailable => Kind::Unavailable,
            Self::UnknownContract(_) => Kind::NotFound,
            Self::TooManyRuns(_) => Kind::ResourceExhausted,
            Self::Internal => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Invalid(invalid) => invalid.reason(),
            Self::Page(page) => page.reason(),
            Self::Refused(refused) => refused.reason(),
            Self::Behind(_) => ErrorReason::Behind,
            Self::UnknownContract(_) => ErrorReason::NotFound,
            Self::TooManyRuns(_) => ErrorReason::LimitExceeded,
            Self::Unavailable => ErrorReason::Unavailable,
            Self::Internal => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Refused(refused) => refused.metadata(),
            Self::Behind(behind) => vec![
                ("log", behind.log.to_owned()),
                ("reached", behind.reached.to_string()),
                ("wanted", behind.wanted.to_string()),
            ],
            Self::UnknownContract(contract) => vec![("contract_id", contract.to_string())],
            Self::TooManyRuns(_) => vec![("limit", "runs.concurrent_max".to_owned())],
            Self::Invalid(_) | Self::Page(_) | Self::Unavailable | Self::Internal => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Invalid(invalid) => invalid.violations(),
            Self::Page(page) => page.violations(),
            Self::Refused(refused) => refused.violations(),
            Self::Behind(_)
            | Self::UnknownContract(_)
            | Self::TooManyRuns(_)
            | Self::Unavailable
            | Self::Internal => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.retry_after(),
            Self::Behind(_) | Self::Unavailable | Self::TooManyRuns(_) => {
                Some(Duration::from_millis(200))
            }
            Self::Invalid(_) | Self::Page(_) | Self::UnknownContract(_) | Self::Internal => None,
        }
    }
}
