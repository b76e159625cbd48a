//! `AuditService`: checks permissions and passes each call on.

use std::time::Duration;

use backlog_audit_log::{Node, ProofPlan, consistency_nodes, inclusion_nodes, root_nodes};
use backlog_db::Database;
use backlog_event_log::Positions;
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::reporting::v1 as pb;
use backlog_proto::reporting::v1::audit_service_server::AuditService;
use backlog_service_kit::page::{PageScope, PageTokenInvalid, PageTokens};
use backlog_service_kit::{Clock, context, to_status};
use backlog_tenancy::Permission;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::checkpoint::{current, root};
use super::convert::{
    EntriesQuery, checkpoint, checkpoint_query, consistency_query, entries_query, entry,
    inclusion_query,
};
use super::error::AuditFault;
use super::queries::{self, Checkpoint, LOGS};
use super::signer::CheckpointSigner;
use crate::reading::wait;
use backlog_service_kit::deadline;

const LIST_ENTRIES: &str = "backlog.reporting.v1.AuditService/ListEntries";

/// Serves the audit trail.
#[derive(Clone)]
pub struct AuditServer {
    database: Database,
    positions: Positions,
    signer: CheckpointSigner,
    tokens: PageTokens,
    clock: Clock,
    wait_max: Duration,
}

impl AuditServer {
    /// Serves this trail. `wait_max` is how long a call waits for positions at most.
    #[must_use]
    pub fn new(
        database: Database,
        positions: Positions,
        signer: CheckpointSigner,
        tokens: PageTokens,
        clock: Clock,
        wait_max: Duration,
    ) -> Self {
        Self { database, positions, signer, tokens, clock, wait_max }
    }

    async fn list(
        &self,
        tenant: TenantId,
        request: &pb::ListEntriesRequest,
        deadline: Instant,
    ) -> Result<pb::ListEntriesResponse, AuditFault> {
        let query = entries_query(request)?;
        let filter = filter(&query);
        let scope = PageScope { owner: tenant.uuid(), rpc: LIST_ENTRIES, filter: &filter };
        let after = match self.tokens.open(&scope, &request.page_token)? {
            None => 0,
            Some(cursor) => u64::from_be_bytes(cursor.try_into().map_err(|_| PageTokenInvalid)?),
        };
        wait(&self.positions, tenant, &query.min_positions, deadline).await?;
        let limit = query.page_size.saturating_add(1);
        let (included, mut entries) =
            queries::entries(&self.database, tenant, query.log, after, limit, &query.aggregate)
                .await?;
        let more = entries.len() > query.page_size;
        entries.truncate(query.page_size);
        let last = entries.last().filter(|_| more).map(|last| last.seq.to_be_bytes());
        Ok(pb::ListEntriesResponse {
            entries: entries.iter().map(entry).collect(),
            next_page_token: last.map_or_else(String::new, |seq| self.tokens.issue(&scope, &seq)),
            watermark: Some(included.into()),
        })
    }

    async fn checkpoint(
        &self,
        tenant: TenantId,
        request: &pb::GetCheckpointRequest,
        deadline: Instant,
    ) -> Result<pb::GetCheckpointResponse, AuditFault> {
        let wanted = checkpoint_query(request)?;
        wait(&self.positions, tenant, &wanted, deadline).await?;
        let current = self.current(tenant).await?;
        Ok(pb::GetCheckpointResponse { checkpoint: Some(checkpoint(&current)) })
    }

    async fn current(&self, tenant: TenantId) -> Result<Checkpoint, AuditFault> {
        current(&self.database, tenant, &self.signer, self.clock.now()).await
    }

    async fn inclusion(
        &self,
        tenant: TenantId,
        request: &pb::GetInclusionProofRequest,
    ) -> Result<pb::GetInclusionProofResponse, AuditFault> {
        let query = inclusion_query(request)?;
        let (size, signed) = self.tree(tenant, query.log, query.tree_size, query.seq).await?;
        let before = query.seq.saturating_sub(1);
        let (_, entries) =
            queries::entries(&self.database, tenant, query.log, before, 1, "").await?;
        let found = entries.first().filter(|found| found.seq == query.seq && query.seq <= size);
        let found = found.ok_or_else(|| not_found(size, format!("entry {}", query.seq)))?;
        let plan = inclusion_nodes(before, size)?;
        let nodes = self.nodes(tenant, query.log, &plan).await?;
        Ok(pb::GetInclusionProofResponse {
            entry: Some(entry(found)),
            tree_size: size,
            hashes: hashes(&plan, &nodes)?,
            checkpoint: signed.as_ref().map(checkpoint),
        })
    }

