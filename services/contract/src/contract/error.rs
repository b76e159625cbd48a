//! Why a call about contracts is refused.

use std::time::Duration;

use backlog_db::DbError;
use backlog_ids::ContractId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, Kind};
use chrono::NaiveDate;

/// A refusal; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContractError {
    /// Fields do not fit the contract; all of them.
    #[error("the change does not fit its contract; correct the fields that are listed")]
    Invalid(Vec<FieldViolation>),
    /// No such contract for this tenant.
    #[error("there is no contract {0}; check the id")]
    NotFound(ContractId),
    /// A draft is no commitment: there is nothing to change or end.
    #[error("contract {0} is not signed yet; sign it first")]
    NotSigned(ContractId),
    /// It is a commitment already.
    #[error("contract {0} is signed already; signed contracts change by amendment")]
    AlreadySigned(ContractId),
    /// It has ended.
    #[error("contract {0} was terminated; make another one")]
    Terminated(ContractId),
    /// A change that comes before one that is known.
    #[error(
        "a change of contract {contract} on {on} would come before the last one, on {last}; \
         use that day or a later one"
    )]
    ChangeBeforeLast {
        /// The contract.
        contract: ContractId,
        /// Day of the change.
        on: NaiveDate,
        /// Day of the last one.
        last: NaiveDate,
    },
    /// Somebody else changed it.
    #[error("contract {contract} has changed since it was read; read it and try again")]
    EtagMismatch {
        /// The contract.
        contract: ContractId,
        /// Its etag now.
        current: String,
    },
    /// The residual cannot be what the price leaves.
    #[error("{0}")]
    Residual(ResidualRefusal),
    /// A sum left the range of amounts, which the limits on amounts rule out.
    #[error("the change of contract {0} cannot be computed")]
    Uncomputable(ContractId),
    /// The database does not answer.
    #[error("the database cannot answer now; try again")]
    Unavailable,
}

/// Why an obligation cannot take the residual; each with its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResidualRefusal {
    /// The price leaves nothing for it (606-10-32-35).
    #[error(
        "the price leaves nothing for obligation {0:?}, which takes the residual; estimate its \
         stand-alone selling price in another way"
    )]
    NotPositive(String),
    /// What the price leaves is not a price at which it is sold.
    #[error(
        "what the price leaves for obligation {0:?} is outside the range in which it is sold \
         alone; estimate its stand-alone selling price in another way"
    )]
    OutOfRange(String),
}

impl Fault for ContractError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::InvalidArgument,
            Self::NotFound(_) => Kind::NotFound,
            Self::NotSigned(_)
            | Self::AlreadySigned(_)
            | Self::Terminated(_)
            | Self::ChangeBeforeLast { .. }
            | Self::Residual(_) => Kind::FailedPrecondition,
            Self::EtagMismatch { .. } => Kind::Aborted,
            Self::Uncomputable(_) => Kind::Internal,
            Self::Unavailable => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Invalid(_) => ErrorReason::InvalidFields,
            Self::NotFound(_) => ErrorReason::NotFound,
            Self::NotSigned(_) => ErrorReason::NotSigned,
            Self::AlreadySigned(_) => ErrorReason::AlreadySigned,
            Self::Terminated(_) => ErrorReason::Terminated,
            Self::ChangeBeforeLast { .. } => ErrorReason::ChangeBeforeLast,
            Self::EtagMismatch { .. } => ErrorReason::EtagMismatch,
            Self::Residual(ResidualRefusal::NotPositive(_)) => ErrorReason::ResidualNotPositive,
            Self::Residual(ResidualRefusal::OutOfRange(_)) => ErrorReason::ResidualOutOfRange,
            Self::Uncomputable(_) => ErrorReason::Internal,
            Self::Unavailable => ErrorReason::Unavailable,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFound(contract)
            | Self::NotSigned(contract)
            | Self::AlreadySigned(contract)
            | Self::Terminated(contract) => vec![("contract_id", contract.to_string())],
            Self::ChangeBeforeLast { contract, on, last } => vec![
                ("contract_id", contract.to_string()),
                ("on", on.to_string()),
                ("last", last.to_string()),
            ],
            Self::EtagMismatch { contract, current } => {
                vec![("contract_id", contract.to_string()), ("etag", current.clone())]
            }
            Self::Residual(
                ResidualRefusal::NotPositive(key) | ResidualRefusal::OutOfRange(key),
            ) => vec![("obligation", key.clone())],
            Self::Invalid(_) | Self::Uncomputable(_) | Self::Unavailable => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Invalid(violations) => violations,
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable => Some(Duration::from_millis(200)),
            _ => None,
        }
    }
}

impl From<DbError> for ContractError {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading contracts failed");
        Self::Unavailable
    }
}
