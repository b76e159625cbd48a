//! Many at once: batches, replicas, and what the log says afterwards.

use std::collections::BTreeMap;

use backlog_event_log::{GENESIS, Opened, open};
use backlog_ids::TenantId;
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::contract::v1::invoice_service_client::InvoiceServiceClient;
use backlog_proto::log::v1::ReadRequest;
use backlog_proto::log::v1::event_log_service_client::EventLogServiceClient;
use prost::Message;

use crate::harness::{
    Books, Service, channel_to, create, invoice, log_reader, reason, sign, sign_draft, terms, usd,
    user,
};

/// Invoices of one contract at once, through two replicas: as many as the price allows, not one more,
/// and the refused ones are not recorded.
#[tokio::test(flavor = "multi_thread")]
async fn invoices_at_once_stop_at_the_ceiling() {
    let service = Service::start().await;
    let replica = service.replica().await;
    let books = service.books("vendor").await;
    let contract = service.signed(&books.admin, "s", terms(&[("a", "7.00"), ("b", "3.00")])).await;
    let channels = [service.channel(), channel_to(&replica)];
    let calls: Vec<_> = (0..60)
        .map(|n| {
            let mut invoices = InvoiceServiceClient::new(channels[n % 2].clone());
            let call = books.admin.ask(invoice(&format!("i{n}"), &contract.contract_id, "0.30"));
            tokio::spawn(async move { invoices.issue_invoice(call).await })
        })
        .collect();
    let mut issued = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => issued += 1,
            Err(status) => assert_eq!(reason(&status), "INVOICE_EXCEEDS_CEILING"),
        }
    }
    assert_eq!(issued, 33);
    let read = pb::GetContractRequest { contract_id: contract.contract_id };
    let read = service.contracts().get_contract(books.admin.ask(read)).await.unwrap();
    assert_eq!(read.into_inner().contract.unwrap().billed, usd("9.90"));
    let stored = service.database.superuser_sql("select count(*) from contract.invoice").await;
    assert_eq!(stored.unwrap().trim(), "33");
    replica.shutdown().await.unwrap();
}

/// One draft, signed by many at once under different request_ids: one signature.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_signed_by_one() {
    let service = Service::start().await;
    let replica = service.replica().await;
    let books = service.books("vendor").await;
    let draft = create("c", terms(&[("a", "10.00")]));
    let draft = service.contracts().create_contract(books.admin.ask(draft)).await.unwrap();
    let draft = draft.into_inner().contract.unwrap();
    let channels = [service.channel(), channel_to(&replica)];
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let mut contracts = ContractServiceClient::new(channels[n % 2].clone());
            let call = books.admin.ask(sign_draft(&format!("s{n}"), &draft));
            tokio::spawn(async move { contracts.sign_contract(call).await })
        })
        .collect();
    let mut signed = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => signed += 1,
            Err(status) => assert_eq!(reason(&status), "ALREADY_SIGNED"),
        }
    }
    assert_eq!(signed, 1);
    replica.shutdown().await.unwrap();
}

/// The entries of a tenant's log, each of which continues the one before.
pub(crate) async fn log_of(service: &Service, tenant: TenantId) -> Vec<Opened> {
    let mut client = EventLogServiceClient::new(service.channel());
    let request =
        ReadRequest { after_seq: 0, after_hash: GENESIS.to_vec(), limit: 0, only_seqs: Vec::new() };
    let mut stream = client.read(log_reader(tenant).await.ask(request)).await.unwrap().into_inner();
    let mut entries: Vec<Opened> = Vec::new();
    while let Some(page) = stream.message().await.unwrap() {
        for bytes in page.entries {
            let opened = open(&bytes).unwrap();
            let (seq, hash) = entries.last().map_or((0, GENESIS), |e| (e.entry.seq, e.hash));
            assert_eq!(opened.entry.seq, seq + 1, "no gap");
            assert_eq!(opened.entry.prev_hash, hash, "no fork");
            assert_eq!(opened.entry.tenant_id, tenant.to_string());
            entries.push(opened);
        }
    }
    entries
}

/// What the log says there must be: contracts with what is billed, and invoices.
fn fold(entries: &[Opened]) -> (BTreeMap<String, pb::Contract>, Vec<pb::Invoice>) {
    let (mut contracts, mut invoices) = (BTreeMap::<String, pb::Contract>::new(), Vec::new());
    for opened in entries {
        let payload = opened.entry.payload.as_slice();
        match opened.entry.r#type.as_str() {
            "backlog.contract.v1.ContractDrafted" => {
                let contract = pb::ContractDrafted::decode(payload).unwrap().contract.unwrap();
                contracts.insert(contract.contract_id.clone(), contract);
            }
            "backlog.contract.v1.ContractSigned" => {
                let contract = pb::ContractSigned::decode(payload).unwrap().contract.unwrap();
                contracts.insert(contract.contract_id.clone(), contract);
            }
            "backlog.contract.v1.InvoiceIssued" => {
                let invoice = pb::InvoiceIssued::decode(payload).unwrap().invoice.unwrap();
                let contract = contracts.get_mut(&invoice.contract_id).unwrap();
                contract.billed = usd(&sum(&contract.billed, &invoice.amount));
                invoices.push(invoice);
            }
            "backlog.contract.v1.TenantCreated" => assert_eq!(opened.entry.seq, 1),
            other => panic!("no event of this test: {other}"),
        }
    }
    invoices.sort_by(|a, b| a.invoice_id.cmp(&b.invoice_id));
    (contracts, invoices)
}

