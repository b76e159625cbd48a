//! Reads what is known of a tenant's periods.

use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_recognition_engine::Periods;

use super::period::Close;
use super::rows::close_from;
use crate::accounting::rows::{corrupt, count, periods_from};

/// A tenant's periods.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KnownPeriods {
    /// Calendar, and how far it is closed.
    pub(crate) periods: Periods,
    /// All closes, in order of period and version.
    pub(crate) closes: Vec<Close>,
}

/// The tenant's periods; none before its creation is applied.
pub(crate) async fn periods_of(
    database: &Database,
    tenant: TenantId,
) -> Result<Option<KnownPeriods>, DbError> {
    let rows = database
        .read(
            "select calendar, closed_through, version, first_day, last_day, covered_contract_seq, \
             closed_by, figures, reopened, reopened_by, reopened_reason from periods_of($1)",
            vec![tenant.uuid().into()],
        )
        .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let periods = periods_from(first)?;
    let closes = rows
        .iter()
        .map(|row| (count(row, "version")? > 0).then(|| close_from(row)).transpose())
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    Ok(Some(KnownPeriods { periods, closes }))
}

/// The last entry of the contract log that is applied, with its hash.
pub(crate) async fn applied(
    database: &Database,
    tenant: TenantId,
) -> Result<(u64, [u8; 32]), DbError> {
    let log = i16::try_from(i32::from(Log::Contract)).unwrap_or_default();
    let rows = database
        .read(
            "select seq, hash from applied_position where tenant_id = $1 and log = $2",
            vec![tenant.uuid().into(), log.into()],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok((0, [0; 32])) };
    let hash: Vec<u8> = row.try_get("", "hash")?;
    Ok((count(row, "seq")?, hash.try_into().map_err(|_| corrupt("hash"))?))
}
