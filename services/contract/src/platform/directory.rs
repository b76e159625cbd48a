//! Which account owns a tenant, for the door.

use backlog_db::{Database, DbError};
use backlog_ids::{AccountId, TenantId};
use backlog_tenancy::{Lookup, TenantDirectory, TenantStanding};
use uuid::Uuid;

/// The tenant registry, as the auth layer asks it.
pub(crate) struct Registry {
    database: Database,
}

impl Registry {
    /// The registry in this database.
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn look_up(database: Database, tenant: TenantId) -> Result<TenantStanding, DbError> {
        let rows = database
            .read(
                "select r.account_id, h.suspended from tenant_registry r \
                 join log_head h on h.tenant_id = r.tenant_id where r.tenant_id = $1",
                vec![tenant.uuid().into()],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(TenantStanding::Unknown) };
        Ok(TenantStanding::Known {
            account: AccountId::from_uuid(row.try_get::<Uuid>("", "account_id")?),
            suspended: row.try_get("", "suspended")?,
        })
    }
}

impl TenantDirectory for Registry {
    fn standing(&self, tenant: TenantId) -> Lookup<'_> {
        let database = self.database.clone();
        Box::pin(async move { Ok(Self::look_up(database, tenant).await?) })
    }
}
