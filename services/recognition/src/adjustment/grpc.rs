//! The door for decisions about adjustments.

use std::sync::Arc;

use backlog_db::Database;
use backlog_event_log::{Positions, Refused, Submission, Writers};
use backlog_proto::common::v1::LogPosition;
use backlog_proto::recognition::v1::{
    ListProposedAdjustmentsRequest, ListProposedAdjustmentsResponse,
};
use backlog_tenancy::TenantScope;
use tokio::time::Instant;

use super::adjustment::Decide;
use super::convert::{Asked, list_request, list_response};
use super::error::AdjustmentRefusal;
use super::queries::{adjustment_of, proposed_adjustments};
use crate::domain::{Command, Recognition, Refusal};
use crate::progress::convert::position;
use crate::run::error::CallFault;

/// What decisions need.
pub struct Adjustments {
    database: Database,
    writers: Writers<Recognition>,
    positions: Positions,
}

impl Adjustments {
    /// Decisions over these writers.
    #[must_use]
    pub fn new(database: Database, writers: Writers<Recognition>, positions: Positions) -> Self {
        Self { database, writers, positions }
    }

    /// Approves or rejects, for a caller that may.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn decide(
        &self,
        scope: TenantScope,
        asked: Asked,
        validate_only: bool,
        deadline: Instant,
    ) -> Result<Option<LogPosition>, CallFault> {
        self.positions.wait_for(scope.tenant, &asked.positions, deadline).await??;
        let known = adjustment_of(&self.database, scope.tenant, asked.id).await?;
        let unknown = Refused::Domain(Refusal::Adjustment(AdjustmentRefusal::Unknown(asked.id)));
        let known = known.ok_or(unknown)?;
        let command = Decide {
            id: asked.id,
            contract: known.contract,
            on: known.on,
            by: scope.actor.to_string(),
            verdict: asked.verdict,
        };
        let submission = Submission {
            tenant: scope.tenant,
            actor: scope.actor.to_string(),
            request: Some(asked.key),
            validate_only,
            opens_tenant: false,
            command: Command::Decide(command),
            trace: Arc::default(),
        };
        let answer = self.writers.submit(submission).await?;
        Ok(position(answer.seq))
    }

    /// Lists what waits, for a caller that may.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn list(
        &self,
        scope: TenantScope,
        request: &ListProposedAdjustmentsRequest,
        deadline: Instant,
    ) -> Result<ListProposedAdjustmentsResponse, CallFault> {
        let (size, after, positions) = list_request(request)?;
        self.positions.wait_for(scope.tenant, &positions, deadline).await??;
        let waiting = proposed_adjustments(&self.database, scope.tenant, after, size).await?;
        Ok(list_response(waiting))
    }
}
