//! Why a call about contracts is refused.

use std::time::Duration;

use backlog_db::DbError;
use backlog_ids::ContractId;
use backlog_proto::common::v1::ErrorReason;
use backlog_service_kit::error::{Fault, Kind};

/// A refusal; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContractError {
    /// No such contract for this tenant.
    #[error("there is no contract {0}; check the id")]
    NotFound(ContractId),
    /// It is a commitment already.
    #[error("contract {0} is signed already; signed contracts change by amendment")]
    AlreadySigned(ContractId),
    /// Somebody else changed it.
    #[error("contract {contract} has changed since it was read; read it and try again")]
    EtagMismatch {
        /// The contract.
        contract: ContractId,
        /// Its etag now.
        current: String,
    },
    /// The database does not answer.
    #[error("the database cannot answer now; try again")]
    Unavailable,
}

impl Fault for ContractError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) => Kind::NotFound,
            Self::AlreadySigned(_) => Kind::FailedPrecondition,
            Self::EtagMismatch { .. } => Kind::Aborted,
            Self::Unavailable => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::NotFound(_) => ErrorReason::NotFound,
            Self::AlreadySigned(_) => ErrorReason::AlreadySigned,
            Self::EtagMismatch { .. } => ErrorReason::EtagMismatch,
            Self::Unavailable => ErrorReason::Unavailable,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFound(contract) | Self::AlreadySigned(contract) => {
                vec![("contract_id", contract.to_string())]
            }
            Self::EtagMismatch { contract, current } => {
                vec![("contract_id", contract.to_string()), ("etag", current.clone())]
            }
            Self::Unavailable => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable => Some(Duration::from_millis(200)),
            Self::NotFound(_) | Self::AlreadySigned(_) | Self::EtagMismatch { .. } => None,
        }
    }
}

impl From<DbError> for ContractError {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading contracts failed");
        Self::Unavailable
    }
}
