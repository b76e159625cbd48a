//! The tables `tenant_registry` and `tenant`.

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{AccountId, TenantId};
use backlog_money::Currency;
use backlog_proto::contract::v1 as pb;
use backlog_recognition_engine::{Calendar, ReceivableOn, Rounding};
use uuid::Uuid;

use super::tenant::Tenant;
use crate::policy::{MeasurementPolicy, convention_of_number};

/// Which account owns a new tenant.
pub(crate) const TENANT_REGISTRY: TableSpec = TableSpec {
    name: "tenant_registry",
    columns: &[("tenant_id", "uuid"), ("account_id", "uuid"), ("external_id", "text")],
    conflict: Conflict::Refuse,
};

const TENANT_COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "uuid"),
    ("display_name", "text"),
    ("functional_currency", "text"),
    ("convention", "smallint"),
    ("rounding", "smallint"),
    ("receivable_on", "smallint"),
    ("calendar", "text"),
    ("adjustments_need_approval", "boolean"),
    ("version", "bigint"),
];

/// New tenants.
pub(crate) const TENANT: TableSpec =
    TableSpec { name: "tenant", columns: TENANT_COLUMNS, conflict: Conflict::Refuse };

/// Tenants that changed, as whole rows: an insert that conflicts always finds its row by the key.
pub(crate) const TENANT_CHANGED: TableSpec = TableSpec {
    name: "tenant",
    columns: TENANT_COLUMNS,
    conflict: Conflict::Do("(tenant_id) do update set version = excluded.version"),
};

/// The row of the registry.
pub(super) fn registry_row(tenant: &Tenant) -> Row {
    vec![tenant.id.uuid().into(), tenant.account.uuid().into(), tenant.external_id.clone().into()]
}

/// The row of a tenant.
pub(super) fn tenant_row(tenant: &Tenant) -> Row {
    let policy = pb::MeasurementPolicy::from(tenant.policy);
    vec![
        tenant.id.uuid().into(),
        tenant.display_name.clone().into(),
        tenant.functional_currency.code().into(),
        number(policy.convention).into(),
        number(policy.rounding).into(),
        number(policy.receivable_on).into(),
        policy.calendar.into(),
        policy.adjustments_need_approval.into(),
        version(tenant).into(),
    ]
}

fn version(tenant: &Tenant) -> i64 {
    i64::try_from(tenant.version).unwrap_or(i64::MAX)
}

/// Numbers of enumerations are small.
fn number(value: i32) -> i16 {
    i16::try_from(value).unwrap_or_default()
}

/// Reads a tenant with its registry row.
pub(super) fn tenant(row: &QueryResult) -> Result<Tenant, DbError> {
    let id = TenantId::from_uuid(row.try_get::<Uuid>("", "tenant_id")?);
    let corrupt = |what: String| DbError::Corrupt(format!("tenant {id}: {what}"));
    let currency: String = row.try_get("", "functional_currency")?;
    let version: i64 = row.try_get("", "version")?;
    let convention = convention_of_number(row.try_get("", "convention")?).map_err(corrupt)?;
    let rounding: i16 = row.try_get("", "rounding")?;
    let receivable_on: i16 = row.try_get("", "receivable_on")?;
    let calendar: String = row.try_get("", "calendar")?;
    let policy = MeasurementPolicy {
        convention: convention.ok_or_else(|| corrupt("no convention".to_owned()))?,
        rounding: match pb::Rounding::try_from(i32::from(rounding)) {
            Ok(pb::Rounding::Cumulative) => Rounding::Cumulative,
            Ok(pb::Rounding::FloorLast) => Rounding::FloorLast,
            Ok(pb::Rounding::PerPeriod) => Rounding::PerPeriod,
            Ok(pb::Rounding::Unspecified) | Err(_) => {
                return Err(corrupt(format!("rounding {rounding} is unknown")));
            }
        },
        receivable_on: match pb::ReceivableOn::try_from(i32::from(receivable_on)) {
            Ok(pb::ReceivableOn::Issue) => ReceivableOn::Issue,
            Ok(pb::ReceivableOn::Due) => ReceivableOn::Due,
            Ok(pb::ReceivableOn::Unspecified) | Err(_) => {
                return Err(corrupt(format!("receivable_on {receivable_on} is unknown")));
            }
        },
        calendar: Calendar::parse(&calendar)
            .ok_or_else(|| corrupt(format!("calendar {calendar} is unknown")))?,
        adjustments_need_approval: row.try_get("", "adjustments_need_approval")?,
    };
    Ok(Tenant {
        id,
        account: AccountId::from_uuid(row.try_get::<Uuid>("", "account_id")?),
        external_id: row.try_get("", "external_id")?,
        display_name: row.try_get("", "display_name")?,
        functional_currency: Currency::parse(&currency).map_err(|e| corrupt(e.to_string()))?,
        policy,
        version: u64::try_from(version).map_err(|e| corrupt(e.to_string()))?,
    })
}
