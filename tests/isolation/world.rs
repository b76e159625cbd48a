//! Two vendors and their tenants: one with books, one of the same vendor without, one of the other
//! vendor. And what is in the database, to see that nothing was written.

use std::sync::atomic::{AtomicU64, Ordering};

use backlog_ids::{AccountId, TenantId};
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::contract::v1::invoice_service_client::InvoiceServiceClient;
use backlog_proto::contract::v1::sign_contract_request::Subject as Signed;
use backlog_proto::contract::v1::{
    Contract, ContractTerms, CreateContractRequest, MeasurementPolicy, SignContractRequest,
};
use backlog_proto::recognition::v1::journal_service_client::JournalServiceClient;
use backlog_proto::recognition::v1::period_service_client::PeriodServiceClient;
use backlog_proto::recognition::v1::policy_service_client::PolicyServiceClient;
use backlog_proto::recognition::v1::progress_service_client::ProgressServiceClient;
use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use backlog_proto::recognition::v1::what_if_service_client::WhatIfServiceClient;
use backlog_proto::recognition::v1::{
    AccountingStandard, AdjustRevenueRequest, Adjustment, ClosePeriodRequest, ExportJournalRequest,
    GetWhatIfRequest, Policy, RunRecognitionRequest, SetAccountMappingRequest,
    SetExchangeRateRequest, SetPolicyRequest, StartWhatIfRequest, WhatIfPolicy, WhatIfState,
};
use backlog_proto::reporting::v1::GetCheckpointRequest;
use backlog_proto::reporting::v1::audit_service_client::AuditServiceClient;
use backlog_tests::story::{date, invoice, usd};
use backlog_tests::{Caller, Service, Stack};
use prost::Message;

use crate::raw::{Answer, call};
use crate::samples::{
    Subject, export_journal, promises, set_account_mapping, set_exchange_rate, terms,
};
use crate::table::{Level, Row};
use crate::tokens;

/// Roles that give everything of a tenant.
const ADMIN: [&str; 1] = ["tenant_admin"];

/// A running system with people in it.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) vendor: AccountId,
    /// A tenant of the vendor with books.
    pub(crate) full: TenantId,
    /// A tenant of the vendor without.
    pub(crate) empty: TenantId,
    pub(crate) rival: AccountId,
    /// A tenant of the rival, without books.
    pub(crate) stranger: TenantId,
    /// What there is of the full tenant.
    pub(crate) subject: Subject,
    /// Bytes that may stand only in answers to the full tenant.
    pub(crate) secrets: Vec<Vec<u8>>,
    requests: AtomicU64,
}

impl World {
    pub(crate) async fn start() -> Self {
        let stack = Stack::start().await;
        let (vendor, rival) = (stack.account("vendor").await, stack.account("rival").await);
        let full = stack.tenant_with(vendor, "full", two_people()).await;
        let empty = stack.tenant(vendor, "empty").await;
        let stranger = stack.tenant(rival, "stranger").await;
        stack.tenant(rival, "stranger-2").await;
        stack.settle().await;
        let (subject, secrets) = fill(&stack, vendor, full, "Full Corp").await;
        close(&stack, &stack.caller(vendor, empty, &ADMIN)).await;
        close(&stack, &stack.caller(rival, stranger, &ADMIN)).await;
        let requests = AtomicU64::new(0);
        Self { stack, vendor, full, empty, rival, stranger, subject, secrets, requests }
    }

    /// The full tenant's things for a call that was not made before.
    pub(crate) fn about(&self, subject: &Subject) -> Subject {
        subject.call(format!("call-{}", self.requests.fetch_add(1, Ordering::Relaxed)))
    }

    /// Somebody of the full tenant with every permission, or who else may call it.
    pub(crate) fn allowed(&self, row: &Row) -> Caller {
        match row.level {
            Level::Tenant => self.stack.caller(self.vendor, self.full, &ADMIN),
            Level::Account => self.stack.operator(),
            Level::Services => tokens::of_service(&self.stack, self.full, row.at),
        }
    }

