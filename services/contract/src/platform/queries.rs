//! Reading accounts and tenants: one round trip each.

use backlog_db::{Database, DbError, QueryResult, Value};
use backlog_ids::{AccountId, TenantId};
use uuid::Uuid;

use crate::paging::{Page, limit};

/// An account as read.
#[derive(Debug, Clone)]
pub(super) struct AccountView {
    pub(super) account: AccountId,
    pub(super) display_name: String,
}

/// A tenant as read.
#[derive(Debug, Clone)]
pub(super) struct TenantView {
    pub(super) tenant: TenantId,
    pub(super) account: AccountId,
    pub(super) external_id: String,
    pub(super) display_name: String,
    pub(super) functional_currency: String,
    pub(super) suspended: bool,
}

/// How a tenant stands.
#[derive(Debug, Clone)]
pub(super) struct HealthView {
    pub(super) tenant: TenantId,
    pub(super) suspended: bool,
    pub(super) contract_seq: u64,
    pub(super) published_seq: u64,
}

/// Whether the account exists.
pub(super) async fn account_exists(
    database: &Database,
    account: AccountId,
) -> Result<bool, DbError> {
    let rows = database
        .read("select 1 from account where account_id = $1", vec![account.uuid().into()])
        .await?;
    Ok(!rows.is_empty())
}

/// The account that owns a tenant.
pub(super) async fn owner(
    database: &Database,
    tenant: TenantId,
) -> Result<Option<AccountId>, DbError> {
    let rows = database
        .read(
            "select account_id from tenant_registry where tenant_id = $1",
            vec![tenant.uuid().into()],
        )
        .await?;
    rows.first().map(account_of).transpose()
}

/// A page of accounts, in order of id: all, or the one of `only`.
pub(super) async fn accounts(
    database: &Database,
    only: Option<AccountId>,
    after: Uuid,
    size: usize,
) -> Result<Page<AccountView>, DbError> {
    let rows = database
        .read("select * from list_accounts($1, $2, $3, $4)", arguments(only, after, size))
        .await?;
    let accounts: Result<Vec<AccountView>, DbError> = rows
        .iter()
        .map(|row| {
            Ok(AccountView {
                account: account_of(row)?,
                display_name: row.try_get("", "display_name")?,
            })
        })
        .collect();
    Ok(Page::cut(accounts?, size, size, |_| 1, |view| view.account.uuid()))
}

/// A page of tenants, in order of id: all, or those of `only`.
pub(super) async fn tenants(
    database: &Database,
    only: Option<AccountId>,
    after: Uuid,
    size: usize,
) -> Result<Page<TenantView>, DbError> {
    let rows = database
        .read("select * from list_tenants($1, $2, $3, $4)", arguments(only, after, size))
        .await?;
    let tenants: Result<Vec<TenantView>, DbError> = rows.iter().map(tenant_view).collect();
    Ok(Page::cut(tenants?, size, size, |_| 1, |view| view.tenant.uuid()))
}

/// One tenant.
pub(super) async fn tenant(
    database: &Database,
    tenant: TenantId,
) -> Result<Option<TenantView>, DbError> {
    let rows = database
        .read("select * from tenants_of(array[$1::uuid])", vec![tenant.uuid().into()])
        .await?;
    rows.first().map(tenant_view).transpose()
}

/// How a page of tenants stands, in order of id: all, or those of `only`.
pub(super) async fn health(
    database: &Database,
    only: Option<AccountId>,
    after: Uuid,
    size: usize,
) -> Result<Page<HealthView>, DbError> {
    let rows = database
        .read("select * from list_tenant_health($1, $2, $3, $4)", arguments(only, after, size))
        .await?;
    let seq = |row: &QueryResult, column: &str| -> Result<u64, DbError> {
        let seq: i64 = row.try_get("", column)?;
        u64::try_from(seq).map_err(|_| DbError::Corrupt(format!("{column} is negative")))
    };
    let health: Result<Vec<HealthView>, DbError> = rows
        .iter()
        .map(|row| {
            Ok(HealthView {
                tenant: TenantId::from_uuid(row.try_get::<Uuid>("", "tenant_id")?),
                suspended: row.try_get("", "suspended")?,
                contract_seq: seq(row, "contract_seq")?,
                published_seq: seq(row, "published_seq")?,
            })
        })
        .collect();
    Ok(Page::cut(health?, size, size, |_| 1, |view| view.tenant.uuid()))
}

fn arguments(only: Option<AccountId>, after: Uuid, size: usize) -> Vec<Value> {
    let account = only.map_or(Uuid::nil(), AccountId::uuid);
    vec![only.is_none().into(), account.into(), after.into(), limit(size).into()]
}

fn account_of(row: &QueryResult) -> Result<AccountId, DbError> {
    Ok(AccountId::from_uuid(row.try_get::<Uuid>("", "account_id")?))
}

fn tenant_view(row: &QueryResult) -> Result<TenantView, DbError> {
    Ok(TenantView {
        tenant: TenantId::from_uuid(row.try_get::<Uuid>("", "tenant_id")?),
        account: account_of(row)?,
        external_id: row.try_get("", "external_id")?,
        display_name: row.try_get("", "display_name")?,
        functional_currency: row.try_get("", "functional_currency")?,
        suspended: row.try_get("", "suspended")?,
    })
}
