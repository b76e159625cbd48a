//! What the services make of what the engine refuses.

use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{EngineError, Violation, ViolationReason};

use crate::failure::{Exit, Failure};

/// There is no such thing.
pub(super) fn not_found(name: &str) -> Failure {
    Failure::refused(ErrorReason::NotFound, format!("there is no {name}"))
}

/// Fields are wrong, by path and what is wrong.
pub(super) fn invalid(violations: Vec<(String, String)>) -> Failure {
    let refused = Failure::refused(ErrorReason::InvalidFields, "the fields are wrong");
    Failure { violations, ..refused }
}

/// One sentence about a request that cannot be right.
pub(super) fn unfit(message: &str) -> Failure {
    Failure::refused(ErrorReason::InvalidFields, message)
}

/// The refusal of a service for an error of the engine.
pub(super) fn refusal(error: EngineError) -> Failure {
    let message = error.to_string();
    let reason = match error {
        EngineError::InvalidContract(violations) => return booking(&violations, message),
        EngineError::AlreadySigned(_) => ErrorReason::AlreadySigned,
        EngineError::NotSigned => ErrorReason::NotSigned,
        EngineError::UnknownObligation(_)
        | EngineError::NegativeInvoice
        | EngineError::OtherMethod(_)
        | EngineError::UnknownMilestone(_)
        | EngineError::UnknownGate(_)
        | EngineError::UnknownVariable(_)
        | EngineError::UnfitChange(_)
        | EngineError::NothingToShareBy => ErrorReason::InvalidFields,
        EngineError::InvoiceExceedsCeiling { .. } => ErrorReason::InvoiceExceedsCeiling,
        EngineError::ProgressOutOfRange(_) => ErrorReason::ProgressOutOfRange,
        EngineError::AlreadyReached(_) => ErrorReason::AlreadyReached,
        EngineError::ChangeBeforeLast { .. } => ErrorReason::ChangeBeforeLast,
        EngineError::PeriodClosed { .. } => ErrorReason::PeriodClosed,
        EngineError::Terminated => ErrorReason::Terminated,
        EngineError::NotCombinable { .. } => ErrorReason::NotCombinable,
        EngineError::IsContract => ErrorReason::AlreadyAContract,
        EngineError::NotContract => ErrorReason::NotAContract,
        EngineError::OtherContract { .. } | EngineError::Overflow => {
            return Failure::new(Exit::Negative, message);
        }
    };
    Failure::refused(reason, message)
}

/// Of a contract that cannot be booked: a residual that does not work out has a reason of its own.
fn booking(violations: &[Violation], message: String) -> Failure {
    let residual = violations.iter().find_map(|violation| match violation.reason {
        ViolationReason::ResidualNotPositive => Some(ErrorReason::ResidualNotPositive),
        ViolationReason::ResidualOutOfRange => Some(ErrorReason::ResidualOutOfRange),
        _ => None,
    });
    if let Some(reason) = residual {
        return Failure::refused(reason, message);
    }
    let pairs = violations.iter().map(|violation| {
        let field = violation
            .ordinal
            .map_or("terms".to_owned(), |ordinal| format!("terms.obligations[{ordinal}]"));
        (field, violation.reason.to_string())
    });
    invalid(pairs.collect())
}
