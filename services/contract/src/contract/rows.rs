//! The tables `contract` and `obligation`.

use std::collections::BTreeMap;

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{ContractId, ObligationId, TenantId};
use backlog_money::Currency;
use backlog_recognition_engine::Term;
use chrono::NaiveDate;
use uuid::Uuid;

use super::contract::Contract;
use super::terms::{Promise, Terms};
use crate::policy::{convention_number, convention_of_number};

const DRAFT: i16 = 1;
const SIGNED: i16 = 2;
/// A price that is not stated.
const NO_PRICE: i64 = -1;

const CONTRACT_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("contract_id", "uuid"),
    ("version", "bigint"),
    ("state", "smallint"),
    ("number", "text"),
    ("customer", "text"),
    ("currency", "text"),
    ("term_from", "date"),
    ("term_to", "date"),
    ("price", "bigint"),
    ("signed_on", "date"),
    ("obligations", "smallint"),
    ("dimensions", "jsonb"),
];

const OBLIGATION_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("contract_id", "uuid"),
    ("ordinal", "smallint"),
    ("obligation_id", "uuid"),
    ("key", "text"),
    ("price", "bigint"),
    ("ssp", "bigint"),
    ("term_from", "date"),
    ("term_to", "date"),
    ("convention", "smallint"),
    ("product_line", "text"),
    ("transaction_price", "bigint"),
    ("billed", "bigint"),
];

/// New contracts.
pub(crate) const CONTRACT: TableSpec =
    TableSpec { name: "contract", columns: CONTRACT_COLUMNS, conflict: Conflict::Refuse };

/// Contracts that were signed. Given as whole rows, since an insert that conflicts always finds its row
/// by the key, while a join with a table that was never analyzed may read all of it.
pub(crate) const CONTRACT_SIGNED: TableSpec = TableSpec {
    name: "contract",
    columns: CONTRACT_COLUMNS,
    conflict: Conflict::Do(
        "(tenant_id, contract_id) do update set version = excluded.version, \
         state = excluded.state, signed_on = excluded.signed_on",
    ),
};

/// Obligations of new contracts.
pub(crate) const OBLIGATION: TableSpec =
    TableSpec { name: "obligation", columns: OBLIGATION_COLUMNS, conflict: Conflict::Refuse };

/// Obligations that were billed, as whole rows like [`CONTRACT_SIGNED`].
pub(crate) const OBLIGATION_BILLED: TableSpec = TableSpec {
    name: "obligation",
    columns: OBLIGATION_COLUMNS,
    conflict: Conflict::Do(
        "(tenant_id, contract_id, ordinal) do update set billed = excluded.billed",
    ),
};

/// The row of a contract.
pub(super) fn contract_row(tenant: TenantId, contract: &Contract) -> Row {
    let terms = &contract.terms;
    let (state, signed_on) = standing(contract);
    vec![
        tenant.uuid().into(),
        contract.id.uuid().into(),
        version(contract).into(),
        state.into(),
        terms.number.clone().into(),
        terms.customer.clone().into(),
        terms.currency.code().into(),
        terms.term.from().into(),
        terms.term.to().into(),
        terms.price.map_or(NO_PRICE, minor).into(),
        signed_on.into(),
        ordinal(terms.obligations.len()).into(),
        dimensions_text(&terms.dimensions).into(),
    ]
}

/// The rows of a contract's obligations, in order.
pub(super) fn obligation_rows(tenant: TenantId, contract: &Contract) -> Vec<Row> {
    contract
        .terms
        .obligations
        .iter()
        .zip(&contract.billed)
        .enumerate()
        .map(|(place, (promise, billed))| {
            let convention = convention_number(promise.convention);
            vec![
                tenant.uuid().into(),
                contract.id.uuid().into(),
                ordinal(place).into(),
                promise.id.uuid().into(),
                promise.key.clone().into(),
                promise.price.map_or(NO_PRICE, minor).into(),
                promise.ssp.map_or(0, minor).into(),
                promise.term.from().into(),
                promise.term.to().into(),
                i16::try_from(convention).unwrap_or_default().into(),
                promise.product_line.clone().into(),
                minor(promise.transaction_price).into(),
                minor(*billed).into(),
            ]
        })
        .collect()
}

