//! `BacklogService`: checks permissions and passes each call to its slice.

use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::Positions;
use backlog_ids::TenantId;
use backlog_proto::reporting::v1 as pb;
use backlog_proto::reporting::v1::backlog_service_server::BacklogService;
use backlog_service_kit::{context, to_status};
use backlog_tenancy::Permission;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{query, response};
use super::queries::backlog;
use crate::reading::{ReadFault, wait};
use crate::rollforward;
use backlog_service_kit::deadline;

/// Serves backlog and its roll-forward.
#[derive(Debug, Clone)]
pub struct BacklogServer {
    database: Database,
    positions: Positions,
    wait_max: Duration,
    rows_max: usize,
}

impl BacklogServer {
    /// Serves these projections. `wait_max` is how long a call waits for positions at most, `rows_max`
    /// how many rows an answer may have.
    #[must_use]
    pub fn new(
        database: Database,
        positions: Positions,
        wait_max: Duration,
        rows_max: usize,
    ) -> Self {
        Self { database, positions, wait_max, rows_max }
    }

    async fn backlog(
        &self,
        tenant: TenantId,
        request: &pb::GetBacklogRequest,
        deadline: Instant,
    ) -> Result<pb::GetBacklogResponse, ReadFault> {
        let query = query(request)?;
        wait(&self.positions, tenant, &query.min_positions, deadline).await?;
        let report = backlog(&self.database, tenant, &query, self.rows_max).await?;
        response(query.as_of, &report)
    }
}

#[tonic::async_trait]
impl BacklogService for BacklogServer {
    async fn get_backlog(
        &self,
        request: Request<pb::GetBacklogRequest>,
    ) -> Result<Response<pb::GetBacklogResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ReportRead)
            .map_err(|denied| to_status(&denied))?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        self.backlog(scope.tenant, request.get_ref(), deadline)
            .await
            .map(Response::new)
            .map_err(|fault| to_status(&fault))
    }

    async fn get_roll_forward(
        &self,
        request: Request<pb::GetRollForwardRequest>,
    ) -> Result<Response<pb::GetRollForwardResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ReportRead)
            .map_err(|denied| to_status(&denied))?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let (database, positions) = (&self.database, &self.positions);
        rollforward::roll_forward(database, positions, scope.tenant, request.get_ref(), deadline)
            .await
            .map(Response::new)
            .map_err(|fault| to_status(&fault))
    }
}
