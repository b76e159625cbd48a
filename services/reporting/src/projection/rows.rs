//! The tables that a batch writes, and its rows.

use backlog_db::{Conflict, Row, TableSpec, Value};
use backlog_event_log::Rows;
use backlog_ids::{ContractId, TenantId};
use chrono::NaiveDate;

use super::accounting::{MovementRow, PlanRow};
use super::contracts::{SignedContract, SignedObligation};
use super::state::{Added, AuditRow, Cell, Months, SegmentKey, Sum};

const TENANT: usize = 0;
const DIMENSION_SET: usize = 1;
const CONTRACT: usize = 2;
const OBLIGATION: usize = 3;
const MOVEMENT: usize = 4;
const PLAN_REVISION: usize = 5;
const ROLLUP_CONTRACT: usize = 6;
const ROLLUP_SEGMENT: usize = 7;
const RECORDED_MONTH: usize = 8;
const ACCOUNTING_ENTRY: usize = 9;
const RECOGNIZED_THROUGH: usize = 10;
const AUDIT_ENTRY: usize = 11;
const TREE_NODE: usize = 12;

const NEW: Conflict = Conflict::Refuse;

/// The tables, in the order of the places above.
pub(crate) fn tables() -> Vec<TableSpec> {
    let table = |name, columns, conflict| TableSpec { name, columns, conflict };
    vec![
        table("tenant", TENANT_COLUMNS, Conflict::Do(TENANT_CONFLICT)),
        table("dimension_set", DIMENSION_COLUMNS, Conflict::Keep),
        table("contract", CONTRACT_COLUMNS, NEW),
        table("obligation", OBLIGATION_COLUMNS, NEW),
        table("movement", MOVEMENT_COLUMNS, NEW),
        table("plan_revision", PLAN_COLUMNS, NEW),
        table("rollup_contract", CONTRACT_SUM_COLUMNS, Conflict::Do(CONTRACT_SUM_CONFLICT)),
        table("rollup_segment", SEGMENT_SUM_COLUMNS, Conflict::Do(SEGMENT_SUM_CONFLICT)),
        table("recorded_month", RECORDED_COLUMNS, Conflict::Keep),
        table("accounting_entry", COVER_COLUMNS, NEW),
        table("recognized_through", THROUGH_COLUMNS, NEW),
        table("audit_entry", AUDIT_COLUMNS, NEW),
        table("tree_node", NODE_COLUMNS, NEW),
    ]
}

const TENANT_COLUMNS: &[(&str, &str)] =
    &[("tenant_id", "uuid"), ("account_id", "uuid"), ("suspended", "boolean")];

const TENANT_CONFLICT: &str = "(tenant_id) do update set account_id = excluded.account_id, \
     suspended = excluded.suspended";

const DIMENSION_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("segment", "uuid"),
    ("product_line", "text"),
    ("dimensions", "jsonb"),
];

const CONTRACT_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("contract_id", "uuid"),
    ("customer", "text"),
    ("currency", "text"),
    ("signed_on", "date"),
    ("seq", "bigint"),
    ("segment", "uuid"),
];

const OBLIGATION_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("contract_id", "uuid"),
    ("obligation_id", "uuid"),
    ("product_line", "text"),
    ("segment", "uuid"),
];

const RECORDED_COLUMNS: &[(&str, &str)] =
    &[("tenant_id", "uuid"), ("log", "smallint"), ("month", "date"), ("first_seq", "bigint")];

const COVER_COLUMNS: &[(&str, &str)] =
    &[("tenant_id", "uuid"), ("seq", "bigint"), ("covered_contract_seq", "bigint")];

const THROUGH_COLUMNS: &[(&str, &str)] =
    &[("tenant_id", "uuid"), ("source_seq", "bigint"), ("through", "date")];

const NODE_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("log", "smallint"),
    ("level", "smallint"),
    ("node_index", "bigint"),
    ("hash", "bytea"),
];

const MOVEMENT_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("source_seq", "bigint"),
    ("ordinal", "integer"),
    ("contract_id", "uuid"),
    ("accounting_contract_id", "uuid"),
    ("obligation_id", "uuid"),
    ("segment", "uuid"),
    ("cause", "smallint"),
    ("measure", "smallint"),
    ("amount", "bigint"),
    ("currency", "text"),
    ("effective_date", "date"),
    ("posting_period", "date"),
    ("service_month", "date"),
    ("rule_version", "bigint"),
    ("policy_version", "bigint"),
    ("contracts", "smallint"),
    ("segment_contracts", "smallint"),
    ("recorded_at", "timestamptz"),
];

const PLAN_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("source_seq", "bigint"),
    ("ordinal", "integer"),
    ("contract_id", "uuid"),
    ("obligation_id", "uuid"),
    ("segment", "uuid"),
    ("currency", "text"),
    ("effective_date", "date"),
    ("first_month", "date"),
    ("last_month", "date"),
    ("late", "boolean"),
    ("timed", "boolean"),
    ("recorded_at", "timestamptz"),
    ("service_from", "date[]"),
    ("service_to", "date[]"),
    ("amounts", "bigint[]"),
];

