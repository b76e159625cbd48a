//! The door of `PeriodService`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::{
    Answer, Positions, ReadError, Reader, Refused, RequestKey, Submission, Writers,
};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::convert::Position;
use backlog_proto::recognition::v1::period_service_server::PeriodService;
use backlog_proto::recognition::v1::{
    AccountingPosted, ClosePeriodRequest, ClosePeriodResponse, GetCloseChecklistRequest,
    GetCloseChecklistResponse, GetPeriodRequest, GetPeriodResponse, ListPeriodsRequest,
    ListPeriodsResponse, ReopenPeriodRequest, ReopenPeriodResponse,
};
use backlog_recognition_engine::Period;
use backlog_service_kit::{deadline, tenant_scope, to_status};
use backlog_tenancy::{Permission, TenantScope};
use prost::Message;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{
    asked, checklist_response, close_request, close_response, list_request, list_response,
    period_response, reopen_request, reopen_response,
};
use super::error::PeriodRefusal;
use super::period::{ClosePeriod, PeriodCommand, named};
use super::queries::{KnownPeriods, applied, periods_of};
use crate::domain::{Command, Recognition, Refusal};
use crate::journal::balance::unbalanced;
use crate::run::error::{CallFault, RunRefusal};
use crate::run::{RecognizeChunk, queries, run_id};

/// Entries that a close looks ahead for in the contract log.
const AHEAD_MAX: u64 = 1000;

/// Contracts that a trial of a run takes at a time.
const TRIAL: u64 = 100;

/// Serves periods.
pub struct PeriodServer {
    database: Database,
    writers: Writers<Recognition>,
    positions: Positions,
    contract: Reader,
    wait_max: Duration,
}

impl PeriodServer {
    /// Serves these books. `contract` reads the contract log from its owner; `wait_max` is how long a
    /// call waits for positions at most.
    #[must_use]
    pub fn new(
        database: Database,
        writers: Writers<Recognition>,
        positions: Positions,
        contract: Reader,
        wait_max: Duration,
    ) -> Self {
        Self { database, writers, positions, contract, wait_max }
    }

    async fn submit(
        &self,
        scope: &TenantScope,
        request: Option<RequestKey>,
        validate_only: bool,
        command: Command,
    ) -> Result<Answer, Refused<Refusal>> {
        let submission = Submission {
            tenant: scope.tenant,
            actor: scope.actor.to_string(),
            request,
            validate_only,
            opens_tenant: false,
            command,
            trace: Arc::default(),
        };
        self.writers.submit(submission).await
    }

    async fn wait(
        &self,
        tenant: TenantId,
        wanted: &[Position],
        deadline: Instant,
    ) -> Result<(), CallFault> {
        self.positions.wait_for(tenant, wanted, deadline).await??;
        Ok(())
    }

    async fn known(&self, tenant: TenantId) -> Result<KnownPeriods, CallFault> {
        let known = periods_of(&self.database, tenant).await?;
        known.ok_or_else(|| Refused::Domain(PeriodRefusal::TenantNotReady.into()).into())
    }

    async fn period_named(&self, tenant: TenantId, name: &str) -> Result<Period, CallFault> {
        named(self.known(tenant).await?.periods, name).map_err(refused)
    }

    /// Contracts for which a run through the period's last day would post, by a trial of it that writes
    /// nothing: those of the first page that has any.
    async fn due(&self, scope: &TenantScope, period: &Period) -> Result<u64, CallFault> {
        let (tenant, through) = (scope.tenant, period.last);
        let mut after = None;
        loop {
            let page = queries::scope(&self.database, tenant, through, None, after, TRIAL).await?;
            let contracts: Vec<_> = page.iter().map(|found| found.contract).collect();
            let Some(last) = contracts.last().copied() else { return Ok(0) };
            let chunk = RecognizeChunk {
                run_id: run_id(tenant, "trial before a close"),
                through,
                contract: None,
                contracts,
                last: false,
                fence: None,
                ahead: None,
            };
            let answer = match self.submit(scope, None, true, Command::Chunk(chunk)).await {
                Ok(answer) => answer,
                // The close says so itself.
                Err(Refused::Domain(Refusal::Run(RunRefusal::PeriodClosed { .. }))) => {
                    return Ok(0);
                }
                Err(other) => return Err(other.into()),
            };
            let posted = AccountingPosted::decode(answer.payload.as_slice());
            let posted = posted.map_err(|_| odd(&answer))?;
            let due = posted.movements.iter().map(|moved| moved.contract_id.as_str());
            let due: BTreeSet<&str> = due.collect();
            if !due.is_empty() {
                return Ok(u64::try_from(due.len()).unwrap_or(u64::MAX));
            }
            after = Some(last);
        }
    }

    /// Facts that the owner of the contract log has and that are not accounted for here, counted up to
    /// a limit.
    async fn unprocessed(&self, tenant: TenantId) -> Result<(u64, u64), CallFault> {
        let (seq, hash) = applied(&self.database, tenant).await?;
        let ahead = self.contract.read(tenant, seq, hash, AHEAD_MAX).await;
        let ahead = ahead.map_err(|error| {
            tracing::warn!(%error, "the contract log cannot be read before a close");
            match error {
                ReadError::Unavailable(_) => CallFault::Unavailable,
                ReadError::Diverged | ReadError::Setup(_) => CallFault::Internal,
            }
        })?;
        let last = ahead.last().map_or(seq, |opened| opened.entry.seq);
        Ok((last.saturating_sub(seq), last))
    }

