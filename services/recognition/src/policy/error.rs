//! Why a version of the policy is not set.

use std::time::Duration;

use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, Kind};
use chrono::NaiveDate;
use thiserror::Error;

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyRefusal {
    /// It says nothing that the version before does not.
    #[error("the policy is in force already")]
    Same(Vec<FieldViolation>),
    /// Its first day lies in a closed period.
    #[error("{from} lies in a closed period; let the policy begin on {open_from} or a later day")]
    PeriodClosed {
        /// Its first day.
        from: NaiveDate,
        /// The first open day.
        open_from: NaiveDate,
    },
    /// Another version begins on that day or later.
    #[error("another version begins after {from} or on it; let this one begin on {free} or later")]
    OutOfOrder {
        /// Its first day.
        from: NaiveDate,
        /// The first day that is free.
        free: NaiveDate,
    },
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
}

impl Fault for PolicyRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::Same(_) => Kind::InvalidArgument,
            Self::PeriodClosed { .. } | Self::OutOfOrder { .. } => Kind::FailedPrecondition,
            Self::TenantNotReady => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Same(_) => ErrorReason::InvalidFields,
            Self::PeriodClosed { .. } => ErrorReason::PeriodClosed,
            Self::OutOfOrder { .. } => ErrorReason::PolicyOutOfOrder,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::PeriodClosed { open_from, .. } => vec![("open_from", open_from.to_string())],
            Self::OutOfOrder { free, .. } => vec![("free_from", free.to_string())],
            Self::Same(_) | Self::TenantNotReady => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Same(violations) => violations,
            Self::PeriodClosed { .. } | Self::OutOfOrder { .. } | Self::TenantNotReady => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            Self::Same(_) | Self::PeriodClosed { .. } | Self::OutOfOrder { .. } => None,
        }
    }
}
