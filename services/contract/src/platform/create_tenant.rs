//! Creating a tenant, once per account and external id.

use std::collections::BTreeMap;

use backlog_event_log::{Change, Decision, RequestKey};
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;

use super::error::PlatformError;
use super::events;
use super::tenant::Tenant;
use crate::domain::Effect;
use crate::request;

/// Asks for a tenant.
#[derive(Debug)]
pub(crate) struct CreateTenant {
    /// The tenant as it is to be.
    pub(crate) tenant: Tenant,
    /// Today, for the audit trail.
    pub(crate) on: NaiveDate,
}

impl CreateTenant {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let canonical = pb::CreateTenantRequest {
            request_id: String::new(),
            external_id: self.tenant.external_id.clone(),
            display_name: self.tenant.display_name.clone(),
            functional_currency_code: self.tenant.functional_currency.code().to_owned(),
            policy: Some(self.tenant.policy.into()),
            account_id: self.tenant.account.to_string(),
        };
        request::key(request_id, "CreateTenant", &canonical, &BTreeMap::new())
    }

    /// The tenant; where it exists already with the same content, the entry that made it, which is
    /// always the first of its log.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` naming the fields that differ.
    pub(crate) fn decide(
        &self,
        stored: Option<&Tenant>,
    ) -> Result<Decision<Effect>, PlatformError> {
        let Some(stored) = stored else {
            let event = events::created(&self.tenant, self.on);
            let effect = Effect::Tenant(self.tenant.clone());
            return Ok(Decision::Write(Change { events: vec![event], effect }));
        };
        let fields = stored.differences(&self.tenant);
        if fields.is_empty() {
            Ok(Decision::Already(1))
        } else {
            Err(PlatformError::TenantExists { tenant: stored.id, fields })
        }
    }
}