    /// Those who may call it, but for their own: of the same vendor where tenants tell them apart,
    /// and of another.
    pub(crate) fn outsiders(&self, row: &Row) -> Vec<Caller> {
        match row.level {
            Level::Tenant => vec![
                self.stack.caller(self.vendor, self.empty, &ADMIN),
                self.stack.caller(self.rival, self.stranger, &ADMIN),
            ],
            Level::Account => vec![self.stack.account_caller(self.rival, &["account_admin"])],
            Level::Services => vec![
                tokens::of_service(&self.stack, self.empty, row.at),
                tokens::of_service(&self.stack, self.stranger, row.at),
            ],
        }
    }

    /// Calls a row.
    pub(crate) async fn call(&self, row: &Row, caller: &Caller, message: &[u8]) -> Answer {
        call(&self.stack.channel(row.at), row.rpc, caller, message).await
    }

    /// A line for each table: how many rows it has and what they hold. Leases and relay positions
    /// move by themselves.
    pub(crate) async fn written(&self) -> String {
        self.rows("true", "").await
    }

    /// The same for the rows of one tenant.
    pub(crate) async fn written_of(&self, tenant: TenantId) -> String {
        let named = "exists (select 1 from pg_attribute a \
            where a.attrelid = c.oid and a.attname = 'tenant_id')";
        self.rows(named, &format!("where tenant_id = '{}'", tenant.uuid())).await
    }

    async fn rows(&self, tables: &str, condition: &str) -> String {
        self.stack.settle().await;
        let database = &self.stack.database;
        // Those move by themselves too, until they are done.
        let under_way = "select count(*) from recognition.what_if_lease;";
        while database.superuser_sql(under_way).await.expect("what-ifs").trim() != "0" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let names = format!(
            "select c.oid::regclass from pg_class c where c.relkind = 'r' \
             and c.relnamespace::regnamespace::text in ('contract', 'recognition', 'reporting') \
             and c.relname not in ('lease', 'relay_position') and {tables};"
        );
        let names = database.superuser_sql(&names).await.expect("the tables");
        let select = |name: &str| {
            format!(
                "select '{name}', count(*), \
                 md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) \
                 from {name} t {condition}"
            )
        };
        let all = names.lines().map(select).collect::<Vec<_>>().join(" union all ");
        database.superuser_sql(&format!("{all} order by 1;")).await.expect("the rows")
    }

    /// Fails when a service had a fault of its own: a panic, or what it calls an error.
    pub(crate) fn assert_calm(&self) {
        for service in Service::ALL {
            let path = &self.stack.files(service).log;
            let log = std::fs::read_to_string(path).expect("a log");
            assert!(log.contains("serving"), "{service:?} logs what it does");
            let bad = log.lines().find(|line| line.contains("ERROR") || line.contains("panicked"));
            assert_eq!(bad, None, "the log of {service:?}");
        }
    }
}

/// The policy of tenants whose adjustments wait for a second person.
pub(crate) fn two_people() -> MeasurementPolicy {
    MeasurementPolicy { adjustments_need_approval: true, ..MeasurementPolicy::default() }
}

