//! What is asked of a writer, and what it answers.

use std::time::Duration;

use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_service_kit::error::{Fault, Kind};
use tokio::sync::oneshot;

use crate::entry::{Opened, Trace};

/// A command for a tenant.
#[derive(Debug)]
pub struct Submission<C> {
    /// Whose books.
    pub tenant: TenantId,
    /// Who asks.
    pub actor: String,
    /// What makes it idempotent; none for a service's own work.
    pub request: Option<RequestKey>,
    /// Decide and answer, but write nothing.
    pub validate_only: bool,
    /// Whether the command may be the first of a tenant.
    pub opens_tenant: bool,
    /// The command.
    pub command: C,
    /// Trace headers of the call; [`Writers::submit`](super::Writers::submit) fills them in.
    pub trace: Trace,
}

/// Identity of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// The caller's request_id.
    pub id: String,
    /// Hash of the parsed command.
    pub content_hash: [u8; 32],
}

/// What a command did. Answers of a replay are made from the same stored event as the first one.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Place of the event in the tenant's log; none with `validate_only`.
    pub seq: Option<u64>,
    /// Entries that the command wrote, that one the last of them; none where it took effect before.
    pub written: u64,
    /// Full name of the event's message.
    pub type_name: String,
    /// The event, serialized.
    pub payload: Vec<u8>,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused<R> {
    /// The service refuses it.
    #[error(transparent)]
    Domain(R),
    /// The request_id stands for another command.
    #[error("request_id {0} was used before with other content; use a new one for a new command")]
    RequestIdReused(String),
    /// The tenant is not known here yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
    /// The tenant is suspended.
    #[error("the tenant is suspended; its account must lift that first")]
    TenantSuspended,
    /// The writer's queue is full.
    #[error("too much is waiting to be written; try again shortly")]
    Overloaded,
    /// The database is away; the outcome is settled by repeating the call.
    #[error("the database cannot be reached; try again with the same request_id")]
    Unavailable,
    /// A fault of this system.
    #[error("an internal error happened and was logged; try again with the same request_id")]
    Internal,
}

impl<R: Fault> Fault for Refused<R> {
    fn kind(&self) -> Kind {
        match self {
            Self::Domain(refusal) => refusal.kind(),
            Self::RequestIdReused(_) => Kind::AlreadyExists,
            Self::TenantNotReady | Self::Unavailable => Kind::Unavailable,
            Self::TenantSuspended => Kind::FailedPrecondition,
            Self::Overloaded => Kind::ResourceExhausted,
            Self::Internal => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Domain(refusal) => refusal.reason(),
            Self::RequestIdReused(_) => ErrorReason::RequestIdReused,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
            Self::TenantSuspended => ErrorReason::TenantSuspended,
            Self::Overloaded => ErrorReason::LimitExceeded,
            Self::Unavailable => ErrorReason::Unavailable,
            Self::Internal => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Domain(refusal) => refusal.metadata(),
            Self::RequestIdReused(id) => vec![("request_id", id.clone())],
            Self::Overloaded => vec![("limit", "writer.queue_length".to_owned())],
            Self::TenantNotReady | Self::TenantSuspended | Self::Unavailable | Self::Internal => {
                Vec::new()
            }
        }
    }

    fn violations(&self) -> &[backlog_proto::fields::FieldViolation] {
        match self {
            Self::Domain(refusal) => refusal.violations(),
            Self::RequestIdReused(_)
            | Self::TenantNotReady
            | Self::TenantSuspended
            | Self::Overloaded
            | Self::Unavailable
            | Self::Internal => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Domain(refusal) => refusal.retry_after(),
            Self::TenantNotReady | Self::Overloaded | Self::Unavailable => {
                Some(Duration::from_millis(200))
            }
            Self::RequestIdReused(_) | Self::TenantSuspended | Self::Internal => None,
        }
    }
}

/// Entries of other services' logs for one tenant, in the order to apply them.
#[derive(Debug)]
pub struct Inbound {
    /// Whose books.
    pub tenant: TenantId,
    /// The entries.
    pub entries: Vec<(Log, Opened)>,
    /// Trace headers of what brought them; [`Writers::apply`](super::Writers::apply) fills them in.
    pub trace: Trace,
}

/// How far inbound entries were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// All of them, or they were applied before.
    All,
    /// Entries before the one at hand are missing.
    Gap(Log),
    /// They lie before what was applied. The owner's log may have been restored to an earlier state.
    Older(Log),
    /// The entry at hand does not continue the history known here.
    Diverges(Log),
    /// The tenant stands, from now or from before.
    Stopped,
    /// The writer could not say; deliver again.
    Again,
}

/// A job in a writer's queue.
pub(crate) enum Job<C, R> {
    /// A command and who waits for it.
    Call(Submission<C>, oneshot::Sender<Result<Answer, Refused<R>>>),
    /// A consumer's batch.
    Inbound(Inbound, oneshot::Sender<Applied>),
}

impl<C, R> Job<C, R> {
    pub(crate) fn tenant(&self) -> TenantId {
        match self {
            Self::Call(submission, _) => submission.tenant,
            Self::Inbound(inbound, _) => inbound.tenant,
        }
    }

    /// Entries of other logs in it.
    pub(crate) fn entries(&self) -> usize {
        match self {
            Self::Call(..) => 0,
            Self::Inbound(inbound, _) => inbound.entries.len(),
        }
    }

    /// Whether the job may be the tenant's first: its creation.
    pub(crate) fn opens_tenant(&self) -> bool {
        match self {
            Self::Call(submission, _) => submission.opens_tenant,
            Self::Inbound(inbound, _) => {
                inbound.entries.first().is_some_and(|(_, opened)| opened.entry.seq == 1)
            }
        }
    }
}

/// The outcome of a job, to be sent once the batch is committed.
#[derive(Clone)]
pub(crate) enum Outcome<R> {
    Call(Result<Answer, Refused<R>>),
    Inbound(Applied),
}
