//! The tables of the fold's state.

use std::borrow::Cow;

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{AccountId, AccountingContractId, ObligationId, TenantId, TypedId};
use backlog_money::{Currency, Quantity};
use backlog_recognition_engine::{
    AccountingContract, AtLeastOne, BalancePoint, Calendar, ContractState, Convention,
    LegalContract, ObligationState, Periods, Policy, Portion, ReceivableOn, Rounding, Standing,
};
use chrono::NaiveDate;
use uuid::Uuid;

use super::basis::{
    ContractBasis, ObligationBasis, PortionBasis, contract_basis, from_json, obligation_basis,
};
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
        ("functional_currency", "text"),
        ("calendar", "text"),
        ("adjustments_need_approval", "boolean"),
        ("closed_through", "date"),
        ("policy_versions", "bigint"),
    ],
    conflict: Conflict::Do(
        "(tenant_id) do update set policy_versions = excluded.policy_versions, \
         recognized_through = excluded.recognized_through, \
         closed_through = excluded.closed_through",
    ),
};

pub(crate) const CONTRACT: TableSpec = TableSpec {
    name: "contract_state",
    columns: &[
        ("tenant_id", "uuid"),
        ("contract_id", "uuid"),
        ("signed_on", "date"),
        ("currency_code", "text"),
        ("policy_version", "bigint"),
        ("convention", "text"),
        ("rounding", "text"),
        ("receivable_on", "text"),
        ("receivable", "bigint"),
        ("advance", "bigint"),
        ("governing_version", "bigint"),
        ("customer", "text"),
        ("combined_into", "uuid"),
        ("basis", "text"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, contract_id) do update set signed_on = excluded.signed_on, \
         receivable = excluded.receivable, advance = excluded.advance, \
         governing_version = excluded.governing_version, \
         combined_into = excluded.combined_into, basis = excluded.basis",
    ),
};

pub(crate) const OBLIGATION: TableSpec = TableSpec {
    name: "obligation",
    columns: &[
        ("tenant_id", "uuid"),
        ("contract_id", "uuid"),
        ("ordinal", "bigint"),
        ("obligation_id", "uuid"),
        ("key", "text"),
        ("transaction_price", "bigint"),
        ("recognized", "bigint"),
        ("posted_through", "date"),
        ("due_from", "date"),
        ("term_to", "date"),
        ("billed", "bigint"),
        ("basis", "text"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, contract_id, ordinal) do update set \
         transaction_price = excluded.transaction_price, recognized = excluded.recognized, \
         posted_through = excluded.posted_through, due_from = excluded.due_from, \
         term_to = excluded.term_to, billed = excluded.billed, basis = excluded.basis",
    ),
};

/// An obligation that only runs changed: its row is there, and its key and basis stay as they are. They
/// are written empty, which the conflict passes over.
pub(crate) const POSTED: TableSpec = TableSpec {
    conflict: Conflict::Do(
        "(tenant_id, contract_id, ordinal) do update set \
         transaction_price = excluded.transaction_price, recognized = excluded.recognized, \
         posted_through = excluded.posted_through, due_from = excluded.due_from, \
         term_to = excluded.term_to, billed = excluded.billed",
    ),
    ..OBLIGATION
};

pub(crate) const BALANCE: TableSpec = TableSpec {
    name: "balance_point",
    columns: &[
        ("tenant_id", "uuid"),
        ("accounting_contract_id", "uuid"),
        ("on_date", "date"),
        ("unconditional", "bigint"),
        ("recognized", "bigint"),
        ("refundable", "bigint"),
        ("deferred_revenue", "bigint"),
        ("contract_asset", "bigint"),
        ("refund_liability", "bigint"),
        ("refund_estimate", "bigint"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, accounting_contract_id, on_date) do update set \
         unconditional = excluded.unconditional, recognized = excluded.recognized, \
         refundable = excluded.refundable, deferred_revenue = excluded.deferred_revenue, \
         contract_asset = excluded.contract_asset, refund_liability = excluded.refund_liability, \
         refund_estimate = excluded.refund_estimate",
    ),
};

/// What `recognized_through` holds before the first run.
pub(crate) fn never() -> NaiveDate {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or(NaiveDate::MIN)
}

/// What `due_from` holds when no run has anything to do any more.
fn no_more() -> NaiveDate {
    NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX)
}

/// What `posted_through` holds: the last day posted, or [`never`].
pub(crate) fn posted_through(obligation: &ObligationState) -> NaiveDate {
    obligation.posted_through.unwrap_or_else(never)
}

/// What `due_from` holds: the first day for which a run has something to do. Of contracts that are accounted
/// for as one, the first obligation says it for all: a run takes them together.
pub(crate) fn due_from(state: &ContractState, obligation: &ObligationState) -> NaiveDate {
    match (state.legal.more(), obligation.place) {
        ([], _) => own_due_from(state, obligation),
        (_, 0) => {
            let all = state.obligations.iter().map(|of| own_due_from(state, of));
            all.min().unwrap_or_else(no_more)
        }
        _ => no_more(),
    }
}

