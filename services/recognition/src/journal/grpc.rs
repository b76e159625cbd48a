//! The door of `JournalService`.

use std::sync::Arc;
use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::{Positions, RequestKey, Submission, Writers};
use backlog_ids::{ContractId, JournalBatchId};
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_proto::recognition::v1::journal_service_server::JournalService;
use backlog_service_kit::error::InvalidFields;
use backlog_service_kit::page::{PageScope, PageTokenInvalid, PageTokens};
use backlog_service_kit::{deadline, tenant_scope, to_status};
use backlog_tenancy::{Permission, TenantScope};
use prost::Message;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{
    balance_wire, batch_wire, kept, key, line_wire, mapping_wire, period, period_form, position,
    watermark,
};
use super::error::JournalFault;
use super::journal::{AccountMapping, Batch};
use super::lines::{ExportLine, Reading};
use super::queries::{self, LogLines};
use super::record::Keep;
use super::trial_balance::TrialBalance;
use crate::domain::{Command, Recognition};
use crate::run::convert::min_positions;
use crate::run::error::CallFault;

/// Lines in one message of an export.
const LINES: usize = 500;

/// Serves the journal.
#[derive(Clone)]
pub struct JournalServer {
    database: Database,
    writers: Writers<Recognition>,
    positions: Positions,
    pages: PageTokens,
    wait_max: Duration,
}

type Lines = Result<pb::ReadJournalResponse, Status>;

impl JournalServer {
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

    /// Keeps a fact about the journal; answers its place in the log.
    async fn keep(
        &self,
        scope: &TenantScope,
        key: RequestKey,
        wire: Wire,
        validate_only: bool,
    ) -> Result<Option<u64>, JournalFault> {
        let mut fields = Fields::new();
        let kept = kept(&wire, &mut fields);
        fields.finish().map_err(InvalidFields)?;
        let kept = kept.ok_or(CallFault::Internal)?;
        let answer = self
            .writers
            .submit(Submission {
                tenant: scope.tenant,
                actor: scope.actor.to_string(),
                request: Some(key),
                validate_only,
                opens_tenant: false,
                command: Command::Journal(Box::new(Keep { kept, wire })),
                trace: Arc::default(),
            })
            .await?;
        Ok(answer.seq)
    }

