//! The values that terms are made of: handles, amounts, quantities, terms.

use backlog_money::{Currency, MINOR_MAX, Money, Quantity, exact_to_minor};
use backlog_proto::common::v1 as common;
use backlog_proto::convert::DateSpan;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::Term;

/// Characters of a quantity at most: 16 digits, point and twelve more.
const QUANTITY_CHARS_MAX: usize = 32;

/// Whether a text can be a handle.
pub(super) fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=60).contains(&key.len()) && key.bytes().all(allowed)
}

/// The handle of an obligation, a milestone or a variable amount.
pub(super) fn parse_key(fields: &mut Fields, path: &str, key: &str) -> Option<String> {
    if is_key(key) {
        return Some(key.to_owned());
    }
    fields.violation(path, "must have 1 to 60 characters of a-z, A-Z, 0-9, \"_\", \"-\" and \".\"");
    None
}

/// An amount of the contract's currency, of either sign, that may be absent. Any currency will do
/// where the contract's is not known.
pub(super) fn parse_signed(
    fields: &mut Fields,
    path: &str,
    amount: Option<&common::Money>,
    currency: Option<Currency>,
) -> Option<i128> {
    let money = fields.optional_money(path, amount)?;
    if let Some(currency) = currency
        && money.currency() != currency
    {
        let sentence = format!("must be {currency}, the contract's currency");
        fields.violation(format!("{path}.currency_code"), sentence);
        return None;
    }
    Some(money.minor())
}

/// The same, not negative.
pub(super) fn parse_amount(
    fields: &mut Fields,
    path: &str,
    amount: Option<&common::Money>,
    currency: Option<Currency>,
) -> Option<i128> {
    let minor = parse_signed(fields, path, amount, currency)?;
    if minor < 0 {
        fields.violation(format!("{path}.amount"), "must not be negative");
        return None;
    }
    Some(minor)
}

/// The same, above zero.
pub(super) fn parse_positive(
    fields: &mut Fields,
    path: &str,
    amount: Option<&common::Money>,
    currency: Option<Currency>,
) -> Option<i128> {
    let minor = parse_amount(fields, path, amount, currency)?;
    if minor == 0 {
        fields.violation(path, "must be above zero");
        return None;
    }
    Some(minor)
}

/// A decimal, not negative, that may be empty.
pub(super) fn parse_decimal(fields: &mut Fields, path: &str, text: &str) -> Option<Quantity> {
    if text.is_empty() {
        return None;
    }
    if text.len() > QUANTITY_CHARS_MAX {
        fields.violation(path, "must be a decimal number such as 12 or 0.015");
        return None;
    }
    let quantity = fields.keep(path, Quantity::parse(text))?;
    if quantity < Quantity::ZERO {
        fields.violation(path, "must not be negative");
        return None;
    }
    Some(quantity)
}

/// The same, above zero.
pub(super) fn parse_quantity(fields: &mut Fields, path: &str, text: &str) -> Option<Quantity> {
    let quantity = parse_decimal(fields, path, text)?;
    if quantity == Quantity::ZERO {
        fields.violation(path, "must be above zero");
        return None;
    }
    Some(quantity)
}

/// What so many units cost, in minor units, half away from zero; none beyond what amounts may be.
pub(crate) fn price_of(
    quantity: Quantity,
    unit_price: Quantity,
    currency: Currency,
) -> Option<i128> {
    let exact = quantity.exact_value(unit_price)?;
    exact_to_minor(exact, currency.minor_digits()).filter(|price| *price <= MINOR_MAX)
}

/// A required term.
pub(super) fn parse_term(
    fields: &mut Fields,
    path: &str,
    term: Option<&common::DateRange>,
) -> Option<Term> {
    let span = fields.range(path, term)?;
    fields.keep(path, Term::new(span.from, span.to))
}

/// Writes a term.
pub(super) fn term_to_proto(term: Term) -> common::DateRange {
    DateSpan { from: term.from(), to: term.to() }.into()
}

/// The same amount in the one spelling of its currency; as it is where it is wrong.
pub(super) fn respelled(amount: &common::Money) -> common::Money {
    let currency = Currency::parse(&amount.currency_code).ok();
    let money = currency.and_then(|currency| Money::parse(&amount.amount, currency).ok());
    money.map_or_else(|| amount.clone(), Into::into)
}

/// The same decimal in its one spelling; as it is where it is wrong.
pub(super) fn respelled_decimal(text: &str) -> String {
    Quantity::parse(text).map_or_else(|_| text.to_owned(), |quantity| quantity.to_string())
}