// Sums of a batch may pass 2^63, so they travel as texts.
const CONTRACT_SUM_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("contract_id", "uuid"),
    ("obligation_id", "uuid"),
    ("measure", "smallint"),
    ("cause", "smallint"),
    ("currency", "text"),
    ("effective_month", "date"),
    ("recorded_month", "date"),
    ("segment", "uuid"),
    ("amount", "numeric"),
    ("contracts", "bigint"),
    ("segment_contracts", "bigint"),
];

const CONTRACT_SUM_CONFLICT: &str = "(tenant_id, contract_id, obligation_id, measure, cause, \
     currency, effective_month, recorded_month) do update set \
     amount = rollup_contract.amount + excluded.amount, \
     contracts = rollup_contract.contracts + excluded.contracts, \
     segment_contracts = rollup_contract.segment_contracts + excluded.segment_contracts";

const SEGMENT_SUM_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("effective_year", "integer"),
    ("segment", "uuid"),
    ("measure", "smallint"),
    ("cause", "smallint"),
    ("currency", "text"),
    ("recorded_month", "date"),
    ("m01", "numeric"),
    ("m02", "numeric"),
    ("m03", "numeric"),
    ("m04", "numeric"),
    ("m05", "numeric"),
    ("m06", "numeric"),
    ("m07", "numeric"),
    ("m08", "numeric"),
    ("m09", "numeric"),
    ("m10", "numeric"),
    ("m11", "numeric"),
    ("m12", "numeric"),
];

const SEGMENT_SUM_CONFLICT: &str = "(tenant_id, effective_year, segment, measure, cause, \
     currency, recorded_month) do update set \
     m01 = rollup_segment.m01 + excluded.m01, \
     m02 = rollup_segment.m02 + excluded.m02, \
     m03 = rollup_segment.m03 + excluded.m03, \
     m04 = rollup_segment.m04 + excluded.m04, \
     m05 = rollup_segment.m05 + excluded.m05, \
     m06 = rollup_segment.m06 + excluded.m06, \
     m07 = rollup_segment.m07 + excluded.m07, \
     m08 = rollup_segment.m08 + excluded.m08, \
     m09 = rollup_segment.m09 + excluded.m09, \
     m10 = rollup_segment.m10 + excluded.m10, \
     m11 = rollup_segment.m11 + excluded.m11, \
     m12 = rollup_segment.m12 + excluded.m12";

const AUDIT_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("log", "smallint"),
    ("seq", "bigint"),
    ("type", "text"),
    ("aggregate_id", "text"),
    ("aggregate_version", "bigint"),
    ("effective_date", "date"),
    ("recorded_at", "timestamptz"),
    ("actor", "text"),
    ("request_id", "text"),
    ("leaf_hash", "bytea"),
    ("entry", "bytea"),
];

/// Writes what a batch added.
pub(crate) fn push(added: Added, rows: &mut Rows<'_>) {
    for (tenant, owner) in added.owners {
        let row = vec![id(tenant), owner.account.uuid().into(), owner.suspended.into()];
        rows.push(TENANT, row);
    }
    for ((tenant, segment), set) in added.sets {
        let row = vec![id(tenant), segment.into(), set.product_line.into(), set.dimensions.into()];
        rows.push(DIMENSION_SET, row);
    }
    for (tenant, seq, contract) in added.contracts {
        push_contract(tenant, seq, contract, rows);
    }
    for (tenant, contract, obligations) in added.obligations {
        push_obligations(tenant, contract, obligations, rows);
    }
    for (tenant, row) in added.movements {
        rows.push(MOVEMENT, movement(tenant, row));
    }
    for revision in added.plan.chunk_by(|(one, row), (two, next)| one == two && row.goes_on(next)) {
        push_plan_revision(revision, rows);
    }
    for ((tenant, key), sum) in added.by_contract {
        let place = vec![id(tenant), key.contract.into(), key.obligation.into()];
        let cell = cell(key.cell);
        rows.push(ROLLUP_CONTRACT, [place, cell, vec![key.segment.into()], sums(sum)].concat());
    }
    for ((tenant, key), months) in added.by_segment {
        rows.push(ROLLUP_SEGMENT, segment_sum(tenant, key, months));
    }
    for ((tenant, log, month), first) in added.recorded {
        rows.push(RECORDED_MONTH, vec![id(tenant), small(log), month.into(), large(first)]);
    }
    for (tenant, seq, covered) in added.covered {
        rows.push(ACCOUNTING_ENTRY, vec![id(tenant), large(seq), large(covered)]);
    }
    for (tenant, seq, through) in added.recognized {
        rows.push(RECOGNIZED_THROUGH, vec![id(tenant), large(seq), through.into()]);
    }
    for (tenant, row) in added.audit {
        rows.push(AUDIT_ENTRY, audit_entry(tenant, row));
    }
    // The leaves stand in the audit trail.
    for (tenant, log, node) in added.nodes.into_iter().filter(|(.., node)| node.level > 0) {
        let row = vec![
            id(tenant),
            small(log.into()),
            i16::from(node.level).into(),
            large(node.index),
            node.hash.to_vec().into(),
        ];
        rows.push(TREE_NODE, row);
    }
}

