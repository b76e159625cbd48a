//! Which account owns a tenant, as far as its creation was applied here.

use backlog_db::Database;
use backlog_ids::{AccountId, TenantId};
use backlog_tenancy::{Lookup, TenantDirectory, TenantStanding};

/// The tenants known here.
#[derive(Debug, Clone)]
pub struct Registry {
    database: Database,
}

impl Registry {
    /// The registry in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl TenantDirectory for Registry {
    fn standing(&self, tenant: TenantId) -> Lookup<'_> {
        Box::pin(async move {
            let sql = "select account_id, suspended from tenant where tenant_id = $1";
            let rows = self.database.read(sql, vec![tenant.uuid().into()]).await?;
            let Some(row) = rows.first() else { return Ok(TenantStanding::Unknown) };
            let account = AccountId::from_uuid(row.try_get("", "account_id")?);
            Ok(TenantStanding::Known { account, suspended: row.try_get("", "suspended")? })
        })
    }
}
