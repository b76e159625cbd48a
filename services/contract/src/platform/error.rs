//! Why a call about accounts and tenants is refused.

use std::time::Duration;

use backlog_db::DbError;
use backlog_ids::{AccountId, TenantId};
use backlog_proto::common::v1::ErrorReason;
use backlog_service_kit::error::{Fault, Kind};

/// A refusal; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlatformError {
    /// No such account, or not the caller's.
    #[error("there is no account {0}; check the id")]
    AccountNotFound(AccountId),
    /// No such tenant, or not the caller's.
    #[error("there is no tenant {0}; check the id")]
    TenantNotFound(TenantId),
    /// The account calls another tenant by this id.
    #[error("tenant {tenant} exists already with another {}", fields.join(", "))]
    TenantExists {
        /// The tenant.
        tenant: TenantId,
        /// Fields that differ.
        fields: Vec<&'static str>,
    },
    /// An account was made with this request_id and another name.
    #[error("request_id {0} was used before with other content; use a new one for a new command")]
    RequestIdReused(String),
    /// The database does not answer.
    #[error("the database cannot answer now; try again with the same request_id")]
    Unavailable,
}

impl Fault for PlatformError {
    fn kind(&self) -> Kind {
        match self {
            Self::AccountNotFound(_) | Self::TenantNotFound(_) => Kind::NotFound,
            Self::TenantExists { .. } | Self::RequestIdReused(_) => Kind::AlreadyExists,
            Self::Unavailable => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::AccountNotFound(_) | Self::TenantNotFound(_) => ErrorReason::NotFound,
            Self::TenantExists { .. } => ErrorReason::AlreadyExists,
            Self::RequestIdReused(_) => ErrorReason::RequestIdReused,
            Self::Unavailable => ErrorReason::Unavailable,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::AccountNotFound(account) => vec![("account_id", account.to_string())],
            Self::TenantNotFound(tenant) => vec![("tenant_id", tenant.to_string())],
            Self::TenantExists { tenant, fields } => {
                vec![("tenant_id", tenant.to_string()), ("fields", fields.join(","))]
            }
            Self::RequestIdReused(id) => vec![("request_id", id.clone())],
            Self::Unavailable => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable => Some(Duration::from_millis(200)),
            Self::AccountNotFound(_)
            | Self::TenantNotFound(_)
            | Self::TenantExists { .. }
            | Self::RequestIdReused(_) => None,
        }
    }
}

impl From<DbError> for PlatformError {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading accounts and tenants failed");
        Self::Unavailable
    }
}