/// An obligation that the engine cannot compute is due, so that a run says why.
fn own_due_from(state: &ContractState, obligation: &ObligationState) -> NaiveDate {
    match state.due_from(obligation) {
        Ok(due) => due.unwrap_or_else(no_more),
        Err(_) => never(),
    }
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
        books.functional.code().into(),
        books.periods.calendar.word().into(),
        books.adjustments_need_approval.into(),
        books.periods.closed_through.unwrap_or_else(never).into(),
        i64::from(books.policy_versions).into(),
    ]
}

/// A legal contract as its row holds it. What is known of one that joined another is kept with that: its
/// own basis is empty.
pub(crate) struct OwnRow<'a> {
    pub(crate) legal: &'a LegalContract,
    pub(crate) combined_into: Uuid,
    pub(crate) basis: String,
}

/// The rows of all legal contracts of a state.
pub(crate) fn own_rows(state: &ContractState) -> Vec<OwnRow<'_>> {
    let (first, more) = (state.legal.first(), state.legal.more());
    let combined_into = if more.is_empty() { Uuid::nil() } else { first.id.uuid() };
    let own = OwnRow { legal: first, combined_into, basis: contract_basis(state) };
    let joined = |legal| OwnRow { legal, combined_into, basis: String::new() };
    std::iter::once(own).chain(more.iter().map(joined)).collect()
}

/// `customer` is empty where the row is there already.
pub(crate) fn contract(
    tenant: TenantId,
    state: &ContractState,
    own: OwnRow<'_>,
    customer: String,
) -> Row {
    let legal = own.legal;
    vec![
        tenant.uuid().into(),
        legal.id.uuid().into(),
        legal.signed_on.into(),
        state.currency.code().into(),
        i64::from(legal.policy.version).into(),
        legal.policy.convention.name().into(),
        legal.policy.rounding.name().into(),
        legal.policy.receivable_on.name().into(),
        minor(legal.receivable).into(),
        minor(legal.advance).into(),
        i64::from(state.governing().version).into(),
        customer.into(),
        own.combined_into.into(),
        own.basis.into(),
    ]
}

pub(crate) fn obligation(tenant: TenantId, state: &ContractState, of: &ObligationState) -> Row {
    obligation_row(tenant, state, of, of.key.clone(), obligation_basis(of))
}

fn obligation_row(
    tenant: TenantId,
    state: &ContractState,
    of: &ObligationState,
    key: String,
    basis: String,
) -> Row {
    vec![
        tenant.uuid().into(),
        of.contract.uuid().into(),
        i64::from(of.ordinal).into(),
        of.id.uuid().into(),
        key.into(),
        minor(of.transaction_price).into(),
        minor(of.recognized).into(),
        posted_through(of).into(),
        due_from(state, of).into(),
        of.term.to().into(),
        minor(of.billed).into(),
        basis.into(),
    ]
}

/// As [`obligation`], for [`POSTED`].
pub(crate) fn posted(tenant: TenantId, state: &ContractState, of: &ObligationState) -> Row {
    obligation_row(tenant, state, of, String::new(), String::new())
}

pub(crate) fn balance(tenant: TenantId, of: AccountingContractId, point: &BalancePoint) -> Row {
    vec![
        tenant.uuid().into(),
        of.uuid().into(),
        point.on.into(),
        minor(point.unconditional).into(),
        minor(point.recognized).into(),
        minor(point.refundable).into(),
        minor(point.deferred_revenue).into(),
        minor(point.contract_asset).into(),
        minor(point.refund_liability).into(),
        minor(point.refund_estimate).into(),
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
        functional: currency_in(row, "functional_currency")?,
        policy: policy_from(row)?,
        policy_versions: u32::try_from(count(row, "policy_versions")?)
            .map_err(|_| corrupt("policy_versions"))?,
        periods: periods_from(row)?,
        adjustments_need_approval: row.try_get("", "adjustments_need_approval")?,
        recognized_through: Some(through).filter(|through| *through != never()),
        covered: count(row, "covered")?,
    })
}

/// The calendar of a tenant, and how far it is closed.
pub(crate) fn periods_from(row: &QueryResult) -> Result<Periods, DbError> {
    let closed: NaiveDate = row.try_get("", "closed_through")?;
    Ok(Periods {
        calendar: named(row, "calendar", Calendar::parse)?,
        closed_through: Some(closed).filter(|closed| *closed != never()),
    })
}