    /// As [`Self::unprocessed`], after waiting for what is on its way.
    async fn caught_up(&self, tenant: TenantId, deadline: Instant) -> Result<u64, CallFault> {
        let (missing, last) = self.unprocessed(tenant).await?;
        if missing == 0 {
            return Ok(0);
        }
        let wanted = [Position { log: Log::Contract, seq: last }];
        match self.positions.wait_for(tenant, &wanted, deadline).await? {
            Ok(()) => Ok(0),
            Err(behind) => Ok(behind.wanted.saturating_sub(behind.reached)),
        }
    }

    async fn close(
        &self,
        scope: TenantScope,
        request: &ClosePeriodRequest,
        deadline: Instant,
    ) -> Result<ClosePeriodResponse, CallFault> {
        let (asked, key) = close_request(request)?;
        self.wait(scope.tenant, &asked.positions, deadline).await?;
        let period = self.period_named(scope.tenant, &asked.period).await?;
        let close = ClosePeriod {
            period: asked.period,
            closed_by: scope.actor.to_string(),
            unprocessed: self.caught_up(scope.tenant, deadline).await?,
            due: self.due(&scope, &period).await?,
            unbalanced: unbalanced(&self.database, scope.tenant, period.first).await?,
            asks: false,
        };
        let command = Command::Period(PeriodCommand::Close(close));
        let answer = self.submit(&scope, Some(key), request.validate_only, command).await?;
        close_response(&answer).ok_or_else(|| odd(&answer))
    }

    async fn reopen(
        &self,
        scope: TenantScope,
        request: &ReopenPeriodRequest,
    ) -> Result<ReopenPeriodResponse, CallFault> {
        let (reopen, key) = reopen_request(request, &scope.actor)?;
        let command = Command::Period(PeriodCommand::Reopen(reopen));
        let answer = self.submit(&scope, Some(key), request.validate_only, command).await?;
        reopen_response(&answer).ok_or_else(|| odd(&answer))
    }

    async fn period(
        &self,
        scope: TenantScope,
        request: &GetPeriodRequest,
        deadline: Instant,
    ) -> Result<GetPeriodResponse, CallFault> {
        let asked = asked(&request.period, &request.min_positions)?;
        self.wait(scope.tenant, &asked.positions, deadline).await?;
        let known = self.known(scope.tenant).await?;
        let period = named(known.periods, &asked.period).map_err(refused)?;
        Ok(period_response(&known, &period))
    }

    async fn list(
        &self,
        scope: TenantScope,
        request: &ListPeriodsRequest,
        deadline: Instant,
    ) -> Result<ListPeriodsResponse, CallFault> {
        let (year, positions) = list_request(request)?;
        self.wait(scope.tenant, &positions, deadline).await?;
        Ok(list_response(&self.known(scope.tenant).await?, year))
    }

    /// The close itself says what blocks it: decided as if, never written.
    async fn checklist(
        &self,
        scope: TenantScope,
        request: &GetCloseChecklistRequest,
        deadline: Instant,
    ) -> Result<GetCloseChecklistResponse, CallFault> {
        let asked = asked(&request.period, &request.min_positions)?;
        self.wait(scope.tenant, &asked.positions, deadline).await?;
        let period = self.period_named(scope.tenant, &asked.period).await?;
        let close = ClosePeriod {
            period: asked.period,
            closed_by: scope.actor.to_string(),
            unprocessed: self.unprocessed(scope.tenant).await?.0,
            due: self.due(&scope, &period).await?,
            unbalanced: unbalanced(&self.database, scope.tenant, period.first).await?,
            asks: true,
        };
        let command = Command::Period(PeriodCommand::Close(close));
        let items = match self.submit(&scope, None, true, command).await {
            Ok(_) => Vec::new(),
            Err(Refused::Domain(Refusal::Period(PeriodRefusal::Asked(items)))) => items,
            Err(other) => return Err(other.into()),
        };
        Ok(checklist_response(&period, &items))
    }
}

fn refused(refusal: PeriodRefusal) -> CallFault {
    Refused::Domain(Refusal::Period(refusal)).into()
}

fn odd(answer: &Answer) -> CallFault {
    tracing::error!(type_name = answer.type_name, "the answer to a period's change is not one");
    CallFault::Internal
}

#[tonic::async_trait]
impl PeriodService for PeriodServer {
    async fn close_period(
        &self,
        request: Request<ClosePeriodRequest>,
    ) -> Result<Response<ClosePeriodResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PeriodClose)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.close(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn reopen_period(
        &self,
        request: Request<ReopenPeriodRequest>,
    ) -> Result<Response<ReopenPeriodResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PeriodReopen)?;
        let answer = self.reopen(scope, request.get_ref()).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn get_period(
        &self,
        request: Request<GetPeriodRequest>,
    ) -> Result<Response<GetPeriodResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PeriodRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.period(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn list_periods(
        &self,
        request: Request<ListPeriodsRequest>,
    ) -> Result<Response<ListPeriodsResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PeriodRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.list(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn get_close_checklist(
        &self,
        request: Request<GetCloseChecklistRequest>,
    ) -> Result<Response<GetCloseChecklistResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PeriodRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.checklist(scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }
}
