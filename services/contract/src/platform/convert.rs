//! Accounts and tenants between wire and domain.

use backlog_ids::{AccountId, TenantId};
use backlog_money::Currency;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;

use super::queries::{AccountView, HealthView, TenantView};
use super::tenant::Tenant;
use crate::policy::{MeasurementPolicy, parse_policy};

/// What a request says of a new tenant.
#[derive(Debug)]
pub(super) struct NewTenant {
    pub(super) request_id: String,
    pub(super) account: Option<AccountId>,
    pub(super) external_id: String,
    pub(super) display_name: String,
    pub(super) functional_currency: Currency,
    pub(super) policy: MeasurementPolicy,
}

/// Reads a request for a tenant; `account_needed` where the token names none.
pub(super) fn parse_new_tenant(
    fields: &mut Fields,
    request: &pb::CreateTenantRequest,
    account_needed: bool,
) -> Option<NewTenant> {
    let request_id = fields.request_id("request_id", &request.request_id);
    let account = if account_needed && request.account_id.is_empty() {
        fields.violation("account_id", "must be set: the token is bound to no account");
        None
    } else {
        fields.optional_id::<AccountId>("account_id", &request.account_id)
    };
    let external_id = fields.text("external_id", &request.external_id, 1, 100);
    let display_name = fields.text("display_name", &request.display_name, 1, 200);
    let currency = fields.currency("functional_currency_code", &request.functional_currency_code);
    let policy = parse_policy(fields, "policy", request.policy.as_ref());
    Some(NewTenant {
        request_id: request_id?,
        account,
        external_id: external_id?,
        display_name: display_name?,
        functional_currency: currency?,
        policy: policy?,
    })
}

/// Writes a tenant as it is when created.
pub(super) fn tenant_to_proto(tenant: &Tenant) -> pb::Tenant {
    pb::Tenant {
        tenant_id: tenant.id.to_string(),
        account_id: tenant.account.to_string(),
        external_id: tenant.external_id.clone(),
        display_name: tenant.display_name.clone(),
        functional_currency_code: tenant.functional_currency.code().to_owned(),
        suspended: false,
    }
}

/// Writes a tenant as read.
pub(super) fn tenant_view_to_proto(view: TenantView) -> pb::Tenant {
    pb::Tenant {
        tenant_id: view.tenant.to_string(),
        account_id: view.account.to_string(),
        external_id: view.external_id,
        display_name: view.display_name,
        functional_currency_code: view.functional_currency,
        suspended: view.suspended,
    }
}

/// Writes an account.
pub(super) fn account_to_proto(view: AccountView) -> pb::Account {
    pb::Account { account_id: view.account.to_string(), display_name: view.display_name }
}

/// Writes how a tenant stands.
pub(super) fn health_to_proto(view: &HealthView) -> pb::TenantHealth {
    let tenant: TenantId = view.tenant;
    pb::TenantHealth {
        tenant_id: tenant.to_string(),
        suspended: view.suspended,
        contract_seq: view.contract_seq,
        published_seq: view.published_seq,
    }
}
