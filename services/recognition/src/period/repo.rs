//! Loads what closes and reopenings need of the books.

use std::collections::{BTreeSet, HashMap};

use backlog_db::{DbError, WriterTx};
use backlog_ids::TenantId;
use uuid::Uuid;

use super::period::OpenWork;
use super::rows::{close_from, total_from};
use crate::accounting::books::Books;
use crate::accounting::repo::tenant_of;
use crate::accounting::rows::count;

/// Loads the closes of tenants, whose own rows are loaded already, and for the periods that are to be
/// closed, by name, the sums of what was posted and what is left to do.
pub(crate) async fn load(
    tx: &WriterTx,
    tenants: &BTreeSet<TenantId>,
    closing: &BTreeSet<(TenantId, String)>,
    books: &mut HashMap<TenantId, Books>,
) -> Result<(), DbError> {
    closes(tx, tenants, books).await?;
    if closing.is_empty() {
        return Ok(());
    }
    totals(tx, closing.iter().map(|(tenant, _)| *tenant).collect(), books).await?;
    open_work(tx, closing, books).await
}

async fn closes(
    tx: &WriterTx,
    tenants: &BTreeSet<TenantId>,
    books: &mut HashMap<TenantId, Books>,
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let found = tx
        .query(
            "select tenant_id, first_day, version, last_day, covered_contract_seq, closed_by, \
             figures, reopened, reopened_by, reopened_reason \
             from period_close where tenant_id = any($1)",
            vec![ids.into()],
        )
        .await?;
    for row in &found {
        let close = close_from(row)?;
        let of_tenant = books.entry(tenant_of(row)?).or_default();
        of_tenant.closes.insert((close.first, close.version), close);
    }
    Ok(())
}

async fn totals(
    tx: &WriterTx,
    tenants: BTreeSet<TenantId>,
    books: &mut HashMap<TenantId, Books>,
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let found = tx
        .query(
            "select tenant_id, posting_period, cause, measure, currency_code, \
             amount::text as amount from period_total where tenant_id = any($1)",
            vec![ids.into()],
        )
        .await?;
    for row in &found {
        let (key, amount) = total_from(row)?;
        books.entry(tenant_of(row)?).or_default().totals.put(key, amount);
    }
    Ok(())
}

/// What is left to do before the last day of each period that is to be closed.
async fn open_work(
    tx: &WriterTx,
    closing: &BTreeSet<(TenantId, String)>,
    books: &mut HashMap<TenantId, Books>,
) -> Result<(), DbError> {
    let (mut tenants, mut days) = (Vec::new(), Vec::new());
    for (tenant, name) in closing {
        let known = books.get(tenant).and_then(|books| books.tenant);
        let Some(period) = known.and_then(|known| known.periods.calendar.period(name)) else {
            continue;
        };
        tenants.push(tenant.uuid());
        days.push(period.last);
    }
    let found = tx
        .query(
            "select v.tenant_id, v.last_day, w.runs, w.adjustments \
             from unnest($1::uuid[], $2::date[]) as v(tenant_id, last_day) \
             cross join lateral open_work(v.tenant_id, v.last_day) w",
            vec![tenants.into(), days.into()],
        )
        .await?;
    for row in &found {
        let work = OpenWork { runs: count(row, "runs")?, adjustments: count(row, "adjustments")? };
        let of_tenant = books.entry(tenant_of(row)?).or_default();
        of_tenant.open_work.insert(row.try_get("", "last_day")?, work);
    }
    Ok(())
}
