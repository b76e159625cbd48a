//! Contracts of a batch: loaded by id, changed by decisions, written once.

use std::collections::{BTreeMap, BTreeSet};

use backlog_db::{DbError, WriterTx};
use backlog_event_log::Rows;
use backlog_ids::{ContractId, TenantId};
use uuid::Uuid;

use super::contract::Contract;
use super::rows;
use crate::domain::Table;

/// Contracts that the commands of a batch name or make.
#[derive(Debug, Default)]
pub(crate) struct Contracts(BTreeMap<(TenantId, ContractId), Held>);

#[derive(Debug)]
struct Held {
    contract: Contract,
    stored: Option<Stored>,
}

/// What the tables hold, where they hold the contract.
#[derive(Debug)]
struct Stored {
    version: u64,
    billed: Vec<i128>,
}

impl Contracts {
    /// Loads the contracts named, with their obligations, in one query. It is written so that rows are
    /// found by key also in tables that were never analyzed, where a plain join may read all of them.
    pub(crate) async fn load(
        tx: &WriterTx,
        named: &BTreeSet<(TenantId, ContractId)>,
    ) -> Result<Self, DbError> {
        if named.is_empty() {
            return Ok(Self::default());
        }
        let tenants: Vec<Uuid> = named.iter().map(|(tenant, _)| tenant.uuid()).collect();
        let ids: Vec<Uuid> = named.iter().map(|(_, contract)| contract.uuid()).collect();
        let rows = tx
            .query(
                "select c.tenant_id, c.contract_id, c.version, c.state, c.number, c.customer, \
                   c.currency, c.term_from, c.term_to, c.price, c.signed_on, c.obligations, \
                   c.dimensions::text as dimensions, o.obligation_id, o.key, o.price as o_price, \
                   o.ssp, o.term_from as o_term_from, o.term_to as o_term_to, o.convention, \
                   o.product_line, o.transaction_price, o.billed \
                 from unnest($1::uuid[], $2::uuid[]) as v(tenant_id, contract_id) \
                 cross join lateral (select * from contract x where x.tenant_id = v.tenant_id \
                   and x.contract_id = v.contract_id offset 0) c \
                 cross join lateral (select * from obligation x where x.tenant_id = v.tenant_id \
                   and x.contract_id = v.contract_id offset 0) o \
                 order by c.tenant_id, c.contract_id, o.ordinal",
                vec![tenants.into(), ids.into()],
            )
            .await?;
        let mut contracts = Self::default();
        for (tenant, contract) in rows::contracts(&rows)? {
            let stored = Stored { version: contract.version, billed: contract.billed.clone() };
            contracts.0.insert((tenant, contract.id), Held { contract, stored: Some(stored) });
        }
        Ok(contracts)
    }

    /// The contract as the commands before left it.
    pub(crate) fn get(&self, tenant: TenantId, id: ContractId) -> Option<&Contract> {
        self.0.get(&(tenant, id)).map(|held| &held.contract)
    }

    /// Replaces the contract, or adds a new one.
    pub(crate) fn put(&mut self, tenant: TenantId, contract: Contract) {
        let key = (tenant, contract.id);
        let stored = self.0.remove(&key).and_then(|held| held.stored);
        self.0.insert(key, Held { contract, stored });
    }

    /// Records what is billed of each obligation.
    pub(crate) fn bill(&mut self, tenant: TenantId, id: ContractId, billed: Vec<i128>) {
        if let Some(held) = self.0.get_mut(&(tenant, id)) {
            held.contract.billed = billed;
        }
    }

    /// Writes what changed, each row once.
    pub(crate) fn flush(self, rows: &mut Rows<'_>) {
        for ((tenant, _), held) in self.0 {
            let contract = held.contract;
            let Some(stored) = held.stored else {
                rows.push(Table::Contract.index(), rows::contract_row(tenant, &contract));
                for row in rows::obligation_rows(tenant, &contract) {
                    rows.push(Table::Obligation.index(), row);
                }
                continue;
            };
            if stored.version != contract.version {
                rows.push(Table::ContractSigned.index(), rows::contract_row(tenant, &contract));
            }
            if stored.billed != contract.billed {
                let changes = contract.billed.iter().zip(&stored.billed);
                let changed = rows::obligation_rows(tenant, &contract).into_iter().zip(changes);
                for (row, _) in changed.filter(|(_, (billed, before))| billed != before) {
                    rows.push(Table::ObligationBilled.index(), row);
                }
            }
        }
    }
}

#[cfg(test)]
impl Contracts {
    /// All contracts, in order.
    pub(crate) fn all(&self) -> Vec<&Contract> {
        self.0.values().map(|held| &held.contract).collect()
    }

    /// The same contracts as the next batch would load them.
    pub(crate) fn reloaded(self) -> Self {
        let held = self.0.into_iter().map(|(key, held)| {
            let contract = held.contract;
            let stored = Stored { version: contract.version, billed: contract.billed.clone() };
            (key, Held { contract, stored: Some(stored) })
        });
        Self(held.collect())
    }
}