    async fn reading(&self, scope: &TenantScope) -> Result<Reading<'_>, JournalFault> {
        let settings = queries::settings(&self.database, scope.tenant).await?;
        Ok(Reading { database: &self.database, tenant: scope.tenant, settings })
    }

    async fn trial_balance(
        &self,
        scope: &TenantScope,
        request: &pb::GetTrialBalanceRequest,
        deadline: Instant,
    ) -> Result<pb::GetTrialBalanceResponse, JournalFault> {
        let mut fields = Fields::new();
        let contract = fields.optional_id::<ContractId>("contract_id", &request.contract_id);
        period_form(&request.period, &mut fields);
        let wanted = min_positions(&request.min_positions, &mut fields);
        fields.finish().map_err(InvalidFields)?;
        self.positions
            .wait_for(scope.tenant, &wanted.unwrap_or_default(), deadline)
            .await
            .map_err(CallFault::from)??;
        let reading = self.reading(scope).await?;
        let (database, settings) = (reading.database, reading.settings);
        let first = period(settings.calendar, &request.period)?.first;
        let (totals, mut included) = queries::totals(database, scope.tenant, first).await?;
        let mapping = queries::mapping(database, scope.tenant, included.recognition_seq).await?;
        let mut trial = TrialBalance::of(first, &mapping);
        let own = |currency| !request.functional || currency == settings.functional;
        if contract.is_none() && totals.iter().all(|(_, _, currency, _)| own(*currency)) {
            for (posted_in, role, currency, of) in totals {
                trial.post(posted_in, role, (currency, of));
            }
        } else {
            included = settings.included;
            if let Some(contract) = contract
                && !queries::is_known(database, scope.tenant, contract).await?
            {
                return Err(CallFault::UnknownContract(contract).into());
            }
            let through = included.recognition_seq;
            let mut log = LogLines::new(database, scope.tenant, 0, through);
            let mut foreign = Vec::new();
            while let Some(lines) = log.next().await? {
                for (_, line) in lines {
                    let currency = line.amount.currency();
                    if contract.is_some_and(|contract| contract != line.contract) {
                    } else if own(currency) {
                        let of = (currency, line.amount.minor());
                        trial.amount(line.posting_period, line.role, of);
                    } else {
                        foreign.push(line);
                    }
                }
            }
            for line in reading.translated_through(foreign).await? {
                let of = (settings.functional, line.functional.minor());
                trial.amount(line.posting_period, line.role, of);
            }
        }
        let render = |(of, balance)| balance_wire(of, &balance, &mapping);
        Ok(pb::GetTrialBalanceResponse {
            lines: trial.balances.into_iter().map(render).collect(),
            watermark: Some(watermark(&included)),
        })
    }

    async fn export(
        &self,
        scope: &TenantScope,
        request: &pb::ExportJournalRequest,
        deadline: Instant,
    ) -> Result<pb::ExportJournalResponse, JournalFault> {
        let mut fields = Fields::new();
        let id = fields.request_id("request_id", &request.request_id);
        period_form(&request.period, &mut fields);
        let wanted = min_positions(&request.min_positions, &mut fields);
        fields.finish().map_err(InvalidFields)?;
        let (id, wanted) = id.zip(wanted).ok_or_else(|| InvalidFields(Vec::new()))?;
        self.positions
            .wait_for(scope.tenant, &wanted, deadline)
            .await
            .map_err(CallFault::from)??;
        let reading = self.reading(scope).await?;
        let calendar = reading.settings.calendar;
        let first = period(calendar, &request.period)?.first;
        reading.check().await?;
        let wire = pb::JournalExport { period: Some(first.into()) };
        let key = key(id, "ExportJournal", &wire.encode_to_vec());
        let seq = self.keep(scope, key, Wire::JournalExport(wire), false).await?;
        let seq = seq.ok_or(CallFault::Internal)?;
        let batch = queries::batch_at(&self.database, scope.tenant, seq).await?;
        let batch = batch.filter(|batch| batch.seq == seq).ok_or(CallFault::Internal)?;
        Ok(pb::ExportJournalResponse {
            batch: Some(batch_wire(&batch, calendar)),
            position: position(Some(seq)),
        })
    }

    async fn exports(
        &self,
        scope: &TenantScope,
        request: &pb::ListJournalExportsRequest,
    ) -> Result<pb::ListJournalExportsResponse, JournalFault> {
        let scope_of_page = PageScope {
            owner: scope.tenant.uuid(),
            rpc: "backlog.recognition.v1.JournalService/ListJournalExports",
            filter: request.period.as_bytes(),
        };
        let after = match self.pages.open(&scope_of_page, &request.page_token)? {
            None => 0,
            Some(cursor) => {
                let bytes = cursor.try_into().map_err(|_| PageTokenInvalid)?;
                u64::from_be_bytes(bytes)
            }
        };
        let mut fields = Fields::new();
        let size = fields.page_size("page_size", request.page_size);
        if !request.period.is_empty() {
            period_form(&request.period, &mut fields);
        }
        fields.finish().map_err(InvalidFields)?;
        let size = size.unwrap_or_default();
        let calendar = self.reading(scope).await?.settings.calendar;
        let first = match request.period.as_str() {
            "" => None,
            name => Some(period(calendar, name)?.first),
        };
        let limit = size.saturating_add(1);
        let mut found = queries::batches(&self.database, scope.tenant, first, after, limit).await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let token = |batch: &Batch| self.pages.issue(&scope_of_page, &batch.seq.to_be_bytes());
        Ok(pb::ListJournalExportsResponse {
            batches: found.iter().map(|batch| batch_wire(batch, calendar)).collect(),
            next_page_token: last.map(token).unwrap_or_default(),
        })
    }

    async fn batch(
        &self,
        scope: &TenantScope,
        request: &pb::ReadJournalRequest,
    ) -> Result<(Batch, pb::JournalForm), JournalFault> {
        let mut fields = Fields::new();
        let id = fields.id::<JournalBatchId>("batch_id", &request.batch_id);
        let form = match pb::JournalForm::try_from(request.form) {
            Ok(pb::JournalForm::Unspecified) => Some(pb::JournalForm::Summary),
            Ok(form) => Some(form),
            Err(_) => {
                fields.violation("form", "must be a form that is known here");
                None
            }
        };
        fields.finish().map_err(InvalidFields)?;
        let (id, form) = id.zip(form).ok_or_else(|| InvalidFields(Vec::new()))?;
        let batch = queries::batch(&self.database, scope.tenant, id).await?;
        Ok((batch.ok_or(JournalFault::UnknownBatch(id))?, form))
    }

    /// Sends an export's lines; ends early when nobody listens any more.
    async fn send(
        &self,
        scope: &TenantScope,
        (batch, form): (Batch, pb::JournalForm),
        to: &Sender<Lines>,
    ) -> Result<(), JournalFault> {
        let reading = self.reading(scope).await?;
        let mapping = queries::mapping(&self.database, scope.tenant, batch.seq).await?;
        if form == pb::JournalForm::Summary {
            send(&reading.summary(&batch).await?, &mapping, to).await;
            return Ok(());
        }
        // Before the first line, so that a missing rate is told at once.
        let foreign = reading.foreign_detail(&batch).await?;
        let mut log = LogLines::new(&self.database, scope.tenant, batch.after(), batch.through());
        while let Some(lines) = log.next().await? {
            let own = lines.iter().filter_map(|(_, line)| reading.own(&batch, line));
            if !send(&own.collect::<Vec<_>>(), &mapping, to).await {
                return Ok(());
            }
        }
        send(&foreign, &mapping, to).await;
        Ok(())
    }
}

