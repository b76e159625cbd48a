//! Reading invoices: one round trip.

use backlog_db::{Database, DbError};
use backlog_ids::{ContractId, TenantId};
use uuid::Uuid;

use super::invoice::Invoice;
use super::rows;
use crate::paging::{Page, limit};

/// Lines in one page at most.
const PAGE_LINES_MAX: usize = 10_000;

/// A page of the tenant's invoices, in order of id: all, or those of one contract.
pub(super) async fn list(
    database: &Database,
    tenant: TenantId,
    contract: Option<ContractId>,
    after: Uuid,
    size: usize,
) -> Result<Page<Invoice>, DbError> {
    let contract = contract.map_or(Uuid::nil(), ContractId::uuid);
    let lines_max = i32::try_from(PAGE_LINES_MAX).unwrap_or(i32::MAX);
    let rows = database
        .read(
            "select * from list_invoices($1, $2, $3, $4, $5)",
            vec![
                tenant.uuid().into(),
                contract.into(),
                after.into(),
                limit(size).into(),
                lines_max.into(),
            ],
        )
        .await?;
    let weight = |invoice: &Invoice| invoice.lines.len();
    let invoices = rows::invoices(&rows)?;
    Ok(Page::cut(invoices, size, PAGE_LINES_MAX, weight, |invoice| invoice.id.uuid()))
}
