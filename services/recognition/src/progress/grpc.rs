//! The door of `ProgressService`.

use std::sync::Arc;
use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::{Answer, Positions, Submission, Writers};
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_proto::recognition::v1::progress_service_server::ProgressService;
use backlog_proto::recognition::v1::{
    AdjustRevenueRequest, AdjustRevenueResponse, ApproveAdjustmentRequest,
    ApproveAdjustmentResponse, ChangeEstimateRequest, ChangeEstimateResponse, HoldRevenueRequest,
    HoldRevenueResponse, ListProposedAdjustmentsRequest, ListProposedAdjustmentsResponse,
    ReassessContractRequest, ReassessContractResponse, RejectAdjustmentRequest,
    RejectAdjustmentResponse, ReportProgressRequest, ReportProgressResponse,
};
use backlog_service_kit::{deadline, tenant_scope, to_status};
use backlog_tenancy::{Permission, TenantScope};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{Call, asked, position, waiting};
use crate::adjustment::convert::{approve_request, reject_request};
use crate::adjustment::grpc::Adjustments;
use crate::domain::{Command, Recognition};
use crate::run::error::CallFault;

/// Serves progress, estimates and adjustments.
pub struct ProgressServer {
    writers: Writers<Recognition>,
    positions: Positions,
    adjustments: Adjustments,
    wait_max: Duration,
}

impl ProgressServer {
    /// Serves these books. `wait_max` is how long a call waits for positions at most.
    #[must_use]
    pub fn new(
        database: Database,
        writers: Writers<Recognition>,
        positions: Positions,
        wait_max: Duration,
    ) -> Self {
        let adjustments = Adjustments::new(database, writers.clone(), positions.clone());
        Self { writers, positions, adjustments, wait_max }
    }

    async fn record(
        &self,
        scope: TenantScope,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<Answer, CallFault> {
        let asked = asked(call, &scope)?;
        self.positions.wait_for(scope.tenant, &asked.positions, deadline).await??;
        let answer = self
            .writers
            .submit(Submission {
                tenant: scope.tenant,
                actor: scope.actor.to_string(),
                request: Some(asked.key),
                validate_only: call.validate_only,
                opens_tenant: false,
                command: Command::Record(Box::new(asked.record)),
                trace: Arc::default(),
            })
            .await?;
        Ok(answer)
    }
}

#[tonic::async_trait]
impl ProgressService for ProgressServer {
    async fn report_progress(
        &self,
        request: Request<ReportProgressRequest>,
    ) -> Result<Response<ReportProgressResponse>, Status> {
        let scope = tenant_scope(&request, Permission::ProgressReport)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let request = request.get_ref();
        let call = Call {
            method: "ReportProgress",
            request_id: &request.request_id,
            field: "progress",
            fact: request.progress.clone().map(Wire::Progress),
            min_positions: &request.min_positions,
            validate_only: request.validate_only,
        };
        let answer = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        let position = position(answer.seq);
        Ok(Response::new(ReportProgressResponse { position }))
    }

    async fn change_estimate(
        &self,
        request: Request<ChangeEstimateRequest>,
    ) -> Result<Response<ChangeEstimateResponse>, Status> {
        let scope = tenant_scope(&request, Permission::EstimateChange)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let request = request.get_ref();
        let call = Call {
            method: "ChangeEstimate",
            request_id: &request.request_id,
            field: "change",
            fact: request.change.clone().map(Wire::Estimate),
            min_positions: &request.min_positions,
            validate_only: request.validate_only,
        };
        let answer = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        let position = position(answer.seq);
        Ok(Response::new(ChangeEstimateResponse { position }))
    }

    async fn adjust_revenue(
        &self,
        request: Request<AdjustRevenueRequest>,
    ) -> Result<Response<AdjustRevenueResponse>, Status> {
        let scope = tenant_scope(&request, Permission::RevenueAdjust)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let request = request.get_ref();
        let call = Call {
            method: "AdjustRevenue",
            request_id: &request.request_id,
            field: "adjustment",
            fact: request.adjustment.clone().map(Wire::Adjustment),
            min_positions: &request.min_positions,
            validate_only: request.validate_only,
        };
        let answer = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        Ok(Response::new(AdjustRevenueResponse {
            position: position(answer.seq),
            adjustment_id: waiting(&answer),
        }))
    }

    async fn approve_adjustment(
        &self,
        request: Request<ApproveAdjustmentRequest>,
    ) -> Result<Response<ApproveAdjustmentResponse>, Status> {
        let scope = tenant_scope(&request, Permission::AdjustmentApprove)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let asked = approve_request(request.get_ref()).map_err(|f| to_status(&f))?;
        let validate_only = request.get_ref().validate_only;
        let decided = self.adjustments.decide(scope, asked, validate_only, deadline).await;
        let position = decided.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(ApproveAdjustmentResponse { position }))
    }

    async fn reject_adjustment(
        &self,
        request: Request<RejectAdjustmentRequest>,
    ) -> Result<Response<RejectAdjustmentResponse>, Status> {
        let scope = tenant_scope(&request, Permission::AdjustmentApprove)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let asked = reject_request(request.get_ref()).map_err(|f| to_status(&f))?;
        let validate_only = request.get_ref().validate_only;
        let decided = self.adjustments.decide(scope, asked, validate_only, deadline).await;
        let position = decided.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(RejectAdjustmentResponse { position }))
    }

    async fn list_proposed_adjustments(
        &self,
        request: Request<ListProposedAdjustmentsRequest>,
    ) -> Result<Response<ListProposedAdjustmentsResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PeriodRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.adjustments.list(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn hold_revenue(
        &self,
        request: Request<HoldRevenueRequest>,
    ) -> Result<Response<HoldRevenueResponse>, Status> {
        let scope = tenant_scope(&request, Permission::RevenueAdjust)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let request = request.get_ref();
        let call = Call {
            method: "HoldRevenue",
            request_id: &request.request_id,
            field: "hold",
            fact: request.hold.clone().map(Wire::Hold),
            min_positions: &request.min_positions,
            validate_only: request.validate_only,
        };
        let answer = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        Ok(Response::new(HoldRevenueResponse { position: position(answer.seq) }))
    }

    async fn reassess_contract(
        &self,
        request: Request<ReassessContractRequest>,
    ) -> Result<Response<ReassessContractResponse>, Status> {
        let scope = tenant_scope(&request, Permission::EstimateChange)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let request = request.get_ref();
        let call = Call {
            method: "ReassessContract",
            request_id: &request.request_id,
            field: "assessment",
            fact: request.assessment.clone().map(Wire::Assessment),
            min_positions: &request.min_positions,
            validate_only: request.validate_only,
        };
        let answer = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        Ok(Response::new(ReassessContractResponse { position: position(answer.seq) }))
    }
}
