//! The door: `InvoiceService`.

use backlog_db::Database;
use backlog_event_log::{Answer, RequestKey, Submission, Trace, Writers};
use backlog_ids::{ContractId, CreditNoteId, InvoiceId, PaymentId};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::invoice_service_server::InvoiceService;
use backlog_proto::fields::Fields;
use backlog_service_kit::page::{PageScope, PageTokens};
use backlog_service_kit::{Ids, context, to_status};
use backlog_tenancy::{Permission, TenantScope};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::convert::{invoice_to_proto, parse_billing, parse_cash, parse_concession, parse_tax};
use super::credit::IssueCreditNote;
use super::error::InvoiceError;
use super::issue::IssueInvoice;
use super::pay::RecordPayment;
use super::payment::Payment;
use super::queries;
use crate::answer;
use crate::domain::{Command, ContractDomain};
use crate::paging;
use crate::request::finish;

/// Serves invoices, credit notes and payments.
pub(crate) struct InvoiceServer {
    /// Where commands go.
    pub(crate) writers: Writers<ContractDomain>,
    /// Where reads go.
    pub(crate) database: Database,
    /// Ids for new ones.
    pub(crate) ids: Ids,
    /// Page tokens.
    pub(crate) pages: PageTokens,
    /// Lines of an invoice or credit note at most: as many as a contract may have obligations.
    pub(crate) lines_max: usize,
}

impl InvoiceServer {
    fn parse_issue(
        &self,
        fields: &mut Fields,
        request: &pb::IssueInvoiceRequest,
    ) -> Option<(IssueInvoice, RequestKey)> {
        let request_id = fields.request_id("request_id", &request.request_id);
        let contract = fields.id::<ContractId>("contract_id", &request.contract_id);
        let number = fields.text("number", &request.number, 0, 100);
        let issued_on = fields.date("issued_on", request.issued_on.as_ref());
        let due_on = match &request.due_on {
            None => issued_on,
            due_on => fields.date("due_on", due_on.as_ref()),
        };
        if due_on.zip(issued_on).is_some_and(|(due_on, issued_on)| due_on < issued_on) {
            fields.violation("due_on", "must not be before issued_on");
        }
        let amount = request.amount.as_ref();
        let billing = parse_billing(fields, amount, &request.lines, self.lines_max);
        let tax = parse_tax(fields, request.tax.as_ref());
        let command = IssueInvoice {
            invoice: self.ids.next::<InvoiceId>(),
            contract: contract?,
            number: number?,
            issued_on: issued_on?,
            due_on: due_on?,
            billing: billing?,
            tax,
        };
        let key = command.key(request_id?);
        Some((command, key))
    }

    fn parse_credit(
        &self,
        fields: &mut Fields,
        request: &pb::IssueCreditNoteRequest,
    ) -> Option<(IssueCreditNote, RequestKey)> {
        let request_id = fields.request_id("request_id", &request.request_id);
        let contract = fields.id::<ContractId>("contract_id", &request.contract_id);
        let number = fields.text("number", &request.number, 0, 100);
        let issued_on = fields.date("issued_on", request.issued_on.as_ref());
        let amount = request.amount.as_ref();
        let billing = parse_billing(fields, amount, &request.lines, self.lines_max);
        let tax = parse_tax(fields, request.tax.as_ref());
        let concession = parse_concession(fields, request.concession);
        let command = IssueCreditNote {
            credit_note: self.ids.next::<CreditNoteId>(),
            contract: contract?,
            number: number?,
            issued_on: issued_on?,
            billing: billing?,
            tax,
            concession: concession?,
        };
        let key = command.key(request_id?);
        Some((command, key))
    }

