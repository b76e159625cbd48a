//! SIGTERM while clients are connected.

use backlog_proto::common::v1::LogPosition;
use backlog_proto::reporting::v1::GetBacklogRequest;
use backlog_proto::reporting::v1::backlog_service_client::BacklogServiceClient;
use backlog_tests::load::{Load, Plan, is_unclear};
use backlog_tests::story::{contract_position, date};
use backlog_tests::{Service, StackBuilder};
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::oracle::assert_all;

/// What each service is given to finish.
const DEADLINE: &str = "[server]\nshutdown_deadline_ms = 1000\n";

// Shows that each service ends by itself after SIGTERM although a client that says nothing, a stream
// without end and a call that waits for long hold connections open: what is in flight is finished or
// refused in a way that the caller repeats, nothing that was acknowledged is lost.
#[tokio::test(flavor = "multi_thread")]
async fn services_end_although_clients_stay() {
    let mut builder = StackBuilder::default();
    for service in Service::ALL {
        builder = builder.edit(service, "[server]\n", DEADLINE);
    }
    let mut stack = builder.start().await;
    let books = stack.many_books("shutdown", 2).await;
    stack.caught_up(&books[0]).await;
    let channels = [stack.channel(Service::Contract)];
    let plan = Plan { clients: 4, rounds: 10, first: Some(40), seed: 9 };
    let mut load = Load::start("shutdown", &books, &channels, plan);
    // A report that waits for what will not come before the end.
    let far = contract_position(1_000_000);
    let report = tokio::spawn(waiting_report(
        BacklogServiceClient::new(stack.channel(Service::Reporting)),
        books[0].caller.request(GetBacklogRequest {
            as_of: Some(date(2026, 12, 31)),
            min_positions: vec![LogPosition { seq: far.seq, ..far }],
            ..GetBacklogRequest::default()
        }),
    ));
    for service in Service::ALL {
        let silent = TcpStream::connect(("127.0.0.1", stack.files(service).port)).await.unwrap();
        let mut health = HealthClient::new(stack.channel(service));
        let request = HealthCheckRequest { service: String::new() };
        let mut endless = health.watch(request).await.unwrap().into_inner();
        endless.message().await.unwrap().unwrap();
        load.reached(load.count() + 10).await;
        // Returns when the process has ended; nothing else ends it.
        stack.terminate(service);
        assert_eq!(stack.pid(service), None);
        assert!(TcpStream::connect(("127.0.0.1", stack.files(service).port)).await.is_err());
        let log = std::fs::read_to_string(&stack.files(service).log).unwrap();
        assert!(log.contains("shutting down"), "it was told to and did: {log}");
        assert!(!log.contains("panicked"), "{log}");
        // The stream has ended, in order or not.
        while let Ok(Some(_)) = endless.message().await {}
        drop(silent);
        stack.restart(service).await;
        load.allow(20);
    }
    let refused = report.await.unwrap();
    assert!(is_unclear(&refused), "the waiting report may be asked for again: {refused}");
    let ledger = load.finish().await;
    assert_all(&stack, &books, ledger).await;
}

async fn waiting_report(
    mut client: BacklogServiceClient<tonic::transport::Channel>,
    request: tonic::Request<GetBacklogRequest>,
) -> tonic::Status {
    client.get_backlog(request).await.expect_err("an answer that includes what is not there")
}
