//! `ProcessingService`: how far a service is with a tenant, why it stands, and going on.

use std::sync::Arc;

use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::Fields;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_proto::convert::Position;
use backlog_proto::log::v1::processing_service_server::ProcessingService;
use backlog_proto::log::v1::{
    GetProcessingRequest, GetProcessingResponse, ResumeProcessingRequest, ResumeProcessingResponse,
    Stop,
};
use backlog_service_kit::{Fault, InvalidFields, Kind, context, to_status};
use backlog_tenancy::Permission;
use tonic::{Request, Response, Status};

use crate::consumer::Intake;
use crate::domain::Domain;
use crate::positions::Positions;

/// Serves the state of processing.
pub struct ProcessingServer<D: Domain> {
    database: Database,
    positions: Positions,
    intake: Option<Arc<Intake<D>>>,
    /// A statement with the tenant as its argument that answers one `digest`.
    digest_sql: &'static str,
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("the database cannot answer now; try again")]
struct ProcessingFault(#[from] DbError);

impl Fault for ProcessingFault {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::Unavailable
    }
}

impl<D: Domain> ProcessingServer<D> {
    /// Serves the state of this service. `digest_sql` takes the tenant and answers `digest`.
    #[must_use]
    pub fn new(
        database: Database,
        positions: Positions,
        intake: Option<Arc<Intake<D>>>,
        digest_sql: &'static str,
    ) -> Self {
        Self { database, positions, intake, digest_sql }
    }

    async fn state(
        &self,
        tenant: TenantId,
        with_digest: bool,
    ) -> Result<GetProcessingResponse, ProcessingFault> {
        let (own, applied): (Vec<Position>, Vec<Position>) =
            self.positions.of(tenant).await?.into_iter().partition(|place| place.log == D::LOG);
        let digest = if with_digest { self.digest(tenant).await? } else { Vec::new() };
        Ok(GetProcessingResponse {
            head: own.into_iter().next().map(Into::into),
            applied: applied.into_iter().map(Into::into).collect(),
            stop: self.stop(tenant).await?,
            digest,
        })
    }

    async fn digest(&self, tenant: TenantId) -> Result<Vec<u8>, DbError> {
        let rows = self.database.read(self.digest_sql, vec![tenant.uuid().into()]).await?;
        let row = rows.first().ok_or_else(|| DbError::Corrupt("no digest".to_owned()))?;
        Ok(row.try_get("", "digest")?)
    }

    async fn stop(&self, tenant: TenantId) -> Result<Option<Stop>, DbError> {
        let rows = self
            .database
            .read(
                "select log, seq, reason, detail from processing_stop where tenant_id = $1",
                vec![tenant.uuid().into()],
            )
            .await?;
        rows.first().map(stop_row).transpose()
    }

    async fn lift(&self, tenant: TenantId) -> Result<Option<Stop>, DbError> {
        let rows = self
            .database
            .write_positions(
                "delete from processing_stop where tenant_id = $1 \
                 returning log, seq, reason, detail",
                vec![tenant.uuid().into()],
            )
            .await?;
        rows.first().map(stop_row).transpose()
    }
}

fn stop_row(row: &backlog_db::QueryResult) -> Result<Stop, DbError> {
    let log: i16 = row.try_get("", "log")?;
    let seq: i64 = row.try_get("", "seq")?;
    Ok(Stop {
        log: Log::try_from(i32::from(log)).unwrap_or(Log::Unspecified).into(),
        seq: u64::try_from(seq).unwrap_or(0),
        reason: row.try_get("", "reason")?,
        detail: row.try_get("", "detail")?,
    })
}

#[tonic::async_trait]
impl<D: Domain> ProcessingService for ProcessingServer<D> {
    async fn get_processing(
        &self,
        request: Request<GetProcessingRequest>,
    ) -> Result<Response<GetProcessingResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ProcessingRead)
            .map_err(|denied| to_status(&denied))?;
        let with_digest = request.into_inner().with_digest;
        self.state(scope.tenant, with_digest)
            .await
            .map(Response::new)
            .map_err(|fault| to_status(&fault))
    }

    async fn resume_processing(
        &self,
        request: Request<ResumeProcessingRequest>,
    ) -> Result<Response<ResumeProcessingResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ProcessingResume)
            .map_err(|denied| to_status(&denied))?;
        let mut fields = Fields::new();
        fields.request_id("request_id", &request.get_ref().request_id);
        fields.finish().map_err(|violations| to_status(&InvalidFields(violations)))?;
        let lifted = self
            .lift(scope.tenant)
            .await
            .map_err(|error| to_status(&ProcessingFault::from(error)))?;
        if let Some(intake) = &self.intake {
            let intake = Arc::clone(intake);
            // Goes on whether or not the caller waits.
            tokio::spawn(async move { intake.resume(scope.tenant).await });
        }
        Ok(Response::new(ResumeProcessingResponse { lifted }))
    }
}