fn sum(
    a: &Option<backlog_proto::common::v1::Money>,
    b: &Option<backlog_proto::common::v1::Money>,
) -> String {
    let money = |m: &Option<backlog_proto::common::v1::Money>| {
        backlog_money::Money::try_from(m.as_ref().unwrap()).unwrap()
    };
    money(a).checked_add(money(b)).unwrap().amount_string()
}

async fn story(service: &Service, caller: crate::harness::Caller, n: usize) {
    let (mut contracts, mut invoices) = (service.contracts(), service.invoices());
    let draft = create(&format!("c{n}"), terms(&[("a", "10.00"), ("b", "0.01")]));
    let draft = contracts.create_contract(caller.ask(draft)).await.unwrap().into_inner();
    let draft = draft.contract.unwrap();
    let direct = sign(&format!("d{n}"), terms(&[("x", "5.55"), ("y", "4.45")]));
    let direct = contracts.sign_contract(caller.ask(direct)).await.unwrap().into_inner();
    if n.is_multiple_of(2) {
        let signed = sign_draft(&format!("s{n}"), &draft);
        contracts.sign_contract(caller.ask(signed)).await.unwrap();
    }
    let id = direct.contract.unwrap().contract_id;
    for part in 0..3 {
        let bill = invoice(&format!("i{n}.{part}"), &id, "2.34");
        invoices.issue_invoice(caller.ask(bill)).await.unwrap();
    }
    let beyond = invoice(&format!("b{n}"), &id, "2.99");
    invoices.issue_invoice(caller.ask(beyond)).await.unwrap_err();
}

async fn listed(
    service: &Service,
    books: &Books,
) -> (BTreeMap<String, pb::Contract>, Vec<pb::Invoice>) {
    let request = pb::ListContractsRequest { page_size: 1_000, ..<_>::default() };
    let contracts = service.contracts().list_contracts(books.admin.ask(request)).await.unwrap();
    let contracts = contracts.into_inner().contracts.into_iter();
    let request = pb::ListInvoicesRequest { page_size: 1_000, ..<_>::default() };
    let invoices = service.invoices().list_invoices(books.admin.ask(request)).await.unwrap();
    let contracts = contracts.map(|contract| (contract.contract_id.clone(), contract));
    (contracts.collect(), invoices.into_inner().invoices)
}

/// After many stories at once in several tenants, each tenant's log has no gap and no fork, and folding
/// it gives exactly what the tables answer: nothing lost, nothing twice, no orphan.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_and_the_tables_agree() {
    let service = std::sync::Arc::new(Service::start().await);
    let mut all = Vec::new();
    let first = service.books("vendor").await;
    for n in 0..4 {
        let tenant = service.tenant(&first.owner, &format!("t{n}")).await;
        let admin = user(first.account, Some(tenant), &["tenant_admin"]).await;
        all.push(Books { tenant, admin, ..first.clone() });
    }
    let stories: Vec<_> = (0..80)
        .map(|n| {
            let service = std::sync::Arc::clone(&service);
            let caller = all[n % all.len()].admin.clone();
            tokio::spawn(async move { story(&service, caller, n).await })
        })
        .collect();
    for told in stories {
        told.await.unwrap();
    }
    for books in &all {
        let entries = log_of(&service, books.tenant).await;
        let (contracts, invoices) = fold(&entries);
        assert_eq!((contracts.len(), invoices.len()), (40, 60));
        assert_eq!(listed(&service, books).await, (contracts, invoices));
    }
    let orphans = service
        .database
        .superuser_sql(
            "select (select count(*) from contract.obligation o where not exists (select 1 from \
               contract.contract c where c.tenant_id = o.tenant_id and c.contract_id = o.contract_id)) \
             + (select count(*) from contract.invoice_line l where not exists (select 1 from \
               contract.invoice i where i.tenant_id = l.tenant_id and i.invoice_id = l.invoice_id)) \
             + (select count(*) from contract.invoice i where not exists (select 1 from \
               contract.contract c where c.tenant_id = i.tenant_id and c.contract_id = i.contract_id))",
        )
        .await;
    assert_eq!(orphans.unwrap().trim(), "0");
}
