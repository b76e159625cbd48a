//! Accounts and tenants on a local stack, made with its development keys: for scenario files and
//! the demo.

use backlog_ids::{AccountId, TenantId};
use backlog_money::Currency;
use backlog_proto::common::v1::LogPosition;
use backlog_proto::contract::v1 as pb;
use backlog_recognition_engine::{Calendar, Policy};

use crate::client::{Client, account_known, from_status, tenant_known};
use crate::failure::{Exit, Failure};
use crate::policy;
use crate::session::Session;
use crate::stack::{Local, Subject};

/// An account with an issuer of its own.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    local: Local,
    session: Session,
    admin: Client,
}

/// A tenant, and clients that may do everything in it.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) tenant: TenantId,
    pub(crate) client: Client,
    pub(crate) created: Option<LogPosition>,
}

impl Account {
    /// The account made by `request_id`, now or before.
    pub(crate) async fn create(
        session: &Session,
        local: &Local,
        name: &str,
        request_id: &str,
    ) -> Result<Self, Failure> {
        let session = session.on(local);
        let connections = session.connections()?;
        let operator = local.own_token(&Subject::Operator, session.now())?;
        let request = pb::CreateAccountRequest {
            request_id: request_id.to_owned(),
            display_name: name.to_owned(),
        };
        let answer = connections.with_token(&operator)?.platform().create_account(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let id = answer.account.unwrap_or_default().account_id;
        let id: AccountId = id.parse().map_err(|error| odd(&format!("{error}")))?;
        local.bind(id, None)?;
        let admin = local.own_token(&Subject::AccountAdmin(id), session.now())?;
        let admin = connections.with_token(&admin)?;
        account_known(&admin, session.timeout()).await?;
        Ok(Self { id, local: local.clone(), session, admin })
    }

    /// A tenant with this policy; the external id must be new.
    pub(crate) async fn tenant(
        &self,
        external_id: &str,
        name: &str,
        currency: Currency,
        policy: (&Policy, Calendar),
    ) -> Result<Books, Failure> {
        let request = pb::CreateTenantRequest {
            request_id: self.session.request_id(None),
            external_id: external_id.to_owned(),
            display_name: name.to_owned(),
            functional_currency_code: currency.code().to_owned(),
            policy: Some(policy::policy(policy.0, policy.1)),
            account_id: String::new(),
        };
        let answer = self.admin.platform().create_tenant(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let id = answer.tenant.unwrap_or_default().tenant_id;
        let tenant: TenantId = id.parse().map_err(|error| odd(&format!("{error}")))?;
        self.local.note_tenant(&id, &self.id.to_string())?;
        let client = self.client(tenant, "tenant_admin")?;
        tenant_known(&client, self.session.timeout()).await?;
        Ok(Books { tenant, client, created: answer.position })
    }

    /// Clients with this role in a tenant.
    pub(crate) fn client(&self, tenant: TenantId, role: &str) -> Result<Client, Failure> {
        let subject = Subject::Tenant(self.id, tenant, vec![role.to_owned()]);
        let token = self.local.own_token(&subject, self.session.now())?;
        self.session.connections()?.with_token(&token)
    }

    /// The session that the account works in.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }
}

fn odd(what: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("the answer is odd: {what}"))
}
