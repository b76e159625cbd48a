//! Why an audit call has no answer.

use std::time::Duration;

use backlog_audit_log::TreeError;
use backlog_db::DbError;
use backlog_event_log::Behind;
use backlog_proto::FieldViolation;
use backlog_proto::common::v1::ErrorReason;
use backlog_service_kit::page::PageTokenInvalid;
use backlog_service_kit::{Fault, InvalidFields, Kind};
use thiserror::Error;

use crate::reading::{ReadFault, behind_metadata};

/// Why an audit call has no answer.
#[derive(Debug, Error)]
pub enum AuditFault {
    /// The request is wrong; all that is.
    #[error(transparent)]
    Invalid(#[from] InvalidFields),
    /// The page token is not one for this call.
    #[error(transparent)]
    Page(#[from] PageTokenInvalid),
    /// The positions asked for were not reached in time.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// No such entry, or no such tree.
    #[error("the log has {has} entries here; there is no {wanted}")]
    NotFound {
        /// Entries of the log.
        has: u64,
        /// What was asked for, such as `entry 7`.
        wanted: String,
    },
    /// The tree does not extend a checkpoint that was signed before: the tenant stands.
    #[error("the {log} log is not the one that was signed when it had {size} entries")]
    Diverged {
        /// The log.
        log: &'static str,
        /// Size of its tree in the checkpoint.
        size: u64,
    },
    /// The tree is being made anew.
    #[error("the audit trail is being rebuilt; try again shortly")]
    Rebuilding,
    /// The database cannot be asked.
    #[error("the database cannot answer now; try again")]
    Unavailable(#[from] DbError),
    /// A checkpoint cannot be made or read.
    #[error("a checkpoint cannot be made or read: {0}")]
    Internal(String),
}

impl From<TreeError> for AuditFault {
    /// The nodes of a tree are written with its entries: they are missing only while it is rebuilt.
    fn from(_: TreeError) -> Self {
        Self::Rebuilding
    }
}

impl From<ReadFault> for AuditFault {
    fn from(fault: ReadFault) -> Self {
        match fault {
            ReadFault::Invalid(invalid) => Self::Invalid(invalid),
            ReadFault::Behind(behind) => Self::Behind(behind),
            ReadFault::Unavailable(error) => Self::Unavailable(error),
            ReadFault::TooManyRows(_) | ReadFault::Internal(_) => Self::Internal(fault.to_string()),
        }
    }
}

impl Fault for AuditFault {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) | Self::Page(_) => Kind::InvalidArgument,
            Self::Behind(_) | Self::Rebuilding | Self::Unavailable(_) => Kind::Unavailable,
            Self::NotFound { .. } => Kind::NotFound,
            Self::Diverged { .. } => Kind::FailedPrecondition,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Invalid(_) => ErrorReason::InvalidFields,
            Self::Page(_) => ErrorReason::PageTokenInvalid,
            Self::Behind(_) => ErrorReason::Behind,
            Self::NotFound { .. } => ErrorReason::NotFound,
            Self::Diverged { .. } => ErrorReason::LogDiverged,
            Self::Rebuilding | Self::Unavailable(_) => ErrorReason::Unavailable,
            Self::Internal(_) => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Behind(behind) => behind_metadata(behind),
            Self::NotFound { has, .. } => vec![("size", has.to_string())],
            Self::Diverged { log, size } => {
                vec![("log", (*log).to_owned()), ("size", size.to_string())]
            }
            Self::Invalid(_)
            | Self::Page(_)
            | Self::Rebuilding
            | Self::Unavailable(_)
            | Self::Internal(_) => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Invalid(invalid) => invalid.violations(),
            Self::Page(_)
            | Self::Behind(_)
            | Self::NotFound { .. }
            | Self::Diverged { .. }
            | Self::Rebuilding
            | Self::Unavailable(_)
            | Self::Internal(_) => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Behind(_) | Self::Rebuilding | Self::Unavailable(_) => {
                Some(Duration::from_millis(200))
            }
            Self::Invalid(_)
            | Self::Page(_)
            | Self::NotFound { .. }
            | Self::Diverged { .. }
            | Self::Internal(_) => None,
        }
    }
}
