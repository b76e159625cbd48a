//! What tenants write to the log.

use backlog_event_log::NewEvent;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;
use prost::Message;

use super::convert::tenant_to_proto;
use super::tenant::Tenant;

/// Name of the event of a new tenant: always entry 1 of its log.
pub(crate) const TENANT_CREATED: &str = "backlog.contract.v1.TenantCreated";
/// Name of the event of a suspension or its end.
pub(crate) const TENANT_SUSPENSION_CHANGED: &str = "backlog.contract.v1.TenantSuspensionChanged";

/// The tenant exists from this day on.
pub(crate) fn created(tenant: &Tenant, on: NaiveDate) -> NewEvent {
    let event = pb::TenantCreated {
        tenant: Some(tenant_to_proto(tenant)),
        policy: Some(tenant.policy.into()),
    };
    new_event(TENANT_CREATED, tenant, tenant.version, on, event.encode_to_vec())
}

/// The tenant is suspended from this day on, or no longer.
pub(crate) fn suspension_changed(
    tenant: &Tenant,
    version: u64,
    suspended: bool,
    on: NaiveDate,
) -> NewEvent {
    let payload = pb::TenantSuspensionChanged { suspended }.encode_to_vec();
    new_event(TENANT_SUSPENSION_CHANGED, tenant, version, on, payload)
}

fn new_event(
    type_name: &'static str,
    tenant: &Tenant,
    aggregate_version: u64,
    effective_date: NaiveDate,
    payload: Vec<u8>,
) -> NewEvent {
    NewEvent {
        type_name,
        aggregate_id: tenant.id.to_string(),
        aggregate_version,
        effective_date,
        depends_on: Vec::new(),
        payload,
    }
}
