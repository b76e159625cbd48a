//! The tables of closes and of sums by period.

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::TenantId;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{Cause, Measure};
use prost::Message;

use super::period::Close;
use crate::accounting::rows::{corrupt, count, currency, named};
use crate::accounting::totals::TotalKey;

pub(crate) const CLOSE: TableSpec = TableSpec {
    name: "period_close",
    columns: &[
        ("tenant_id", "uuid"),
        ("first_day", "date"),
        ("version", "bigint"),
        ("last_day", "date"),
        ("covered_contract_seq", "bigint"),
        ("closed_by", "text"),
        ("figures", "bytea"),
        ("reopened", "boolean"),
        ("reopened_by", "text"),
        ("reopened_reason", "text"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, first_day, version) do update set reopened = excluded.reopened, \
         reopened_by = excluded.reopened_by, reopened_reason = excluded.reopened_reason",
    ),
};

pub(crate) const TOTAL: TableSpec = TableSpec {
    name: "period_total",
    columns: &[
        ("tenant_id", "uuid"),
        ("posting_period", "date"),
        ("cause", "text"),
        ("measure", "text"),
        ("currency_code", "text"),
        ("amount", "numeric"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, posting_period, cause, measure, currency_code) do update set \
         amount = period_total.amount + excluded.amount",
    ),
};

pub(crate) fn close(tenant: TenantId, close: &Close) -> Row {
    let (by, reason) = close.reopened.clone().unwrap_or_default();
    vec![
        tenant.uuid().into(),
        close.first.into(),
        i64::from(close.version).into(),
        close.last.into(),
        i64::try_from(close.covered).unwrap_or(i64::MAX).into(),
        close.closed_by.clone().into(),
        close.figures.encode_to_vec().into(),
        close.reopened.is_some().into(),
        by.into(),
        reason.into(),
    ]
}

pub(crate) fn close_from(row: &QueryResult) -> Result<Close, DbError> {
    let figures: Vec<u8> = row.try_get("", "figures")?;
    let reopened: bool = row.try_get("", "reopened")?;
    let by = (row.try_get("", "reopened_by")?, row.try_get("", "reopened_reason")?);
    Ok(Close {
        first: row.try_get("", "first_day")?,
        last: row.try_get("", "last_day")?,
        version: u32::try_from(count(row, "version")?).map_err(|_| corrupt("version"))?,
        covered: count(row, "covered_contract_seq")?,
        closed_by: row.try_get("", "closed_by")?,
        figures: pb::CloseFigures::decode(figures.as_slice()).map_err(|_| corrupt("figures"))?,
        reopened: reopened.then_some(by),
    })
}

/// A row that adds to a sum.
pub(crate) fn total(tenant: TenantId, key: &TotalKey, amount: i128) -> Row {
    vec![
        tenant.uuid().into(),
        key.period.into(),
        key.cause.name().into(),
        key.measure.name().into(),
        key.currency.code().into(),
        amount.to_string().into(),
    ]
}

/// A sum, its amount given as text.
pub(crate) fn total_from(row: &QueryResult) -> Result<(TotalKey, i128), DbError> {
    let amount: String = row.try_get("", "amount")?;
    let key = TotalKey {
        period: row.try_get("", "posting_period")?,
        cause: named(row, "cause", Cause::parse)?,
        measure: named(row, "measure", Measure::parse)?,
        currency: currency(row)?,
    };
    Ok((key, amount.parse().map_err(|_| corrupt("amount"))?))
}
