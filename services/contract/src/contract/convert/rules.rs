//! What the engine refuses of terms, under the fields that it is about.

use backlog_proto::fields::Fields;
use backlog_recognition_engine::{EngineError, Violation, ViolationReason};

use super::super::error::{ContractError, ResidualRefusal};
use super::super::terms::{Promise, Terms};
use super::method::field_of;

/// Why terms that are sound field by field cannot be booked: violations, recorded, or a refusal that
/// has a reason of its own.
pub(super) fn unbookable(
    fields: &mut Fields,
    path: &str,
    terms: &Terms,
    error: &EngineError,
) -> Option<ContractError> {
    let EngineError::InvalidContract(violations) = error else {
        fields.violation(path, error.to_string());
        return None;
    };
    if let Some(residual) = violations.iter().find_map(|violation| residual(terms, violation)) {
        return Some(ContractError::Residual(residual));
    }
    unfit(fields, path, "obligations", &terms.obligations, violations);
    None
}

/// Records violations of obligations that stand in the list `list` below `path`.
pub(super) fn unfit(
    fields: &mut Fields,
    path: &str,
    list: &str,
    promises: &[Promise],
    violations: &[Violation],
) {
    for violation in violations {
        let field = match violation.ordinal {
            None => field_of_whole(list, violation.reason).to_owned(),
            Some(place) => match field(promises.get(place), violation.reason) {
                Some(field) => format!("{list}[{place}].{field}"),
                None => format!("{list}[{place}]"),
            },
        };
        fields.violation(format!("{path}.{field}"), violation.reason.to_string());
    }
}

fn residual(terms: &Terms, violation: &Violation) -> Option<ResidualRefusal> {
    let key = || {
        let promise = violation.ordinal.and_then(|place| terms.obligations.get(place));
        promise.map_or_else(String::new, |promise| promise.key.clone())
    };
    match violation.reason {
        ViolationReason::ResidualNotPositive => Some(ResidualRefusal::NotPositive(key())),
        ViolationReason::ResidualOutOfRange => Some(ResidualRefusal::OutOfRange(key())),
        _ => None,
    }
}

/// The field of an obligation that a rule is about; none where it is about more than one.
fn field(promise: Option<&Promise>, reason: ViolationReason) -> Option<&'static str> {
    match reason {
        ViolationReason::DuplicateKey | ViolationReason::DuplicateId => Some("key"),
        ViolationReason::PriceMissing
        | ViolationReason::PriceTwice
        | ViolationReason::NegativePrice
        | ViolationReason::AmountTooLarge => Some("price"),
        ViolationReason::SspMissing | ViolationReason::SspNotPositive => Some("ssp"),
        ViolationReason::TermOutside => Some("term"),
        ViolationReason::ResidualUnfit
        | ViolationReason::ResidualNotPositive
        | ViolationReason::ResidualOutOfRange => Some("residual"),
        ViolationReason::SspRangeUnfit => Some("ssp_range"),
        ViolationReason::MilestonesUnfit => Some("milestones.milestones"),
        ViolationReason::MeasureUnfit => promise.map(|promise| field_of(&promise.method)),
        ViolationReason::NoObligations
        | ViolationReason::DiscountOutOfRange
        | ViolationReason::UnknownObligation
        | ViolationReason::DiscountUnfit
        | ViolationReason::VariableUnfit
        | ViolationReason::PeriodUnfit => None,
    }
}

fn field_of_whole(list: &str, reason: ViolationReason) -> &str {
    match reason {
        ViolationReason::DiscountOutOfRange | ViolationReason::DiscountUnfit => "discount",
        ViolationReason::VariableUnfit | ViolationReason::PeriodUnfit => "variables",
        _ => list,
    }
}
