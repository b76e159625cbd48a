//! Errors on the wire: one trait, one mapping. Nothing else in the system builds a status.

use std::{collections::HashMap, error::Error, time::Duration};

use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use backlog_proto::{FieldViolation, common::v1::ErrorReason};
use backlog_tenancy::{AuthError, Denied};

/// The domain of all our reasons.
const DOMAIN: &str = "backlog";
/// Messages are headers; clients refuse long ones.
const MESSAGE_CHARS_MAX: usize = 1_000;
/// How long to wait before asking again for a tenant that is on its way.
const TENANT_RETRY: Duration = Duration::from_millis(500);

/// What kind of failure it is: one gRPC code each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong whatever the state: `INVALID_ARGUMENT`.
    InvalidArgument,
    /// Nobody knows who calls: `UNAUTHENTICATED`.
    Unauthenticated,
    /// The caller may not: `PERMISSION_DENIED`.
    PermissionDenied,
    /// There is no such thing for this tenant: `NOT_FOUND`.
    NotFound,
    /// There is such a thing already, and it is different: `ALREADY_EXISTS`.
    AlreadyExists,
    /// The state does not allow it: `FAILED_PRECONDITION`.
    FailedPrecondition,
    /// Somebody else was faster: `ABORTED`.
    Aborted,
    /// A limit is reached: `RESOURCE_EXHAUSTED`.
    ResourceExhausted,
    /// Not now; the same request may work later: `UNAVAILABLE`.
    Unavailable,
    /// A fault of the system: `INTERNAL`. Its text is logged and never sent.
    Internal,
}

impl Kind {
    /// The gRPC code.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::InvalidArgument => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::PermissionDenied => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::FailedPrecondition => Code::FailedPrecondition,
            Self::Aborted => Code::Aborted,
            Self::ResourceExhausted => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }
}

/// An error that a caller may see. Its text is sent, unless its kind is internal; its sources
/// are logged and never sent.
pub trait Fault: Error {
    /// What kind of failure it is.
    fn kind(&self) -> Kind;

    /// The stable reason; documented in `common/v1/reasons.proto`.
    fn reason(&self) -> ErrorReason;

    /// What a program may want to know, such as the position reached. No internals.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Everything that is wrong with the fields of the request.
    fn violations(&self) -> &[FieldViolation] {
        &[]
    }

    /// When asking again makes sense.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The one mapping of errors to statuses.
#[must_use]
pub fn to_status<F: Fault>(fault: &F) -> Status {
    let kind = fault.kind();
    let message = if kind == Kind::Internal {
        tracing::error!(error = %fault, causes = causes(fault), "internal fault");
        "a fault of the system; it was logged".to_owned()
    } else {
        if fault.source().is_some() {
            log_causes(kind, fault);
        }
        fault.to_string().chars().take(MESSAGE_CHARS_MAX).collect()
    };
    let metadata: HashMap<String, String> =
        fault.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut details = ErrorDetails::new();
    details.set_error_info(reason_name(fault.reason()), DOMAIN, metadata);
    for violation in fault.violations() {
        details.add_bad_request_violation(&violation.field, &violation.description);
    }
    if let Some(delay) = fault.retry_after() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(kind.code(), message, details)
}

/// The name of a reason on the wire, such as `NOT_FOUND`.
#[must_use]
pub fn reason_name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

fn log_causes(kind: Kind, fault: &impl Fault) {
    let causes = causes(fault);
    if kind == Kind::Unavailable {
        tracing::warn!(error = %fault, causes, "request refused");
    } else {
        // Anybody can make us refuse requests, so this must not fill the logs.
        tracing::debug!(error = %fault, causes, "request refused");
    }
}

fn causes(error: &impl Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.join(": ")
}

/// Fields of a request are wrong; all of them are listed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("correct these fields and call again: {}", list(.0))]
pub struct InvalidFields(pub Vec<FieldViolation>);

fn list(violations: &[FieldViolation]) -> String {
    let named = violations.iter().take(5).map(|violation| violation.field.as_str());
    let rest = if violations.len() > 5 { ", ..." } else { "" };
    format!("{}{rest}", named.collect::<Vec<_>>().join(", "))
}

impl Fault for InvalidFields {
    fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::InvalidFields
    }

    fn violations(&self) -> &[FieldViolation] {
        &self.0
    }
}

impl Fault for Denied {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing(_)
            | Self::NeedsTenant(_)
            | Self::NeedsNoTenant(_)
            | Self::ForeignTenant => Kind::PermissionDenied,
            Self::Suspended(_) => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Missing(_)
            | Self::NeedsTenant(_)
            | Self::NeedsNoTenant(_)
            | Self::ForeignTenant => ErrorReason::PermissionDenied,
            Self::Suspended(_) => ErrorReason::TenantSuspended,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        self.needed().map(|needed| ("permission", needed.to_string())).into_iter().collect()
    }
}

impl Fault for AuthError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unauthenticated(_) => Kind::Unauthenticated,
            Self::Denied(denied) => denied.kind(),
            Self::TenantNotReady(_) | Self::Unavailable(_) => Kind::Unavailable,
            Self::NoContext => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Unauthenticated(_) => ErrorReason::Unauthenticated,
            Self::Denied(denied) => denied.reason(),
            Self::TenantNotReady(_) => ErrorReason::TenantNotReady,
            Self::Unavailable(_) => ErrorReason::Unavailable,
            Self::NoContext => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Denied(denied) => denied.metadata(),
            Self::Unauthenticated(_)
            | Self::TenantNotReady(_)
            | Self::Unavailable(_)
            | Self::NoContext => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady(_) | Self::Unavailable(_) => Some(TENANT_RETRY),
            Self::Unauthenticated(_) | Self::Denied(_) | Self::NoContext => None,
        }
    }
}

#[cfg(test)]
mod tests;
