//! Loads the versions of policies that a batch decides under.

use std::collections::HashMap;

use backlog_db::{DbError, WriterTx};
use backlog_ids::TenantId;
use uuid::Uuid;

use super::rows::version_from;
use crate::accounting::books::Books;
use crate::accounting::repo::tenant_of;

/// Loads the versions of tenants that have more than the first; their own rows are loaded already.
pub(crate) async fn load(
    tx: &WriterTx,
    books: &mut HashMap<TenantId, Books>,
) -> Result<(), DbError> {
    let has_more = |of: &Books| of.tenant.is_some_and(|tenant| tenant.policy_versions > 1);
    let more = books.iter().filter(|(_, of)| has_more(of)).map(|(tenant, _)| tenant.uuid());
    let ids: Vec<Uuid> = more.collect();
    if ids.is_empty() {
        return Ok(());
    }
    let sql = "select tenant_id, version, content from policy_version where tenant_id = any($1)";
    for row in &tx.query(sql, vec![ids.into()]).await? {
        let version = version_from(row)?;
        let of = books.entry(tenant_of(row)?).or_default();
        of.policies.insert(version.measures.policy.version, version);
    }
    Ok(())
}
