//! Whose a tenant is: from the registry that the tenant's creation fills.

use backlog_db::{Database, DbError};
use backlog_ids::{AccountId, TenantId};
use backlog_tenancy::{Lookup, TenantDirectory, TenantStanding};

use crate::accounting::rows::id;

/// The tenant registry of this service.
#[derive(Debug, Clone)]
pub struct Registry {
    database: Database,
}

impl Registry {
    /// Reads the registry in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    async fn look_up(&self, tenant: TenantId) -> Result<TenantStanding, DbError> {
        // Ids and positions only: tables without row-level security.
        let rows = self
            .database
            .read(
                "select r.account_id, h.suspended from tenant_registry r \
                 join log_head h on h.tenant_id = r.tenant_id where r.tenant_id = $1",
                vec![tenant.uuid().into()],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(TenantStanding::Unknown) };
        Ok(TenantStanding::Known {
            account: id::<AccountId>(row, "account_id")?,
            suspended: row.try_get("", "suspended")?,
        })
    }
}

impl TenantDirectory for Registry {
    fn standing(&self, tenant: TenantId) -> Lookup<'_> {
        Box::pin(async move { Ok(self.look_up(tenant).await?) })
    }
}
