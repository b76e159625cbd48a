//! Terminations between wire and domain.

use backlog_money::Money;
use backlog_proto::common::v1 as common;
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::termination::Refund as Wire;
use backlog_proto::fields::Fields;

use super::super::termination::{Refund, Termination};

/// Reads a termination, as far as it can be read without its contract.
pub(crate) fn parse_termination(
    fields: &mut Fields,
    path: &str,
    termination: Option<&pb::Termination>,
) -> Option<Termination> {
    let termination = fields.required(path, termination)?;
    let at = |field: &str| format!("{path}.{field}");
    let effective_on = fields.date(&at("effective_on"), termination.effective_on.as_ref());
    let refund = match &termination.refund {
        Some(Wire::RefundAmount(amount)) => {
            parse_owed(fields, &at("refund_amount"), Some(amount)).map(Refund::Amount)
        }
        Some(Wire::RefundAll(true)) => Some(Refund::All),
        Some(Wire::RefundAll(false)) | None => Some(Refund::Unsaid),
    };
    let penalty = parse_owed(fields, &at("penalty"), termination.penalty.as_ref());
    let wind_down_to = fields.optional_date(&at("wind_down_to"), termination.wind_down_to.as_ref());
    if wind_down_to.zip(effective_on).is_some_and(|(to, on)| to < on) {
        fields.violation(at("wind_down_to"), "must not be before effective_on");
    }
    let reason = fields.text(&at("reason"), &termination.reason, 0, 200);
    Some(Termination {
        effective_on: effective_on?,
        refund: refund?,
        // None and nothing are the same.
        penalty: penalty.filter(|penalty| penalty.minor() > 0),
        forfeit_earned: termination.forfeit_earned,
        wind_down_to,
        reason: reason?,
    })
}

fn parse_owed(fields: &mut Fields, path: &str, amount: Option<&common::Money>) -> Option<Money> {
    let money = fields.optional_money(path, amount)?;
    if money.minor() < 0 {
        fields.violation(format!("{path}.amount"), "must not be negative");
        return None;
    }
    Some(money)
}

/// Writes a termination.
pub(crate) fn termination_to_proto(termination: &Termination) -> pb::Termination {
    pb::Termination {
        effective_on: Some(termination.effective_on.into()),
        refund: match termination.refund {
            Refund::Unsaid => None,
            Refund::Amount(amount) => Some(Wire::RefundAmount(amount.into())),
            Refund::All => Some(Wire::RefundAll(true)),
        },
        penalty: termination.penalty.map(Into::into),
        forfeit_earned: termination.forfeit_earned,
        wind_down_to: termination.wind_down_to.map(Into::into),
        reason: termination.reason.clone(),
    }
}
