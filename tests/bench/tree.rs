//! The audit tree of what was signed, computed and stored beside the load: for B8.
//!
//! It does what reporting does for the tree alone, in batches of entries of many tenants: it reads
//! the right edge of each tree, appends the leaves, and stores the new nodes in one statement.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use backlog_audit_log::{
    Hash, Node, NodeId, Tree, inclusion_nodes, leaf_hash, root_nodes, verify_inclusion,
};
use backlog_db::{Conflict, Database, DatabaseSettings, FlushPlan, QueryResult, TableSpec};
use uuid::Uuid;

use crate::system::System;

/// Tenants in one transaction, with all entries that their trees lack.
const TENANTS_AT_ONCE: usize = 50;

/// The log of the contract service, as tables number it.
const CONTRACT_LOG: i16 = 1;

const TREE_NODE: TableSpec = TableSpec {
    name: "tree_node",
    columns: &[
        ("tenant_id", "uuid"),
        ("log", "smallint"),
        ("level", "smallint"),
        ("node_index", "bigint"),
        ("hash", "bytea"),
    ],
    conflict: Conflict::Refuse,
};

/// Entries that are in no tree yet, in order; the numbers say how many of each tenant are.
const NEW_ENTRIES: &str = "select e.tenant_id, e.entry from unnest($1::uuid[], $2::bigint[]) \
     as v(tenant_id, size) join contract.log_entry e on e.tenant_id = v.tenant_id and e.seq > v.size \
     order by e.tenant_id, e.seq";

/// Entries that are leaves by name; reporting has their hashes in its audit trail.
const LEAVES: &str = "select v.tenant_id, 0::smallint as level, v.node_index, e.entry \
     from unnest($1::uuid[], $2::smallint[], $3::bigint[]) as v(tenant_id, level, node_index) \
     join contract.log_entry e on e.tenant_id = v.tenant_id and e.seq = v.node_index + 1 \
     where v.level = 0";

const NODES: &str = "select n.tenant_id, n.level, n.node_index, n.hash \
     from unnest($1::uuid[], $2::smallint[], $3::bigint[]) as v(tenant_id, level, node_index) \
     join tree_node n on n.tenant_id = v.tenant_id and n.log = 1 and n.level = v.level \
     and n.node_index = v.node_index";

/// The trees of a share of the tenants.
struct Share {
    reader: Database,
    database: Database,
    plan: FlushPlan,
    sizes: BTreeMap<Uuid, u64>,
}

/// The trees of all tenants of a system.
pub(crate) struct Trees {
    shares: Vec<Share>,
}

impl Trees {
    /// Trees without leaves: one share of the tenants a core, as reporting's writers have.
    pub(crate) async fn new(system: &System, tenants: Vec<Uuid>) -> anyhow::Result<Self> {
        let connect = async |url: &str| {
            let settings = DatabaseSettings::new(url.to_owned().into(), "backlog-bench");
            Database::connect(&settings).await
        };
        let mut shares = Vec::new();
        let cores = std::thread::available_parallelism()?.get();
        for part in tenants.chunks(tenants.len().div_ceil(cores).max(1)) {
            shares.push(Share {
                reader: connect(&system.urls.superuser_url).await?,
                database: connect(&system.urls.reporting.runtime_url).await?,
                plan: FlushPlan::new(vec![TREE_NODE]),
                sizes: part.iter().map(|tenant| (*tenant, 0)).collect(),
            });
        }
        Ok(Self { shares })
    }

    /// Brings all trees up to date; answers how many leaves were added.
    pub(crate) async fn catch_up(&mut self) -> anyhow::Result<u64> {
        let mut tasks = Vec::new();
        for mut share in self.shares.drain(..) {
            tasks.push(tokio::spawn(async move {
                let added = share.catch_up().await?;
                anyhow::Ok((share, added))
            }));
        }
        let mut leaves = 0;
        for task in tasks {
            let (share, added) = task.await??;
            self.shares.push(share);
            leaves += added;
        }
        Ok(leaves)
    }

    /// Proves the first and the last entry of each tenant from the stored nodes.
    ///
    /// # Errors
    /// When a proof does not hold, or a tree is not of the size of its log.
    pub(crate) async fn verify(&self) -> anyhow::Result<()> {
        for share in &self.shares {
            for (tenant, size) in &share.sizes {
                share.verify(*tenant, *size).await.with_context(|| format!("tree of {tenant}"))?;
            }
        }
        Ok(())
    }
}

impl Share {
    async fn catch_up(&mut self) -> anyhow::Result<u64> {
        let mut added = 0;
        let all: Vec<(Uuid, u64)> = self.sizes.iter().map(|(t, size)| (*t, *size)).collect();
        for part in all.chunks(TENANTS_AT_ONCE) {
            let tenants: Vec<Uuid> = part.iter().map(|(tenant, _)| *tenant).collect();
            let sizes = part.iter().map(|(_, size)| i64::try_from(*size));
            let sizes: Vec<i64> = sizes.collect::<Result<_, _>>()?;
            let rows = self.reader.read(NEW_ENTRIES, vec![tenants.into(), sizes.into()]).await?;
            let mut entries: BTreeMap<Uuid, Vec<Arc<[u8]>>> = BTreeMap::new();
            for row in &rows {
                let entry: Vec<u8> = row.try_get("", "entry")?;
                entries.entry(row.try_get("", "tenant_id")?).or_default().push(entry.into());
            }
            if !entries.is_empty() {
                self.append(entries).await?;
            }
            added += u64::try_from(rows.len())?;
        }
        Ok(added)
    }