/// Whether somebody still listens.
async fn send(lines: &[ExportLine], mapping: &AccountMapping, to: &Sender<Lines>) -> bool {
    for lines in lines.chunks(LINES) {
        let lines = lines.iter().map(|line| line_wire(line, mapping)).collect();
        if to.send(Ok(pb::ReadJournalResponse { lines })).await.is_err() {
            return false;
        }
    }
    true
}

fn answer<T>(outcome: Result<T, JournalFault>) -> Result<Response<T>, Status> {
    outcome.map(Response::new).map_err(|fault| to_status(&fault))
}

#[tonic::async_trait]
impl JournalService for JournalServer {
    type ReadJournalStream = ReceiverStream<Lines>;

    async fn set_account_mapping(
        &self,
        request: Request<pb::SetAccountMappingRequest>,
    ) -> Result<Response<pb::SetAccountMappingResponse>, Status> {
        let scope = tenant_scope(&request, Permission::JournalConfigure)?;
        let request = request.into_inner();
        let kept = async {
            let mut fields = Fields::new();
            let id = fields.request_id("request_id", &request.request_id);
            let mapping = fields.required("mapping", request.mapping);
            // All that is wrong is told at once.
            if let Some(mapping) = &mapping {
                kept(&Wire::AccountMapping(mapping.clone()), &mut fields);
            }
            fields.finish().map_err(InvalidFields)?;
            let (id, mapping) = id.zip(mapping).ok_or_else(|| InvalidFields(Vec::new()))?;
            let key = key(id, "SetAccountMapping", &mapping.encode_to_vec());
            self.keep(&scope, key, Wire::AccountMapping(mapping), request.validate_only).await
        };
        let seq = kept.await.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(pb::SetAccountMappingResponse { position: position(seq) }))
    }

    async fn get_account_mapping(
        &self,
        request: Request<pb::GetAccountMappingRequest>,
    ) -> Result<Response<pb::GetAccountMappingResponse>, Status> {
        let scope = tenant_scope(&request, Permission::JournalRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let request = request.into_inner();
        let read = async {
            let mut fields = Fields::new();
            let wanted = min_positions(&request.min_positions, &mut fields);
            fields.finish().map_err(InvalidFields)?;
            let wanted = wanted.unwrap_or_default();
            self.positions
                .wait_for(scope.tenant, &wanted, deadline)
                .await
                .map_err(CallFault::from)??;
            let mapping = queries::mapping(&self.database, scope.tenant, u64::MAX).await?;
            Ok(pb::GetAccountMappingResponse { mapping: Some(mapping_wire(&mapping)) })
        };
        answer(read.await)
    }

    async fn set_exchange_rate(
        &self,
        request: Request<pb::SetExchangeRateRequest>,
    ) -> Result<Response<pb::SetExchangeRateResponse>, Status> {
        let scope = tenant_scope(&request, Permission::JournalConfigure)?;
        let request = request.into_inner();
        let kept = async {
            let mut fields = Fields::new();
            let id = fields.request_id("request_id", &request.request_id);
            let rate = fields.required("rate", request.rate);
            if let Some(rate) = &rate {
                kept(&Wire::ExchangeRate(rate.clone()), &mut fields);
            }
            fields.finish().map_err(InvalidFields)?;
            let (id, rate) = id.zip(rate).ok_or_else(|| InvalidFields(Vec::new()))?;
            let key = key(id, "SetExchangeRate", &rate.encode_to_vec());
            self.keep(&scope, key, Wire::ExchangeRate(rate), request.validate_only).await
        };
        let seq = kept.await.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(pb::SetExchangeRateResponse { position: position(seq) }))
    }

    async fn get_trial_balance(
        &self,
        request: Request<pb::GetTrialBalanceRequest>,
    ) -> Result<Response<pb::GetTrialBalanceResponse>, Status> {
        let scope = tenant_scope(&request, Permission::JournalRead)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        answer(self.trial_balance(&scope, request.get_ref(), deadline).await)
    }

    async fn export_journal(
        &self,
        request: Request<pb::ExportJournalRequest>,
    ) -> Result<Response<pb::ExportJournalResponse>, Status> {
        let scope = tenant_scope(&request, Permission::JournalExport)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        answer(self.export(&scope, request.get_ref(), deadline).await)
    }

    async fn read_journal(
        &self,
        request: Request<pb::ReadJournalRequest>,
    ) -> Result<Response<Self::ReadJournalStream>, Status> {
        let scope = tenant_scope(&request, Permission::JournalRead)?;
        let asked = self.batch(&scope, request.get_ref()).await;
        let asked = asked.map_err(|fault| to_status(&fault))?;
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let server = self.clone();
        tokio::spawn(async move {
            if let Err(fault) = server.send(&scope, asked, &sender).await {
                drop(sender.send(Err(to_status(&fault))).await);
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn list_journal_exports(
        &self,
        request: Request<pb::ListJournalExportsRequest>,
    ) -> Result<Response<pb::ListJournalExportsResponse>, Status> {
        let scope = tenant_scope(&request, Permission::JournalRead)?;
        answer(self.exports(&scope, request.get_ref()).await)
    }
}
