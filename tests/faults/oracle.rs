//! What every test of this binary ends with.

use std::time::Duration;

use backlog_db::{Database, DatabaseSettings};
use backlog_event_log::{Opened, open};
use backlog_proto::log::v1::processing_service_client::ProcessingServiceClient;
use backlog_proto::log::v1::{ResumeProcessingRequest, Stop};
use backlog_recognition::rebuild;
use backlog_tests::load::{Answer, Books, Command, Ledger};
use backlog_tests::{Service, Stack};
use secrecy::SecretString;

/// Settles what is open and asserts everything that must hold: each command once, logs gapless and
/// chained, no transaction open, recognition's books equal to a fold of both logs, reporting equal to
/// a replay of both, and figures that add up. Answers all commands with their answers.
pub(crate) async fn assert_all(
    stack: &Stack,
    books: &[Books],
    ledger: Ledger,
) -> Vec<(Command, Answer)> {
    let settled = ledger.settle(&stack.channel(Service::Contract)).await;
    stack.assert_exactly_once(books, &settled).await;
    for books in books {
        stack.assert_figures(books, &settled).await;
    }
    assert_projections(stack, books).await;
    stack.assert_no_open_transaction().await;
    settled
}

/// Asserts that what both followers keep is what the logs say.
pub(crate) async fn assert_projections(stack: &Stack, books: &[Books]) {
    stack.assert_equal_to_replay(books).await;
    for books in books {
        assert_books(stack, books).await;
    }
}

/// Asserts that recognition's log and books are what a fold of the contract log makes.
async fn assert_books(stack: &Stack, books: &Books) {
    let contract = opened(stack, Service::Contract, books).await;
    let recognition = opened(stack, Service::Recognition, books).await;
    let url = SecretString::from(stack.database.urls().recognition.runtime_url.clone());
    let mut settings = DatabaseSettings::new(url, "faults");
    settings.connections_max = 1;
    settings.acquire_timeout = Duration::from_secs(60);
    let database = Database::connect(&settings).await.unwrap();
    let verified = rebuild::verify(&database, books.tenant, &contract, &recognition).await;
    database.close().await;
    verified.unwrap();
}

async fn opened(stack: &Stack, service: Service, books: &Books) -> Vec<Opened> {
    let log = stack.stored_log(service, books.tenant).await;
    log.iter().map(|stored| open(&stored.bytes).unwrap()).collect()
}

/// Lifts a tenant's stop; answers what it was.
pub(crate) async fn resume(stack: &Stack, service: Service, books: &Books) -> Option<Stop> {
    let mut client = ProcessingServiceClient::new(stack.channel(service));
    let request = ResumeProcessingRequest { request_id: "resume".to_owned() };
    let answer = client.resume_processing(books.caller.request(request)).await;
    answer.unwrap().into_inner().lifted
}
