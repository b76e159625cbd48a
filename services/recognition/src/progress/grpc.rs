//! The door of `ProgressService`.

use std::sync::Arc;
use std::time::Duration;

use backlog_event_log::{Positions, Submission, Writers};
use backlog_proto::common::v1::LogPosition;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_proto::recognition::v1::progress_service_server::ProgressService;
use backlog_proto::recognition::v1::{
    AdjustRevenueRequest, AdjustRevenueResponse, ChangeEstimateRequest, ChangeEstimateResponse,
    HoldRevenueRequest, HoldRevenueResponse, ReportProgressRequest, ReportProgressResponse,
};
use backlog_service_kit::{context, deadline, to_status};
use backlog_tenancy::{Permission, TenantScope};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{Call, asked, position};
use crate::domain::{Command, Recognition};
use crate::run::error::CallFault;

/// Serves progress, estimates and adjustments.
pub struct ProgressServer {
    writers: Writers<Recognition>,
    positions: Positions,
    wait_max: Duration,
}

impl ProgressServer {
    /// Serves these books. `wait_max` is how long a call waits for positions at most.
    #[must_use]
    pub fn new(writers: Writers<Recognition>, positions: Positions, wait_max: Duration) -> Self {
        Self { writers, positions, wait_max }
    }

    async fn record(
        &self,
        scope: TenantScope,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<Option<LogPosition>, CallFault> {
        let asked = asked(call)?;
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
        Ok(position(answer.seq))
    }
}

fn scope<T>(request: &Request<T>, permission: Permission) -> Result<TenantScope, Status> {
    context(request)?.tenant_scope(permission).map_err(|denied| to_status(&denied))
}

#[tonic::async_trait]
impl ProgressService for ProgressServer {
    async fn report_progress(
        &self,
        request: Request<ReportProgressRequest>,
    ) -> Result<Response<ReportProgressResponse>, Status> {
        let scope = scope(&request, Permission::ProgressReport)?;
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
        let position = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        Ok(Response::new(ReportProgressResponse { position }))
    }

    async fn change_estimate(
        &self,
        request: Request<ChangeEstimateRequest>,
    ) -> Result<Response<ChangeEstimateResponse>, Status> {
        let scope = scope(&request, Permission::EstimateChange)?;
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
        let position = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        Ok(Response::new(ChangeEstimateResponse { position }))
    }

    async fn adjust_revenue(
        &self,
        request: Request<AdjustRevenueRequest>,
    ) -> Result<Response<AdjustRevenueResponse>, Status> {
        let scope = scope(&request, Permission::RevenueAdjust)?;
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
        let position = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        Ok(Response::new(AdjustRevenueResponse { position }))
    }

    async fn hold_revenue(
        &self,
        request: Request<HoldRevenueRequest>,
    ) -> Result<Response<HoldRevenueResponse>, Status> {
        let scope = scope(&request, Permission::RevenueAdjust)?;
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
        let position = self.record(scope, &call, deadline).await.map_err(|f| to_status(&f))?;
        Ok(Response::new(HoldRevenueResponse { position }))
    }
}
