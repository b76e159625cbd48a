//! The tables of the fold's state.

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{AccountId, AccountingContractId, ContractId, ObligationId, TenantId, TypedId};
use backlog_money::Currency;
use backlog_recognition_engine::{
    BalancePoint, ContractState, Convention, ObligationState, Policy, ReceivableOn, Rounding, Term,
};
use chrono::NaiveDate;
use uuid::Uuid;

use super::books::TenantBooks;

pub(crate) const REGISTRY: TableSpec = TableSpec {
    name: "tenant_registry",
    columns: &[("tenant_id", "uuid"), ("account_id", "uuid")],
    conflict: Conflict::Refuse,
};

pub(crate) const TENANT: TableSpec = TableSpec {
    name: "tenant",
    columns: &[
        ("tenant_id", "uuid"),
        ("policy_version", "bigint"),
        ("convention", "text"),
        ("rounding", "text"),
        ("receivable_on", "text"),
        ("recognized_through", "date"),
    ],
    conflict: Conflict::Do(
        "(tenant_id) do update set policy_version = excluded.policy_version, \
         convention = excluded.convention, rounding = excluded.rounding, \
         receivable_on = excluded.receivable_on, \
         recognized_through = excluded.recognized_through",
    ),
};

pub(crate) const CONTRACT: TableSpec = TableSpec {
    name: "contract_state",
    columns: &[
        ("tenant_id", "uuid"),
        ("contract_id", "uuid"),
        ("accounting_contract_id", "uuid"),
        ("signed_on", "date"),
        ("currency_code", "text"),
        ("policy_version", "bigint"),
        ("convention", "text"),
        ("rounding", "text"),
        ("receivable_on", "text"),
    ],
    conflict: Conflict::Refuse,
};

pub(crate) const OBLIGATION: TableSpec = TableSpec {
    name: "obligation",
    columns: &[
        ("tenant_id", "uuid"),
        ("contract_id", "uuid"),
        ("ordinal", "bigint"),
        ("obligation_id", "uuid"),
        ("key", "text"),
        ("convention", "text"),
        ("rounding", "text"),
        ("term_from", "date"),
        ("term_to", "date"),
        ("transaction_price", "bigint"),
        ("recognized", "bigint"),
        ("posted_through", "date"),
        ("billed", "bigint"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, contract_id, ordinal) do update set recognized = excluded.recognized, \
         posted_through = excluded.posted_through, billed = excluded.billed",
    ),
};

pub(crate) const BALANCE: TableSpec = TableSpec {
    name: "balance_point",
    columns: &[
        ("tenant_id", "uuid"),
        ("accounting_contract_id", "uuid"),
        ("on_date", "date"),
        ("unconditional", "bigint"),
        ("recognized", "bigint"),
        ("deferred_revenue", "bigint"),
        ("contract_asset", "bigint"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, accounting_contract_id, on_date) do update set \
         unconditional = excluded.unconditional, recognized = excluded.recognized, \
         deferred_revenue = excluded.deferred_revenue, contract_asset = excluded.contract_asset",
    ),
};

/// What `recognized_through` holds before the first run.
pub(crate) fn never() -> NaiveDate {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or(NaiveDate::MIN)
}

/// What `posted_through` holds: the last day posted, or the day before the term.
pub(crate) fn posted_through(obligation: &ObligationState) -> NaiveDate {
    let from = obligation.term.from();
    obligation.posted_through.or_else(|| from.pred_opt()).unwrap_or(from)
}

pub(crate) fn registry(tenant: TenantId, books: &TenantBooks) -> Row {
    vec![tenant.uuid().into(), books.account.uuid().into()]
}

pub(crate) fn tenant(tenant: TenantId, books: &TenantBooks) -> Row {
    let policy = &books.policy;
    vec![
        tenant.uuid().into(),
        i64::from(policy.version).into(),
        policy.convention.name().into(),
        policy.rounding.name().into(),
        policy.receivable_on.name().into(),
        books.recognized_through.unwrap_or_else(never).into(),
    ]
}

pub(crate) fn contract(tenant: TenantId, state: &ContractState) -> Row {
    vec![
        tenant.uuid().into(),
        state.contract.uuid().into(),
        state.accounting_contract.uuid().into(),
        state.signed_on.into(),
        state.currency.code().into(),
        i64::from(state.policy.version).into(),
        state.policy.convention.name().into(),
        state.policy.rounding.name().into(),
        state.policy.receivable_on.name().into(),
    ]
}

