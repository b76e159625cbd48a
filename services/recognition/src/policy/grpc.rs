//! The door of `PolicyService`.

use std::sync::Arc;
use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::{Positions, Refused, Submission, Writers};
use backlog_ids::TenantId;
use backlog_proto::convert::Position;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::policy_service_server::PolicyService;
use backlog_service_kit::{deadline, tenant_scope, to_status};
use backlog_tenancy::{Permission, TenantScope};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{
    get_request, get_response, list_request, list_response, set_request, set_response,
};
use super::error::PolicyRefusal;
use super::queries::{KnownPolicies, policies_of};
use crate::domain::{Command, Recognition};
use crate::run::error::CallFault;

/// Serves policies.
pub struct PolicyServer {
    database: Database,
    writers: Writers<Recognition>,
    positions: Positions,
    wait_max: Duration,
}

impl PolicyServer {
    /// Serves these books. `wait_max` is how long a call waits for positions at most.
    #[must_use]
    pub fn new(
        database: Database,
        writers: Writers<Recognition>,
        positions: Positions,
        wait_max: Duration,
    ) -> Self {
        Self { database, writers, positions, wait_max }
    }

    async fn set(
        &self,
        scope: TenantScope,
        request: &pb::SetPolicyRequest,
        deadline: Instant,
    ) -> Result<pb::SetPolicyResponse, CallFault> {
        let asked = set_request(request, &scope.actor)?;
        self.wait(scope.tenant, &asked.positions, deadline).await?;
        let submission = Submission {
            tenant: scope.tenant,
            actor: scope.actor.to_string(),
            request: Some(asked.key),
            validate_only: request.validate_only,
            opens_tenant: false,
            command: Command::Policy(Box::new(asked.set)),
            trace: Arc::default(),
        };
        let answer = self.writers.submit(submission).await?;
        set_response(&answer).ok_or_else(|| {
            tracing::error!(type_name = answer.type_name, "the answer to a policy is not one");
            CallFault::Internal
        })
    }

    async fn known(
        &self,
        tenant: TenantId,
        positions: &[Position],
        deadline: Instant,
    ) -> Result<KnownPolicies, CallFault> {
        self.wait(tenant, positions, deadline).await?;
        let known = policies_of(&self.database, tenant).await?;
        known.ok_or_else(|| Refused::Domain(PolicyRefusal::TenantNotReady.into()).into())
    }

    async fn wait(
        &self,
        tenant: TenantId,
        positions: &[Position],
        deadline: Instant,
    ) -> Result<(), CallFault> {
        self.positions.wait_for(tenant, positions, deadline).await??;
        Ok(())
    }

    async fn get(
        &self,
        scope: TenantScope,
        request: &pb::GetPolicyRequest,
        deadline: Instant,
    ) -> Result<pb::GetPolicyResponse, CallFault> {
        let (on, positions) = get_request(request)?;
        Ok(get_response(&self.known(scope.tenant, &positions, deadline).await?, on))
    }

    async fn list(
        &self,
        scope: TenantScope,
        request: &pb::ListPoliciesRequest,
        deadline: Instant,
    ) -> Result<pb::ListPoliciesResponse, CallFault> {
        let positions = list_request(request)?;
        Ok(list_response(&self.known(scope.tenant, &positions, deadline).await?))
    }
}

#[tonic::async_trait]
impl PolicyService for PolicyServer {
    async fn set_policy(
        &self,
        request: Request<pb::SetPolicyRequest>,
    ) -> Result<Response<pb::SetPolicyResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PolicyManage)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.set(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PolicyRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.get(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PolicyRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.list(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }
}
