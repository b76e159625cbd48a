//! What went wrong with a command, what to do about it, and the exit code that scripts see.

use std::fmt;

use backlog_proto::common::v1::ErrorReason;

use crate::output;
use crate::session::Output;

/// How a command ended, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// The command ran, and the answer is no: a figure differs, something does not stand.
    Negative,
    /// The command, a file or the set-up of this machine is wrong; nothing was sent.
    Usage,
    /// A service refused.
    Refused,
    /// A service could not answer, or not in time.
    Unavailable,
    /// A proof does not hold.
    NotVerified,
}

impl Exit {
    /// The process exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unavailable => 4,
            Self::NotVerified => 5,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Negative => "failed",
            Self::Usage => "error",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::NotVerified => "not verified",
        }
    }
}

/// Why a command could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// Reason of the service, without prefix, such as `NOT_SIGNED`.
    pub reason: Option<String>,
    /// What went wrong, a sentence.
    pub message: Box<str>,
    /// Every field that is wrong, and how.
    pub violations: Vec<(String, String)>,
    /// Further facts of the refusal, by name.
    pub metadata: Vec<(String, String)>,
    /// What to do.
    pub advice: Option<String>,
}

impl Failure {
    /// A failure of this kind.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            reason: None,
            message: message.into().into_boxed_str(),
            violations: Vec::new(),
            metadata: Vec::new(),
            advice: None,
        }
    }

    /// A wrong command, file or set-up.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A refusal for this reason, as a service would give it.
    #[must_use]
    pub fn refused(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self {
            reason: Some(reason_name(reason)),
            advice: Some(advice(reason).to_owned()),
            ..Self::new(Exit::Refused, message)
        }
    }

    /// The same failure with this advice.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Prints it: sentences to standard error, or one JSON document to standard output.
    pub fn print(&self, output: Output) {
        match output {
            Output::Human => eprintln!("{self}"),
            Output::Json => output::line(&format!("{:#}", self.json())),
        }
    }

    /// The failure as JSON, for `--output json`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let pairs = |pairs: &[(String, String)]| -> serde_json::Map<String, serde_json::Value> {
            pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
        };
        let violations: Vec<_> = self
            .violations
            .iter()
            .map(|(field, description)| {
                serde_json::json!({ "field": field, "description": description })
            })
            .collect();
        serde_json::json!({ "error": {
            "kind": self.exit.name(),
            "exit_code": self.exit.code(),
            "reason": self.reason,
            "message": self.message,
            "violations": violations,
            "metadata": pairs(&self.metadata),
            "advice": self.advice,
        } })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.exit.name())?;
        if let Some(reason) = &self.reason {
            write!(f, "{reason}: ")?;
        }
        write!(f, "{}", self.message)?;
        for (field, description) in &self.violations {
            write!(f, "\n  {field}: {description}")?;
        }
        for (name, value) in &self.metadata {
            write!(f, "\n  {name} = {value}")?;
        }
        match &self.advice {
            Some(advice) => write!(f, "\n  what to do: {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// The reason as it travels: without the prefix of the enumeration.
#[must_use]
pub(crate) fn reason_name(reason: ErrorReason) -> String {
    reason.as_str_name().trim_start_matches(PREFIX).to_owned()
}

/// The reason of this name, without prefix.
#[must_use]
pub(crate) fn parse_reason(name: &str) -> Option<ErrorReason> {
    ErrorReason::from_str_name(&format!("{PREFIX}{name}"))
        .filter(|reason| *reason != ErrorReason::Unspecified)
}

const PREFIX: &str = "ERROR_REASON_";

/// What a person can do about a refusal.
#[must_use]
pub(crate) const fn advice(reason: ErrorReason) -> &'static str {
    match reason {
        ErrorReason::Unspecified => "report it with the command that you gave",
        ErrorReason::InvalidFields => "correct the fields named above and call again",
        ErrorReason::Unauthenticated => {
            "give one valid token: --token, BACKLOG_TOKEN, or `backlog token` on a local stack"
        }
        ErrorReason::PermissionDenied => "use a token whose roles have the permission named above",
        ErrorReason::NotFound => "check the id; ids of other tenants answer the same",
        ErrorReason::RequestIdReused => "use a new --request-id for a new command",
        ErrorReason::EtagMismatch => "somebody else changed it: read it and try again",
        ErrorReason::NotSigned => "sign the contract first: backlog contract sign",
        ErrorReason::AlreadySigned => "signed contracts change by amendment",
        ErrorReason::InvoiceExceedsCeiling => "correct the amount, or amend the contract",
        ErrorReason::OutsideTerm => "correct the date, or amend the term",
        ErrorReason::Behind => "the reader has not caught up yet: try again; see backlog doctor",
        ErrorReason::LogDiverged => "an operator must decide: see backlog doctor",
        ErrorReason::TenantNotReady => "the tenant's creation is on its way: try again shortly",
        ErrorReason::TenantSuspended => "lift the suspension: backlog tenant resume",
        ErrorReason::TenantStopped => {
            "see backlog doctor, correct the cause, then backlog tenant resume"
        }
        ErrorReason::RateLimited => "wait, then try again",
        ErrorReason::LimitExceeded => "ask for less: the limit is named above",
        ErrorReason::PageTokenInvalid => "start from the first page",
        ErrorReason::Unavailable => "try again with the same --request-id",
        ErrorReason::Internal => "try again with the same --request-id, then report it",
        ErrorReason::AlreadyExists => "choose another identity, or use the one that exists",
        ErrorReason::Terminated => "use another contract",
        ErrorReason::PeriodClosed => "use a date in the open period",
        ErrorReason::CreditExceedsInvoice => {
            "correct the amount: no more can be given back than was billed or received"
        }
        ErrorReason::ResidualNotPositive | ErrorReason::ResidualOutOfRange => {
            "estimate the stand-alone selling price in another way and state it as ssp"
        }
        ErrorReason::ProgressOutOfRange => {
            "report what is done of what is promised, and an estimate not below it"
        }
        ErrorReason::ChangeBeforeLast => "use a day not before that of the last change",
        ErrorReason::RateMissing => "state a rate: backlog journal rate",
        ErrorReason::AlreadyAContract => "what is a contract stays one: amend or terminate it",
        ErrorReason::NotAContract => "it is no contract yet: progress assess says when it is one",
        ErrorReason::NotCombinable => {
            "combine others, or on another day: the reason is named above"
        }
        ErrorReason::AlreadyReached => "a milestone is reached once: check its id",
        ErrorReason::CloseBlocked => "do what is named above: backlog period checklist",
        ErrorReason::PeriodOutOfOrder => "take the period whose turn it is: backlog period list",
        ErrorReason::PolicyOutOfOrder => {
            "let it begin after the version before: backlog policy list"
        }
        ErrorReason::SelfApproval => "ask somebody else: backlog adjustment approve",
        ErrorReason::AlreadyDecided => "see what waits: backlog adjustment list",
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Failure, parse_reason, reason_name};
    use backlog_proto::common::v1::ErrorReason;

    /// A refusal is printed with its reason, every violation, and what to do.
    #[test]
    fn prints_everything_a_person_needs() {
        let mut failure = Failure::refused(ErrorReason::InvalidFields, "two fields are wrong");
        failure.violations =
            vec![("a".to_owned(), "must be set".to_owned()), ("b".to_owned(), "is odd".to_owned())];
        assert_eq!(
            failure.to_string(),
            "refused: INVALID_FIELDS: two fields are wrong\n  a: must be set\n  b: is odd\n  \
             what to do: correct the fields named above and call again"
        );
        assert_eq!(failure.json()["error"]["violations"][1]["field"], "b");
        assert_eq!(failure.json()["error"]["exit_code"], 3);
    }

    /// Reasons have one name, and "unspecified" is none.
    #[test]
    fn reasons_round_trip() {
        assert_eq!(parse_reason("NOT_SIGNED"), Some(ErrorReason::NotSigned));
        assert_eq!(reason_name(ErrorReason::NotSigned), "NOT_SIGNED");
        assert_eq!(parse_reason("UNSPECIFIED"), None);
        assert_eq!(parse_reason("ERROR_REASON_NOT_SIGNED"), None);
    }

    /// Scripts rely on these numbers.
    #[test]
    fn exit_codes_are_fixed() {
        let all = [
            Exit::Done,
            Exit::Negative,
            Exit::Usage,
            Exit::Refused,
            Exit::Unavailable,
            Exit::NotVerified,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5]);
    }
}
