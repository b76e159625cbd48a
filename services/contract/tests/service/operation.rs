//! Running it: positions, digest, the log for other services, a broker that is away.

use backlog_event_log::GENESIS;
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::event_log_service_client::EventLogServiceClient;
use backlog_proto::log::v1::processing_service_client::ProcessingServiceClient;
use backlog_proto::log::v1::{GetProcessingRequest, ReadRequest};
use tonic::Code;

use crate::concurrency::log_of;
use crate::harness::{Service, invoice, log_reader, reason, sign, terms, user};

/// The service tells how far its log goes; the digest of its state stays while nothing is written,
/// survives a restart, and changes with every kind of write.
#[tokio::test(flavor = "multi_thread")]
async fn the_digest_is_that_of_the_state() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let state = async |service: &Service| {
        let mut client = ProcessingServiceClient::new(service.channel());
        let request = GetProcessingRequest { with_digest: true };
        client.get_processing(books.admin.ask(request)).await.unwrap().into_inner()
    };
    let empty = state(&service).await;
    let head = empty.head.unwrap();
    assert_eq!((head.log(), head.seq, empty.digest.len()), (Log::Contract, 1, 32));
    assert_eq!((empty.applied.len(), empty.stop), (0, None));
    let contract = service.signed(&books.admin, "s", terms(&[("a", "10.00")])).await;
    let signed = state(&service).await;
    assert_ne!(signed.digest, empty.digest);
    let bill = invoice("i", &contract.contract_id, "1.00");
    service.invoices().issue_invoice(books.admin.ask(bill)).await.unwrap();
    let billed = state(&service).await;
    assert_ne!(billed.digest, signed.digest);
    assert_eq!(billed.head.unwrap().seq, 3);
    let neighbor = service.books("neighbor").await;
    service.signed(&neighbor.admin, "s", terms(&[("a", "10.00")])).await;
    assert_eq!(state(&service).await.digest, billed.digest, "a neighbor's write is not ours");
    let service = service.restart().await;
    assert_eq!(state(&service).await.digest, billed.digest);
}

/// The log is for services only, one tenant a token, and only for readers who know its history.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_for_services() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    service.signed(&books.admin, "s", terms(&[("a", "10.00")])).await;
    let entries = log_of(&service, books.tenant).await;
    let types: Vec<&str> = entries.iter().map(|opened| opened.entry.r#type.as_str()).collect();
    assert_eq!(types, ["backlog.contract.v1.TenantCreated", "backlog.contract.v1.ContractSigned"]);
    let signed = &entries[1].entry;
    assert_eq!((signed.actor.as_str(), signed.request_id.as_str()), ("ann", "s"));
    assert_eq!(signed.aggregate_version, 1);

    let mut client = EventLogServiceClient::new(service.channel());
    let all =
        ReadRequest { after_seq: 0, after_hash: GENESIS.to_vec(), limit: 0, only_seqs: Vec::new() };
    for caller in [&books.admin, &books.owner] {
        let denied = client.read(caller.ask(all.clone())).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
    }
    let reader = log_reader(books.tenant).await;
    let foreign =
        ReadRequest { after_seq: 1, after_hash: vec![7; 32], limit: 0, only_seqs: Vec::new() };
    let diverged = client.read(reader.ask(foreign)).await.unwrap_err();
    assert_eq!(reason(&diverged), "LOG_DIVERGED");
    let denied = service.contracts().list_contracts(reader.ask(<_>::default())).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
}

/// A broker that cannot be reached at the start keeps nobody from writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_costs_no_write() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nowhere.local_addr().unwrap();
    drop(nowhere);
    let service = Service::start_with(|config| config.nats.url = format!("nats://{address}")).await;
    let books = service.books("vendor").await;
    for n in 0..5 {
        service.signed(&books.admin, &format!("s{n}"), terms(&[("a", "10.00")])).await;
    }
    let health = service.platform().get_platform_health(books.owner.ask(<_>::default())).await;
    let health = health.unwrap().into_inner().tenants;
    assert_eq!((health[0].contract_seq, health[0].published_seq), (6, 0));
    service.running.shutdown().await.unwrap();
}

/// What is committed is published: the broker confirms every entry.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_published() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    service.signed(&books.admin, "s", terms(&[("a", "10.00")])).await;
    let confirmed = async || {
        let health = service.platform().get_platform_health(books.owner.ask(<_>::default())).await;
        health.unwrap().into_inner().tenants[0].published_seq
    };
    while confirmed().await < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(confirmed().await, 2);
}

/// A stop finishes what was accepted: calls in flight are answered, and what was answered is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_calls_in_flight() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let admin = user(books.account, Some(books.tenant), &["billing_system"]).await;
    let mut calls: Vec<_> = (0..200)
        .map(|n| {
            let mut contracts = service.contracts();
            let call = admin.ask(sign(&format!("s{n}"), terms(&[("a", "10.00")])));
            tokio::spawn(async move { contracts.sign_contract(call).await })
        })
        .collect();
    // Once one is answered, others are under way.
    calls.remove(0).await.unwrap().unwrap();
    let service = service.restart().await;
    let mut answered = 1;
    for call in calls {
        answered += usize::from(call.await.unwrap().is_ok());
    }
    let stored = service.database.superuser_sql("select count(*) from contract.contract").await;
    let stored: usize = stored.unwrap().trim().parse().unwrap();
    assert!(stored >= answered, "{stored} stored, {answered} answered");
}
