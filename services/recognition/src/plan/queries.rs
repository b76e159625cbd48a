//! Reads what a plan is computed from.

use backlog_db::{Database, DbError};
use backlog_ids::{ContractId, TenantId};
use backlog_money::Currency;
use backlog_recognition_engine::{ObligationState, Standing};
use chrono::NaiveDate;

use crate::accounting::rows::{count, currency, never, obligation_from, standing_from};

/// The obligations of a contract, with what the read includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) currency: Currency,
    pub(crate) obligations: Vec<ObligationState>,
    pub(crate) standing: Standing,
    /// The day on which it becomes a contract by time alone.
    pub(crate) arises_on: Option<NaiveDate>,
    pub(crate) contract_seq: u64,
    pub(crate) recognition_seq: u64,
    pub(crate) recognized_through: Option<NaiveDate>,
}

/// A contract's obligations, in its order; none when it is not known for this tenant.
pub(crate) async fn plan_of(
    database: &Database,
    tenant: TenantId,
    contract: ContractId,
) -> Result<Option<Planned>, DbError> {
    let rows = database
        .read(
            "select contract_id, obligation_id, key, ordinal, currency_code, transaction_price, recognized, \
             posted_through, billed, basis, contract_basis, recognized_through, head_seq, \
             contract_seq from plan_of($1, $2)",
            vec![tenant.uuid().into(), contract.uuid().into()],
        )
        .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let through: NaiveDate = first.try_get("", "recognized_through")?;
    let obligations: Vec<ObligationState> =
        rows.iter().map(obligation_from).collect::<Result<_, _>>()?;
    let (standing, arises_on) = standing_from(first, &obligations)?;
    Ok(Some(Planned {
        currency: currency(first)?,
        contract_seq: count(first, "contract_seq")?,
        recognition_seq: count(first, "head_seq")?,
        recognized_through: Some(through).filter(|through| *through != never()),
        obligations,
        standing,
        arises_on,
    }))
}
