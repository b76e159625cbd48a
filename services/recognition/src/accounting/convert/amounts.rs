//! Amounts, quantities and terms of contract facts, from the wire.

use backlog_money::{Currency, Quantity};
use backlog_proto::common::v1 as common;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::Term;

pub(crate) fn term(
    field: &str,
    range: Option<&common::DateRange>,
    fields: &mut Fields,
) -> Option<Term> {
    let span = fields.range(field, range)?;
    fields.keep(field, Term::new(span.from, span.to))
}

/// The outer `None` is a violation, the inner one "not stated".
pub(crate) fn optional_amount(
    field: &str,
    value: Option<&common::Money>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<Option<i128>> {
    match value {
        None => Some(None),
        Some(value) => amount(field, Some(value), currency, fields).map(Some),
    }
}

pub(crate) fn amount(
    field: &str,
    value: Option<&common::Money>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<i128> {
    let money = fields.money(field, value)?;
    if money.currency() != currency {
        fields.violation(field, format!("must be in {currency}, the contract's currency"));
        return None;
    }
    Some(money.minor())
}

/// A quantity; the outer `None` is a violation, the inner one "not stated".
pub(crate) fn optional_quantity(
    field: &str,
    value: &str,
    fields: &mut Fields,
) -> Option<Option<Quantity>> {
    match value {
        "" => Some(None),
        stated => fields.keep(field, Quantity::parse(stated)).map(Some),
    }
}

/// A quantity that must be stated.
pub(crate) fn quantity(field: &str, value: &str, fields: &mut Fields) -> Option<Quantity> {
    fields.keep(field, Quantity::parse(value))
}
