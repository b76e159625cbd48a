//! The article's contract over its first month: signed, invoiced, recognized, reported, proved.

use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::contract::v1::invoice_service_client::InvoiceServiceClient;
use backlog_proto::recognition::v1::RunRecognitionRequest;
use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use backlog_proto::reporting::v1::backlog_service_client::BacklogServiceClient;
use backlog_proto::reporting::v1::{Balances, GetBacklogRequest};
use backlog_tests::story::{contract_position, date, invoice, sign, year_of_service};
use backlog_tests::{Caller, Service, Stack};

async fn balances(
    stack: &Stack,
    caller: &Caller,
    as_of: (i32, i32, i32),
    after: LogPosition,
) -> Option<Balances> {
    let mut reports = BacklogServiceClient::new(stack.channel(Service::Reporting));
    let request = caller.request(GetBacklogRequest {
        as_of: Some(date(as_of.0, as_of.1, as_of.2)),
        min_positions: vec![after],
        ..GetBacklogRequest::default()
    });
    let answer = reports.get_backlog(request).await.expect("a report").into_inner();
    assert!(answer.rows.len() <= 1, "one currency, no groups");
    answer.rows.into_iter().next()?.balances
}

fn amount(money: Option<backlog_proto::common::v1::Money>) -> String {
    money.expect("an amount").amount
}

// Shows that a signature is in the report that waits for it, that an invoice moves no backlog, that
// the run does, and that another tenant of the same account sees none of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_the_article() {
    let stack = Stack::start().await;
    let (account, _, admin) = stack.books("first").await;
    let other = stack.tenant(account, "second").await;
    let stranger = stack.caller(account, other, &["tenant_admin"]);
    stack.settle().await;

    let mut contracts = ContractServiceClient::new(stack.channel(Service::Contract));
    let signed = contracts
        .sign_contract(admin.request(sign("sign-1", year_of_service("1200.00"))))
        .await
        .expect("a signature")
        .into_inner();
    let contract = signed.contract.expect("a contract");
    let position = signed.position.expect("a position");
    let first = balances(&stack, &admin, (2026, 1, 1), position).await.expect("a row");
    assert_eq!(amount(first.backlog), "1200.00");
    assert_eq!(amount(first.billed), "0.00");

    let mut invoices = InvoiceServiceClient::new(stack.channel(Service::Contract));
    let request = invoice("invoice-1", &contract.contract_id, "100.00", date(2026, 1, 1));
    let invoiced = invoices.issue_invoice(admin.request(request)).await.expect("an invoice");
    let position = invoiced.into_inner().position.expect("a position");
    let paid = balances(&stack, &admin, (2026, 1, 1), position).await.expect("a row");
    assert_eq!(amount(paid.backlog), "1200.00", "an invoice changes no backlog");
    assert_eq!(amount(paid.deferred_revenue), "100.00");

    let mut recognition = RecognitionServiceClient::new(stack.channel(Service::Recognition));
    let run = recognition
        .run_recognition(admin.request(RunRecognitionRequest {
            request_id: "run-1".to_owned(),
            through: Some(date(2026, 1, 31)),
            min_positions: vec![position],
            ..RunRecognitionRequest::default()
        }))
        .await
        .expect("a run")
        .into_inner();
    assert_eq!(run.entries_posted, 1);
    let position = run.position.expect("a position");
    assert_eq!(position.log(), Log::Recognition);
    let january = balances(&stack, &admin, (2026, 1, 31), position).await.expect("a row");
    assert_eq!(amount(january.recognized), "100.00");
    assert_eq!(amount(january.backlog), "1100.00");
    assert_eq!(amount(january.deferred_revenue), "0.00");

    let none = balances(&stack, &stranger, (2026, 1, 31), contract_position(1)).await;
    assert_eq!(none, None, "the second tenant sees none of it");
}
