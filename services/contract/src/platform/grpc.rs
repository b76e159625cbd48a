//! The door: `PlatformService`.

use backlog_db::Database;
use backlog_event_log::{Answer, RequestKey, Submission, Trace, Writers};
use backlog_ids::{AccountId, TenantId};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::platform_service_server::PlatformService;
use backlog_proto::fields::Fields;
use backlog_service_kit::page::{PageScope, PageTokens};
use backlog_service_kit::{Clock, context, to_status};
use backlog_tenancy::{AccountScope, Permission, TenantCache};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::convert::{
    NewTenant, account_to_proto, health_to_proto, parse_new_tenant, tenant_view_to_proto,
};
use super::create_account;
use super::create_tenant::CreateTenant;
use super::error::PlatformError;
use super::queries;
use super::set_tenant_suspended::SetTenantSuspended;
use super::tenant::{Tenant, tenant_id};
use crate::answer;
use crate::domain::{Command, ContractDomain};
use crate::paging;
use crate::request::finish;

/// Serves accounts and tenants.
pub(crate) struct PlatformServer {
    /// Where commands go.
    pub(crate) writers: Writers<ContractDomain>,
    /// Where reads go.
    pub(crate) database: Database,
    /// What the door remembers of tenants.
    pub(crate) remembered: TenantCache,
    /// Today, for the audit trail.
    pub(crate) clock: Clock,
    /// Page tokens.
    pub(crate) pages: PageTokens,
}

impl PlatformServer {
    async fn submit(
        &self,
        scope: &AccountScope,
        tenant: TenantId,
        request: RequestKey,
        command: Command,
    ) -> Result<Answer, Status> {
        let submission = Submission {
            tenant,
            actor: scope.actor.to_string(),
            request: Some(request),
            validate_only: false,
            opens_tenant: matches!(command, Command::CreateTenant(_)),
            command,
            trace: Trace::default(),
        };
        self.writers.submit(submission).await.map_err(|refused| to_status(&refused))
    }

    /// The account to create a tenant in. Another account's answers like an unknown one.
    async fn account_for(
        &self,
        scope: &AccountScope,
        named: Option<AccountId>,
    ) -> Result<AccountId, PlatformError> {
        let account = match (scope.account, named) {
            (Some(own), None) => own,
            (Some(own), Some(named)) if own != named => {
                return Err(PlatformError::AccountNotFound(named));
            }
            (_, Some(named)) => named,
            // The parser asked for it.
            (None, None) => AccountId::from_uuid(Uuid::nil()),
        };
        if queries::account_exists(&self.database, account).await? {
            Ok(account)
        } else {
            Err(PlatformError::AccountNotFound(account))
        }
    }

    /// Checks that the tenant is the caller's to manage.
    async fn check_owned(
        &self,
        scope: &AccountScope,
        tenant: TenantId,
    ) -> Result<(), PlatformError> {
        let owner = queries::owner(&self.database, tenant).await?;
        match (owner, scope.account) {
            (Some(_), None) => Ok(()),
            (Some(owner), Some(own)) if owner == own => Ok(()),
            (Some(_) | None, _) => Err(PlatformError::TenantNotFound(tenant)),
        }
    }

    /// The tenant as it is after a change that is recorded with this value.
    async fn after_change(
        &self,
        tenant: TenantId,
        suspended: bool,
    ) -> Result<pb::Tenant, PlatformError> {
        let view = queries::tenant(&self.database, tenant).await?;
        let view = view.ok_or(PlatformError::TenantNotFound(tenant))?;
        Ok(pb::Tenant { suspended, ..tenant_view_to_proto(view) })
    }

    fn page<'a>(scope: &AccountScope, rpc: &'a str) -> PageScope<'a> {
        let owner = scope.account.map_or(Uuid::nil(), AccountId::uuid);
        PageScope { owner, rpc, filter: b"" }
    }
}

fn page_size(value: i32) -> Result<usize, Status> {
    let mut fields = Fields::new();
    let size = fields.page_size("page_size", value);
    finish(fields, size)
}

fn refused(error: impl Into<PlatformError>) -> Status {
    to_status(&error.into())
}

#[tonic::async_trait]
impl PlatformService for PlatformServer {
    async fn create_account(
        &self,
        request: Request<pb::CreateAccountRequest>,
    ) -> Result<Response<pb::CreateAccountResponse>, Status> {
        context(&request)?
            .account_scope(Permission::AccountManage)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let request_id = fields.request_id("request_id", &request.request_id);
        let name = fields.text("display_name", &request.display_name, 1, 200);
        let (request_id, name) = finish(fields, request_id.zip(name))?;
        let account =
            create_account::create(&self.database, &request_id, &name).await.map_err(refused)?;
        let account = Some(account_to_proto(account));
        Ok(Response::new(pb::CreateAccountResponse { account }))
    }