fn push_contract(tenant: TenantId, seq: u64, contract: SignedContract, rows: &mut Rows<'_>) {
    let contract_id = contract.contract.uuid();
    let row = vec![
        id(tenant),
        contract_id.into(),
        contract.customer.into(),
        contract.currency.code().into(),
        contract.signed_on.into(),
        large(seq),
        contract.segment.into(),
    ];
    rows.push(CONTRACT, row);
    push_obligations(tenant, contract.contract, contract.obligations, rows);
}

fn push_obligations(
    tenant: TenantId,
    contract: ContractId,
    obligations: Vec<SignedObligation>,
    rows: &mut Rows<'_>,
) {
    let contract_id = contract.uuid();
    for obligation in obligations {
        let row = vec![
            id(tenant),
            contract_id.into(),
            obligation.obligation.uuid().into(),
            obligation.product_line.into(),
            obligation.segment.into(),
        ];
        rows.push(OBLIGATION, row);
    }
}

fn movement(tenant: TenantId, row: MovementRow) -> Row {
    vec![
        id(tenant),
        large(row.source_seq),
        row.ordinal.into(),
        row.contract.into(),
        row.accounting_contract.into(),
        row.obligation.into(),
        row.segment.into(),
        row.cause.into(),
        row.measure.into(),
        row.amount.into(),
        row.currency.code().into(),
        row.effective_date.into(),
        row.posting_period.into(),
        row.service_month.unwrap_or_else(no_date).into(),
        i64::from(row.rule_version).into(),
        i64::from(row.policy_version).into(),
        row.contracts.into(),
        row.segment_contracts.into(),
        row.recorded_at.into(),
    ]
}

/// One row of consecutive changes of one obligation; no row for none.
fn push_plan_revision(changes: &[(TenantId, PlanRow)], out: &mut Rows<'_>) {
    let [(tenant, first), ..] = changes else { return };
    let rows = || changes.iter().map(|(_, row)| row);
    let months = || rows().map(|row| row.month);
    let row = vec![
        id(*tenant),
        large(first.source_seq),
        first.ordinal.into(),
        first.contract.into(),
        first.obligation.into(),
        first.segment.into(),
        first.currency.code().into(),
        first.effective_date.into(),
        months().min().unwrap_or(first.month).into(),
        months().max().unwrap_or(first.month).into(),
        rows().any(PlanRow::is_late).into(),
        first.timed.into(),
        first.recorded_at.into(),
        array(rows().map(|row| row.service_from)),
        array(rows().map(|row| row.service_to)),
        array(rows().map(|row| row.amount)),
    ];
    out.push(PLAN_REVISION, row);
}

/// An array as Postgres writes it, of things that need no quotes.
fn array<T: std::fmt::Display>(values: impl Iterator<Item = T>) -> Value {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    format!("{{{}}}", values.join(",")).into()
}

fn segment_sum(tenant: TenantId, key: SegmentKey, months: Months) -> Row {
    let mut row = vec![
        id(tenant),
        key.effective_year.into(),
        key.segment.into(),
        key.measure.into(),
        key.cause.into(),
        key.currency.code().into(),
        key.recorded_month.into(),
    ];
    row.extend(months.map(|amount| Value::from(amount.to_string())));
    row
}

fn audit_entry(tenant: TenantId, row: AuditRow) -> Row {
    vec![
        id(tenant),
        small(row.log.into()),
        large(row.seq),
        row.type_name.into(),
        row.aggregate_id.into(),
        large(row.aggregate_version),
        row.effective_date.into(),
        row.recorded_at.into(),
        row.actor.into(),
        row.request_id.into(),
        row.leaf.to_vec().into(),
        row.entry.into(),
    ]
}

fn cell(cell: Cell) -> Row {
    vec![
        cell.measure.into(),
        cell.cause.into(),
        cell.currency.code().into(),
        cell.effective_month.into(),
        cell.recorded_month.into(),
    ]
}

fn sums(sum: Sum) -> Row {
    vec![sum.amount.to_string().into(), sum.contracts.into(), sum.segment_contracts.into()]
}

fn id(tenant: TenantId) -> Value {
    tenant.uuid().into()
}

fn small(value: i32) -> Value {
    i16::try_from(value).unwrap_or_default().into()
}

/// A number of a log as a column holds it; logs end long before 2^63.
fn large(value: u64) -> Value {
    i64::try_from(value).unwrap_or(i64::MAX).into()
}

/// What stands where there is no date.
fn no_date() -> NaiveDate {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default()
}