    fn parse_payment(
        &self,
        fields: &mut Fields,
        request: &pb::RecordPaymentRequest,
    ) -> Option<(RecordPayment, RequestKey)> {
        let request_id = fields.request_id("request_id", &request.request_id);
        let contract = fields.id::<ContractId>("contract_id", &request.contract_id);
        let paid_on = fields.date("paid_on", request.paid_on.as_ref());
        let amount = parse_cash(fields, request.amount.as_ref());
        let reference = fields.text("reference", &request.reference, 0, 100);
        let payment = Payment {
            id: self.ids.next::<PaymentId>(),
            contract: contract?,
            paid_on: paid_on?,
            amount: amount?,
            reference: reference?,
        };
        let command = RecordPayment { payment };
        let key = command.key(request_id?);
        Some((command, key))
    }

    async fn submit(
        &self,
        scope: TenantScope,
        request: RequestKey,
        validate_only: bool,
        command: Command,
    ) -> Result<Answer, Status> {
        let submission = Submission {
            tenant: scope.tenant,
            actor: scope.actor.to_string(),
            request: Some(request),
            validate_only,
            opens_tenant: false,
            command,
            trace: Trace::default(),
        };
        self.writers.submit(submission).await.map_err(|refused| to_status(&refused))
    }
}

#[tonic::async_trait]
impl InvoiceService for InvoiceServer {
    async fn issue_invoice(
        &self,
        request: Request<pb::IssueInvoiceRequest>,
    ) -> Result<Response<pb::IssueInvoiceResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::InvoiceIssue)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = self.parse_issue(&mut fields, &request);
        let (command, key) = finish(fields, parsed)?;
        let command = Command::IssueInvoice(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::InvoiceIssued = answer::event(&answer)?;
        let position = answer::position(&answer);
        Ok(Response::new(pb::IssueInvoiceResponse { invoice: event.invoice, position }))
    }

    async fn list_invoices(
        &self,
        request: Request<pb::ListInvoicesRequest>,
    ) -> Result<Response<pb::ListInvoicesResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::InvoiceRead)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let size = fields.page_size("page_size", request.page_size);
        let contract = fields.optional_id::<ContractId>("contract_id", &request.contract_id);
        let size = finish(fields, size)?;
        let filter = contract.map_or(Uuid::nil(), ContractId::uuid);
        let page_scope = PageScope {
            owner: scope.tenant.uuid(),
            rpc: "backlog.contract.v1.InvoiceService/ListInvoices",
            filter: filter.as_bytes(),
        };
        let after = paging::after(&self.pages, &page_scope, &request.page_token)
            .map_err(|fault| to_status(&fault))?;
        let page = queries::list(&self.database, scope.tenant, contract, after, size)
            .await
            .map_err(|error| to_status(&InvoiceError::from(error)))?;
        Ok(Response::new(pb::ListInvoicesResponse {
            next_page_token: page.next_token(&self.pages, &page_scope),
            invoices: page.items.iter().map(invoice_to_proto).collect(),
        }))
    }

    async fn issue_credit_note(
        &self,
        request: Request<pb::IssueCreditNoteRequest>,
    ) -> Result<Response<pb::IssueCreditNoteResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::CreditNoteIssue)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = self.parse_credit(&mut fields, &request);
        let (command, key) = finish(fields, parsed)?;
        let command = Command::IssueCreditNote(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::CreditNoteIssued = answer::event(&answer)?;
        let (credit_note, position) = (event.credit_note, answer::position(&answer));
        Ok(Response::new(pb::IssueCreditNoteResponse { credit_note, position }))
    }

    async fn record_payment(
        &self,
        request: Request<pb::RecordPaymentRequest>,
    ) -> Result<Response<pb::RecordPaymentResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::PaymentRecord)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = self.parse_payment(&mut fields, &request);
        let (command, key) = finish(fields, parsed)?;
        let command = Command::RecordPayment(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::PaymentRecorded = answer::event(&answer)?;
        let (payment, position) = (event.payment, answer::position(&answer));
        Ok(Response::new(pb::RecordPaymentResponse { payment, position }))
    }
}