    async fn list_accounts(
        &self,
        request: Request<pb::ListAccountsRequest>,
    ) -> Result<Response<pb::ListAccountsResponse>, Status> {
        let scope = context(&request)?
            .account_scope(Permission::AccountRead)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let size = page_size(request.page_size)?;
        let page_scope = Self::page(&scope, "backlog.contract.v1.PlatformService/ListAccounts");
        let after = paging::after(&self.pages, &page_scope, &request.page_token)
            .map_err(|fault| to_status(&fault))?;
        let page =
            queries::accounts(&self.database, scope.account, after, size).await.map_err(refused)?;
        Ok(Response::new(pb::ListAccountsResponse {
            next_page_token: page.next_token(&self.pages, &page_scope),
            accounts: page.items.into_iter().map(account_to_proto).collect(),
        }))
    }

    async fn create_tenant(
        &self,
        request: Request<pb::CreateTenantRequest>,
    ) -> Result<Response<pb::CreateTenantResponse>, Status> {
        let scope = context(&request)?
            .account_scope(Permission::TenantManage)
            .map_err(|denied| to_status(&denied))?;
        let mut fields = Fields::new();
        let new = parse_new_tenant(&mut fields, request.get_ref(), scope.account.is_none());
        let new: NewTenant = finish(fields, new)?;
        let account = self.account_for(&scope, new.account).await.map_err(refused)?;
        let id = tenant_id(account, &new.external_id);
        let command = CreateTenant {
            tenant: Tenant {
                id,
                account,
                external_id: new.external_id,
                display_name: new.display_name,
                functional_currency: new.functional_currency,
                policy: new.policy,
                version: 1,
            },
            on: self.clock.now().date_naive(),
        };
        let key = command.key(new.request_id);
        let answer = self.submit(&scope, id, key, Command::CreateTenant(command)).await?;
        let event: pb::TenantCreated = answer::event(&answer)?;
        let position = answer::position(&answer);
        Ok(Response::new(pb::CreateTenantResponse { tenant: event.tenant, position }))
    }

    async fn list_tenants(
        &self,
        request: Request<pb::ListTenantsRequest>,
    ) -> Result<Response<pb::ListTenantsResponse>, Status> {
        let scope = context(&request)?
            .account_scope(Permission::TenantRead)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let size = page_size(request.page_size)?;
        let page_scope = Self::page(&scope, "backlog.contract.v1.PlatformService/ListTenants");
        let after = paging::after(&self.pages, &page_scope, &request.page_token)
            .map_err(|fault| to_status(&fault))?;
        let page =
            queries::tenants(&self.database, scope.account, after, size).await.map_err(refused)?;
        Ok(Response::new(pb::ListTenantsResponse {
            next_page_token: page.next_token(&self.pages, &page_scope),
            tenants: page.items.into_iter().map(tenant_view_to_proto).collect(),
        }))
    }

    async fn set_tenant_suspended(
        &self,
        request: Request<pb::SetTenantSuspendedRequest>,
    ) -> Result<Response<pb::SetTenantSuspendedResponse>, Status> {
        let scope = context(&request)?
            .account_scope(Permission::TenantManage)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let request_id = fields.request_id("request_id", &request.request_id);
        let tenant = fields.id::<TenantId>("tenant_id", &request.tenant_id);
        let (request_id, tenant) = finish(fields, request_id.zip(tenant))?;
        self.check_owned(&scope, tenant).await.map_err(refused)?;
        let on = self.clock.now().date_naive();
        let command = SetTenantSuspended { tenant, suspended: request.suspended, on };
        let key = command.key(request_id);
        let answer = self.submit(&scope, tenant, key, Command::SetTenantSuspended(command)).await?;
        self.remembered.forget(tenant).await;
        let event: pb::TenantSuspensionChanged = answer::event(&answer)?;
        let tenant = self.after_change(tenant, event.suspended).await.map_err(refused)?;
        let position = answer::position(&answer);
        Ok(Response::new(pb::SetTenantSuspendedResponse { tenant: Some(tenant), position }))
    }

    async fn get_platform_health(
        &self,
        request: Request<pb::GetPlatformHealthRequest>,
    ) -> Result<Response<pb::GetPlatformHealthResponse>, Status> {
        let scope = context(&request)?
            .account_scope(Permission::TenantRead)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let size = page_size(request.page_size)?;
        let page_scope =
            Self::page(&scope, "backlog.contract.v1.PlatformService/GetPlatformHealth");
        let after = paging::after(&self.pages, &page_scope, &request.page_token)
            .map_err(|fault| to_status(&fault))?;
        let page =
            queries::health(&self.database, scope.account, after, size).await.map_err(refused)?;
        Ok(Response::new(pb::GetPlatformHealthResponse {
            next_page_token: page.next_token(&self.pages, &page_scope),
            tenants: page.items.iter().map(health_to_proto).collect(),
        }))
    }
}
