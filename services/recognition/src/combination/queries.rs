//! Reads what could be combined.

use backlog_db::{Database, DbError, QueryResult};
use backlog_ids::TenantId;
use uuid::Uuid;

use super::proposal::Candidate;
use crate::accounting::rows::{currency, id};

/// Which customers are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customers<'a> {
    /// Only this one; all when empty.
    pub(super) only: &'a str,
    /// Those after this one.
    pub(super) after: &'a str,
    /// How many at most.
    pub(super) limit: usize,
}

/// Signed contracts of customers with more than one, by customer.
pub(super) async fn candidates(
    database: &Database,
    tenant: TenantId,
    of: Customers<'_>,
) -> Result<Vec<Candidate>, DbError> {
    let rows = database
        .read(
            "select customer, contract_id, signed_on, currency_code, combined_into \
             from combination_candidates($1, $2, $3, $4)",
            vec![
                tenant.uuid().into(),
                of.only.into(),
                of.after.into(),
                i64::try_from(of.limit).unwrap_or(i64::MAX).into(),
            ],
        )
        .await?;
    rows.iter().map(candidate).collect()
}

fn candidate(row: &QueryResult) -> Result<Candidate, DbError> {
    let into: Uuid = row.try_get("", "combined_into")?;
    Ok(Candidate {
        customer: row.try_get("", "customer")?,
        contract: id(row, "contract_id")?,
        signed_on: row.try_get("", "signed_on")?,
        currency: currency(row)?,
        combined_into: (!into.is_nil()).then(|| backlog_ids::ContractId::from_uuid(into)),
    })
}
