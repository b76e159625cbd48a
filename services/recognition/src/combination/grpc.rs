//! The door of `CombinationService`.

use std::sync::Arc;
use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::{Positions, Submission, Writers};
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::combination_service_server::CombinationService;
use backlog_service_kit::page::{PageScope, PageTokenInvalid, PageTokens};
use backlog_service_kit::{deadline, tenant_scope, to_status};
use backlog_tenancy::{Permission, TenantScope};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{combine_request, combine_response, proposal, proposals_request};
use super::proposal::proposals;
use super::queries::{Customers, candidates};
use crate::domain::{Command, Recognition};
use crate::run::error::CallFault;

const PROPOSALS: &str = "backlog.recognition.v1.CombinationService/ListCombinationProposals";

/// Serves combinations.
pub struct CombinationServer {
    database: Database,
    writers: Writers<Recognition>,
    positions: Positions,
    pages: PageTokens,
    wait_max: Duration,
}

impl CombinationServer {
    /// Serves these books. `wait_max` is how long a call waits for positions at most.
    #[must_use]
    pub fn new(
        database: Database,
        writers: Writers<Recognition>,
        positions: Positions,
        pages: PageTokens,
        wait_max: Duration,
    ) -> Self {
        Self { database, writers, positions, pages, wait_max }
    }

    async fn combine(
        &self,
        scope: TenantScope,
        request: &pb::CombineContractsRequest,
        deadline: Instant,
    ) -> Result<pb::CombineContractsResponse, CallFault> {
        let asked = combine_request(request)?;
        self.positions.wait_for(scope.tenant, &asked.positions, deadline).await??;
        let submission = Submission {
            tenant: scope.tenant,
            actor: scope.actor.to_string(),
            request: Some(asked.key),
            validate_only: request.validate_only,
            opens_tenant: false,
            command: Command::Combine(Box::new(asked.combine)),
            trace: Arc::default(),
        };
        let answer = self.writers.submit(submission).await?;
        combine_response(&answer).ok_or_else(|| {
            tracing::error!(type_name = answer.type_name, "the answer to a combination is not one");
            CallFault::Internal
        })
    }

    async fn proposals(
        &self,
        scope: TenantScope,
        request: &pb::ListCombinationProposalsRequest,
        deadline: Instant,
    ) -> Result<pb::ListCombinationProposalsResponse, CallFault> {
        let wanted = proposals_request(request)?;
        let filter = format!("{}/{}", wanted.within_days, wanted.customer);
        let page =
            PageScope { owner: scope.tenant.uuid(), rpc: PROPOSALS, filter: filter.as_bytes() };
        let after = match self.pages.open(&page, &request.page_token)? {
            None => String::new(),
            Some(cursor) => String::from_utf8(cursor).map_err(|_| PageTokenInvalid)?,
        };
        self.positions.wait_for(scope.tenant, &wanted.positions, deadline).await??;
        let (only, limit) = (wanted.customer.as_str(), wanted.page_size);
        let customers = Customers { only, after: &after, limit };
        let found = candidates(&self.database, scope.tenant, customers).await?;
        let mut seen: Vec<&str> = found.iter().map(|of| of.customer.as_str()).collect();
        seen.dedup();
        let more = seen.last().filter(|_| seen.len() >= limit);
        let next_page_token = more.map(|last| self.pages.issue(&page, last.as_bytes()));
        let proposed = proposals(found, wanted.within_days);
        Ok(pb::ListCombinationProposalsResponse {
            proposals: proposed.iter().filter_map(|group| proposal(group)).collect(),
            next_page_token: next_page_token.unwrap_or_default(),
        })
    }
}

#[tonic::async_trait]
impl CombinationService for CombinationServer {
    async fn combine_contracts(
        &self,
        request: Request<pb::CombineContractsRequest>,
    ) -> Result<Response<pb::CombineContractsResponse>, Status> {
        let scope = tenant_scope(&request, Permission::ContractCombine)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.combine(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn list_combination_proposals(
        &self,
        request: Request<pb::ListCombinationProposalsRequest>,
    ) -> Result<Response<pb::ListCombinationProposalsResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PlanRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.proposals(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }
}
