//! Creating an account, once per request_id.

use backlog_db::{Database, DbError};
use backlog_ids::AccountId;
use uuid::Uuid;

use super::error::PlatformError;
use super::queries::AccountView;

/// What account ids are derived from, together with the request_id of their creation. Never changes:
/// a repeated call finds its account by it.
const ACCOUNTS: Uuid = Uuid::from_u128(0x3f6c_51d8_9a0b_4c27_8e15_7d42_b960_e0a1);

/// The id of the account that this request_id makes.
pub(crate) fn account_id(request_id: &str) -> AccountId {
    AccountId::from_uuid(backlog_ids::derive(ACCOUNTS, request_id))
}

/// Makes the account, or finds the one that this request_id made before. Accounts are no tenant's, so
/// they have no log; the row is the whole effect.
///
/// # Errors
/// `REQUEST_ID_REUSED` when that one has another name.
pub(super) async fn create(
    database: &Database,
    request_id: &str,
    display_name: &str,
) -> Result<AccountView, PlatformError> {
    let account = account_id(request_id);
    let rows = database
        .write_positions(
            "select display_name from create_account($1, $2)",
            vec![account.uuid().into(), display_name.into()],
        )
        .await?;
    let row = rows.first().ok_or_else(|| DbError::Corrupt(format!("no account {account}")))?;
    let stored: String = row.try_get("", "display_name").map_err(DbError::from)?;
    if stored != display_name {
        return Err(PlatformError::RequestIdReused(request_id.to_owned()));
    }
    Ok(AccountView { account, display_name: stored })
}