    /// Appends entries to their trees in one transaction.
    async fn append(&mut self, entries: BTreeMap<Uuid, Vec<Arc<[u8]>>>) -> anyhow::Result<()> {
        let tenants: Vec<String> = entries.keys().map(Uuid::to_string).collect();
        let transaction = self.database.begin().await?;
        let set = "select set_config('app.tenant_id', $1, true)";
        transaction.execute(set, vec![tenants.join(",").into()]).await?;
        let mut named = Vec::new();
        for tenant in entries.keys() {
            let size = self.sizes.get(tenant).copied().unwrap_or_default();
            named.extend(root_nodes(size)?.into_iter().map(|node| (*tenant, node)));
        }
        let stored = transaction.query(NODES, arguments(&named)?).await?;
        let leaves = self.reader.read(LEAVES, arguments(&named)?).await?;
        let mut edges: BTreeMap<Uuid, Vec<Node>> = BTreeMap::new();
        for row in &stored {
            edges.entry(row.try_get("", "tenant_id")?).or_default().push(node(row)?);
        }
        for row in &leaves {
            edges.entry(row.try_get("", "tenant_id")?).or_default().push(leaf(row)?);
        }
        let mut flush = self.plan.batch();
        for (tenant, entries) in entries {
            let size = self.sizes.entry(tenant).or_default();
            let edge = edges.get(&tenant).map_or(&[][..], Vec::as_slice);
            let mut tree = Tree::resume(*size, edge)?;
            let complete = entries.iter().flat_map(|entry| tree.append(leaf_hash(entry)));
            // The leaves stand in the audit trail.
            for node in complete.filter(|node| node.level > 0) {
                let row = vec![
                    tenant.into(),
                    CONTRACT_LOG.into(),
                    i16::from(node.level).into(),
                    i64::try_from(node.index)?.into(),
                    node.hash.to_vec().into(),
                ];
                flush.push(0, row);
            }
            *size = tree.size();
        }
        transaction.execute(self.plan.sql(), self.plan.arguments(flush)).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn verify(&self, tenant: Uuid, size: u64) -> anyhow::Result<()> {
        let head = "select h.seq, f.entry as first, l.entry as last from contract.log_head h \
                    left join contract.log_entry f on f.tenant_id = h.tenant_id and f.seq = 1 \
                    left join contract.log_entry l on l.tenant_id = h.tenant_id and l.seq = h.seq \
                    where h.tenant_id = $1";
        let rows = self.reader.read(head, vec![tenant.into()]).await?;
        let row = rows.first().context("no head")?;
        let seq: i64 = row.try_get("", "seq")?;
        anyhow::ensure!(u64::try_from(seq)? == size, "{size} leaves of {seq} entries");
        let root_ids = root_nodes(size)?;
        let root = backlog_audit_log::root_from(size, &self.nodes(tenant, &root_ids).await?)?;
        for (index, column) in [(0, "first"), (size - 1, "last")] {
            let entry: Vec<u8> = row.try_get("", column)?;
            let plan = inclusion_nodes(index, size)?;
            let proof = plan.hashes(&self.nodes(tenant, &plan.ids()).await?)?;
            verify_inclusion(&leaf_hash(&entry), index, size, &proof, &root)?;
        }
        Ok(())
    }

    /// Stored nodes, read as the superuser so that no transaction is needed.
    async fn nodes(&self, tenant: Uuid, ids: &[NodeId]) -> anyhow::Result<Vec<Node>> {
        let named: Vec<(Uuid, NodeId)> = ids.iter().map(|id| (tenant, *id)).collect();
        let sql = "select n.level, n.node_index, n.hash \
                   from unnest($1::uuid[], $2::smallint[], $3::bigint[]) as v(t, l, i) \
                   join reporting.tree_node n on n.tenant_id = v.t and n.log = 1 and n.level = v.l \
                   and n.node_index = v.i";
        let nodes = self.reader.read(sql, arguments(&named)?).await?;
        let leaves = self.reader.read(LEAVES, arguments(&named)?).await?;
        nodes.iter().map(node).chain(leaves.iter().map(leaf)).collect()
    }
}

fn arguments(named: &[(Uuid, NodeId)]) -> anyhow::Result<Vec<backlog_db::Value>> {
    let tenants: Vec<Uuid> = named.iter().map(|(tenant, _)| *tenant).collect();
    let levels: Vec<i16> = named.iter().map(|(_, node)| i16::from(node.level)).collect();
    let indexes = named.iter().map(|(_, node)| i64::try_from(node.index));
    let indexes: Vec<i64> = indexes.collect::<Result<_, _>>()?;
    Ok(vec![tenants.into(), levels.into(), indexes.into()])
}

fn node(row: &QueryResult) -> anyhow::Result<Node> {
    let hash: Vec<u8> = row.try_get("", "hash")?;
    named_node(row, hash.as_slice().try_into().context("a hash of 32 bytes")?)
}

fn leaf(row: &QueryResult) -> anyhow::Result<Node> {
    let entry: Vec<u8> = row.try_get("", "entry")?;
    named_node(row, leaf_hash(&entry))
}

fn named_node(row: &QueryResult, hash: Hash) -> anyhow::Result<Node> {
    let (level, index): (i16, i64) = (row.try_get("", "level")?, row.try_get("", "node_index")?);
    Ok(Node { level: u8::try_from(level)?, index: u64::try_from(index)?, hash })
}
