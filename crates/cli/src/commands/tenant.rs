//! `backlog tenant`: sets of books.

use backlog_ids::{AccountId, TenantId};
use backlog_money::Currency;
use backlog_proto::contract::v1 as pb;
use backlog_proto::log::v1::ResumeProcessingRequest;
use backlog_recognition_engine::{Convention, ReceivableOn, Rounding};
use clap::{Args, Subcommand};

use crate::arguments;
use crate::client::{Client, Service, from_status, position_json, tenant_known};
use crate::failure::{Exit, Failure};
use crate::policy;
use crate::session::{Session, claim};
use crate::stack::{Local, Subject};
use crate::table;

/// Tenants: sets of books.
#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Creates a tenant of an account.
    Create(Create),
    /// Lists an account's tenants.
    List {
        /// The account; needed where the local stack has several.
        #[arg(long)]
        account: Option<AccountId>,
    },
    /// Refuses the tenant's writes from now on.
    Suspend(One),
    /// Lifts a suspension, and lets processing go on where it stopped.
    Resume(One),
}

/// A tenant to create.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The account's own id for it.
    external_id: String,
    /// Name to show; the external id when absent.
    #[arg(long)]
    name: Option<String>,
    /// Currency of the books.
    #[arg(long, default_value = "USD", value_parser = arguments::currency)]
    currency: Currency,
    /// Straight-line convention where an obligation states none.
    #[arg(long, value_parser = arguments::convention)]
    convention: Option<Convention>,
    /// Rounding: cumulative, floor_last or per_period.
    #[arg(long, value_parser = arguments::rounding)]
    rounding: Option<Rounding>,
    /// When invoices become unconditional: issue or due.
    #[arg(long, value_parser = arguments::receivable_on)]
    receivable_on: Option<ReceivableOn>,
    /// Accounting periods: months, months/april, or such as weeks/4-4-5/last-saturday/january.
    #[arg(long)]
    calendar: Option<String>,
    /// Adjustments of revenue are posted only when a second person has approved them.
    #[arg(long)]
    adjustments_need_approval: bool,
    /// The account; needed where the local stack has several.
    #[arg(long)]
    account: Option<AccountId>,
    /// Idempotency key; a new one when absent.
    #[arg(long)]
    request_id: Option<String>,
}

/// A tenant.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The tenant, as ten_...
    tenant: TenantId,
    /// Idempotency key; a new one when absent.
    #[arg(long)]
    request_id: Option<String>,
}

impl Tenant {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List { account } => list(session, account).await,
            Self::Suspend(one) => one.set_suspended(session, true).await,
            Self::Resume(one) => one.resume(session).await,
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client_for(|local| admin(local, self.account))?;
        let policy = pb::MeasurementPolicy {
            convention: self.convention.map_or(0, |c| policy::convention(c).into()),
            rounding: self.rounding.map_or(0, |r| policy::rounding(r).into()),
            receivable_on: self.receivable_on.map_or(0, |r| policy::receivable_on(r).into()),
            calendar: self.calendar.unwrap_or_default(),
            adjustments_need_approval: self.adjustments_need_approval,
        };
        let request = pb::CreateTenantRequest {
            request_id: session.request_id(self.request_id.as_deref()),
            display_name: self.name.unwrap_or_else(|| self.external_id.clone()),
            external_id: self.external_id,
            functional_currency_code: self.currency.code().to_owned(),
            policy: Some(policy),
            account_id: self.account.map(|account| account.to_string()).unwrap_or_default(),
        };
        let answer = client.platform().create_tenant(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let tenant = answer.tenant.unwrap_or_default();
        if let Some(local) = session.local()? {
            local.note_tenant(&tenant.tenant_id, &tenant.account_id)?;
            settle(session, &local, &tenant).await?;
        }
        let next = format!("next: backlog token --tenant {} --role controller", tenant.tenant_id);
        let mut json = json(&tenant);
        if let (Some(object), Some(position)) = (json.as_object_mut(), &answer.position) {
            object.insert("position".to_owned(), position_json(position));
        }
        session.answer(&format!("{}\n{next}", tenant.tenant_id), &json);
        Ok(Exit::Done)
    }
}

async fn list(session: &Session, account: Option<AccountId>) -> Result<Exit, Failure> {
    let client = session.client_for(|local| admin(local, account))?;
    let tenants = all(&client).await?;
    if let Some(local) = session.local()? {
        for tenant in &tenants {
            local.note_tenant(&tenant.tenant_id, &tenant.account_id)?;
        }
    }
    let rows = tenants.iter().map(|tenant| {
        [
            tenant.tenant_id.clone(),
            tenant.external_id.clone(),
            tenant.display_name.clone(),
            tenant.functional_currency_code.clone(),
            if tenant.suspended { "suspended" } else { "active" }.to_owned(),
        ]
    });
    let table = table::render(&["tenant", "external id", "name", "currency", "state"], rows, &[]);
    let list: Vec<_> = tenants.iter().map(json).collect();
    session.answer(&table, &serde_json::json!({ "tenants": list }));
    Ok(Exit::Done)
}

