//! Why contracts are not combined.

use std::time::Duration;

use backlog_ids::ContractId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_recognition_engine::{EngineError, NotCombinable};
use backlog_service_kit::error::{Fault, Kind};
use chrono::NaiveDate;
use thiserror::Error;

use crate::accounting::error::AccountingError;

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CombinationRefusal {
    /// The contract is not known: unknown, foreign, or not signed.
    #[error("no signed contract {0} is known here")]
    UnknownContract(ContractId),
    /// It cannot be accounted for as one with the others.
    #[error("contract {contract} cannot be combined with the others: {}", sentence(*.why))]
    NotCombinable {
        /// The contract.
        contract: ContractId,
        /// Why.
        why: NotCombinable,
    },
    /// One of them was changed after that day.
    #[error("a contract was changed on {last}; let them be one from {last} or a later day on")]
    ChangeBeforeLast {
        /// The first day on which they can be one.
        last: NaiveDate,
    },
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
    /// It cannot be computed.
    #[error("{0}")]
    Uncomputable(AccountingError),
}

/// What is in the way, and what to do.
const fn sentence(why: NotCombinable) -> &'static str {
    match why {
        NotCombinable::OtherCurrency => "its amounts are in another currency",
        NotCombinable::NoContract => {
            "it is no contract yet; assess it anew, or run recognition through the day if time alone \
             makes it one"
        }
        NotCombinable::Ended => "it was terminated",
        NotCombinable::CombinedBefore => {
            "others joined it before, or it joined others; name it first, so that these join it"
        }
        NotCombinable::HasAdditions => {
            "a later addition to it is accounted for as a contract of its own"
        }
        NotCombinable::Financed => "interest is accrued for it",
        NotCombinable::SignedLater => {
            "it was signed after the day; let them be one from its signature or a later day on"
        }
        NotCombinable::NamedTwice => "it is one with them already",
    }
}

impl CombinationRefusal {
    pub(super) fn of(error: AccountingError) -> Self {
        match error {
            AccountingError::Engine { source, .. } => match source {
                EngineError::NotCombinable { contract, why } => {
                    Self::NotCombinable { contract, why }
                }
                EngineError::ChangeBeforeLast { last, .. } => Self::ChangeBeforeLast { last },
                source => Self::Uncomputable(AccountingError::Engine {
                    contract: ContractId::from_uuid(uuid::Uuid::nil()),
                    source,
                }),
            },
            other => Self::Uncomputable(other),
        }
    }
}

impl Fault for CombinationRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownContract(_) => Kind::NotFound,
            Self::NotCombinable { .. } | Self::ChangeBeforeLast { .. } => Kind::FailedPrecondition,
            Self::TenantNotReady => Kind::Unavailable,
            Self::Uncomputable(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::UnknownContract(_) => ErrorReason::NotFound,
            Self::NotCombinable { .. } => ErrorReason::NotCombinable,
            Self::ChangeBeforeLast { .. } => ErrorReason::ChangeBeforeLast,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
            Self::Uncomputable(_) => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UnknownContract(contract) => vec![("contract_id", contract.to_string())],
            Self::NotCombinable { contract, why } => {
                vec![("contract_id", contract.to_string()), ("why", why.name().to_owned())]
            }
            Self::ChangeBeforeLast { last } => vec![("last", last.to_string())],
            Self::TenantNotReady | Self::Uncomputable(_) => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        &[]
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            _ => None,
        }
    }
}
