//! What each error looks like on the wire.

use std::time::Duration;

use backlog_ids::TenantId;
use backlog_proto::{FieldViolation, common::v1::ErrorReason};
use backlog_tenancy::{AuthError, Denied, Permission, TokenError};
use thiserror::Error;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;

use super::{Fault, InvalidFields, Kind, reason_name, to_status};

#[derive(Debug, Error)]
#[error("the secret table is broken")]
struct Broken(#[source] std::io::Error);

impl Fault for Broken {
    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::Internal
    }
}

/// One line per error: code, reason, permission, seconds to wait, message.
fn line(fault: &impl Fault) -> String {
    let status = to_status(fault);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "backlog");
    let permission = info.metadata.get("permission").map_or("-", String::as_str);
    let retry = details.retry_info().and_then(|retry| retry.retry_delay);
    let retry = retry.map_or(0, |delay| delay.as_millis());
    format!("{:?} {} {permission} {retry} {}", status.code(), info.reason, status.message())
}

/// The golden mapping of what every service has in common.
#[test]
fn golden_mapping() {
    let tenant = TenantId::from_uuid(Uuid::from_u128(1));
    let read = Permission::ContractRead;
    assert_eq!(
        [
            line(&AuthError::from(TokenError::Expired)),
            line(&AuthError::from(TokenError::NoHeader)),
            line(&Denied::Missing(read)),
            line(&AuthError::from(Denied::NeedsTenant(read))),
            line(&Denied::NeedsNoTenant(Permission::TenantRead)),
            line(&Denied::ForeignTenant),
            line(&Denied::Suspended(Permission::ContractSign)),
            line(&AuthError::TenantNotReady(tenant)),
            line(&AuthError::Unavailable("the password is wrong".into())),
            line(&AuthError::NoContext),
        ],
        [
            "Unauthenticated UNAUTHENTICATED - 0 send one valid bearer token in the authorization \
             header",
            "Unauthenticated UNAUTHENTICATED - 0 send one valid bearer token in the authorization \
             header",
            "PermissionDenied PERMISSION_DENIED contract.read 0 this call needs the permission \
             contract.read, which the token's roles do not give",
            "PermissionDenied PERMISSION_DENIED contract.read 0 this call needs a token that names \
             a tenant and gives the permission contract.read",
            "PermissionDenied PERMISSION_DENIED tenant.read 0 this call needs a token that names \
             no tenant and gives the permission tenant.read",
            "PermissionDenied PERMISSION_DENIED - 0 the tenant that the token names does not belong \
             to the account of its issuer",
            "FailedPrecondition TENANT_SUSPENDED - 0 the tenant is suspended; its account must lift \
             that before contract.sign",
            "Unavailable TENANT_NOT_READY - 500 the tenant ten_00000000000000000000000000000001 is \
             not known here yet; try again shortly",
            "Unavailable UNAVAILABLE - 500 the service cannot look up tenants now; try again \
             shortly",
            "Internal INTERNAL - 0 a fault of the system; it was logged",
        ]
    );
}

/// Internal faults and the sources of any fault stay inside.
#[test]
fn internals_stay_inside() {
    let broken = Broken(std::io::Error::other("at /var/secret"));
    let status = to_status(&broken);
    let sent = format!("{status:?} {:?}", String::from_utf8_lossy(status.details()));
    assert_eq!(status.code(), Code::Internal);
    assert!(!sent.contains("secret"), "{sent}");
    let away = to_status(&AuthError::Unavailable("password=hunter2".into()));
    assert!(!format!("{away:?}").contains("hunter2"));
}

/// All violations are sent, in order; the message names the first ones and stays short.
#[test]
fn all_violations_are_sent() {
    let violations: Vec<_> = (0..7)
        .map(|n| FieldViolation { field: format!("f{n}"), description: format!("must be {n}") })
        .collect();
    let status = to_status(&InvalidFields(violations));
    let details = status.get_error_details();
    let sent = &details.bad_request().unwrap().field_violations;
    assert_eq!(sent.len(), 7);
    assert_eq!((sent[6].field.as_str(), sent[6].description.as_str()), ("f6", "must be 6"));
    assert_eq!(status.message(), "correct these fields and call again: f0, f1, f2, f3, f4, ...");
    assert_eq!(details.error_info().unwrap().reason, "INVALID_FIELDS");
}

/// Metadata and retry times of a service's own faults reach the caller, long texts are cut.
#[test]
fn own_faults_carry_their_facts() {
    #[derive(Debug, Error)]
    #[error("{}", "behind ".repeat(1_000))]
    struct Behind;
    impl Fault for Behind {
        fn kind(&self) -> Kind {
            Kind::Unavailable
        }
        fn reason(&self) -> ErrorReason {
            ErrorReason::Behind
        }
        fn metadata(&self) -> Vec<(&'static str, String)> {
            vec![("contract", "41".to_owned())]
        }
        fn retry_after(&self) -> Option<Duration> {
            Some(Duration::from_millis(250))
        }
    }
    let status = to_status(&Behind);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["contract"], "41");
    let delay = details.retry_info().unwrap().retry_delay;
    assert_eq!(delay, Some(Duration::from_millis(250)));
    assert_eq!(status.message().chars().count(), 1_000);
}

/// Every kind has a code of its own, and reasons lose their prefix.
#[test]
fn kinds_and_reasons() {
    let kinds = [
        (Kind::InvalidArgument, Code::InvalidArgument),
        (Kind::Unauthenticated, Code::Unauthenticated),
        (Kind::PermissionDenied, Code::PermissionDenied),
        (Kind::NotFound, Code::NotFound),
        (Kind::AlreadyExists, Code::AlreadyExists),
        (Kind::FailedPrecondition, Code::FailedPrecondition),
        (Kind::Aborted, Code::Aborted),
        (Kind::ResourceExhausted, Code::ResourceExhausted),
        (Kind::Unavailable, Code::Unavailable),
        (Kind::Internal, Code::Internal),
    ];
    for (kind, code) in kinds {
        assert_eq!(kind.code(), code);
    }
    assert_eq!(reason_name(ErrorReason::RequestIdReused), "REQUEST_ID_REUSED");
}
