//! Reads a roll-forward: one round trip, one snapshot.

use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;

use super::convert::{Query, Report};
use crate::reading::{ReadFault, amounts, currency, included};

const SQL: &str = "select kind, currency, cause, amounts, from_date \
     from report_roll_forward($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Reads the figures of a query.
///
/// # Errors
/// When the database cannot be asked.
pub(crate) async fn roll_forward(
    database: &Database,
    tenant: TenantId,
    query: &Query,
) -> Result<Report, ReadFault> {
    let mut arguments = vec![
        tenant.uuid().into(),
        query.period.from.into(),
        query.period.to.into(),
        query.scope.known(Log::Contract),
        query.scope.known(Log::Recognition),
    ];
    arguments.extend(query.scope.filter_arguments());
    let mut report = Report::default();
    for row in &database.read(SQL, arguments).await? {
        let kind: i16 = row.try_get("", "kind").map_err(DbError::from)?;
        if kind == 0 {
            report.included = included(row)?;
            continue;
        }
        let amount = amounts(row)?.first().copied().unwrap_or_default();
        let roll = report.by_currency.entry(currency(row)?).or_default();
        match kind {
            1 => roll.opening = amount,
            2 => roll.closing = amount,
            _ => {
                let cause: i16 = row.try_get("", "cause").map_err(DbError::from)?;
                roll.changes.insert(cause.into(), amount);
            }
        }
    }
    Ok(report)
}