/// A contract without its obligations and balances.
pub(crate) fn contract_from(row: &QueryResult) -> Result<ContractState, DbError> {
    let text: String = row.try_get("", "basis")?;
    let basis: ContractBasis<'_> = from_json(&text, "basis of a contract")?;
    let contract = id(row, "contract_id")?;
    let own_policy = policy_from(row)?;
    let mut legal = AtLeastOne::of(LegalContract {
        id: contract,
        signed_on: row.try_get("", "signed_on")?,
        term: basis.term,
        policy: own_policy,
        receivable: amount(row, "receivable")?,
        advance: amount(row, "advance")?,
        clauses: basis.clauses.into_owned(),
    });
    let (policy, accounting) = match basis.combined {
        None => {
            let parts = basis.reduced.into_iter().enumerate().map(|(place, reduced)| {
                let portion = Portion { reduced, ..Portion::new(contract, place) };
                AccountingContract { portions: AtLeastOne::of(portion) }
            });
            (own_policy, parts.collect())
        }
        Some(combined) => {
            combined.legal.iter().for_each(|joined| legal.push(joined.clone()));
            let parts = combined.parts.into_iter().filter_map(PortionBasis::part);
            (combined.policy, parts.collect())
        }
    };
    Ok(ContractState {
        contract,
        legal,
        currency: currency(row)?,
        policy,
        policies: basis.policies.into_owned(),
        allocation: basis.allocation.into_owned(),
        obligations: Vec::new(),
        enforced_on: basis.enforced_on,
        financing: basis.financing.map(Cow::into_owned),
        accounting,
        standing: basis.standing.into_owned(),
    })
}

/// Whether it is a contract, and the day on which it becomes one by time, by the column
/// `contract_basis`.
pub(crate) fn standing_from(
    row: &QueryResult,
    obligations: &[ObligationState],
) -> Result<(Standing, Option<NaiveDate>), DbError> {
    let text: String = row.try_get("", "contract_basis")?;
    let basis: ContractBasis<'_> = from_json(&text, "basis of a contract")?;
    let not_yet = basis.standing.not_yet();
    let arises_on = not_yet.and_then(|why| why.arises_by_time(&basis.clauses, obligations));
    Ok((basis.standing.into_owned(), arises_on))
}

pub(crate) fn obligation_from(row: &QueryResult) -> Result<ObligationState, DbError> {
    let posted: NaiveDate = row.try_get("", "posted_through")?;
    let text: String = row.try_get("", "basis")?;
    let basis: ObligationBasis<'_> = from_json(&text, "basis of an obligation")?;
    let ordinal = u32::try_from(count(row, "ordinal")?).map_err(|_| corrupt("ordinal"))?;
    Ok(ObligationState {
        id: id::<ObligationId>(row, "obligation_id")?,
        key: row.try_get("", "key")?,
        contract: id(row, "contract_id")?,
        ordinal,
        place: basis.place.unwrap_or(ordinal),
        part: basis.part,
        method: basis.method.into_owned(),
        rounding: basis.rounding,
        minor_digits: basis.minor_digits,
        term: basis.term,
        stated: basis.stated,
        ssp: basis.ssp,
        transaction_price: amount(row, "transaction_price")?,
        phases: basis.phases.into_owned(),
        points: basis.points.into_owned(),
        marks: basis.marks.into_owned(),
        pending: basis.pending.into_owned(),
        recognized: amount(row, "recognized")?,
        posted_through: Some(posted).filter(|posted| *posted != never()),
        ended_on: basis.ended_on,
        conditional: basis.conditional,
        beyond: basis.beyond,
        of_variable: basis.of_variable.map(Cow::into_owned),
        renewal: basis.renewal,
        exercised: basis.exercised.unwrap_or(Quantity::ZERO),
        potential: basis.potential,
        meters: basis.meters.into_owned(),
        hold: basis.hold,
        held: basis.held.into_owned(),
        runs: basis.runs.into_owned(),
        billed: amount(row, "billed")?,
    })
}

pub(crate) fn balance_from(row: &QueryResult) -> Result<BalancePoint, DbError> {
    Ok(BalancePoint {
        on: row.try_get("", "on_date")?,
        unconditional: amount(row, "unconditional")?,
        recognized: amount(row, "recognized")?,
        refundable: amount(row, "refundable")?,
        deferred_revenue: amount(row, "deferred_revenue")?,
        contract_asset: amount(row, "contract_asset")?,
        refund_liability: amount(row, "refund_liability")?,
        refund_estimate: amount(row, "refund_estimate")?,
    })
}

pub(crate) fn policy_from(row: &QueryResult) -> Result<Policy, DbError> {
    Ok(Policy {
        version: u32::try_from(count(row, "policy_version")?)
            .map_err(|_| corrupt("policy_version"))?,
        convention: named(row, "convention", Convention::parse)?,
        rounding: named(row, "rounding", Rounding::parse)?,
        receivable_on: named(row, "receivable_on", ReceivableOn::parse)?,
    })
}

pub(crate) fn currency(row: &QueryResult) -> Result<Currency, DbError> {
    currency_in(row, "currency_code")
}

pub(crate) fn currency_in(row: &QueryResult, column: &str) -> Result<Currency, DbError> {
    let code: String = row.try_get("", column)?;
    Currency::parse(&code).map_err(|_| corrupt(column))
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

pub(crate) fn named<T>(
    row: &QueryResult,
    column: &str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, DbError> {
    let name: String = row.try_get("", column)?;
    parse(&name).ok_or_else(|| corrupt(column))
}

pub(crate) fn corrupt(column: &str) -> DbError {
    DbError::Corrupt(format!("{column} holds what it must not"))
}
