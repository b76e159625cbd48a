//! `kill -9` in the middle of a recognition run over many obligations.

use backlog_proto::contract::v1::ContractTerms;
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::recognition::v1::run_service_client::RunServiceClient;
use backlog_proto::recognition::v1::stream_run_response::News;
use backlog_proto::recognition::v1::{RunRecognitionResponse, StreamRunRequest};
use backlog_tests::load::Books;
use backlog_tests::story::{date, sign, year_of_service};
use backlog_tests::{Service, Stack};
use tonic::Status;

use crate::oracle::assert_projections;

const CONTRACTS: u64 = 40;
const PER_CONTRACT: u64 = 500;
const ALL: u64 = CONTRACTS * PER_CONTRACT;

/// A year of many services, none at a price that twelve months share evenly.
fn many() -> ContractTerms {
    let one = year_of_service("1200.07").obligations.remove(0);
    let keys = (0..PER_CONTRACT).map(|n| format!("service-{n}"));
    let obligations =
        keys.map(|key| backlog_proto::contract::v1::ObligationTerms { key, ..one.clone() });
    ContractTerms { obligations: obligations.collect(), ..year_of_service("0.00") }
}

async fn sign_all(stack: &Stack, books: &Books) {
    let mut client = ContractServiceClient::new(stack.channel(Service::Contract));
    for n in 0..CONTRACTS {
        let request = books.caller.request(sign(&format!("sign-{n}"), many()));
        client.sign_contract(request).await.unwrap();
    }
}

/// Follows the run through January until it has posted so many entries, or to its end.
async fn follow(
    stack: &Stack,
    books: &Books,
    until: u64,
) -> Result<(u64, Option<RunRecognitionResponse>), Status> {
    let request = books.caller.request(StreamRunRequest {
        request_id: "january".to_owned(),
        through: Some(date(2026, 1, 31)),
        contract_id: String::new(),
        min_positions: vec![stack.head(Service::Contract, books).await],
    });
    let mut client = RunServiceClient::new(stack.channel(Service::Recognition));
    let mut stream = client.stream_run(request).await?.into_inner();
    loop {
        let told = stream.message().await?.expect("a run is answered or refused");
        match told.news.expect("news") {
            News::Progress(progress) if progress.entries_posted >= until => {
                return Ok((progress.entries_posted, None));
            }
            News::Progress(_) => {}
            News::Result(result) => return Ok((result.entries_posted, Some(result))),
        }
    }
}

/// What recognition keeps of a tenant, told without ids, in the order of signatures.
async fn state(stack: &Stack, books: &Books) -> String {
    let tenant = books.tenant.uuid();
    let sql = format!(
        "select md5(string_agg(line, e'\\n' order by place)) from (
           select row_number() over (order by contract_id, ordinal) as place,
             concat_ws(' ', ordinal, key, transaction_price, recognized, posted_through, due_from,
               term_to, billed, basis) as line
           from recognition.obligation where tenant_id = '{tenant}') o
         union all
         select md5(string_agg(line, e'\\n' order by line)) from (
           select concat_ws(' ', on_date, unconditional, recognized, refundable, deferred_revenue,
             contract_asset, refund_liability, refund_estimate) as line
           from recognition.balance_point where tenant_id = '{tenant}') b
         union all
         select concat_ws(' ', through, chunks, entries_posted, recognized, finished)
           from recognition.recognition_run where tenant_id = '{tenant}'"
    );
    stack.database.superuser_sql(&sql).await.unwrap()
}

// Shows that a run over 20,000 obligations that is killed twice in the middle and repeated with the same
// request_id ends as an undisturbed one over the same contracts: in the same state, with the same chunks
// and sums, nothing posted twice or left out; and that followers hold what a replay of the logs gives.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_that_is_killed_ends_like_an_undisturbed_one() {
    let mut stack = Stack::start().await;
    let books = stack.many_books("long", 2).await;
    for books in &books {
        sign_all(&stack, books).await;
    }
    // Recognition answers a tenant once its creation has arrived.
    stack.settle().await;
    let [killed, whole] = &books[..] else { panic!("two sets of books") };
    for part in [ALL / 4, ALL / 2] {
        let (posted, result) = follow(&stack, killed, part).await.unwrap();
        assert!(posted < ALL && result.is_none(), "{posted} of {ALL}: it is in the middle");
        stack.kill(Service::Recognition);
        stack.restart(Service::Recognition).await;
        let finished = "select count(*) from recognition.recognition_run where finished";
        let finished = stack.database.superuser_sql(finished).await.unwrap();
        assert_eq!(finished.trim(), "0", "the kill met the run");
    }
    let (_, resumed) = follow(&stack, killed, u64::MAX).await.unwrap();
    let (_, undisturbed) = follow(&stack, whole, u64::MAX).await.unwrap();
    let (resumed, undisturbed) = (resumed.expect("a result"), undisturbed.expect("a result"));
    assert_eq!(resumed.entries_posted, ALL);
    assert_eq!(resumed.entries_posted, undisturbed.entries_posted);
    assert_eq!(resumed.recognized, undisturbed.recognized);
    assert_eq!(state(&stack, killed).await, state(&stack, whole).await);
    assert_projections(&stack, &books).await;
}
