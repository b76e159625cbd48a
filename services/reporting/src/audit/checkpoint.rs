//! Checkpoints: a new one only when logs have grown, and only if the trees extend the last one.

use backlog_audit_log::{Hash, Node, NodeId, TreeHead, root_from, root_nodes};
use backlog_db::Database;
use backlog_event_log::log_token;
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use chrono::{DateTime, Utc};

use super::error::AuditFault;
use super::queries::{self, Checkpoint, LOGS, Sizes, State};
use super::signer::CheckpointSigner;

/// The newest checkpoint if it covers all that is applied, else a new one.
pub(crate) async fn current(
    database: &Database,
    tenant: TenantId,
    signer: &CheckpointSigner,
    now: DateTime<Utc>,
) -> Result<Checkpoint, AuditFault> {
    let State { sizes, newest } = queries::state(database, tenant).await?;
    let mut ids = root_ids(sizes)?;
    if let Some(last) = newest {
        if last.sizes == sizes {
            return Ok(last);
        }
        if last.sizes.iter().zip(sizes).any(|(before, now)| *before > now) {
            return Err(AuditFault::Rebuilding);
        }
        ids.extend(root_ids(last.sizes)?);
        let nodes = queries::nodes(database, tenant, &ids).await?;
        check(database, tenant, &last, &nodes).await?;
        return sign(database, tenant, signer, sizes, &nodes, now).await;
    }
    let nodes = queries::nodes(database, tenant, &ids).await?;
    sign(database, tenant, signer, sizes, &nodes, now).await
}

async fn sign(
    database: &Database,
    tenant: TenantId,
    signer: &CheckpointSigner,
    sizes: Sizes,
    nodes: &[(Log, Node)],
    now: DateTime<Utc>,
) -> Result<Checkpoint, AuditFault> {
    let roots = roots(sizes, nodes)?;
    let heads = LOGS.iter().zip(sizes).zip(roots).map(|((log, size), root)| TreeHead {
        log: log_token(*log).to_owned(),
        size,
        root,
    });
    let note = signer.sign(tenant, heads.collect(), now).map_err(AuditFault::Internal)?;
    let mut checkpoint = Checkpoint { sizes, roots, note };
    checkpoint.note = queries::store(database, tenant, &checkpoint, now).await?;
    Ok(checkpoint)
}

/// Checks that the trees as stored reproduce every checkpoint of a tenant; answers how many there are.
///
/// # Errors
/// [`AuditFault::Diverged`] for the first that is not reproduced; the tenant then stands.
pub async fn verify_checkpoints(
    database: &Database,
    tenant: TenantId,
) -> Result<usize, AuditFault> {
    let checkpoints = queries::checkpoints(database, tenant).await?;
    for checkpoint in &checkpoints {
        let nodes = queries::nodes(database, tenant, &root_ids(checkpoint.sizes)?).await?;
        check(database, tenant, checkpoint, &nodes).await?;
    }
    Ok(checkpoints.len())
}

/// Checks one checkpoint against the trees, and stops the tenant when they differ. A tree that lost
/// nodes differs too.
async fn check(
    database: &Database,
    tenant: TenantId,
    checkpoint: &Checkpoint,
    nodes: &[(Log, Node)],
) -> Result<(), AuditFault> {
    for ((log, size), signed) in LOGS.into_iter().zip(checkpoint.sizes).zip(checkpoint.roots) {
        if root(log, size, nodes).ok() != Some(signed) {
            queries::stop_diverged(database, tenant, log, size).await?;
            return Err(AuditFault::Diverged { log: log_token(log), size });
        }
    }
    Ok(())
}

fn root_ids(sizes: Sizes) -> Result<Vec<(Log, NodeId)>, AuditFault> {
    let mut ids = Vec::new();
    for (log, size) in LOGS.into_iter().zip(sizes) {
        ids.extend(root_nodes(size)?.into_iter().map(|id| (log, id)));
    }
    Ok(ids)
}

fn roots(sizes: Sizes, nodes: &[(Log, Node)]) -> Result<[Hash; 3], AuditFault> {
    let [contract, recognition, reporting] = sizes;
    Ok([
        root(Log::Contract, contract, nodes)?,
        root(Log::Recognition, recognition, nodes)?,
        root(Log::Reporting, reporting, nodes)?,
    ])
}

/// The root of a log's tree at a size, from nodes of several trees.
pub(crate) fn root(log: Log, size: u64, nodes: &[(Log, Node)]) -> Result<Hash, AuditFault> {
    let own: Vec<Node> = nodes.iter().filter(|(of, _)| *of == log).map(|(_, node)| *node).collect();
    Ok(root_from(size, &own)?)
}