    async fn consistency(
        &self,
        tenant: TenantId,
        request: &pb::GetConsistencyProofRequest,
    ) -> Result<pb::GetConsistencyProofResponse, AuditFault> {
        let query = consistency_query(request)?;
        let first = query.first_size;
        let (second, _) = self.tree(tenant, query.log, query.second_size, first).await?;
        if first > second {
            return Err(not_found(second, format!("tree of {first} entries")));
        }
        let plan = consistency_nodes(first, second)?;
        let ids = [plan.ids(), root_nodes(first)?, root_nodes(second)?].concat();
        let ids: Vec<_> = ids.into_iter().map(|id| (query.log, id)).collect();
        let nodes = queries::nodes(&self.database, tenant, &ids).await?;
        let first_root_hash = root(query.log, first, &nodes)?.to_vec();
        let second_root_hash = root(query.log, second, &nodes)?.to_vec();
        let nodes: Vec<Node> = nodes.into_iter().map(|(_, node)| node).collect();
        Ok(pb::GetConsistencyProofResponse {
            first_size: first,
            second_size: second,
            first_root_hash,
            second_root_hash,
            hashes: hashes(&plan, &nodes)?,
        })
    }

    /// The tree to prove against: of the size asked for, else of the newest checkpoint, a new one
    /// where that does not reach `least` entries; and the checkpoint that signs it, if any does.
    async fn tree(
        &self,
        tenant: TenantId,
        log: Log,
        asked: Option<u64>,
        least: u64,
    ) -> Result<(u64, Option<Checkpoint>), AuditFault> {
        let state = queries::state(&self.database, tenant).await?;
        if let Some(size) = asked {
            let has = size_of(log, &state.sizes);
            if size > has {
                return Err(not_found(has, format!("tree of {size} entries")));
            }
            let signed = queries::checkpoint_at(&self.database, tenant, log, size).await?;
            return Ok((size, signed));
        }
        let newest = state.newest.filter(|newest| size_of(log, &newest.sizes) >= least);
        let signed = match newest {
            Some(newest) => newest,
            None => self.current(tenant).await?,
        };
        Ok((size_of(log, &signed.sizes), Some(signed)))
    }

    async fn nodes(
        &self,
        tenant: TenantId,
        log: Log,
        plan: &ProofPlan,
    ) -> Result<Vec<Node>, AuditFault> {
        let ids: Vec<_> = plan.ids().into_iter().map(|id| (log, id)).collect();
        let nodes = queries::nodes(&self.database, tenant, &ids).await?;
        Ok(nodes.into_iter().map(|(_, node)| node).collect())
    }
}

fn hashes(plan: &ProofPlan, nodes: &[Node]) -> Result<Vec<Vec<u8>>, AuditFault> {
    Ok(plan.hashes(nodes)?.into_iter().map(|hash| hash.to_vec()).collect())
}

fn not_found(has: u64, wanted: String) -> AuditFault {
    AuditFault::NotFound { has, wanted }
}

fn size_of(log: Log, sizes: &[u64; 3]) -> u64 {
    LOGS.iter().zip(sizes).find(|(of, _)| **of == log).map_or(0, |(_, size)| *size)
}

/// Everything that decides which entries are listed.
fn filter(query: &EntriesQuery) -> Vec<u8> {
    format!("{}/{}", query.log.as_str_name(), query.aggregate).into_bytes()
}

#[tonic::async_trait]
impl AuditService for AuditServer {
    async fn list_entries(
        &self,
        request: Request<pb::ListEntriesRequest>,
    ) -> Result<Response<pb::ListEntriesResponse>, Status> {
        let tenant = tenant(&request)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        rendered(self.list(tenant, request.get_ref(), deadline).await)
    }

    async fn get_checkpoint(
        &self,
        request: Request<pb::GetCheckpointRequest>,
    ) -> Result<Response<pb::GetCheckpointResponse>, Status> {
        let tenant = tenant(&request)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        rendered(self.checkpoint(tenant, request.get_ref(), deadline).await)
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<pb::GetInclusionProofRequest>,
    ) -> Result<Response<pb::GetInclusionProofResponse>, Status> {
        let tenant = tenant(&request)?;
        rendered(self.inclusion(tenant, request.get_ref()).await)
    }

    async fn get_consistency_proof(
        &self,
        request: Request<pb::GetConsistencyProofRequest>,
    ) -> Result<Response<pb::GetConsistencyProofResponse>, Status> {
        let tenant = tenant(&request)?;
        rendered(self.consistency(tenant, request.get_ref()).await)
    }
}

fn tenant<T>(request: &Request<T>) -> Result<TenantId, Status> {
    let scope = context(request)?.tenant_scope(Permission::AuditRead);
    Ok(scope.map_err(|denied| to_status(&denied))?.tenant)
}

fn rendered<T>(outcome: Result<T, AuditFault>) -> Result<Response<T>, Status> {
    outcome.map(Response::new).map_err(|fault| to_status(&fault))
}
