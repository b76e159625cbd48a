//! Tenants of a batch: loaded by id, changed by decisions, written once.

use std::collections::{BTreeMap, BTreeSet};

use backlog_db::{DbError, WriterTx};
use backlog_event_log::Rows;
use backlog_ids::TenantId;
use uuid::Uuid;

use super::rows;
use super::tenant::Tenant;
use crate::domain::Table;

/// Tenants that commands of a batch create or change.
#[derive(Debug, Default)]
pub(crate) struct Tenants(BTreeMap<TenantId, Held>);

#[derive(Debug)]
struct Held {
    tenant: Tenant,
    stored_version: Option<u64>,
}

impl Tenants {
    /// Loads the tenants that exist, in one query.
    pub(crate) async fn load(tx: &WriterTx, named: &BTreeSet<TenantId>) -> Result<Self, DbError> {
        if named.is_empty() {
            return Ok(Self::default());
        }
        let ids: Vec<Uuid> = named.iter().map(|tenant| tenant.uuid()).collect();
        let rows = tx
            .query(
                "select r.tenant_id, r.account_id, r.external_id, t.display_name, \
                   t.functional_currency, t.convention, t.rounding, t.receivable_on, \
                   t.calendar, t.adjustments_need_approval, t.version \
                 from tenant_registry r join tenant t on t.tenant_id = r.tenant_id \
                 where r.tenant_id = any($1) and t.tenant_id = any($1)",
                vec![ids.into()],
            )
            .await?;
        let mut tenants = Self::default();
        for row in &rows {
            let tenant = rows::tenant(row)?;
            let stored_version = Some(tenant.version);
            tenants.0.insert(tenant.id, Held { tenant, stored_version });
        }
        Ok(tenants)
    }

    /// The tenant as the commands before left it.
    pub(crate) fn get(&self, tenant: TenantId) -> Option<&Tenant> {
        self.0.get(&tenant).map(|held| &held.tenant)
    }

    /// Adds a new tenant.
    pub(crate) fn put(&mut self, tenant: Tenant) {
        self.0.insert(tenant.id, Held { tenant, stored_version: None });
    }

    /// Counts a change of the tenant.
    pub(crate) fn change(&mut self, tenant: TenantId) {
        if let Some(held) = self.0.get_mut(&tenant) {
            held.tenant.version = held.tenant.version.saturating_add(1);
        }
    }

    /// Writes what changed, each row once.
    pub(crate) fn flush(self, rows: &mut Rows<'_>) {
        for held in self.0.into_values() {
            match held.stored_version {
                None => {
                    rows.push(Table::TenantRegistry.index(), rows::registry_row(&held.tenant));
                    rows.push(Table::Tenant.index(), rows::tenant_row(&held.tenant));
                }
                Some(version) if version != held.tenant.version => {
                    rows.push(Table::TenantChanged.index(), rows::tenant_row(&held.tenant));
                }
                Some(_) => {}
            }
        }
    }
}
