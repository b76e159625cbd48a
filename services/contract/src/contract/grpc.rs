//! The door: `ContractService`.

use backlog_db::Database;
use backlog_event_log::{Answer, RequestKey, Submission, Trace, Writers};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::contract_service_server::ContractService;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_proto::fields::Fields;
use backlog_service_kit::page::{PageScope, PageTokens};
use backlog_service_kit::{Ids, context, to_status};
use backlog_tenancy::{Permission, TenantScope};
use tonic::{Request, Response, Status};

use super::amend::AmendContract;
use super::contract::Contract;
use super::convert::{contract_to_proto, parse_amendment, parse_termination, parse_terms};
use super::create::CreateContract;
use super::error::ContractError;
use super::queries::{self, Filter};
use super::sign::{SignContract, Signed};
use super::terminate::TerminateContract;
use super::terms::Limits;
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
    /// How much a contract may hold.
    pub(crate) limits: Limits,
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
    ) -> Parsed<CreateContract> {
        let contract = self.ids.next::<ContractId>();
        let request_id = fields.request_id("request_id", &request.request_id);
        let terms = parse_terms(fields, "terms", contract, request.terms.as_ref(), self.limits);
        let entered_on = fields.date("entered_on", request.entered_on.as_ref());
        let (terms, entered_on, request_id) = (terms?, entered_on?, request_id?);
        Some(terms.map(|terms| {
            let command = CreateContract { contract, terms, entered_on };
            let key = command.key(request_id);
            (command, key)
        }))
    }

    fn parse_sign(
        &self,
        fields: &mut Fields,
        request: &pb::SignContractRequest,
    ) -> Parsed<SignContract> {
        let request_id = fields.request_id("request_id", &request.request_id);
        let etag = fields.text("etag", &request.etag, 0, 40);
        let subject = match &request.subject {
            None => {
                fields.violation("contract_id", "must be set, or terms");
                None
            }
            Some(Subject::ContractId(id)) => {
                let contract = fields.id::<ContractId>("contract_id", id);
                contract.zip(etag).map(|(contract, etag)| Ok(Signed::Draft { contract, etag }))
            }
            Some(Subject::Terms(terms)) => {
                if !request.etag.is_empty() {
                    fields.violation("etag", "must be empty with terms: nothing was read before");
                }
                let contract = self.ids.next::<ContractId>();
                parse_terms(fields, "terms", contract, Some(terms), self.limits)
                    .map(|terms| terms.map(Box::new).map(|terms| Signed::Terms { contract, terms }))
            }
        };
        let signed_on = fields.date("signed_on", request.signed_on.as_ref());
        let (subject, signed_on, request_id) = (subject?, signed_on?, request_id?);
        Some(subject.map(|subject| {
            let command = SignContract { subject, signed_on };
            let key = command.key(request_id);
            (command, key)
        }))
    }

    fn parse_amend(
        &self,
        fields: &mut Fields,
        request: &pb::AmendContractRequest,
    ) -> Parsed<AmendContract> {
        let request_id = fields.request_id("request_id", &request.request_id);
        let contract = fields.id::<ContractId>("contract_id", &request.contract_id);
        let amendment = request.amendment.as_ref();
        let amendment = parse_amendment(fields, "amendment", amendment, self.limits);
        let etag = fields.text("etag", &request.etag, 0, 40);
        let command = AmendContract {
            contract: contract?,
            amendment: amendment?,
            etag: etag?,
            limits: self.limits,
        };
        let key = command.key(request_id?);
        Some(Ok((command, key)))
    }

    async fn read(&self, tenant: TenantId, id: ContractId) -> Result<Contract, Status> {
        let found = queries::get(&self.database, tenant, id)
            .await
            .map_err(|error| to_status(&ContractError::from(error)))?;
        found.ok_or_else(|| to_status(&ContractError::NotFound(id)))
    }
}

/// A command with its identity, or a refusal that no field is to blame for; none after recording
/// what is wrong with fields.
type Parsed<C> = Option<Result<(C, RequestKey), ContractError>>;

/// What was read from a request, or why it is refused.
fn accepted<C>(fields: Fields, parsed: Parsed<C>) -> Result<(C, RequestKey), Status> {
    finish(fields, parsed)?.map_err(|refused| to_status(&refused))
}

fn parse_terminate(
    fields: &mut Fields,
    request: &pb::TerminateContractRequest,
) -> Parsed<TerminateContract> {
    let request_id = fields.request_id("request_id", &request.request_id);
    let contract = fields.id::<ContractId>("contract_id", &request.contract_id);
    let termination = parse_termination(fields, "termination", request.termination.as_ref());
    let etag = fields.text("etag", &request.etag, 0, 40);
    let (contract, termination, etag) = (contract?, termination?, etag?);
    let command = TerminateContract { contract, termination, etag };
    let key = command.key(request_id?);
    Some(Ok((command, key)))
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
        let (command, key) = accepted(fields, parsed)?;
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
        let contract = self.read(scope.tenant, id).await?;
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
        let (command, key) = accepted(fields, parsed)?;
        let command = Command::SignContract(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::ContractSigned = answer::event(&answer)?;
        let position = answer::position(&answer);
        let (event_type, event_bytes) = would_write(answer, request.validate_only);
        Ok(Response::new(pb::SignContractResponse {
            contract: event.contract,
            position,
            event_type,
            event: event_bytes,
        }))
    }

    async fn amend_contract(
        &self,
        request: Request<pb::AmendContractRequest>,
    ) -> Result<Response<pb::AmendContractResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ContractAmend)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = self.parse_amend(&mut fields, &request);
        let (command, key) = accepted(fields, parsed)?;
        let command = Command::AmendContract(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::ContractAmended = answer::event(&answer)?;
        let position = answer::position(&answer);
        let (event_type, event_bytes) = would_write(answer, request.validate_only);
        Ok(Response::new(pb::AmendContractResponse {
            contract: event.contract,
            position,
            event_type,
            event: event_bytes,
        }))
    }

    async fn terminate_contract(
        &self,
        request: Request<pb::TerminateContractRequest>,
    ) -> Result<Response<pb::TerminateContractResponse>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::ContractTerminate)
            .map_err(|denied| to_status(&denied))?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let parsed = parse_terminate(&mut fields, &request);
        let (command, key) = accepted(fields, parsed)?;
        let command = Command::TerminateContract(command);
        let answer = self.submit(scope, key, request.validate_only, command).await?;
        let event: pb::ContractTerminated = answer::event(&answer)?;
        let position = answer::position(&answer);
        let (event_type, event_bytes) = would_write(answer, request.validate_only);
        Ok(Response::new(pb::TerminateContractResponse {
            contract: event.contract,
            position,
            event_type,
            event: event_bytes,
        }))
    }
}

/// With `validate_only`, the event that would be written: a preview is made from it.
fn would_write(answer: Answer, validate_only: bool) -> (String, Vec<u8>) {
    if validate_only { (answer.type_name, answer.payload) } else { Default::default() }
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
