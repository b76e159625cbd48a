//! Why progress, an estimate or an adjustment is refused.

use std::time::Duration;

use backlog_ids::ContractId;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::EngineError;
use backlog_service_kit::error::{Fault, Kind};
use thiserror::Error;

use crate::accounting::error::AccountingError;

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordRefusal {
    /// The contract is not known: unknown, foreign, or not signed.
    #[error("no signed contract {0} is known here")]
    UnknownContract(ContractId),
    /// The tenant's creation is not applied yet.
    #[error("the tenant is not ready here yet; try again shortly")]
    TenantNotReady,
    /// Something that it names does not fit the contract; where it says so.
    #[error("the request does not fit the contract")]
    Unfit(Vec<FieldViolation>),
    /// The rules refuse it.
    #[error("{0}")]
    Rule(EngineError),
    /// It cannot be computed.
    #[error("{0}")]
    Uncomputable(AccountingError),
}

impl RecordRefusal {
    /// What the accounting of a fact refuses, said of the fields of the request that holds it.
    pub(super) fn of(error: AccountingError, wire: &Wire) -> Self {
        let (fact, amount, obligation) = places(wire);
        let unfit = |field: &str, description: String| {
            let field = format!("{fact}.{field}");
            Self::Unfit(vec![FieldViolation { field, description }])
        };
        match error {
            AccountingError::OtherCurrency { expected, .. } => {
                let sentence = format!("must be {expected}, the contract's currency");
                unfit(&format!("{amount}.currency_code"), sentence)
            }
            AccountingError::Engine { source, .. } => match source {
                EngineError::UnknownObligation(_) => {
                    unfit(obligation, "must be an obligation of the contract".to_owned())
                }
                EngineError::OtherMethod(_) => {
                    let sentence = "must be of an obligation whose method measures this";
                    unfit(obligation, sentence.to_owned())
                }
                EngineError::UnknownMilestone(_) => {
                    unfit("milestone", "must be a milestone of the obligation".to_owned())
                }
                EngineError::UnknownGate(_) => {
                    let sentence = "must be a gate of the obligation, or empty where it has none";
                    unfit("delivery.gate", sentence.to_owned())
                }
                EngineError::UnknownVariable(_) => {
                    unfit("variable.id", "must be a variable amount of the contract".to_owned())
                }
                EngineError::Overflow => {
                    unfit(amount, "must not lead to amounts that cannot be computed".to_owned())
                }
                other => Self::Rule(other),
            },
            other => Self::Uncomputable(other),
        }
    }
}

/// The request's field that holds a fact, and in it those of its amount and its obligation.
const fn places(wire: &Wire) -> (&'static str, &'static str, &'static str) {
    use backlog_proto::recognition::v1::estimate_change::Estimate;
    use backlog_proto::recognition::v1::progress::Reading;
    match wire {
        Wire::Progress(progress) => match progress.reading {
            Some(Reading::Cost(_)) => ("progress", "cost.cost", "obligation_id"),
            _ => ("progress", "usage.amount", "obligation_id"),
        },
        Wire::Estimate(change) => match change.estimate {
            Some(Estimate::Cost(_)) => {
                ("change", "cost.estimate_at_completion", "cost.obligation_id")
            }
            Some(Estimate::Exercise(_)) => {
                ("change", "exercise.expected_share", "exercise.obligation_id")
            }
            _ => ("change", "variable.estimate", "variable.id"),
        },
        Wire::Hold(_) => ("hold", "obligation_id", "obligation_id"),
        Wire::Assessment(_) => ("assessment", "unmet", "unmet"),
        Wire::Adjustment(_)
        | Wire::Combination(_)
        | Wire::AccountMapping(_)
        | Wire::ExchangeRate(_)
        | Wire::JournalExport(_)
        | Wire::PeriodClosed(_)
        | Wire::PeriodReopened(_)
        | Wire::AdjustmentProposed(_)
        | Wire::AdjustmentApproved(_)
        | Wire::AdjustmentRejected(_)
        | Wire::PolicySet(_) => ("adjustment", "amount", "obligation_id"),
    }
}

impl Fault for RecordRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownContract(_) => Kind::NotFound,
            Self::TenantNotReady => Kind::Unavailable,
            Self::Unfit(_) => Kind::InvalidArgument,
            Self::Rule(_) => Kind::FailedPrecondition,
            Self::Uncomputable(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::UnknownContract(_) => ErrorReason::NotFound,
            Self::TenantNotReady => ErrorReason::TenantNotReady,
            Self::Unfit(_) => ErrorReason::InvalidFields,
            Self::Rule(EngineError::ProgressOutOfRange(_)) => ErrorReason::ProgressOutOfRange,
            Self::Rule(EngineError::AlreadyReached(_)) => ErrorReason::AlreadyReached,
            Self::Rule(EngineError::ChangeBeforeLast { .. }) => ErrorReason::ChangeBeforeLast,
            Self::Rule(EngineError::IsContract) => ErrorReason::AlreadyAContract,
            Self::Rule(EngineError::NotContract) => ErrorReason::NotAContract,
            Self::Rule(EngineError::Terminated) => ErrorReason::Terminated,
            Self::Rule(EngineError::PeriodClosed { .. }) => ErrorReason::PeriodClosed,
            Self::Rule(_) | Self::Uncomputable(_) => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UnknownContract(contract) => vec![("contract_id", contract.to_string())],
            Self::TenantNotReady | Self::Unfit(_) | Self::Rule(_) | Self::Uncomputable(_) => {
                Vec::new()
            }
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Unfit(violations) => violations,
            Self::UnknownContract(_)
            | Self::TenantNotReady
            | Self::Rule(_)
            | Self::Uncomputable(_) => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantNotReady => Some(Duration::from_millis(200)),
            Self::UnknownContract(_) | Self::Unfit(_) | Self::Rule(_) | Self::Uncomputable(_) => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use backlog_proto::recognition::v1 as pb;
    use uuid::Uuid;

    use super::*;

    // Shows that what does not fit is said of a field that the request has, by its path.
    #[test]
    fn refusals_name_fields_of_the_request() {
        let progress = Wire::Progress(pb::Progress::default());
        let cost = pb::estimate_change::Estimate::Cost(pb::CostEstimate::default());
        let cost = pb::EstimateChange { estimate: Some(cost), ..pb::EstimateChange::default() };
        let variable = Wire::Estimate(pb::EstimateChange::default());
        let adjustment = Wire::Adjustment(pb::Adjustment::default());
        let text = || "x".to_owned();
        let obligation = backlog_ids::ObligationId::from_uuid(Uuid::nil());
        let unknown = || EngineError::UnknownObligation(obligation);
        for (wire, source, field) in [
            (&progress, unknown(), "progress.obligation_id"),
            (&progress, EngineError::OtherMethod(text()), "progress.obligation_id"),
            (&progress, EngineError::UnknownMilestone(text()), "progress.milestone"),
            (&progress, EngineError::UnknownGate(text()), "progress.delivery.gate"),
            (&Wire::Estimate(cost), unknown(), "change.cost.obligation_id"),
            (&variable, EngineError::UnknownVariable(text()), "change.variable.id"),
            (&adjustment, EngineError::Overflow, "adjustment.amount"),
        ] {
            let contract = ContractId::from_uuid(Uuid::nil());
            let refusal = RecordRefusal::of(AccountingError::Engine { contract, source }, wire);
            let fields: Vec<&str> = refusal.violations().iter().map(|v| v.field.as_str()).collect();
            assert_eq!(fields, [field]);
            assert_eq!(refusal.reason(), ErrorReason::InvalidFields);
        }
    }
}
