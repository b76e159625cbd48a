//! Why a period is not closed or opened again.

use std::time::Duration;

use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_recognition_engine::Period;
use backlog_service_kit::error::{Fault, Kind};
use thiserror::Error;

use super::period::{Check, CheckItem};

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeriodRefusal {
    /// The tenant's calendar has no such period.
    #[error("the tenant's calendar has no such period")]
    Unknown(Vec<FieldViolation>),
    /// The period is closed.
    #[error("period {0} is closed already")]
    Closed(Period),
    /// It is another period's turn.
    #[error("it is not the turn of period {period}{}", turn_text(.turn.as_ref()))]
    OutOfOrder {
        /// What was asked for.
        period: Period,
        /// Whose turn it is; none when no period is closed.
        turn: Option<Period>,
    },
    /// Something must be done before.
    #[error("period {period} cannot be closed: {}", blocking(.items))]
    Blocked {
        /// The period.
        period: Period,
        /// Everything that was looked at.
        items: Vec<CheckItem>,
    },
    /// It was only asked what a close looks at: everything that it does.
    #[error("nothing was closed")]
    Asked(Vec<CheckItem>),
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
}

fn turn_text(turn: Option<&Period>) -> String {
    turn.map_or("; no period is closed".to_owned(), |turn| format!(", but of {turn}"))
}

fn blocking(items: &[CheckItem]) -> String {
    let blocking = items.iter().filter(|item| item.count > 0);
    blocking.map(|item| item.detail.as_str()).collect::<Vec<_>>().join("; ")
}

impl Fault for PeriodRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown(_) => Kind::InvalidArgument,
            Self::Closed(_) | Self::OutOfOrder { .. } | Self::Blocked { .. } | Self::Asked(_) => {
                Kind::FailedPrecondition
            }
            Self::TenantNotReady => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Unknown(_) => ErrorReason::InvalidFields,
            Self::Closed(_) => ErrorReason::PeriodClosed,
            Self::OutOfOrder { .. } => ErrorReason::PeriodOutOfOrder,
            Self::Blocked { .. } | Self::Asked(_) => ErrorReason::CloseBlocked,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::OutOfOrder { turn: Some(turn), .. } => vec![("period", turn.to_string())],
            Self::Blocked { items, .. } => {
                let blocking = items.iter().filter(|item| item.count > 0);
                blocking.map(|item| (metadata_key(item.check), item.count.to_string())).collect()
            }
            Self::Unknown(_)
            | Self::Closed(_)
            | Self::OutOfOrder { turn: None, .. }
            | Self::Asked(_)
            | Self::TenantNotReady => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Unknown(violations) => violations,
            Self::Closed(_)
            | Self::OutOfOrder { .. }
            | Self::Blocked { .. }
            | Self::Asked(_)
            | Self::TenantNotReady => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            Self::Unknown(_)
            | Self::Closed(_)
            | Self::OutOfOrder { .. }
            | Self::Blocked { .. }
            | Self::Asked(_) => None,
        }
    }
}

const fn metadata_key(check: Check) -> &'static str {
    match check {
        Check::Turn => "turn",
        Check::Events => "unprocessed_events",
        Check::Recognition => "contracts_to_recognize",
        Check::Runs => "unfinished_runs",
        Check::Adjustments => "proposed_adjustments",
        Check::Journal => "unbalanced_journal",
    }
}
