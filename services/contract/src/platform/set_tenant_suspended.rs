//! Suspending a tenant and lifting the suspension.

use std::collections::BTreeMap;

use backlog_event_log::{Change, RequestKey};
use backlog_ids::TenantId;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;

use super::error::PlatformError;
use super::events;
use super::tenant::Tenant;
use crate::domain::Effect;
use crate::request;

/// Asks for a suspension, or its end.
#[derive(Debug)]
pub(crate) struct SetTenantSuspended {
    /// The tenant.
    pub(crate) tenant: TenantId,
    /// Whether it shall be suspended.
    pub(crate) suspended: bool,
    /// Today, for the audit trail.
    pub(crate) on: NaiveDate,
}

impl SetTenantSuspended {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let canonical = pb::SetTenantSuspendedRequest {
            request_id: String::new(),
            tenant_id: self.tenant.to_string(),
            suspended: self.suspended,
        };
        request::key(request_id, "SetTenantSuspended", &canonical, &BTreeMap::new())
    }

    /// The change. It is recorded also where nothing changes: only so does a late repetition of this
    /// call, after somebody else's, find that it took effect already.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub(crate) fn decide(&self, stored: Option<&Tenant>) -> Result<Change<Effect>, PlatformError> {
        let tenant = stored.ok_or(PlatformError::TenantNotFound(self.tenant))?;
        let version = tenant.version.saturating_add(1);
        let event = events::suspension_changed(tenant, version, self.suspended, self.on);
        Ok(Change { events: vec![event], effect: Effect::Suspended(self.suspended) })
    }
}
