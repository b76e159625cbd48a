//! The tables of the journal.

use std::collections::BTreeMap;

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::TenantId;
use backlog_money::{Currency, Quantity};
use backlog_recognition_engine::{RateKind, Role, Turnover};
use chrono::NaiveDate;

use super::journal::{AccountMapping, Batch, ExchangeRate, batch_id};
use crate::accounting::rows::{corrupt, count, currency, currency_in, id};

pub(crate) const SUM: TableSpec = TableSpec {
    name: "journal_sum",
    columns: &[
        ("tenant_id", "uuid"),
        ("posting_period", "date"),
        ("seq", "bigint"),
        ("role", "text"),
        ("currency_code", "text"),
        ("debit", "bigint"),
        ("credit", "bigint"),
    ],
    conflict: Conflict::Refuse,
};

pub(crate) const TOTAL: TableSpec = TableSpec {
    name: "journal_total",
    columns: &[
        ("tenant_id", "uuid"),
        ("posting_period", "date"),
        ("role", "text"),
        ("currency_code", "text"),
        ("debit", "bigint"),
        ("credit", "bigint"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, posting_period, role, currency_code) do update set \
         debit = journal_total.debit + excluded.debit, \
         credit = journal_total.credit + excluded.credit",
    ),
};

pub(crate) const MAPPING: TableSpec = TableSpec {
    name: "account_mapping",
    columns: &[
        ("tenant_id", "uuid"),
        ("seq", "bigint"),
        ("accounts", "text"),
        ("unbilled_receivable", "boolean"),
        ("decided_on", "date"),
    ],
    conflict: Conflict::Refuse,
};

pub(crate) const RATE: TableSpec = TableSpec {
    name: "exchange_rate",
    columns: &[
        ("tenant_id", "uuid"),
        ("seq", "bigint"),
        ("from_code", "text"),
        ("to_code", "text"),
        ("kind", "text"),
        ("on_date", "date"),
        ("rate", "text"),
    ],
    conflict: Conflict::Refuse,
};

pub(crate) const EXPORT: TableSpec = TableSpec {
    name: "journal_export",
    columns: &[
        ("tenant_id", "uuid"),
        ("seq", "bigint"),
        ("batch_id", "uuid"),
        ("posting_period", "date"),
    ],
    conflict: Conflict::Refuse,
};

pub(crate) fn sum(
    tenant: TenantId,
    seq: u64,
    (period, role, currency): (NaiveDate, Role, Currency),
    of: &Turnover,
) -> Row {
    vec![
        tenant.uuid().into(),
        period.into(),
        number(seq).into(),
        role.name().into(),
        currency.code().into(),
        minor(of.debit).into(),
        minor(of.credit).into(),
    ]
}

pub(crate) fn total(
    tenant: TenantId,
    (period, role, currency): (NaiveDate, Role, Currency),
    of: &Turnover,
) -> Row {
    vec![
        tenant.uuid().into(),
        period.into(),
        role.name().into(),
        currency.code().into(),
        minor(of.debit).into(),
        minor(of.credit).into(),
    ]
}

pub(crate) fn mapping(tenant: TenantId, seq: u64, mapping: &AccountMapping) -> Row {
    vec![
        tenant.uuid().into(),
        number(seq).into(),
        accounts(mapping).into(),
        mapping.unbilled_receivable.into(),
        mapping.on.unwrap_or_default().into(),
    ]
}

pub(crate) fn rate(tenant: TenantId, seq: u64, rate: &ExchangeRate) -> Row {
    vec![
        tenant.uuid().into(),
        number(seq).into(),
        rate.from.code().into(),
        rate.to.code().into(),
        rate.kind.name().into(),
        rate.on.into(),
        rate.rate.to_string().into(),
    ]
}

pub(crate) fn export(tenant: TenantId, seq: u64, period: NaiveDate) -> Row {
    let id = batch_id(tenant, period, seq.saturating_sub(1));
    vec![tenant.uuid().into(), number(seq).into(), id.uuid().into(), period.into()]
}

/// Accounts as "cash=1000 revenue=4000", in the order of roles.
pub(crate) fn accounts(mapping: &AccountMapping) -> String {
    let each = mapping.accounts.iter().map(|(role, code)| format!("{}={code}", role.name()));
    each.collect::<Vec<_>>().join(" ")
}

fn parse_accounts(text: &str) -> Option<BTreeMap<Role, String>> {
    let pair = |text: &str| {
        let (role, code) = text.split_once('=')?;
        Some((Role::parse(role)?, code.to_owned()))
    };
    text.split(' ').filter(|part| !part.is_empty()).map(pair).collect()
}

pub(crate) fn mapping_from(row: &QueryResult) -> Result<AccountMapping, DbError> {
    let text: String = row.try_get("", "accounts")?;
    Ok(AccountMapping {
        accounts: parse_accounts(&text).ok_or_else(|| corrupt("accounts"))?,
        unbilled_receivable: row.try_get("", "unbilled_receivable")?,
        on: Some(row.try_get("", "decided_on")?),
    })
}

pub(crate) fn rate_from(row: &QueryResult) -> Result<ExchangeRate, DbError> {
    let (kind, rate): (String, String) = (row.try_get("", "kind")?, row.try_get("", "rate")?);
    Ok(ExchangeRate {
        from: currency_in(row, "from_code")?,
        to: currency_in(row, "to_code")?,
        kind: RateKind::parse(&kind).ok_or_else(|| corrupt("kind"))?,
        on: row.try_get("", "on_date")?,
        rate: Quantity::parse(&rate).map_err(|_| corrupt("rate"))?,
    })
}

pub(crate) fn batch_from(row: &QueryResult) -> Result<Batch, DbError> {
    Ok(Batch {
        id: id(row, "batch_id")?,
        period: row.try_get("", "posting_period")?,
        seq: count(row, "seq")?,
        previous: count(row, "previous")?,
    })
}

/// What a row of sums is of: role, currency and turnover.
pub(crate) fn turnover_from(row: &QueryResult) -> Result<(Role, Currency, Turnover), DbError> {
    let role: String = row.try_get("", "role")?;
    let amount = |column: &str| -> Result<i128, DbError> {
        let text: String = row.try_get("", column)?;
        text.parse().map_err(|_| corrupt(column))
    };
    let of = Turnover { debit: amount("debit")?, credit: amount("credit")? };
    Ok((Role::parse(&role).ok_or_else(|| corrupt("role"))?, currency(row)?, of))
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// An amount as a column holds it; that it fits was checked when it was decided.
fn minor(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that accounts come back from their text as they were, and that other texts are not taken.
    #[test]
    fn accounts_survive_their_text() {
        let mut some = AccountMapping::default();
        some.accounts.insert(Role::Cash, "10.00-a/b:c_d".to_owned());
        some.accounts.insert(Role::Revenue, "4000".to_owned());
        for mapping in [AccountMapping::default(), some] {
            assert_eq!(parse_accounts(&accounts(&mapping)), Some(mapping.accounts));
        }
        for wrong in ["cash", "till=1"] {
            assert_eq!(parse_accounts(wrong), None, "{wrong}");
        }
    }
}
