//! Why an adjustment is not approved or rejected.

use std::time::Duration;

use backlog_ids::AdjustmentId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, Kind};
use thiserror::Error;

use crate::progress::error::RecordRefusal;

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AdjustmentRefusal {
    /// No such adjustment waits or waited in this tenant.
    #[error("there is no adjustment {0}; check the id")]
    Unknown(AdjustmentId),
    /// The one who put it in cannot approve it.
    #[error("adjustment {0} was put in by the same person; somebody else must approve it")]
    SelfApproval(AdjustmentId),
    /// It was approved or rejected before.
    #[error("adjustment {0} was decided before")]
    Decided(AdjustmentId),
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
    /// It cannot be posted as things are now.
    #[error(transparent)]
    Record(#[from] RecordRefusal),
}

impl Fault for AdjustmentRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown(_) => Kind::NotFound,
            Self::SelfApproval(_) | Self::Decided(_) => Kind::FailedPrecondition,
            Self::TenantNotReady => Kind::Unavailable,
            Self::Record(refusal) => refusal.kind(),
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Unknown(_) => ErrorReason::NotFound,
            Self::SelfApproval(_) => ErrorReason::SelfApproval,
            Self::Decided(_) => ErrorReason::AlreadyDecided,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
            Self::Record(refusal) => refusal.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Unknown(id) | Self::SelfApproval(id) | Self::Decided(id) => {
                vec![("adjustment_id", id.to_string())]
            }
            Self::TenantNotReady => Vec::new(),
            Self::Record(refusal) => refusal.metadata(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Record(refusal) => refusal.violations(),
            Self::Unknown(_) | Self::SelfApproval(_) | Self::Decided(_) | Self::TenantNotReady => {
                &[]
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            Self::Record(refusal) => refusal.retry_after(),
            Self::Unknown(_) | Self::SelfApproval(_) | Self::Decided(_) => None,
        }
    }
}
