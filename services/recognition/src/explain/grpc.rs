//! The door of `ExplainService`.

use std::collections::HashMap;
use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::{Positions, Reader};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::explain_service_server::ExplainService;
use backlog_recognition_engine::Policies;
use backlog_service_kit::page::{PageScope, PageTokenInvalid, PageTokens};
use backlog_service_kit::{context, deadline, to_status};
use backlog_tenancy::Permission;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{Page, explain_query, explain_response, preview_query, preview_response};
use super::error::ExplainFault;
use super::history::{History, Posted, history};
use super::queries::{Reach, accounted_with, contract_reach, entries_naming, tenant_reach};
use crate::period::queries::{KnownPeriods, periods_of};
use crate::policy::policy::aggregate;
use crate::policy::queries::policies_of;

const EXPLAIN: &str = "backlog.recognition.v1.ExplainService/ExplainContract";

/// Entries of the contract log that are asked for at once.
const ENTRIES_AT_ONCE: usize = 500;

/// Serves explanations and previews.
pub struct ExplainServer {
    database: Database,
    positions: Positions,
    contract_log: Reader,
    tokens: PageTokens,
    entries_max: u64,
    wait_max: Duration,
}

impl ExplainServer {
    /// Explains these books. `entries_max` is how many entries of this log may concern one contract,
    /// `wait_max` how long a call waits for positions at most.
    #[must_use]
    pub fn new(
        database: Database,
        positions: Positions,
        contract_log: Reader,
        tokens: PageTokens,
        (entries_max, wait_max): (u64, Duration),
    ) -> Self {
        Self { database, positions, contract_log, tokens, entries_max, wait_max }
    }

    async fn explain(
        &self,
        tenant: TenantId,
        request: &pb::ExplainContractRequest,
        deadline: Instant,
    ) -> Result<pb::ExplainContractResponse, ExplainFault> {
        let query = explain_query(request)?;
        let filter = query.filter();
        let scope = PageScope { owner: tenant.uuid(), rpc: EXPLAIN, filter: &filter };
        let after = match self.tokens.open(&scope, &request.page_token)? {
            None => 0,
            Some(cursor) => u64::from_be_bytes(cursor.try_into().map_err(|_| PageTokenInvalid)?),
        };
        self.wait(tenant, &query.positions, deadline).await?;
        let reach = contract_reach(&self.database, tenant, query.contract)
            .await?
            .ok_or(ExplainFault::UnknownContract(query.contract))?;
        let known = self.periods(tenant).await?;
        let policies = self.policies(tenant).await?;
        let known = (&known, &policies);
        let history = self.history(tenant, query.contract, &reach, known).await?;
        let page = Page::of(&query, &history, after);
        let token = page.last.map(|seq| self.tokens.issue(&scope, &seq.to_be_bytes()));
        explain_response(&query, &history, &page, &reach)
            .map(|answer| pb::ExplainContractResponse {
                next_page_token: token.unwrap_or_default(),
                ..answer
            })
            .ok_or_else(|| failed(query.contract, "an amount cannot be rendered"))
    }

    async fn preview(
        &self,
        tenant: TenantId,
        request: &pb::PreviewChangeRequest,
        deadline: Instant,
    ) -> Result<pb::PreviewChangeResponse, ExplainFault> {
        let query = preview_query(request)?;
        self.wait(tenant, &query.positions, deadline).await?;
        let contract = query.change.contract;
        let known = contract_reach(&self.database, tenant, contract).await?;
        let periods = self.periods(tenant).await?;
        let policies = self.policies(tenant).await?;
        let (reach, history) = match known {
            Some(reach) => {
                let known = (&periods, &policies);
                (reach, self.history(tenant, contract, &reach, known).await?)
            }
            None if query.change.signs => {
                let reach = tenant_reach(&self.database, tenant).await?;
                (reach.ok_or(ExplainFault::Unavailable)?, History::default())
            }
            None => return Err(ExplainFault::UnknownContract(contract)),
        };
        let under = (&policies, periods.periods);
        let previews = query.change.preview(history.explainer, under, query.run_through)?;
        preview_response(&previews, &reach)
            .ok_or_else(|| failed(contract, "an amount cannot be rendered"))
    }

    async fn wait(
        &self,
        tenant: TenantId,
        positions: &[backlog_proto::convert::Position],
        deadline: Instant,
    ) -> Result<(), ExplainFault> {
        Ok(self.positions.wait_for(tenant, positions, deadline).await??)
    }

    /// The tenant's periods: what comes late takes effect on the first open day.
    async fn periods(&self, tenant: TenantId) -> Result<KnownPeriods, ExplainFault> {
        periods_of(&self.database, tenant).await?.ok_or(ExplainFault::Unavailable)
    }

    /// The tenant's policies: what governs a contract before a fact.
    async fn policies(&self, tenant: TenantId) -> Result<Policies, ExplainFault> {
        let known = policies_of(&self.database, tenant).await?;
        Ok(known.ok_or(ExplainFault::Unavailable)?.policies())
    }

    /// A contract's facts, explained, as far as an answer reaches.
    async fn history(
        &self,
        tenant: TenantId,
        contract: ContractId,
        reach: &Reach,
        (known, policies): (&KnownPeriods, &Policies),
    ) -> Result<History, ExplainFault> {
        let limit = self.entries_max.saturating_add(1);
        let calendar = known.periods.calendar;
        let closes = known.closes.iter();
        let mut names: Vec<String> =
            closes.map(|close| calendar.period_of(close.last).to_string()).collect();
        names.dedup();
        let versions = policies.later.iter();
        names.extend(versions.map(|version| aggregate(version.policy.version)));
        let together = accounted_with(&self.database, tenant, contract).await?;
        names.extend(together.iter().map(ToString::to_string));
        let through = reach.recognition_seq;
        let entries = entries_naming(&self.database, tenant, names, through, limit).await?;
        if u64::try_from(entries.len()).unwrap_or(u64::MAX) > self.entries_max {
            return Err(ExplainFault::TooLong(self.entries_max));
        }
        let posted = Posted::all(entries.iter().map(|opened| &opened.entry))
            .map_err(|detail| failed(contract, &detail))?;
        let seqs: Vec<u64> = posted.iter().filter_map(Posted::contract_seq).collect();
        let mut contract_log: HashMap<u64, LogEntry> = HashMap::with_capacity(seqs.len());
        for seqs in seqs.chunks(ENTRIES_AT_ONCE) {
            let read = self.contract_log.entries(tenant, seqs).await?;
            contract_log.extend(read.into_iter().map(|of| (of.entry.seq, of.entry)));
        }
        let of = (contract, together.as_slice());
        history(of, (policies.first, calendar), &posted, &contract_log)
            .map_err(|detail| failed(contract, &detail))
    }
}

fn failed(contract: ContractId, detail: &str) -> ExplainFault {
    tracing::error!(%contract, detail, "a contract cannot be explained");
    ExplainFault::Internal
}

#[tonic::async_trait]
impl ExplainService for ExplainServer {
    async fn explain_contract(
        &self,
        request: Request<pb::ExplainContractRequest>,
    ) -> Result<Response<pb::ExplainContractResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ReportRead)
            .map_err(|denied| to_status(&denied))?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.explain(scope.tenant, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn preview_change(
        &self,
        request: Request<pb::PreviewChangeRequest>,
    ) -> Result<Response<pb::PreviewChangeResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::PlanRead)
            .map_err(|denied| to_status(&denied))?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.preview(scope.tenant, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }
}
