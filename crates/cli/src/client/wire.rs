//! Values of the wire for people, for JSON, and for comparing.

use backlog_money::{Currency, Money};
use backlog_proto::common::v1::{self as pb, LogPosition, Watermark};
use backlog_proto::google::r#type::Date;
use backlog_proto::reporting::v1 as reporting;
use backlog_recognition_engine::Balances;
use chrono::{Datelike, Months, NaiveDate};

use crate::arguments::log_name;
use crate::failure::{Exit, Failure};

/// A day on the wire.
pub(crate) fn date(day: NaiveDate) -> Option<Date> {
    Some(day.into())
}

/// A day of an answer.
pub(crate) fn day(date: Option<&Date>) -> Option<NaiveDate> {
    date.and_then(|date| NaiveDate::try_from(date).ok())
}

/// The number of an amount; empty when it is not set.
pub(crate) fn money(money: Option<&pb::Money>) -> String {
    money.map(|money| money.amount.clone()).unwrap_or_default()
}

/// An amount as JSON.
pub(crate) fn money_json(money: Option<&pb::Money>) -> serde_json::Value {
    money.map_or(
        serde_json::Value::Null,
        |money| serde_json::json!({ "amount": money.amount, "currency_code": money.currency_code }),
    )
}

/// An amount of an answer, to compute with.
pub(crate) fn to_money(money: Option<&pb::Money>) -> Result<Money, Failure> {
    let wrong = |text: String| Failure::new(Exit::Unavailable, text);
    let money = money.ok_or_else(|| wrong("the answer lacks an amount".to_owned()))?;
    Money::try_from(money)
        .map_err(|error| wrong(format!("the answer has the amount {:?}: {error}", money.amount)))
}

/// A position as JSON.
pub(crate) fn position_json(position: &LogPosition) -> serde_json::Value {
    serde_json::json!({ "log": log_name(position.log()), "seq": position.seq })
}

/// Positions as `--after` takes them.
pub(crate) fn positions_text(positions: &[LogPosition]) -> String {
    let parts: Vec<_> = positions
        .iter()
        .map(|position| format!("{}={}", log_name(position.log()), position.seq))
        .collect();
    parts.join(",")
}

/// What an answer includes, for people.
pub(crate) fn watermark_text(watermark: Option<&Watermark>) -> String {
    let Some(watermark) = watermark else { return String::new() };
    let through = day(watermark.recognized_through.as_ref())
        .map_or("nothing recognized yet".to_owned(), |day| format!("recognized through {day}"));
    format!("includes {}; {through}", positions_text(&watermark.positions))
}

/// What an answer includes, as JSON.
pub(crate) fn watermark_json(watermark: Option<&Watermark>) -> serde_json::Value {
    let Some(watermark) = watermark else { return serde_json::Value::Null };
    let positions: Vec<_> = watermark.positions.iter().map(position_json).collect();
    let through = day(watermark.recognized_through.as_ref()).map(|day| day.to_string());
    serde_json::json!({ "positions": positions, "recognized_through": through })
}

/// Balances of an answer, to compare with the engine's; all but cash. Minor units of `currency`.
pub(crate) fn balances(
    balances: &reporting::Balances,
    currency: Currency,
) -> Result<Balances, Failure> {
    let minor = |amount: &Option<pb::Money>| -> Result<i128, Failure> {
        let amount = to_money(amount.as_ref())?;
        if amount.currency() == currency {
            return Ok(amount.minor());
        }
        let message = format!("asked for {currency}, the answer is in {}", amount.currency());
        Err(Failure::new(Exit::Unavailable, message))
    };
    Ok(Balances {
        transaction_price: minor(&balances.transaction_price)?,
        beyond_enforceable: minor(&balances.beyond_enforceable)?,
        tcv: minor(&balances.tcv)?,
        recognized: minor(&balances.recognized)?,
        backlog: minor(&balances.backlog)?,
        firm: minor(&balances.firm_backlog)?,
        billed: minor(&balances.billed)?,
        conditional_billing: minor(&balances.conditional_billing)?,
        unbilled_backlog: minor(&balances.unbilled_backlog)?,
        deferred_revenue: minor(&balances.deferred_revenue)?,
        contract_asset: minor(&balances.contract_asset)?,
        refund_liability: minor(&balances.refund_liability)?,
        receivable: minor(&balances.receivable)?,
        cash: minor(&balances.cash)?,
        interest: minor(&balances.interest)?,
        potential: minor(&balances.potential)?,
        recognized_accrued: minor(&balances.recognized_accrued)?,
        backlog_accrued: minor(&balances.backlog_accrued)?,
    })
}

/// The months from that of `from` to that of `to`, each by its first day and its last, the last
/// one cut at `to`.
pub(crate) fn months(from: NaiveDate, to: NaiveDate) -> Vec<(NaiveDate, NaiveDate)> {
    let mut months = Vec::new();
    let mut first = from.with_day(1);
    while let Some(month) = first.filter(|month| *month <= to) {
        let next = month.checked_add_months(Months::new(1));
        let last = next.and_then(|next| next.pred_opt()).unwrap_or(to);
        months.push((month, last.min(to)));
        first = next;
    }
    months
}

#[cfg(test)]
mod tests {
    use super::months;
    use crate::arguments::day;

    /// Months are whole but for the last, and none are before the first.
    #[test]
    fn months_end_where_the_span_does() {
        let day = |text: &str| day(text).unwrap();
        let span = months(day("2025-12-15"), day("2026-02-10"));
        assert_eq!(
            span,
            [
                (day("2025-12-01"), day("2025-12-31")),
                (day("2026-01-01"), day("2026-01-31")),
                (day("2026-02-01"), day("2026-02-10")),
            ]
        );
        assert_eq!(months(day("2026-02-10"), day("2026-01-10")), []);
    }
}
