//! The door: `InvoiceService`.

use backlog_db::Database;
use backlog_event_log::{RequestKey, Submission, Trace, Writers};
use backlog_ids::{ContractId, InvoiceId};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::invoice_service_server::InvoiceService;
use backlog_proto::fields::Fields;
use backlog_service_kit::page::{PageScope, PageTokens};
use backlog_service_kit::{Ids, context, to_status};
use backlog_tenancy::Permission;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::convert::{invoice_to_proto, parse_billing, parse_tax};
use super::error::InvoiceError;
use super::issue::IssueInvoice;
use super::queries;
use crate::answer;
use crate::domain::{Command, ContractDomain};
use crate::paging;
use crate::request::finish;

/// Serves invoices.
pub(crate) struct InvoiceServer {
    /// Where commands go.
    pub(crate) writers: Writers<ContractDomain>,
    /// Where reads go.
    pub(crate) database: Database,
    /// Ids for new invoices.
    pub(crate) ids: Ids,
    /// Page tokens.
    pub(crate) pages: PageTokens,
    /// Lines of an invoice at most: as many as a contract may have obligations.
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
        let billing = parse_billing(fields, request, self.lines_max);
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
        let submission = Submission {
            tenant: scope.tenant,
            actor: scope.actor.to_string(),
            request: Some(key),
            validate_only: request.validate_only,
            opens_tenant: false,
            command: Command::IssueInvoice(command),
            trace: Trace::default(),
        };
        let answer =
            self.writers.submit(submission).await.map_err(|refused| to_status(&refused))?;
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
}
