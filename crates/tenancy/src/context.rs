//! The one value that says who calls; made at four doors only.

use std::sync::Arc;

use thiserror::Error;

use backlog_ids::{AccountId, TenantId};

use crate::permission::{Permission, PermissionSet};

/// Through which door work came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A verified token of a person or of an integrator's system.
    User,
    /// A verified token of another of our services.
    Service,
    /// An event that a consumer applies.
    Event,
    /// A service's own scheduled work.
    Job,
    /// A test.
    Test,
}

/// Who calls, for whom, and what they may do. Nothing that touches a tenant runs without one.
#[derive(Debug, Clone)]
pub struct RequestContext {
    account: Option<AccountId>,
    tenant: Option<TenantId>,
    actor: Arc<str>,
    permissions: PermissionSet,
    origin: Origin,
    suspended: bool,
}

/// Leave to do one thing within one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantScope {
    /// The tenant.
    pub tenant: TenantId,
    /// The account that owns it, where the door knew.
    pub account: Option<AccountId>,
    /// Who does it: the token's subject, or the service for its own work.
    pub actor: Arc<str>,
}

/// Leave to do one thing about accounts and tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountScope {
    /// The only account that may be seen or changed; `None` for an operator, who may all.
    pub account: Option<AccountId>,
    /// Who does it: the token's subject.
    pub actor: Arc<str>,
}

/// The caller may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Denied {
    /// The roles lack a permission.
    #[error("this call needs the permission {0}, which the token's roles do not give")]
    Missing(Permission),
    /// A call about a tenant's books, with a token that names no tenant.
    #[error("this call needs a token that names a tenant and gives the permission {0}")]
    NeedsTenant(Permission),
    /// A call about accounts, with a token that names a tenant.
    #[error("this call needs a token that names no tenant and gives the permission {0}")]
    NeedsNoTenant(Permission),
    /// The token names a tenant that its issuer's account does not own, or that does not exist.
    #[error("the tenant that the token names does not belong to the account of its issuer")]
    ForeignTenant,
    /// A write while the tenant is suspended.
    #[error("the tenant is suspended; its account must lift that before {0}")]
    Suspended(Permission),
}

impl Denied {
    /// The permission that would have been needed; `None` if none would help.
    #[must_use]
    pub const fn needed(self) -> Option<Permission> {
        match self {
            Self::Missing(needed) | Self::NeedsTenant(needed) | Self::NeedsNoTenant(needed) => {
                Some(needed)
            }
            Self::ForeignTenant | Self::Suspended(_) => None,
        }
    }
}

impl RequestContext {
    /// First door: the auth layer, from a verified token.
    pub(crate) const fn of_token(
        origin: Origin,
        account: Option<AccountId>,
        tenant: Option<TenantId>,
        actor: Arc<str>,
        permissions: PermissionSet,
    ) -> Self {
        Self { account, tenant, actor, permissions, origin, suspended: false }
    }

    /// Second door: a consumer, from the envelope of an event. `permissions` are those of the
    /// commands that it gives because of the event. Suspension does not stop events.
    #[must_use]
    pub fn of_event(tenant: TenantId, actor: &str, permissions: PermissionSet) -> Self {
        let actor = Arc::from(actor);
        Self::of_token(Origin::Event, None, Some(tenant), actor, permissions)
    }

    /// Third door: the job runner, for the service's own work on one tenant.
    #[must_use]
    pub fn of_job(tenant: TenantId, service: &str, permissions: PermissionSet) -> Self {
        let actor = Arc::from(service);
        Self::of_token(Origin::Job, None, Some(tenant), actor, permissions)
    }

    /// Fourth door: test-support, anything goes.
    #[must_use]
    pub fn of_test(
        account: Option<AccountId>,
        tenant: Option<TenantId>,
        actor: &str,
        permissions: PermissionSet,
    ) -> Self {
        Self::of_token(Origin::Test, account, tenant, Arc::from(actor), permissions)
    }

    /// The same for a suspended tenant: what writes its books is refused.
    #[must_use]
    pub fn suspended(mut self) -> Self {
        self.suspended = true;
        self
    }

    /// Leave to do what `needed` allows within the tenant of the token.
    pub fn tenant_scope(&self, needed: Permission) -> Result<TenantScope, Denied> {
        let tenant = self.tenant.ok_or(Denied::NeedsTenant(needed))?;
        if !self.permissions.has(needed) {
            return Err(Denied::Missing(needed));
        }
        if self.suspended && needed.writes_books() {
            return Err(Denied::Suspended(needed));
        }
        Ok(TenantScope { tenant, account: self.account, actor: Arc::clone(&self.actor) })
    }

    /// Leave to do what `needed` allows about accounts and their tenants.
    pub fn account_scope(&self, needed: Permission) -> Result<AccountScope, Denied> {
        if self.tenant.is_some() {
            return Err(Denied::NeedsNoTenant(needed));
        }
        if !self.permissions.has(needed) {
            return Err(Denied::Missing(needed));
        }
        Ok(AccountScope { account: self.account, actor: Arc::clone(&self.actor) })
    }

    /// The account of the issuer, or of the tenant for a service's token.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// The tenant that the token names: for limits and telemetry; work takes a scope.
    #[must_use]
    pub const fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// Who calls.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// What the caller may do.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// The door.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }
}

#[cfg(test)]
mod tests {
    use backlog_ids::{AccountId, TenantId};
    use uuid::Uuid;

    use super::{Denied, RequestContext};
    use crate::permission::{Permission, Role, permissions};

    fn tenant() -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(1))
    }

    /// A tenant's token reaches the tenant's calls that its roles allow, and nothing else.
    #[test]
    fn a_tenant_token_stays_in_its_tenant() {
        let set = permissions(Role::Auditor);
        let context = RequestContext::of_test(None, Some(tenant()), "ann", set);
        let scope = context.tenant_scope(Permission::AuditRead).unwrap();
        assert_eq!((scope.tenant, scope.actor.as_ref()), (tenant(), "ann"));
        let write = context.tenant_scope(Permission::ContractSign);
        assert_eq!(write, Err(Denied::Missing(Permission::ContractSign)));
        let account = context.account_scope(Permission::TenantRead);
        assert_eq!(account, Err(Denied::NeedsNoTenant(Permission::TenantRead)));
    }

    /// A token without a tenant reaches accounts only, even if it had a tenant's permissions.
    #[test]
    fn an_account_token_has_no_books() {
        let set = permissions(Role::AccountAdmin).union(permissions(Role::TenantAdmin));
        let account = Some(AccountId::from_uuid(Uuid::from_u128(2)));
        let context = RequestContext::of_test(account, None, "bob", set);
        assert_eq!(context.account_scope(Permission::TenantManage).unwrap().account, account);
        let manage = context.account_scope(Permission::AccountManage);
        assert_eq!(manage, Err(Denied::Missing(Permission::AccountManage)));
        let read = context.tenant_scope(Permission::ReportRead);
        assert_eq!(read, Err(Denied::NeedsTenant(Permission::ReportRead)));
    }

    /// A suspended tenant may be read but not written.
    #[test]
    fn suspension_stops_writes_only() {
        let set = permissions(Role::TenantAdmin);
        let context = RequestContext::of_test(None, Some(tenant()), "ann", set).suspended();
        assert!(context.tenant_scope(Permission::ReportRead).is_ok());
        for permission in set.iter().filter(|permission| permission.writes_books()) {
            assert_eq!(context.tenant_scope(permission), Err(Denied::Suspended(permission)));
        }
    }
}
