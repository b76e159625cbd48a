//! `backlog token`: signs tokens with the local stack's development keys.

use backlog_ids::{AccountId, TenantId};
use backlog_tenancy::{Level, Role};
use chrono::TimeDelta;
use clap::Args;

use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::stack::Subject;

use super::tenant::owner;

/// A token to sign.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("level").required(true).args(["tenant", "operator", "account_admin"])))]
pub(crate) struct Token {
    /// For this tenant, as ten_...
    #[arg(long, requires = "role")]
    tenant: Option<TenantId>,
    /// Role within the tenant; may be repeated.
    #[arg(long, value_parser = role, requires = "tenant")]
    role: Vec<String>,
    /// For whoever runs the installation.
    #[arg(long)]
    operator: bool,
    /// For whoever manages the account's tenants.
    #[arg(long)]
    account_admin: bool,
    /// The account; needed where the stack has several and the tenant was not created from here.
    #[arg(long)]
    account: Option<AccountId>,
    /// Whom it is about: the actor of what is done with it.
    #[arg(long, default_value = "developer")]
    subject: String,
    /// Seconds that it is good for.
    #[arg(long, default_value_t = 28_800, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(i64).range(1..=2_592_000))]
    ttl: i64,
}

impl Token {
    pub(crate) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let local = session.need_local()?;
        let account = || self.account.map_or_else(|| owner(&local, self.tenant), Ok);
        let subject = match self.tenant {
            Some(tenant) => Subject::Tenant(account()?, tenant, self.role.clone()),
            None if self.operator => Subject::Operator,
            None => Subject::AccountAdmin(account()?),
        };
        let expires = session.now().checked_add_signed(TimeDelta::seconds(self.ttl));
        let expires = expires.ok_or_else(|| Failure::usage("the token would never end"))?;
        let token = local.token(&subject, &self.subject, expires)?;
        let json = serde_json::json!({ "token": token, "expires": expires.to_rfc3339() });
        session.answer(&token, &json);
        Ok(Exit::Done)
    }
}

fn role(text: &str) -> Result<String, String> {
    let tenant = |role: &&Role| role.level() == Level::Tenant;
    if Role::parse(text).is_some_and(|role| role.level() == Level::Tenant) {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = Role::ALL.iter().filter(tenant).map(|role| role.name()).collect();
    Err(format!("expected one of {}", names.join(", ")))
}