pub(crate) fn obligation(tenant: TenantId, contract: ContractId, of: &ObligationState) -> Row {
    vec![
        tenant.uuid().into(),
        contract.uuid().into(),
        i64::from(of.ordinal).into(),
        of.id.uuid().into(),
        of.key.clone().into(),
        of.convention.name().into(),
        of.rounding.name().into(),
        of.term.from().into(),
        of.term.to().into(),
        minor(of.transaction_price).into(),
        minor(of.recognized).into(),
        posted_through(of).into(),
        minor(of.billed).into(),
    ]
}

pub(crate) fn balance(tenant: TenantId, of: AccountingContractId, point: &BalancePoint) -> Row {
    vec![
        tenant.uuid().into(),
        of.uuid().into(),
        point.on.into(),
        minor(point.unconditional).into(),
        minor(point.recognized).into(),
        minor(point.deferred_revenue).into(),
        minor(point.contract_asset).into(),
    ]
}

/// An amount as a column holds it; that it fits was checked when it was decided.
fn minor(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })
}

pub(crate) fn tenant_from(row: &QueryResult) -> Result<TenantBooks, DbError> {
    let through: NaiveDate = row.try_get("", "recognized_through")?;
    Ok(TenantBooks {
        account: id::<AccountId>(row, "account_id")?,
        policy: policy_from(row)?,
        recognized_through: Some(through).filter(|through| *through != never()),
        covered: count(row, "covered")?,
    })
}

/// A contract without its obligations and balances.
pub(crate) fn contract_from(row: &QueryResult) -> Result<ContractState, DbError> {
    Ok(ContractState {
        contract: id(row, "contract_id")?,
        accounting_contract: id(row, "accounting_contract_id")?,
        signed_on: row.try_get("", "signed_on")?,
        currency: currency(row)?,
        policy: policy_from(row)?,
        obligations: Vec::new(),
        balances: Vec::new(),
    })
}

pub(crate) fn obligation_from(row: &QueryResult) -> Result<ObligationState, DbError> {
    let (from, to): (NaiveDate, NaiveDate) =
        (row.try_get("", "term_from")?, row.try_get("", "term_to")?);
    let posted: NaiveDate = row.try_get("", "posted_through")?;
    Ok(ObligationState {
        id: id::<ObligationId>(row, "obligation_id")?,
        key: row.try_get("", "key")?,
        ordinal: u32::try_from(count(row, "ordinal")?).map_err(|_| corrupt("ordinal"))?,
        convention: named(row, "convention", Convention::parse)?,
        rounding: named(row, "rounding", Rounding::parse)?,
        term: Term::new(from, to).map_err(|_| corrupt("term_to"))?,
        transaction_price: amount(row, "transaction_price")?,
        recognized: amount(row, "recognized")?,
        posted_through: Some(posted).filter(|posted| *posted >= from),
        billed: amount(row, "billed")?,
    })
}

pub(crate) fn balance_from(row: &QueryResult) -> Result<BalancePoint, DbError> {
    Ok(BalancePoint {
        on: row.try_get("", "on_date")?,
        unconditional: amount(row, "unconditional")?,
        recognized: amount(row, "recognized")?,
        deferred_revenue: amount(row, "deferred_revenue")?,
        contract_asset: amount(row, "contract_asset")?,
    })
}

fn policy_from(row: &QueryResult) -> Result<Policy, DbError> {
    Ok(Policy {
        version: u32::try_from(count(row, "policy_version")?)
            .map_err(|_| corrupt("policy_version"))?,
        convention: named(row, "convention", Convention::parse)?,
        rounding: named(row, "rounding", Rounding::parse)?,
        receivable_on: named(row, "receivable_on", ReceivableOn::parse)?,
    })
}

pub(crate) fn currency(row: &QueryResult) -> Result<Currency, DbError> {
    let code: String = row.try_get("", "currency_code")?;
    Currency::parse(&code).map_err(|_| corrupt("currency_code"))
}

pub(crate) fn id<T: TypedId>(row: &QueryResult, column: &str) -> Result<T, DbError> {
    Ok(T::from_uuid(row.try_get::<Uuid>("", column)?))
}

pub(crate) fn count(row: &QueryResult, column: &str) -> Result<u64, DbError> {
    u64::try_from(row.try_get::<i64>("", column)?).map_err(|_| corrupt(column))
}

fn amount(row: &QueryResult, column: &str) -> Result<i128, DbError> {
    Ok(i128::from(row.try_get::<i64>("", column)?))
}

fn named<T>(row: &QueryResult, column: &str, parse: fn(&str) -> Option<T>) -> Result<T, DbError> {
    let name: String = row.try_get("", column)?;
    parse(&name).ok_or_else(|| corrupt(column))
}

pub(crate) fn corrupt(column: &str) -> DbError {
    DbError::Corrupt(format!("{column} holds what it must not"))
}
