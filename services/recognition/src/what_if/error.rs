//! Why a call about what-ifs came to no answer.

use std::time::Duration;

use backlog_db::DbError;
use backlog_event_log::{Behind, Refused};
use backlog_ids::WhatIfId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, InvalidFields, Kind};
use backlog_service_kit::page::PageTokenInvalid;
use thiserror::Error;

use crate::domain::Refusal;
use crate::run::error::CallFault;

/// Why a call came to no answer.
#[derive(Debug, Error)]
pub enum WhatIfFault {
    /// As any call of this service.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// The page token is not one for this call.
    #[error(transparent)]
    Page(#[from] PageTokenInvalid),
    /// No what-if of this id: unknown or another tenant's.
    #[error("no what-if {0} is known here")]
    Unknown(WhatIfId),
    /// The tenant has as many as it may.
    #[error("the tenant has {0} what-ifs already; delete some that are not needed any more")]
    TooMany(u64),
}

impl From<DbError> for WhatIfFault {
    fn from(error: DbError) -> Self {
        Self::Call(error.into())
    }
}

impl From<InvalidFields> for WhatIfFault {
    fn from(invalid: InvalidFields) -> Self {
        Self::Call(invalid.into())
    }
}

impl From<Refused<Refusal>> for WhatIfFault {
    fn from(refused: Refused<Refusal>) -> Self {
        Self::Call(refused.into())
    }
}

impl From<Behind> for WhatIfFault {
    fn from(behind: Behind) -> Self {
        Self::Call(behind.into())
    }
}

impl Fault for WhatIfFault {
    fn kind(&self) -> Kind {
        match self {
            Self::Call(fault) => fault.kind(),
            Self::Page(fault) => fault.kind(),
            Self::Unknown(_) => Kind::NotFound,
            Self::TooMany(_) => Kind::ResourceExhausted,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Call(fault) => fault.reason(),
            Self::Page(fault) => fault.reason(),
            Self::Unknown(_) => ErrorReason::NotFound,
            Self::TooMany(_) => ErrorReason::LimitExceeded,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Call(fault) => fault.metadata(),
            Self::Page(fault) => fault.metadata(),
            Self::Unknown(id) => vec![("what_if_id", id.to_string())],
            Self::TooMany(_) => vec![("limit", "what_ifs.kept_max".to_owned())],
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Call(fault) => fault.violations(),
            Self::Page(_) | Self::Unknown(_) | Self::TooMany(_) => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(fault) => fault.retry_after(),
            Self::Page(_) | Self::Unknown(_) | Self::TooMany(_) => None,
        }
    }
}
