//! From the wire: payloads, amounts, dates.

use backlog_money::Currency;
use backlog_proto::common::v1::Money;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::{Fields, convert};
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use prost::Message;

use super::error::ProjectionError;

/// The payload of an entry, as the message that its type names.
pub(crate) fn decode<M: Message + Default>(entry: &LogEntry) -> Result<M, ProjectionError> {
    M::decode(entry.payload.as_slice()).map_err(|error| ProjectionError::Undecodable {
        type_name: entry.r#type.clone(),
        cause: error.to_string(),
    })
}

/// The value read, or everything that was wrong with it.
pub(crate) fn finished<T>(
    type_name: &'static str,
    mut fields: Fields,
    value: Option<T>,
) -> Result<T, ProjectionError> {
    if value.is_none() && fields.is_clean() {
        fields.violation("event", "is incomplete");
    }
    let wrong = |violations| ProjectionError::WrongFields { type_name, violations };
    fields.finish().map_err(wrong)?;
    value.ok_or_else(|| wrong(Vec::new()))
}

/// A text that a column can hold.
pub(crate) fn no_nul(field: &str, value: &str, fields: &mut Fields) -> Option<String> {
    if value.contains('\0') {
        fields.violation(field, "must not contain NUL");
        return None;
    }
    Some(value.to_owned())
}

/// When and as of when an entry was written: its effective date and recorded time.
pub(crate) fn times(entry: &LogEntry) -> Result<(NaiveDate, DateTime<Utc>), ProjectionError> {
    let mut fields = Fields::new();
    let effective = fields.date("effective_date", entry.effective_date.as_ref());
    let recorded = fields.required("recorded_at", entry.recorded_at.as_ref());
    let recorded = recorded.and_then(|time| fields.keep("recorded_at", convert::time(time)));
    finished("backlog.log.v1.LogEntry", fields, effective.zip(recorded))
}

/// An amount as events carry it, with all minor digits of its currency: minor units that a column can
/// hold. Wider than what requests may state, since sums travel too.
pub(crate) fn amount(
    field: &str,
    money: Option<&Money>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<i64> {
    let money = fields.required(field, money)?;
    if money.currency_code != currency.code() {
        fields.violation(field, format!("must be in {currency}, the contract's currency"));
        return None;
    }
    let minor = minor_units(&money.amount, currency);
    if minor.is_none() {
        fields.violation(field, "must be an amount with all minor digits, below 2^63 minor units");
    }
    minor
}

fn minor_units(text: &str, currency: Currency) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let all_digits = digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let decimals = u32::try_from(fraction.len()).ok()?;
    if digits.is_empty() || !all_digits || decimals != currency.minor_digits() {
        return None;
    }
    format!("{whole}{fraction}").parse().ok()
}

/// The first day of the month of `day`.
pub(crate) fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The last day of the month of `day`.
pub(crate) fn last_of_month(day: NaiveDate) -> NaiveDate {
    let next = first_of_month(day).checked_add_months(Months::new(1));
    next.and_then(|next| next.pred_opt()).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that amounts of events are read exactly, to the ends of what a column holds, and that
    // nothing else than the one form that events have is taken.
    #[test]
    fn amounts_are_read_exactly() {
        let usd = Currency::parse("USD").unwrap();
        let jpy = Currency::parse("JPY").unwrap();
        let good = [
            ("1200.00", usd, 120_000),
            ("-0.05", usd, -5),
            ("0.00", usd, 0),
            ("92233720368547758.07", usd, i64::MAX),
            ("-92233720368547758.08", usd, i64::MIN),
            ("7", jpy, 7),
        ];
        for (text, currency, minor) in good {
            assert_eq!(minor_units(text, currency), Some(minor), "{text}");
        }
        let bad =
            ["", "-", "1200", "1.2", "1.234", "+1.00", "1e3.00", "١.00", "92233720368547758.08"];
        for text in bad {
            assert_eq!(minor_units(text, usd), None, "{text:?}");
        }
        assert_eq!(minor_units("7.0", jpy), None);
    }

    // Shows the ends of months, leap years included.
    #[test]
    fn months_have_ends() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (within, first, last) in [
            ("2024-02-29", "2024-02-01", "2024-02-29"),
            ("2026-02-01", "2026-02-01", "2026-02-28"),
            ("2026-12-31", "2026-12-01", "2026-12-31"),
        ] {
            assert_eq!(first_of_month(day(within)), day(first));
            assert_eq!(last_of_month(day(within)), day(last));
        }
    }
}
