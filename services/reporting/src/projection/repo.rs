//! Loads what a batch names: one query per table, in two rounds. Rows are found by key, laterally with
//! `offset 0`: on tables that were never analyzed a plain join can become a scan of the whole table.

use std::collections::{BTreeMap, BTreeSet};

use backlog_audit_log::{Hash, Node, NodeId, Tree, root_nodes};
use backlog_db::{DbError, QueryResult, WriterTx};
use backlog_event_log::Work;
use backlog_ids::{AccountId, ContractId, ObligationId, TenantId};
use backlog_money::Currency;
use backlog_proto::common::v1::Log;
use uuid::Uuid;

use super::accounting::{KnownContract, contracts_named};
use super::contracts::contract_named;
use super::state::{Owner, Projection, TreeEdge};

/// Loads the tenants and contracts that a batch names.
pub(crate) async fn load<C: Sync>(
    tx: &WriterTx,
    work: &[Work<'_, C>],
) -> Result<Projection, DbError> {
    let mut tenants = BTreeSet::new();
    let mut contracts = BTreeSet::new();
    for part in work {
        match part {
            Work::Command(tenant, _) => {
                tenants.insert(*tenant);
            }
            Work::Event(tenant, log, entry) => {
                tenants.insert(*tenant);
                let named = match log {
                    Log::Contract => contract_named(entry).into_iter().collect(),
                    Log::Recognition => contracts_named(entry),
                    Log::Unspecified | Log::Reporting => BTreeSet::new(),
                };
                contracts.extend(named.into_iter().map(|contract| (*tenant, contract)));
            }
        }
    }
    if tenants.is_empty() {
        return Ok(Projection::default());
    }
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let mut loaded = Projection { owners: owners(tx, &ids).await?, ..Projection::default() };
    let sizes = tree_sizes(tx, &ids).await?;
    loaded.trees = trees(tx, &sizes).await?;
    (loaded.covered, loaded.recognized_through) = recognition(tx, &ids).await?;
    if !contracts.is_empty() {
        loaded.contracts = known_contracts(tx, &contracts).await?;
    }
    Ok(loaded)
}

async fn owners(tx: &WriterTx, tenants: &[Uuid]) -> Result<BTreeMap<TenantId, Owner>, DbError> {
    let sql = "select tenant_id, account_id, suspended from tenant where tenant_id = any ($1)";
    let rows = tx.query(sql, vec![tenants.to_vec().into()]).await?;
    rows.iter()
        .map(|row| {
            let account = AccountId::from_uuid(row.try_get("", "account_id")?);
            Ok((tenant(row)?, Owner { account, suspended: row.try_get("", "suspended")? }))
        })
        .collect()
}

/// A tree has a leaf for every entry applied.
async fn tree_sizes(
    tx: &WriterTx,
    tenants: &[Uuid],
) -> Result<BTreeMap<(TenantId, i32), u64>, DbError> {
    let sql = "select tenant_id, log, seq from applied_position where tenant_id = any ($1)";
    let rows = tx.query(sql, vec![tenants.to_vec().into()]).await?;
    rows.iter()
        .map(|row| {
            let log: i16 = row.try_get("", "log")?;
            Ok(((tenant(row)?, i32::from(log)), number(row, "seq")?))
        })
        .collect()
}

async fn trees(
    tx: &WriterTx,
    sizes: &BTreeMap<(TenantId, i32), u64>,
) -> Result<BTreeMap<(TenantId, i32), TreeEdge>, DbError> {
    let (mut tenants, mut logs) = (Vec::<Uuid>::new(), Vec::<i16>::new());
    let (mut levels, mut indexes) = (Vec::<i16>::new(), Vec::<i64>::new());
    for ((tenant, log), size) in sizes {
        let mut ids = root_nodes(*size).map_err(|error| DbError::Corrupt(error.to_string()))?;
        let last = size.checked_sub(1).map(|index| NodeId { level: 0, index });
        ids.extend(last.filter(|last| !ids.contains(last)));
        for id in ids {
            tenants.push(tenant.uuid());
            logs.push(i16::try_from(*log).unwrap_or_default());
            levels.push(id.level.into());
            indexes.push(i64::try_from(id.index).unwrap_or(i64::MAX));
        }
    }
    let sql = "select v.tenant_id, v.log, v.level, v.node_index, \
                 coalesce(n.hash, e.leaf_hash) as hash \
               from unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::bigint[]) \
                 as v(tenant_id, log, level, node_index) \
               left join lateral (select x.hash from tree_node x where v.level > 0 \
                 and x.tenant_id = v.tenant_id and x.log = v.log and x.level = v.level \
                 and x.node_index = v.node_index offset 0) n on true \
               left join lateral (select x.leaf_hash from audit_entry x where v.level = 0 \
                 and x.tenant_id = v.tenant_id and x.log = v.log and x.seq = v.node_index + 1 \
                 offset 0) e on true \
               where n.hash is not null or e.leaf_hash is not null";
    let arguments = vec![tenants.into(), logs.into(), levels.into(), indexes.into()];
    let mut nodes: BTreeMap<(TenantId, i32), Vec<Node>> = BTreeMap::new();
    for row in &tx.query(sql, arguments).await? {
        let log: i16 = row.try_get("", "log")?;
        nodes.entry((tenant(row)?, i32::from(log))).or_default().push(node(row)?);
    }
    sizes
        .iter()
        .map(|(key, size)| Ok((*key, edge(*size, nodes.get(key).map_or(&[], Vec::as_slice))?)))
        .collect()
}

fn edge(size: u64, nodes: &[Node]) -> Result<TreeEdge, DbError> {
    let tree = Tree::resume(size, nodes).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let last = size.checked_sub(1);
    let leaf = nodes.iter().find(|node| node.level == 0 && Some(node.index) == last);
    match (leaf, last) {
        (Some(leaf), _) => Ok(TreeEdge { tree, last_leaf: leaf.hash }),
        (None, None) => Ok(TreeEdge { tree, last_leaf: [0; 32] }),
        (None, Some(index)) => Err(DbError::Corrupt(format!("leaf {index} of a tree is missing"))),
    }
}

/// What the last recognition entry covers, and through which day revenue is posted.
async fn recognition(
    tx: &WriterTx,
    tenants: &[Uuid],
) -> Result<(BTreeMap<TenantId, u64>, BTreeMap<TenantId, chrono::NaiveDate>), DbError> {
    let sql = "select t.tenant_id, e.covered_contract_seq, r.through \
               from unnest($1::uuid[]) as t(tenant_id) \
               left join lateral (select a.covered_contract_seq from accounting_entry a \
                 where a.tenant_id = t.tenant_id order by a.seq desc limit 1) e on true \
               left join lateral (select a.through from recognized_through a \
                 where a.tenant_id = t.tenant_id order by a.source_seq desc limit 1) r on true";
    let (mut covered, mut through) = (BTreeMap::new(), BTreeMap::new());
    for row in &tx.query(sql, vec![tenants.to_vec().into()]).await? {
        let tenant = tenant(row)?;
        if let Some(seq) = row.try_get::<Option<i64>>("", "covered_contract_seq")? {
            covered.insert(tenant, u64::try_from(seq).unwrap_or(0));
        }
        if let Some(day) = row.try_get("", "through")? {
            through.insert(tenant, day);
        }
    }
    Ok((covered, through))
}

async fn known_contracts(
    tx: &WriterTx,
    named: &BTreeSet<(TenantId, ContractId)>,
) -> Result<BTreeMap<(TenantId, ContractId), KnownContract>, DbError> {
    let tenants: Vec<Uuid> = named.iter().map(|(tenant, _)| tenant.uuid()).collect();
    let contracts: Vec<Uuid> = named.iter().map(|(_, contract)| contract.uuid()).collect();
    let sql = "select c.tenant_id, c.contract_id, c.currency, c.segment \
               from unnest($1::uuid[], $2::uuid[]) as v(tenant_id, contract_id) \
               cross join lateral (select * from contract x where x.tenant_id = v.tenant_id \
                 and x.contract_id = v.contract_id offset 0) c";
    let mut known = BTreeMap::new();
    for row in &tx.query(sql, vec![tenants.clone().into(), contracts.clone().into()]).await? {
        let currency: String = row.try_get("", "currency")?;
        let currency = Currency::parse(&currency).map_err(|e| DbError::Corrupt(e.to_string()))?;
        let segment = row.try_get("", "segment")?;
        let contract = KnownContract { currency, segment, obligations: BTreeMap::new() };
        known.insert(place(row)?, contract);
    }
    let sql = "select o.tenant_id, o.contract_id, o.obligation_id, o.segment \
               from unnest($1::uuid[], $2::uuid[]) as v(tenant_id, contract_id) \
               cross join lateral (select * from obligation x where x.tenant_id = v.tenant_id \
                 and x.contract_id = v.contract_id offset 0) o";
    for row in &tx.query(sql, vec![tenants.into(), contracts.into()]).await? {
        if let Some(contract) = known.get_mut(&place(row)?) {
            let obligation = ObligationId::from_uuid(row.try_get("", "obligation_id")?);
            contract.obligations.insert(obligation, row.try_get("", "segment")?);
        }
    }
    Ok(known)
}

fn place(row: &QueryResult) -> Result<(TenantId, ContractId), DbError> {
    Ok((tenant(row)?, ContractId::from_uuid(row.try_get("", "contract_id")?)))
}

fn tenant(row: &QueryResult) -> Result<TenantId, DbError> {
    Ok(TenantId::from_uuid(row.try_get("", "tenant_id")?))
}

/// A stored node of a tree, from the columns level, node_index and hash.
pub(crate) fn node(row: &QueryResult) -> Result<Node, DbError> {
    let level: i16 = row.try_get("", "level")?;
    let level = u8::try_from(level).map_err(|_| DbError::Corrupt("level of a node".to_owned()))?;
    Ok(Node { level, index: number(row, "node_index")?, hash: hash(row, "hash")? })
}

/// A column that holds a hash.
pub(crate) fn hash(row: &QueryResult, column: &str) -> Result<Hash, DbError> {
    let bytes: Vec<u8> = row.try_get("", column)?;
    bytes.try_into().map_err(|_| DbError::Corrupt(format!("{column} is not 32 bytes")))
}

/// A column that holds a number which is never negative.
pub(crate) fn number(row: &QueryResult, column: &str) -> Result<u64, DbError> {
    let value: i64 = row.try_get("", column)?;
    u64::try_from(value).map_err(|_| DbError::Corrupt(format!("{column} is negative")))
}
