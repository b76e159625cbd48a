//! The door: `ContractService`.

use backlog_db::Database;
use backlog_event_log::{Answer, RequestKey, Submission, Trace, Writers};
use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::contract_service_server::ContractService;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_proto::fields::Fields;
use backlog_service_kit::page::{PageScope, PageTokens};
use backlog_service_kit::{Ids, context, to_status};
use backlog_tenancy::{Permission, TenantScope};
use tonic::{Request, Response, Status};

use super::convert::{contract_to_proto, parse_terms};
use super::create::CreateContract;
use super::error::ContractError;
use super::queries::{self, Filter};
use super::sign::{SignContract, Signed};
use crate::answer;
use crate::domain::{Command, ContractDomain};
use crate::paging;
use crate::request::finish;

/// Serves contracts.
pub(crate) struct ContractServer {
    /// Where commands go.
    pub(crate) writers: Writers<ContractDomain>,
    /// Where reads go.
    pub(crate) database: Database,
    /// Ids for new contracts.
    pub(crate) ids: Ids,
    /// Page tokens.
    pub(crate) pages: PageTokens,
    /// Obligations of a contract at most.
    pub(crate) obligations_max: usize,
}

impl ContractServer {
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

    fn parse_create(
        &self,
        fields: &mut Fields,
        request: &pb::CreateContractRequest,
    ) -> Option<(CreateContract, RequestKey)> {
        let contract = self.ids.next::<ContractId>();
        let request_id = fields.request_id("request_id", &request.request_id);
        let max = self.obligations_max;
        let terms = parse_terms(fields, "terms", contract, request.terms.as_ref(), max);
        let entered_on = fields.date("entered_on", request.entered_on.as_ref());
        let command = CreateContract { contract, terms: terms?, entered_on: entered_on? };
        let key = command.key(request_id?);
        Some((command, key))
    }

    fn parse_sign(
        &self,
        fields: &mut Fields,
        request: &pb::SignContractRequest,
    ) -> Option<(SignContract, RequestKey)> {
        let request_id = fields.request_id("request_id", &request.request_id);
        let etag = fields.text("etag", &request.etag, 0, 40);
        let subject = match &request.subject {
            None => {
                fields.violation("contract_id", "must be set, or terms");
                None
            }
            Some(Subject::ContractId(id)) => {
                let contract = fields.id::<ContractId>("contract_id", id);
                contract.zip(etag).map(|(contract, etag)| Signed::Draft { contract, etag })
            }
            Some(Subject::Terms(terms)) => {
                if !request.etag.is_empty() {
                    fields.violation("etag", "must be empty with terms: nothing was read before");
                }
                let contract = self.ids.next::<ContractId>();
                let max = self.obligations_max;
                parse_terms(fields, "terms", contract, Some(terms), max)
                    .map(|terms| Signed::Terms { contract, terms })
            }
        };
        let signed_on = fields.date("signed_on", request.signed_on.as_ref());
        let command = SignContract { subject: subject?, signed_on: signed_on? };
        let key = command.key(request_id?);
        Some((command, key))
    }
}

#[tonic::async_trait]
impl ContractService for ContractServer {
    async fn create_contract(
        &self,
        request: Request<pb::CreateContractRequest>,
    ) -> Result<Response<pb::CreateContractResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ContractCreate)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = self.parse_create(&mut fields, &request);
        let (command, key) = finish(fields, parsed)?;
        let command = Command::CreateContract(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::ContractDrafted = answer::event(&answer)?;
        let position = answer::position(&answer);
        Ok(Response::new(pb::CreateContractResponse { contract: event.contract, position }))
    }

    async fn get_contract(
        &self,
        request: Request<pb::GetContractRequest>,
    ) -> Result<Response<pb::GetContractResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ContractRead)
            .map_err(|denied| to_status(&denied))?;
        let mut fields = Fields::new();
        let id = fields.id::<ContractId>("contract_id", &request.get_ref().contract_id);
        let id = finish(fields, id)?;
        let found = queries::get(&self.database, scope.tenant, id)
            .await
            .map_err(|error| to_status(&ContractError::from(error)))?;
        let contract = found.ok_or_else(|| to_status(&ContractError::NotFound(id)))?;
        Ok(Response::new(pb::GetContractResponse { contract: Some(contract_to_proto(&contract)) }))
    }

    async fn list_contracts(
        &self,
        request: Request<pb::ListContractsRequest>,
    ) -> Result<Response<pb::ListContractsResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ContractRead)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = parse_list(&mut fields, &request);
        let (filter, size) = finish(fields, parsed)?;
        let bound = filter.bytes();
        let page_scope = PageScope {
            owner: scope.tenant.uuid(),
            rpc: "backlog.contract.v1.ContractService/ListContracts",
            filter: &bound,
        };
        let after = paging::after(&self.pages, &page_scope, &request.page_token)
            .map_err(|fault| to_status(&fault))?;
        let page = queries::list(&self.database, scope.tenant, &filter, after, size)
            .await
            .map_err(|error| to_status(&ContractError::from(error)))?;
        Ok(Response::new(pb::ListContractsResponse {
            next_page_token: page.next_token(&self.pages, &page_scope),
            contracts: page.items.iter().map(contract_to_proto).collect(),
        }))
    }

    async fn sign_contract(
        &self,
        request: Request<pb::SignContractRequest>,
    ) -> Result<Response<pb::SignContractResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ContractSign)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = self.parse_sign(&mut fields, &request);
        let (command, key) = finish(fields, parsed)?;
        let command = Command::SignContract(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::ContractSigned = answer::event(&answer)?;
        let position = answer::position(&answer);
        Ok(Response::new(pb::SignContractResponse { contract: event.contract, position }))
    }
}

fn parse_list(fields: &mut Fields, request: &pb::ListContractsRequest) -> Option<(Filter, usize)> {
    let size = fields.page_size("page_size", request.page_size);
    let customer = fields.text("customer", &request.customer, 0, 200);
    let state = pb::ContractState::try_from(request.state);
    if state.is_err() {
        fields.violation("state", "must be a state that this service knows");
    }
    Some((Filter { state: state.ok()?, customer: customer? }, size?))
}