fn standing(contract: &Contract) -> (i16, NaiveDate) {
    contract.signed_on.map_or((DRAFT, no_day()), |day| (SIGNED, day))
}

/// The day that stands for none: the first of the calendar.
fn no_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or(NaiveDate::MIN)
}

fn version(contract: &Contract) -> i64 {
    i64::try_from(contract.version).unwrap_or(i64::MAX)
}

/// Amounts are checked to be at most 10^15 before they come here; the table checks again.
fn minor(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Places are below the configured number of obligations; the table refuses what does not fit.
fn ordinal(place: usize) -> i16 {
    i16::try_from(place).unwrap_or(-1)
}

fn dimensions_text(dimensions: &BTreeMap<String, String>) -> String {
    // Texts always have a JSON form.
    serde_json::to_string(dimensions).unwrap_or_default()
}

/// Reads contracts from rows of `contract_rows`, which come in order of contract and ordinal.
pub(super) fn contracts(rows: &[QueryResult]) -> Result<Vec<(TenantId, Contract)>, DbError> {
    let mut contracts: Vec<(TenantId, Contract)> = Vec::new();
    for row in rows {
        let tenant = TenantId::from_uuid(row.try_get::<Uuid>("", "tenant_id")?);
        let id = ContractId::from_uuid(row.try_get::<Uuid>("", "contract_id")?);
        let last = contracts.last().map(|(tenant, contract)| (*tenant, contract.id));
        if last != Some((tenant, id)) {
            contracts.push((tenant, heading(id, row)?));
        }
        if let Some((_, contract)) = contracts.last_mut() {
            contract.terms.obligations.push(promise(row)?);
            contract.billed.push(i128::from(row.try_get::<i64>("", "billed")?));
        }
    }
    Ok(contracts)
}

fn heading(id: ContractId, row: &QueryResult) -> Result<Contract, DbError> {
    let corrupt = |what: String| DbError::Corrupt(format!("contract {id}: {what}"));
    let state: i16 = row.try_get("", "state")?;
    let signed_on: NaiveDate = row.try_get("", "signed_on")?;
    let currency: String = row.try_get("", "currency")?;
    let price: i64 = row.try_get("", "price")?;
    let dimensions: String = row.try_get("", "dimensions")?;
    let version: i64 = row.try_get("", "version")?;
    Ok(Contract {
        id,
        version: u64::try_from(version).map_err(|e| corrupt(e.to_string()))?,
        signed_on: (state == SIGNED).then_some(signed_on),
        terms: Terms {
            number: row.try_get("", "number")?,
            customer: row.try_get("", "customer")?,
            term: term(row, "term_from", "term_to")?,
            currency: Currency::parse(&currency).map_err(|e| corrupt(e.to_string()))?,
            price: (price != NO_PRICE).then(|| i128::from(price)),
            obligations: Vec::new(),
            dimensions: serde_json::from_str(&dimensions).map_err(|e| corrupt(e.to_string()))?,
        },
        billed: Vec::new(),
    })
}

fn promise(row: &QueryResult) -> Result<Promise, DbError> {
    let id = ObligationId::from_uuid(row.try_get::<Uuid>("", "obligation_id")?);
    let price: i64 = row.try_get("", "o_price")?;
    let ssp: i64 = row.try_get("", "ssp")?;
    let convention = convention_of_number(row.try_get("", "convention")?);
    Ok(Promise {
        id,
        key: row.try_get("", "key")?,
        price: (price != NO_PRICE).then(|| i128::from(price)),
        ssp: (ssp != 0).then(|| i128::from(ssp)),
        term: term(row, "o_term_from", "o_term_to")?,
        convention: convention
            .map_err(|what| DbError::Corrupt(format!("obligation {id}: {what}")))?,
        product_line: row.try_get("", "product_line")?,
        transaction_price: i128::from(row.try_get::<i64>("", "transaction_price")?),
    })
}

fn term(row: &QueryResult, from: &str, to: &str) -> Result<Term, DbError> {
    Term::new(row.try_get("", from)?, row.try_get("", to)?)
        .map_err(|error| DbError::Corrupt(error.to_string()))
}
