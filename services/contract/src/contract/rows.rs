//! The tables `contract` and `obligation`.

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::contract::v1::ContractTerms;
use backlog_proto::fields::Fields;
use chrono::NaiveDate;
use prost::Message;
use uuid::Uuid;

use super::contract::Contract;
use super::convert::{read_terms, terms_to_proto};
use super::terms::{Limits, Terms};

const DRAFT: i16 = 1;
const SIGNED: i16 = 2;
const TERMINATED: i16 = 3;

const CONTRACT_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("contract_id", "uuid"),
    ("version", "bigint"),
    ("state", "smallint"),
    ("customer", "text"),
    ("signed_on", "date"),
    ("changed_on", "date"),
    ("paid", "bigint"),
    ("obligations", "smallint"),
    ("terms", "bytea"),
];

const OBLIGATION_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("contract_id", "uuid"),
    ("ordinal", "smallint"),
    ("obligation_id", "uuid"),
    ("transaction_price", "bigint"),
    ("billed", "bigint"),
    ("removed", "boolean"),
];

/// New contracts.
pub(crate) const CONTRACT: TableSpec =
    TableSpec { name: "contract", columns: CONTRACT_COLUMNS, conflict: Conflict::Refuse };

/// Contracts that were signed, changed, ended or paid. Given as whole rows, since an insert that
/// conflicts always finds its row by the key, while a join with a table that was never analyzed may
/// read all of it.
pub(crate) const CONTRACT_CHANGED: TableSpec = TableSpec {
    name: "contract",
    columns: CONTRACT_COLUMNS,
    conflict: Conflict::Do(
        "(tenant_id, contract_id) do update set version = excluded.version, \
         state = excluded.state, signed_on = excluded.signed_on, \
         changed_on = excluded.changed_on, paid = excluded.paid, \
         obligations = excluded.obligations, terms = excluded.terms",
    ),
};

/// Obligations of new contracts, and those that amendments add.
pub(crate) const OBLIGATION: TableSpec =
    TableSpec { name: "obligation", columns: OBLIGATION_COLUMNS, conflict: Conflict::Refuse };

/// Obligations that were billed, credited or changed, as whole rows like [`CONTRACT_CHANGED`].
pub(crate) const OBLIGATION_CHANGED: TableSpec = TableSpec {
    name: "obligation",
    columns: OBLIGATION_COLUMNS,
    conflict: Conflict::Do(
        "(tenant_id, contract_id, ordinal) do update set \
         transaction_price = excluded.transaction_price, billed = excluded.billed, \
         removed = excluded.removed",
    ),
};

/// The row of a contract.
pub(super) fn contract_row(tenant: TenantId, contract: &Contract) -> Row {
    let terms = &contract.terms;
    let state = match contract.signed_on {
        None => DRAFT,
        Some(_) if contract.terminated => TERMINATED,
        Some(_) => SIGNED,
    };
    vec![
        tenant.uuid().into(),
        contract.id.uuid().into(),
        version(contract).into(),
        state.into(),
        terms.customer.clone().into(),
        contract.signed_on.unwrap_or(no_day()).into(),
        contract.changed_on.unwrap_or(no_day()).into(),
        minor(contract.paid).into(),
        ordinal(terms.obligations.len()).into(),
        terms_to_proto(terms).encode_to_vec().into(),
    ]
}

/// The rows of a contract's obligations, in order.
pub(super) fn obligation_rows(tenant: TenantId, contract: &Contract) -> Vec<Row> {
    let promises = contract.terms.obligations.iter().zip(&contract.billed).enumerate();
    promises
        .map(|(place, (promise, billed))| {
            vec![
                tenant.uuid().into(),
                contract.id.uuid().into(),
                ordinal(place).into(),
                promise.id.uuid().into(),
                minor(promise.transaction_price).into(),
                minor(*billed).into(),
                promise.removed.into(),
            ]
        })
        .collect()
}

/// The day that stands for none: the first of the calendar.
fn no_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or(NaiveDate::MIN)
}

fn version(contract: &Contract) -> i64 {
    i64::try_from(contract.version).unwrap_or(i64::MAX)
}

/// Amounts are checked to be at most some 10^15 before they come here; the table checks again.
fn minor(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Places are below the configured number of obligations; the table refuses what does not fit.
fn ordinal(place: usize) -> i16 {
    i16::try_from(place).unwrap_or(-1)
}

/// Reads contracts from rows of `contract_rows`, which come in order of contract and ordinal, the
/// terms with the first of each.
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
            standing(contract, row)?;
        }
    }
    Ok(contracts)
}

fn corrupt(id: ContractId, what: &str) -> DbError {
    DbError::Corrupt(format!("contract {id}: {what}"))
}

fn heading(id: ContractId, row: &QueryResult) -> Result<Contract, DbError> {
    let state: i16 = row.try_get("", "state")?;
    let signed_on: NaiveDate = row.try_get("", "signed_on")?;
    let changed_on: NaiveDate = row.try_get("", "changed_on")?;
    let version: i64 = row.try_get("", "version")?;
    let is_signed = state != DRAFT;
    let terms: Vec<u8> = row.try_get("", "terms")?;
    Ok(Contract {
        id,
        version: u64::try_from(version).map_err(|e| corrupt(id, &e.to_string()))?,
        signed_on: is_signed.then_some(signed_on),
        changed_on: is_signed.then_some(changed_on),
        terminated: state == TERMINATED,
        terms: stored_terms(id, &terms)?,
        billed: Vec::new(),
        paid: i128::from(row.try_get::<i64>("", "paid")?),
    })
}

/// The terms as they were taken in.
fn stored_terms(id: ContractId, bytes: &[u8]) -> Result<Terms, DbError> {
    let wire = ContractTerms::decode(bytes).map_err(|error| corrupt(id, &error.to_string()))?;
    let mut fields = Fields::new();
    let terms = read_terms(&mut fields, "terms", id, &wire, Limits::NONE);
    if let Err(violations) = fields.finish() {
        return Err(corrupt(id, &format!("{violations:?}")));
    }
    terms.ok_or_else(|| corrupt(id, "terms that cannot be read"))
}

/// Adds what became of the next obligation.
fn standing(contract: &mut Contract, row: &QueryResult) -> Result<(), DbError> {
    let place = contract.billed.len();
    let Some(promise) = contract.terms.obligations.get_mut(place) else {
        return Err(corrupt(contract.id, "more obligations than its terms have"));
    };
    promise.transaction_price = i128::from(row.try_get::<i64>("", "transaction_price")?);
    promise.removed = row.try_get("", "removed")?;
    contract.billed.push(i128::from(row.try_get::<i64>("", "billed")?));
    Ok(())
}
