//! Why progress, an estimate or an adjustment is refused.

use std::time::Duration;

use backlog_ids::ContractId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_recognition_engine::EngineError;
use backlog_service_kit::error::{Fault, Kind};
use thiserror::Error;

use crate::accounting::error::AccountingError;

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordRefusal {
    /// The contract is not known: unknown, foreign, or not signed.
    #[error("no signed contract {0} is known here")]
    UnknownContract(ContractId),
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
    /// Something that it names does not fit the contract; where it says so.
    #[error("the request does not fit the contract")]
    Unfit(Vec<FieldViolation>),
    /// The rules refuse it.
    #[error("{0}")]
    Rule(EngineError),
    /// It cannot be computed.
    #[error("{0}")]
    Uncomputable(AccountingError),
}

impl From<AccountingError> for RecordRefusal {
    fn from(error: AccountingError) -> Self {
        let unfit = |field: &str, description: String| {
            let field = field.to_owned();
            Self::Unfit(vec![FieldViolation { field, description }])
        };
        match error {
            AccountingError::OtherCurrency { expected, .. } => unfit(
                "amount.currency_code",
                format!("must be {expected}, the contract's currency"),
            ),
            AccountingError::Engine { source, .. } => match source {
                EngineError::UnknownObligation(_) => {
                    unfit("obligation_id", "must be an obligation of the contract".to_owned())
                }
                EngineError::OtherMethod(_) => unfit("reading", source.to_string()),
                EngineError::UnknownMilestone(_) => unfit("milestone", source.to_string()),
                EngineError::UnknownGate(_) => unfit("delivery.gate", source.to_string()),
                EngineError::UnknownVariable(_) => unfit("variable.id", source.to_string()),
                EngineError::Overflow => {
                    unfit("amount", "leads to amounts that are too large".to_owned())
                }
                other => Self::Rule(other),
            },
            other => Self::Uncomputable(other),
        }
    }
}

impl Fault for RecordRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownContract(_) => Kind::NotFound,
            Self::TenantNotReady => Kind::Unavailable,
            Self::Unfit(_) => Kind::InvalidArgument,
            Self::Rule(_) => Kind::FailedPrecondition,
            Self::Uncomputable(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::UnknownContract(_) => ErrorReason::NotFound,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
            Self::Unfit(_) => ErrorReason::InvalidFields,
            Self::Rule(EngineError::ProgressOutOfRange(_)) => ErrorReason::ProgressOutOfRange,
            Self::Rule(EngineError::AlreadyReached(_)) => ErrorReason::AlreadyReached,
            Self::Rule(EngineError::ChangeBeforeLast { .. }) => ErrorReason::ChangeBeforeLast,
            Self::Rule(EngineError::Terminated) => ErrorReason::Terminated,
            Self::Rule(_) | Self::Uncomputable(_) => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UnknownContract(contract) => vec![("contract_id", contract.to_string())],
            Self::TenantNotReady | Self::Unfit(_) | Self::Rule(_) | Self::Uncomputable(_) => {
                Vec::new()
            }
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Unfit(violations) => violations,
            Self::UnknownContract(_)
            | Self::TenantNotReady
            | Self::Rule(_)
            | Self::Uncomputable(_) => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            Self::UnknownContract(_) | Self::Unfit(_) | Self::Rule(_) | Self::Uncomputable(_) => {
                None
            }
        }
    }
}
