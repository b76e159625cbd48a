//! `backlog account` and `backlog issuer`: vendors, and whose tokens are theirs.

use backlog_ids::AccountId;
use backlog_proto::contract::v1 as pb;
use clap::Subcommand;

use crate::client::{account_known, from_status};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::stack::Subject;
use crate::table;

/// Accounts: the vendors that own tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Creates an account.
    Create {
        /// Name to show.
        name: String,
        /// Idempotency key; a new one when absent.
        #[arg(long)]
        request_id: Option<String>,
    },
    /// Lists accounts.
    List,
}

/// Issuers: whose tokens are an account's.
#[derive(Debug, Subcommand)]
pub(crate) enum Issuer {
    /// Gives an account of the local stack an issuer with a key of its own.
    Bind {
        /// The account, as acc_...
        #[arg(long)]
        account: AccountId,
        /// The issuer's name, the `iss` of its tokens.
        #[arg(long)]
        name: Option<String>,
    },
}

impl Account {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client_for(|_| Ok(Subject::Operator))?;
        match self {
            Self::Create { name, request_id } => {
                let request = pb::CreateAccountRequest {
                    request_id: session.request_id(request_id.as_deref()),
                    display_name: name,
                };
                let answer = client.platform().create_account(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                let account = answer.account.unwrap_or_default();
                let next = format!("next: backlog issuer bind --account {}", account.account_id);
                session.answer(&format!("{}\n{next}", account.account_id), &json(&account));
            }
            Self::List => {
                let mut accounts = Vec::new();
                let mut page_token = String::new();
                loop {
                    let request = pb::ListAccountsRequest { page_size: 1_000, page_token };
                    let answer = client.platform().list_accounts(request).await;
                    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                    accounts.extend(answer.accounts);
                    page_token = answer.next_page_token;
                    if page_token.is_empty() {
                        break;
                    }
                }
                let rows = accounts.iter().map(|a| [a.account_id.clone(), a.display_name.clone()]);
                let table = table::render(&["account", "name"], rows, &[]);
                let list: Vec<_> = accounts.iter().map(json).collect();
                session.answer(&table, &serde_json::json!({ "accounts": list }));
            }
        }
        Ok(Exit::Done)
    }
}

impl Issuer {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self::Bind { account, name } = self;
        let local = session.need_local()?;
        let issuer = local.bind(account, name.as_deref())?;
        let token = local.own_token(&Subject::AccountAdmin(account), session.now())?;
        let client = session.connections()?.with_token(&token)?;
        account_known(&client, session.timeout()).await?;
        let next = format!("next: backlog tenant create --account {account} --name \"Acme\" acme");
        session.answer(
            &format!("{issuer} is bound to {account}\n{next}"),
            &serde_json::json!({ "issuer": issuer, "account_id": account.to_string() }),
        );
        Ok(Exit::Done)
    }
}

fn json(account: &pb::Account) -> serde_json::Value {
    serde_json::json!({ "account_id": account.account_id, "display_name": account.display_name })
}
