//! Contracts of a batch: loaded by id, changed by decisions, written once.

use std::collections::{BTreeMap, BTreeSet};

use backlog_db::{DbError, WriterTx};
use backlog_event_log::Rows;
use backlog_ids::{ContractId, TenantId};
use chrono::NaiveDate;
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
    changed_on: Option<NaiveDate>,
    paid: i128,
    obligations: Vec<Standing>,
}

/// What changes of an obligation: what can be billed of it, what is, and whether it was removed.
type Standing = (i128, i128, bool);

impl Stored {
    fn of(contract: &Contract) -> Self {
        Self {
            version: contract.version,
            changed_on: contract.changed_on,
            paid: contract.paid,
            obligations: standings(contract).collect(),
        }
    }
}

fn standings(contract: &Contract) -> impl Iterator<Item = Standing> {
    let promises = contract.terms.obligations.iter().zip(&contract.billed);
    promises.map(|(promise, billed)| (promise.transaction_price, *billed, promise.removed))
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
                "select c.tenant_id, c.contract_id, c.version, c.state, c.signed_on, \
                   c.changed_on, c.paid, \
                   case when o.ordinal = 0 then c.terms else ''::bytea end as terms, \
                   o.transaction_price, o.billed, o.removed \
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
            let stored = Some(Stored::of(&contract));
            contracts.0.insert((tenant, contract.id), Held { contract, stored });
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
            let Stored { version, changed_on, paid, obligations } = stored;
            let before = (version, changed_on, paid);
            if before != (contract.version, contract.changed_on, contract.paid) {
                rows.push(Table::ContractChanged.index(), rows::contract_row(tenant, &contract));
            }
            if standings(&contract).eq(obligations.iter().copied()) {
                continue;
            }
            let mut before = obligations.into_iter();
            let changed = rows::obligation_rows(tenant, &contract).into_iter();
            for (row, standing) in changed.zip(standings(&contract)) {
                match before.next() {
                    None => rows.push(Table::Obligation.index(), row),
                    Some(before) if before == standing => {}
                    Some(_) => rows.push(Table::ObligationChanged.index(), row),
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
            let stored = Some(Stored::of(&contract));
            (key, Held { contract, stored })
        });
        Self(held.collect())
    }
}