/// All tenants of the token's account.
pub(crate) async fn all(client: &Client) -> Result<Vec<pb::Tenant>, Failure> {
    let mut tenants = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListTenantsRequest { page_size: 1_000, page_token };
        let answer = client.platform().list_tenants(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        tenants.extend(answer.tenants);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(tenants);
        }
    }
}

impl One {
    async fn set_suspended(&self, session: &Session, suspended: bool) -> Result<Exit, Failure> {
        let tenant = self.suspension(session, suspended).await?;
        let state = if tenant.suspended { "suspended" } else { "active" };
        session.answer(&format!("{} is {state}", tenant.tenant_id), &json(&tenant));
        Ok(Exit::Done)
    }

    async fn suspension(&self, session: &Session, suspended: bool) -> Result<pb::Tenant, Failure> {
        let client = session.client_for(|local| admin(local, local.account_of(self.tenant)))?;
        let request = pb::SetTenantSuspendedRequest {
            request_id: session.request_id(self.request_id.as_deref()),
            tenant_id: self.tenant.to_string(),
            suspended,
        };
        let answer = client.platform().set_tenant_suspended(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        Ok(answer.tenant.unwrap_or_default())
    }

    /// A token of the account lifts a suspension, one of the tenant lets processing go on; the local
    /// stack has both.
    async fn resume(&self, session: &Session) -> Result<Exit, Failure> {
        let given = session.given_token()?;
        let of_tenant = given.as_deref().is_some_and(|token| claim(token, "tenant").is_some());
        let mut said = Vec::new();
        let mut json = serde_json::json!({ "tenant_id": self.tenant.to_string() });
        if !of_tenant {
            let tenant = self.suspension(session, false).await?;
            said.push(format!("{} is active", tenant.tenant_id));
            json["suspended"] = tenant.suspended.into();
        }
        if of_tenant || given.is_none() {
            let client = session.client_for(|local| {
                let account = owner(local, Some(self.tenant))?;
                let roles = vec!["tenant_admin".to_owned()];
                Ok(Subject::Tenant(account, self.tenant, roles))
            })?;
            for service in [Service::Recognition, Service::Reporting] {
                let lifted = self.resume_at(session, &client, service).await?;
                said.push(match &lifted {
                    Some(reason) => format!("{} goes on after {reason}", service.name()),
                    None => format!("{} had not stopped", service.name()),
                });
                json[service.name()] = serde_json::json!({ "lifted": lifted });
            }
        }
        session.answer(&said.join("\n"), &json);
        Ok(Exit::Done)
    }

    async fn resume_at(
        &self,
        session: &Session,
        client: &Client,
        service: Service,
    ) -> Result<Option<String>, Failure> {
        let request_id = session.request_id(self.request_id.as_deref());
        let request = ResumeProcessingRequest { request_id };
        let answer = client.processing(service).resume_processing(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        Ok(answer.lifted.map(|stop| format!("{}: {}", stop.reason, stop.detail)))
    }
}

/// Waits until all services know the tenant, where this stack's keys can tell.
async fn settle(session: &Session, local: &Local, tenant: &pb::Tenant) -> Result<(), Failure> {
    let (Ok(account), Ok(id)) = (tenant.account_id.parse(), tenant.tenant_id.parse()) else {
        return Ok(());
    };
    if !local.accounts()?.contains(&account) {
        return Ok(());
    }
    let subject = Subject::Tenant(account, id, vec!["tenant_admin".to_owned()]);
    let token = local.own_token(&subject, session.now())?;
    tenant_known(&session.connections()?.with_token(&token)?, session.timeout()).await
}

/// Whoever manages the tenants of the account, or of the only account there is.
fn admin(local: &Local, account: Option<AccountId>) -> Result<Subject, Failure> {
    match account {
        Some(account) => Ok(Subject::AccountAdmin(account)),
        None => owner(local, None).map(Subject::AccountAdmin),
    }
}

/// The account of a tenant: the one noted, or the only one there is.
pub(crate) fn owner(local: &Local, tenant: Option<TenantId>) -> Result<AccountId, Failure> {
    if let Some(account) = tenant.and_then(|tenant| local.account_of(tenant)) {
        return Ok(account);
    }
    match local.accounts()?.as_slice() {
        [account] => Ok(*account),
        [] => Err(Failure::usage("no account has an issuer on this stack")
            .advise("bind one: backlog issuer bind --account ACCOUNT")),
        [_, ..] => Err(Failure::usage("several accounts have issuers on this stack")
            .advise("say which: --account ACCOUNT")),
    }
}

fn json(tenant: &pb::Tenant) -> serde_json::Value {
    serde_json::json!({
        "tenant_id": tenant.tenant_id,
        "account_id": tenant.account_id,
        "external_id": tenant.external_id,
        "display_name": tenant.display_name,
        "functional_currency_code": tenant.functional_currency_code,
        "suspended": tenant.suspended,
    })
}
