//! Reads backlog: one round trip, one snapshot.

use backlog_db::{Database, DbError, QueryResult};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use chrono::NaiveDate;

use super::balances::{OpenMonth, Sums};
use super::convert::{Query, Report};
use crate::reading::{ReadFault, amounts, currency, included};

const SQL: &str = "select kind, group_values, currency, amounts, contracts, from_date, to_date \
     from report_backlog($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Reads the figures of a query, `rows_max` groups at most.
///
/// # Errors
/// When there are more, or the database cannot be asked.
pub(crate) async fn backlog(
    database: &Database,
    tenant: TenantId,
    query: &Query,
    rows_max: usize,
) -> Result<Report, ReadFault> {
    let limit = i64::try_from(rows_max.saturating_add(1)).unwrap_or(i64::MAX);
    let mut arguments = vec![
        tenant.uuid().into(),
        query.as_of.into(),
        query.scope.known(Log::Contract),
        query.scope.known(Log::Recognition),
    ];
    arguments.extend(query.scope.filter_arguments());
    arguments.extend([query.group_by.clone().into(), limit.into()]);
    let mut report = Report::default();
    for row in &database.read(SQL, arguments).await? {
        let kind: i16 = row.try_get("", "kind").map_err(DbError::from)?;
        match kind {
            0 => report.included = included(row)?,
            1 => {
                let group = report.groups.entry(key(row)?).or_default();
                group.sums = sums(row)?;
                group.contracts = count(row)?;
            }
            _ => report.groups.entry(key(row)?).or_default().open_months.push(open_month(row)?),
        }
    }
    if report.groups.len() > rows_max {
        return Err(ReadFault::TooManyRows(rows_max));
    }
    Ok(report)
}

fn key(row: &QueryResult) -> Result<(Vec<String>, backlog_money::Currency), ReadFault> {
    let group = row.try_get("", "group_values").map_err(DbError::from)?;
    Ok((group, currency(row)?))
}

fn count(row: &QueryResult) -> Result<u64, ReadFault> {
    let count: i64 = row.try_get("", "contracts").map_err(DbError::from)?;
    u64::try_from(count).map_err(|_| ReadFault::Internal("a count is negative".to_owned()))
}

fn sums(row: &QueryResult) -> Result<Sums, ReadFault> {
    let amounts: [i128; 13] = amounts(row)?
        .try_into()
        .map_err(|_| ReadFault::Internal("a row has other sums than it must".to_owned()))?;
    let [
        transaction_price,
        beyond_enforceable,
        recognized,
        billed,
        unconditional,
        deferred_revenue,
        contract_asset,
        refund_liability,
        receivable,
        cash,
        interest,
        potential,
        plan_due,
    ] = amounts;
    Ok(Sums {
        transaction_price,
        beyond_enforceable,
        recognized,
        billed,
        unconditional,
        deferred_revenue,
        contract_asset,
        refund_liability,
        receivable,
        cash,
        interest,
        potential,
        plan_due,
    })
}

fn open_month(row: &QueryResult) -> Result<OpenMonth, ReadFault> {
    let amounts: [i128; 1] = amounts(row)?
        .try_into()
        .map_err(|_| ReadFault::Internal("a row has other sums than it must".to_owned()))?;
    let [remaining] = amounts;
    let date = |column| row.try_get::<NaiveDate>("", column).map_err(DbError::from);
    Ok(OpenMonth {
        remaining,
        service_from: date("from_date")?,
        service_to: date("to_date")?,
        obligations: count(row)?,
    })
}