/// Gives a tenant a draft, two signed contracts, one more that is none yet, two invoices, a run and a checkpoint. Answers what
/// there is, and what nobody else may see.
pub(crate) async fn fill(
    stack: &Stack,
    account: AccountId,
    tenant: TenantId,
    customer: &str,
) -> (Subject, Vec<Vec<u8>>) {
    let admin = stack.caller(account, tenant, &ADMIN);
    let mut contracts = ContractServiceClient::new(stack.channel(Service::Contract));
    let mut made: Vec<Contract> = Vec::new();
    for request_id in ["draft", "first", "second", "unlikely"] {
        let unmet = (request_id == "unlikely").then(promises::unlikely);
        let request = admin.request(CreateContractRequest {
            request_id: request_id.to_owned(),
            terms: Some(ContractTerms { unmet, ..terms(customer) }),
            validate_only: false,
            entered_on: Some(date(2026, 1, 1)),
        });
        let answer = contracts.create_contract(request).await.expect("a draft").into_inner();
        made.push(answer.contract.expect("a draft"));
    }
    let [draft, first, second, unlikely] = made.as_slice() else { panic!("four contracts") };
    for contract in [first, second, unlikely] {
        let request = admin.request(SignContractRequest {
            request_id: format!("sign {}", contract.contract_id).replace(' ', "-"),
            subject: Some(Signed::ContractId(contract.contract_id.clone())),
            signed_on: Some(date(2026, 1, 1)),
            etag: contract.etag.clone(),
            validate_only: false,
        });
        contracts.sign_contract(request).await.expect("a signature");
    }
    let mut secrets = texts(&made, customer);
    let mut invoices = InvoiceServiceClient::new(stack.channel(Service::Contract));
    for request_id in ["invoice-1", "invoice-2"] {
        let issue = invoice(request_id, &first.contract_id, "100.00", date(2026, 1, 15));
        let answer = invoices.issue_invoice(admin.request(issue)).await.expect("an invoice");
        secrets.push(answer.into_inner().invoice.expect("an invoice").invoice_id.into_bytes());
    }
    stack.settle().await;
    let mut recognition = RecognitionServiceClient::new(stack.channel(Service::Recognition));
    let request = admin.request(RunRecognitionRequest {
        request_id: "run".to_owned(),
        through: Some(date(2026, 1, 31)),
        ..RunRecognitionRequest::default()
    });
    let run = recognition.run_recognition(request).await.expect("a run").into_inner();
    assert!(run.entries_posted > 0, "the run posts something");
    secrets.push(run.run_id.into_bytes());
    let batch = journal(stack, &admin).await;
    let somebody = stack.caller_as("somebody", (account, tenant), &ADMIN);
    let adjustment = adjust(stack, &somebody, first).await;
    close(stack, &admin).await;
    policy(stack, &admin).await;
    let what_if = what_ifs(stack, &admin, customer).await;
    stack.settle().await;
    let mut audit = AuditServiceClient::new(stack.channel(Service::Reporting));
    let request = admin.request(GetCheckpointRequest::default());
    let answer = audit.get_checkpoint(request).await.expect("a checkpoint").into_inner();
    let trees = answer.checkpoint.expect("a checkpoint").trees;
    secrets.extend(trees.into_iter().filter(|tree| tree.size > 0).map(|tree| tree.root_hash));
    secrets.push(tenant.to_string().into_bytes());
    secrets.push(tenant.uuid().as_bytes().to_vec());
    let obligation = first.obligation_ids.first().expect("an obligation");
    let subject = Subject {
        account: account.to_string(),
        tenant: tenant.to_string(),
        draft: draft.contract_id.clone(),
        etag: draft.etag.clone(),
        contract: first.contract_id.clone(),
        partner: second.contract_id.clone(),
        unlikely: unlikely.contract_id.clone(),
        obligation: obligation.clone(),
        measured: first.obligation_ids.last().expect("an obligation").clone(),
        adjustment,
        customer: customer.to_owned(),
        batch,
        what_if,
        request_id: String::new(),
        dry: false,
        page_size: 100,
    };
    (subject, secrets)
}

