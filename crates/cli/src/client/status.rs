//! What a status of gRPC tells a person.

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::failure::{Exit, Failure, advice, parse_reason};

/// The failure that a call ended with, with its reason and every violation.
pub(crate) fn from_status(status: &Status) -> Failure {
    let details = status.get_error_details();
    let info = details.error_info();
    let reason = info.map(|info| info.reason.clone());
    let known = reason.as_deref().and_then(parse_reason);
    let mut failure = Failure::new(exit(status.code()), message(status));
    failure.metadata = info
        .map(|info| info.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
        .unwrap_or_default();
    failure.metadata.sort();
    let violations = details.bad_request().map(|request| request.field_violations.as_slice());
    failure.violations = violations
        .unwrap_or_default()
        .iter()
        .map(|violation| (violation.field.clone(), violation.description.clone()))
        .collect();
    let retry = details.retry_info().and_then(|retry| retry.retry_delay);
    failure.advice = match (known, retry) {
        (Some(known), None) => Some(advice(known).to_owned()),
        (Some(known), Some(delay)) => {
            Some(format!("{} (after {} ms)", advice(known), delay.as_millis()))
        }
        (None, _) if failure.exit == Exit::Unavailable => {
            Some("check the addresses and `backlog health`, then try again".to_owned())
        }
        (None, _) => None,
    };
    failure.reason = reason;
    failure
}

const fn exit(code: Code) -> Exit {
    match code {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::ResourceExhausted
        | Code::Internal
        | Code::Unknown
        | Code::DataLoss => Exit::Unavailable,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => Exit::Refused,
    }
}

fn message(status: &Status) -> String {
    let mut message = match status.message() {
        "" => format!("the service answered {:?}", status.code()),
        text => text.to_owned(),
    };
    // Why a connection failed is not in the message but in its sources.
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::from_status;
    use crate::failure::Exit;

    /// Reason, all violations, facts and retry advice reach the person who called.
    #[test]
    fn a_refusal_is_told_whole() {
        let mut details = ErrorDetails::new();
        let facts = HashMap::from([("contract_id".to_owned(), "ctr_1".to_owned())]);
        details.set_error_info("INVALID_FIELDS", "backlog", facts);
        details.add_bad_request_violation("terms.customer", "must be set");
        details.add_bad_request_violation("request_id", "must be set");
        details.set_retry_info(Some(Duration::from_millis(200)));
        let status = Status::with_error_details(Code::InvalidArgument, "wrong", details);
        let text = from_status(&status).to_string();
        assert_eq!(
            text,
            "refused: INVALID_FIELDS: wrong\n  terms.customer: must be set\n  \
             request_id: must be set\n  contract_id = ctr_1\n  what to do: correct the fields \
             named above and call again (after 200 ms)"
        );
    }

    /// Scripts tell a refusal, which stands, from what may work later.
    #[test]
    fn exit_codes_follow_the_code() {
        let exit = |code| from_status(&Status::new(code, "x")).exit;
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted] {
            assert_eq!(exit(code), Exit::Unavailable, "{code:?}");
        }
        for code in [Code::NotFound, Code::Unauthenticated, Code::FailedPrecondition] {
            assert_eq!(exit(code), Exit::Refused, "{code:?}");
        }
    }
}
