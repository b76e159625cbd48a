//! Reading contracts: one round trip each.

use backlog_db::{Database, DbError};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::contract::v1::ContractState;
use uuid::Uuid;

use super::contract::Contract;
use super::rows;
use crate::paging::{Page, limit};

/// Obligations in one page at most, so that a page of large contracts stays a message of moderate
/// size.
const PAGE_OBLIGATIONS_MAX: usize = 5_000;

/// Which contracts are listed.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    /// Only those in this state; unspecified for all.
    pub(super) state: ContractState,
    /// Only those of this customer; empty for all.
    pub(super) customer: String,
}

impl Filter {
    /// What page tokens are bound to.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [i32::from(self.state).to_be_bytes().as_slice(), self.customer.as_bytes()].concat()
    }
}

/// One contract of the tenant.
pub(super) async fn get(
    database: &Database,
    tenant: TenantId,
    contract: ContractId,
) -> Result<Option<Contract>, DbError> {
    let rows = database
        .read(
            "select * from get_contract($1, $2)",
            vec![tenant.uuid().into(), contract.uuid().into()],
        )
        .await?;
    Ok(rows::contracts(&rows)?.into_iter().next().map(|(_, contract)| contract))
}

/// A page of the tenant's contracts, in order of id.
pub(super) async fn list(
    database: &Database,
    tenant: TenantId,
    filter: &Filter,
    after: Uuid,
    size: usize,
) -> Result<Page<Contract>, DbError> {
    let state = i16::try_from(i32::from(filter.state)).unwrap_or_default();
    let obligations_max = i32::try_from(PAGE_OBLIGATIONS_MAX).unwrap_or(i32::MAX);
    let rows = database
        .read(
            "select * from list_contracts($1, $2, $3, $4, $5, $6)",
            vec![
                tenant.uuid().into(),
                state.into(),
                filter.customer.clone().into(),
                after.into(),
                limit(size).into(),
                obligations_max.into(),
            ],
        )
        .await?;
    let contracts = rows::contracts(&rows)?.into_iter().map(|(_, contract)| contract).collect();
    let weight = |contract: &Contract| contract.terms.obligations.len();
    Ok(Page::cut(contracts, size, PAGE_OBLIGATIONS_MAX, weight, |contract| contract.id.uuid()))
}