/// Accounts, a rate and two exports; answers the id of the first.
async fn journal(stack: &Stack, admin: &Caller) -> String {
    let about = |request_id: &str| Subject::unknown().call(request_id.to_owned());
    let channel = stack.channel(Service::Recognition);
    let mut journal = JournalServiceClient::new(channel);
    let bytes = |samples: Vec<Vec<u8>>| samples.into_iter().next().expect("a sample");
    let mapping = bytes(set_account_mapping(&about("mapping")));
    let mapping = SetAccountMappingRequest::decode(mapping.as_slice()).expect("a request");
    journal.set_account_mapping(admin.request(mapping)).await.expect("a mapping");
    let rate = bytes(set_exchange_rate(&about("rate")));
    let rate = SetExchangeRateRequest::decode(rate.as_slice()).expect("a request");
    journal.set_exchange_rate(admin.request(rate)).await.expect("a rate");
    let mut batches = Vec::new();
    for request_id in ["export-1", "export-2"] {
        let export = bytes(export_journal(&about(request_id)));
        let export = ExportJournalRequest::decode(export.as_slice()).expect("a request");
        let answer = journal.export_journal(admin.request(export)).await.expect("an export");
        batches.push(answer.into_inner().batch.expect("a batch").batch_id);
    }
    batches.swap_remove(0)
}

/// Closes the last month before there was anything.
async fn close(stack: &Stack, caller: &Caller) {
    let mut periods = PeriodServiceClient::new(stack.channel(Service::Recognition));
    let request = caller.request(ClosePeriodRequest {
        request_id: "december".to_owned(),
        period: "2025-12".to_owned(),
        ..ClosePeriodRequest::default()
    });
    periods.close_period(request).await.expect("a close");
}

/// A second version of the policy, by another standard, which moves no figure.
async fn policy(stack: &Stack, caller: &Caller) {
    let mut policies = PolicyServiceClient::new(stack.channel(Service::Recognition));
    let request = caller.request(SetPolicyRequest {
        request_id: "ifrs".to_owned(),
        policy: Some(Policy { standard: AccountingStandard::Ifrs15.into(), ..Policy::default() }),
        effective_from: Some(date(2028, 1, 1)),
        reason: "as the group does".to_owned(),
        ..SetPolicyRequest::default()
    });
    policies.set_policy(request).await.expect("a version");
}

/// Two finished what-ifs; answers the id of the last.
async fn what_ifs(stack: &Stack, caller: &Caller, label: &str) -> String {
    let mut service = WhatIfServiceClient::new(stack.channel(Service::Recognition));
    let mut what_if_id = String::new();
    for request_id in ["what-if-1", "what-if-2"] {
        let request = caller.request(StartWhatIfRequest {
            request_id: request_id.to_owned(),
            label: label.to_owned(),
            policy: Some(WhatIfPolicy::default()),
            ..StartWhatIfRequest::default()
        });
        let started = service.start_what_if(request).await.expect("a what-if").into_inner();
        what_if_id = started.what_if_id;
        loop {
            let request = caller.request(GetWhatIfRequest { what_if_id: what_if_id.clone() });
            let answer = service.get_what_if(request).await.expect("a what-if").into_inner();
            match answer.what_if.expect("a what-if").state() {
                WhatIfState::Finished => break,
                WhatIfState::Failed => panic!("a what-if failed"),
                _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    }
    what_if_id
}

/// Puts an adjustment in; answers its id, where it waits for a second person.
async fn adjust(stack: &Stack, caller: &Caller, contract: &Contract) -> String {
    let mut progress = ProgressServiceClient::new(stack.channel(Service::Recognition));
    let request = caller.request(AdjustRevenueRequest {
        request_id: "adjust".to_owned(),
        adjustment: Some(Adjustment {
            contract_id: contract.contract_id.clone(),
            obligation_id: contract.obligation_ids.first().expect("an obligation").clone(),
            on: Some(date(2026, 2, 1)),
            amount: Some(usd("1.00")),
            reason: "an error".to_owned(),
        }),
        ..AdjustRevenueRequest::default()
    });
    let answer = progress.adjust_revenue(request).await.expect("an adjustment");
    answer.into_inner().adjustment_id
}

/// Ids and names of contracts.
fn texts(contracts: &[Contract], customer: &str) -> Vec<Vec<u8>> {
    let ids = contracts.iter().flat_map(|contract| {
        contract.obligation_ids.iter().chain([&contract.contract_id]).cloned()
    });
    ids.chain([customer.to_owned()]).map(String::into_bytes).collect()
}
