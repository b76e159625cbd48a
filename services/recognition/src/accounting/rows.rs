//! The tables of the fold's state.

use std::borrow::Cow;

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{AccountId, AccountingContractId, ObligationId, TenantId, TypedId};
use backlog_money::{Currency, Quantity};
use backlog_recognition_engine::{
    AccountingContract, Allocation, BalancePoint, Calendar, Clause, ContractState, Convention,
    Financing, Hold, Mark, Method, ObligationState, Pending, Periods, Phase, Point, Policy,
    PolicyVersion, ReceivableOn, Renewal, Rounding, Standing, Term, accounting_contract_of,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
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
        ("basis", "text"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, contract_id) do update set signed_on = excluded.signed_on, \
         receivable = excluded.receivable, advance = excluded.advance, \
         governing_version = excluded.governing_version, basis = excluded.basis",
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

/// What `due_from` holds: the first day for which a run has something to do. An obligation that the
/// engine cannot compute is due, so that a run says why.
pub(crate) fn due_from(state: &ContractState, obligation: &ObligationState) -> NaiveDate {
    match state.due_from(obligation) {
        Ok(due) => due.unwrap_or_else(no_more),
        Err(_) => never(),
    }
}

/// What of a contract changes rarely, as the column `basis` holds it.
#[derive(Serialize, Deserialize)]
struct ContractBasis<'a> {
    term: Term,
    allocation: Cow<'a, Allocation>,
    /// Of each accounting contract, whether its price went down.
    reduced: Vec<bool>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    clauses: Cow<'a, [Clause]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enforced_on: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    financing: Option<Financing>,
    #[serde(default, skip_serializing_if = "is_contract")]
    standing: Cow<'a, Standing>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    policies: Cow<'a, [PolicyVersion]>,
}

/// What of an obligation changes rarely, as the column `basis` holds it.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct ObligationBasis<'a> {
    #[serde(default, skip_serializing_if = "is_first")]
    part: u32,
    method: Cow<'a, Method>,
    rounding: Rounding,
    minor_digits: u32,
    term: Term,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stated: Option<i128>,
    ssp: i128,
    phases: Cow<'a, [Phase]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    points: Cow<'a, [Point]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    marks: Cow<'a, [Mark]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pending: Cow<'a, [Pending]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_on: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "is_zero")]
    conditional: i128,
    #[serde(default, skip_serializing_if = "is_zero")]
    beyond: i128,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of_variable: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewal: Option<Renewal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exercised: Option<Quantity>,
    #[serde(default, skip_serializing_if = "is_zero")]
    potential: i128,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
}

pub(crate) fn contract_basis(state: &ContractState) -> String {
    json(&ContractBasis {
        term: state.term,
        allocation: Cow::Borrowed(&state.allocation),
        reduced: state.accounting.iter().map(|part| part.reduced).collect(),
        clauses: Cow::Borrowed(&state.clauses),
        enforced_on: state.enforced_on,
        financing: state.financing,
        standing: Cow::Borrowed(&state.standing),
        policies: Cow::Borrowed(&state.policies),
    })
}

fn is_contract(standing: &Standing) -> bool {
    *standing == Standing::Contract
}

const fn is_zero(amount: &i128) -> bool {
    *amount == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_first(part: &u32) -> bool {
    *part == 0
}

pub(crate) fn obligation_basis(of: &ObligationState) -> String {
    json(&ObligationBasis::of(of))
}

/// Whether a change of an obligation leaves its `basis` as it is.
pub(crate) fn same_basis(before: &ObligationState, after: &ObligationState) -> bool {
    ObligationBasis::of(before) == ObligationBasis::of(after)
}

impl<'a> ObligationBasis<'a> {
    fn of(of: &'a ObligationState) -> Self {
        Self {
            part: of.part,
            method: Cow::Borrowed(&of.method),
            rounding: of.rounding,
            minor_digits: of.minor_digits,
            term: of.term,
            stated: of.stated,
            ssp: of.ssp,
            phases: Cow::Borrowed(&of.phases),
            points: Cow::Borrowed(&of.points),
            marks: Cow::Borrowed(&of.marks),
            pending: Cow::Borrowed(&of.pending),
            ended_on: of.ended_on,
            conditional: of.conditional,
            beyond: of.beyond,
            of_variable: of.of_variable.as_deref().map(Cow::Borrowed),
            renewal: of.renewal,
            exercised: Some(of.exercised).filter(|share| *share != Quantity::ZERO),
            potential: of.potential,
            hold: of.hold,
        }
    }
}

/// Values of plain data always have a text; an empty one would be found when it is read.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn from_json<'a, T: Deserialize<'a>>(text: &'a str, column: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Corrupt(format!("{column}: {error}")))
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

pub(crate) fn contract(tenant: TenantId, state: &ContractState) -> Row {
    vec![
        tenant.uuid().into(),
        state.contract.uuid().into(),
        state.signed_on.into(),
        state.currency.code().into(),
        i64::from(state.policy.version).into(),
        state.policy.convention.name().into(),
        state.policy.rounding.name().into(),
        state.policy.receivable_on.name().into(),
        minor(state.receivable).into(),
        minor(state.advance).into(),
        i64::from(state.governing().version).into(),
        contract_basis(state).into(),
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
        state.contract.uuid().into(),
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
    let accounting = basis.reduced.into_iter().enumerate().map(|(place, reduced)| {
        let id = accounting_contract_of(contract, place);
        AccountingContract { id, reduced, balances: Vec::new() }
    });
    Ok(ContractState {
        contract,
        signed_on: row.try_get("", "signed_on")?,
        currency: currency(row)?,
        term: basis.term,
        policy: policy_from(row)?,
        policies: basis.policies.into_owned(),
        allocation: basis.allocation.into_owned(),
        obligations: Vec::new(),
        receivable: amount(row, "receivable")?,
        advance: amount(row, "advance")?,
        clauses: basis.clauses.into_owned(),
        enforced_on: basis.enforced_on,
        financing: basis.financing,
        accounting: accounting.collect(),
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
    Ok(ObligationState {
        id: id::<ObligationId>(row, "obligation_id")?,
        key: row.try_get("", "key")?,
        ordinal: u32::try_from(count(row, "ordinal")?).map_err(|_| corrupt("ordinal"))?,
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
        hold: basis.hold,
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
