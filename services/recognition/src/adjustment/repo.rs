//! Loads the adjustments that decisions name.

use std::collections::{BTreeSet, HashMap};

use backlog_db::{DbError, WriterTx};
use backlog_ids::{AdjustmentId, TenantId};
use uuid::Uuid;

use super::rows::adjustment_from;
use crate::accounting::books::Books;
use crate::accounting::repo::tenant_of;

/// Loads the adjustments.
pub(crate) async fn load(
    tx: &WriterTx,
    named: &BTreeSet<(TenantId, AdjustmentId)>,
    books: &mut HashMap<TenantId, Books>,
) -> Result<(), DbError> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) =
        named.iter().map(|(tenant, id)| (tenant.uuid(), id.uuid())).unzip();
    let found = tx
        .query(
            "select a.tenant_id, a.adjustment_id, a.contract_id, a.on_date, a.content, \
             a.proposed_by, a.state, a.decided_by, a.reason \
             from unnest($1::uuid[], $2::uuid[]) as v(tenant_id, adjustment_id) \
             join adjustment a \
             on a.tenant_id = v.tenant_id and a.adjustment_id = v.adjustment_id",
            vec![tenants.into(), ids.into()],
        )
        .await?;
    for row in &found {
        let adjustment = adjustment_from(row)?;
        let of_tenant = books.entry(tenant_of(row)?).or_default();
        of_tenant.adjustments.insert(adjustment.id, adjustment);
    }
    Ok(())
}
