//! `RecognitionService`: checks permissions and passes each call to its slice.

use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::Positions;
use backlog_proto::recognition::v1::recognition_service_server::RecognitionService;
use backlog_proto::recognition::v1::{
    GetPlanRequest, GetPlanResponse, RunRecognitionRequest, RunRecognitionResponse,
};
use backlog_service_kit::{context, to_status};
use backlog_tenancy::Permission;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::plan::grpc::get_plan;
use crate::run::grpc::run_recognition;
use crate::run::recognize::Runs;
use backlog_service_kit::deadline;

/// The service's own RPCs.
pub struct RecognitionServer {
    database: Database,
    positions: Positions,
    runs: Runs,
    wait_max: Duration,
}

impl RecognitionServer {
    /// Serves these books. `wait_max` is how long a call waits for positions at most.
    #[must_use]
    pub fn new(database: Database, positions: Positions, runs: Runs, wait_max: Duration) -> Self {
        Self { database, positions, runs, wait_max }
    }
}

#[tonic::async_trait]
impl RecognitionService for RecognitionServer {
    async fn run_recognition(
        &self,
        request: Request<RunRecognitionRequest>,
    ) -> Result<Response<RunRecognitionResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::RecognitionRun)
            .map_err(|denied| to_status(&denied))?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        run_recognition(&self.runs, &self.positions, &scope, request.get_ref(), deadline)
            .await
            .map(Response::new)
            .map_err(|fault| to_status(&fault))
    }

    async fn get_plan(
        &self,
        request: Request<GetPlanRequest>,
    ) -> Result<Response<GetPlanResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::PlanRead)
            .map_err(|denied| to_status(&denied))?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        get_plan(&self.database, &self.positions, &scope, request.get_ref(), deadline)
            .await
            .map(Response::new)
            .map_err(|fault| to_status(&fault))
    }
}
