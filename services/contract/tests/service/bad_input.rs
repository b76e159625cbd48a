//! What must never come in: each call names everything that is wrong, and writes nothing.

use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use tonic::{Code, Status};

use crate::harness::{
    Books, Service, create, date, fields, invoice, metadata, reason, sign, terms, usd,
};

/// Asserts the fields that a refusal names, in any order.
fn names(status: &Status, expected: &[&str]) {
    assert_eq!((status.code(), reason(status)), (Code::InvalidArgument, "INVALID_FIELDS".into()));
    let mut named = fields(status);
    named.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(named, expected);
}

async fn wrong_contracts(service: &Service, books: &Books) {
    let mut contracts = service.contracts();
    let status = contracts.create_contract(books.admin.ask(<_>::default())).await.unwrap_err();
    names(&status, &["request_id", "terms", "entered_on"]);
    let status = contracts.sign_contract(books.admin.ask(<_>::default())).await.unwrap_err();
    names(&status, &["request_id", "contract_id", "signed_on"]);

    let mut request = create("räquest", terms(&[("a", "1e400"), ("a", "NaN")]));
    let spoiled = request.terms.as_mut().unwrap();
    spoiled.currency_code = "XXX".to_owned();
    spoiled.customer = "x".repeat(1_000_000);
    spoiled.term.as_mut().unwrap().to = date(2026, 2, 30);
    request.entered_on = date(0, 1, 1);
    let status = contracts.create_contract(books.admin.ask(request)).await.unwrap_err();
    names(
        &status,
        &[
            "request_id",
            "terms.customer",
            "terms.term.to",
            "terms.currency_code",
            "terms.obligations[0].price.amount",
            "terms.obligations[1].key",
            "terms.obligations[1].price.amount",
            "entered_on",
        ],
    );
    for amount in ["", "-0", "1.23abc", "١٢", "1,000", "+1", "1.", ".5", "0x1", &"9".repeat(40)] {
        let request = sign("r", terms(&[("a", amount)]));
        let status = contracts.sign_contract(books.admin.ask(request)).await.unwrap_err();
        names(&status, &["terms.obligations[0].price.amount"]);
    }
    for id in
        ["", "ctr_", "inv_0192f3a1c8e67d4fb0a1b2c3d4e5f607", "ctr_\u{0}", "a.b.*.>", "' or 1=1"]
    {
        let mut request = sign("r", <_>::default());
        request.subject = Some(Subject::ContractId(id.to_owned()));
        let status = contracts.sign_contract(books.admin.ask(request)).await.unwrap_err();
        names(&status, &["contract_id"]);
        let read = pb::GetContractRequest { contract_id: id.to_owned() };
        let status = contracts.get_contract(books.admin.ask(read)).await.unwrap_err();
        names(&status, &["contract_id"]);
    }
    let mut etag = sign("r", terms(&[("a", "1")]));
    etag.etag = "v1".to_owned();
    let status = contracts.sign_contract(books.admin.ask(etag)).await.unwrap_err();
    names(&status, &["etag"]);
    let request = pb::ListContractsRequest {
        page_size: -1,
        state: 9,
        customer: "\u{7}".to_owned(),
        ..<_>::default()
    };
    let status = contracts.list_contracts(books.admin.ask(request)).await.unwrap_err();
    names(&status, &["page_size", "state", "customer"]);
}

async fn wrong_invoices(service: &Service, books: &Books) {
    let mut invoices = service.invoices();
    let status = invoices.issue_invoice(books.admin.ask(<_>::default())).await.unwrap_err();
    names(&status, &["request_id", "contract_id", "issued_on", "amount"]);
    let obligation = "obl_0192f3a1c8e67d4fb0a1b2c3d4e5f607".to_owned();
    let mut request = invoice("r", "ctr_0192f3a1c8e67d4fb0a1b2c3d4e5f607", "0.00");
    request.due_on = date(2026, 1, 30);
    request.number = "x".repeat(101);
    request.tax = usd("-0.01");
    request.lines = vec![
        pb::InvoiceLine { obligation_id: obligation.clone(), amount: usd("1") },
        pb::InvoiceLine { obligation_id: obligation, amount: None },
        pb::InvoiceLine { obligation_id: String::new(), amount: usd("-1") },
    ];
    let status = invoices.issue_invoice(books.admin.ask(request)).await.unwrap_err();
    names(
        &status,
        &[
            "number",
            "due_on",
            "amount.amount",
            "lines",
            "lines[1].obligation_id",
            "lines[1].amount",
            "lines[2].obligation_id",
            "lines[2].amount.amount",
            "tax.amount",
        ],
    );
    let request =
        pb::ListInvoicesRequest { page_size: -1, contract_id: "x".to_owned(), ..<_>::default() };
    let status = invoices.list_invoices(books.admin.ask(request)).await.unwrap_err();
    names(&status, &["page_size", "contract_id"]);
}

async fn wrong_changes(service: &Service, books: &Books) {
    let mut contracts = service.contracts();
    let status = contracts.amend_contract(books.admin.ask(<_>::default())).await.unwrap_err();
    names(&status, &["request_id", "contract_id", "amendment"]);
    let status = contracts.terminate_contract(books.admin.ask(<_>::default())).await.unwrap_err();
    names(&status, &["request_id", "contract_id", "termination"]);
    let request = pb::TerminateContractRequest {
        termination: Some(pb::Termination {
            effective_on: date(2026, 2, 2),
            refund: Some(pb::termination::Refund::RefundAmount(usd("-1").unwrap())),
            penalty: usd("-1"),
            forfeit_earned: false,
            wind_down_to: date(2026, 2, 1),
            reason: "x".repeat(201),
        }),
        ..<_>::default()
    };
    let status = contracts.terminate_contract(books.admin.ask(request)).await.unwrap_err();
    names(
        &status,
        &[
            "request_id",
            "contract_id",
            "termination.refund_amount.amount",
            "termination.penalty.amount",
            "termination.wind_down_to",
            "termination.reason",
        ],
    );
    let mut invoices = service.invoices();
    let request = pb::IssueCreditNoteRequest { concession: 9, tax: usd("-1"), ..<_>::default() };
    let status = invoices.issue_credit_note(books.admin.ask(request)).await.unwrap_err();
    names(
        &status,
        &["request_id", "contract_id", "issued_on", "amount", "concession", "tax.amount"],
    );
    let request =
        pb::RecordPaymentRequest { amount: usd("0"), reference: "x".repeat(101), ..<_>::default() };
    let status = invoices.record_payment(books.admin.ask(request)).await.unwrap_err();
    names(&status, &["request_id", "contract_id", "paid_on", "amount.amount", "reference"]);
}

async fn wrong_tenants(service: &Service, books: &Books) {
    let mut platform = service.platform();
    let request = pb::CreateTenantRequest {
        external_id: "x".repeat(101),
        functional_currency_code: "usd".to_owned(),
        policy: Some(pb::MeasurementPolicy { convention: 99, ..<_>::default() }),
        account_id: "acc".to_owned(),
        ..<_>::default()
    };
    let status = platform.create_tenant(books.owner.ask(request)).await.unwrap_err();
    names(
        &status,
        &[
            "request_id",
            "external_id",
            "display_name",
            "functional_currency_code",
            "policy.convention",
            "account_id",
        ],
    );
    let status = platform.set_tenant_suspended(books.owner.ask(<_>::default())).await.unwrap_err();
    names(&status, &["request_id", "tenant_id"]);
}

/// The table of what must not come in, over all writing calls: the right code and reason, every field
/// at once, and the log stands where it stood.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_all_named_and_nothing_is_written() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let before = service.entries().await;
    wrong_contracts(&service, &books).await;
    wrong_invoices(&service, &books).await;
    wrong_changes(&service, &books).await;
    wrong_tenants(&service, &books).await;
    assert_eq!(service.entries().await, before);
}

/// The limits of size: obligations of a contract, and bytes of a message, which the server refuses
/// before it reads them.
#[tokio::test(flavor = "multi_thread")]
async fn limits_are_kept() {
    let service = Service::start_with(|config| {
        config.contract.obligations_max = 3;
        config.server.message_size_max_bytes = 100_000;
    })
    .await;
    let books = service.books("vendor").await;
    let before = service.entries().await;
    let mut contracts = service.contracts();
    let four = terms(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
    let status = contracts.sign_contract(books.admin.ask(sign("r", four))).await.unwrap_err();
    names(&status, &["terms.obligations"]);
    let mut large = terms(&[("a", "1")]);
    large.number = "x".repeat(100_001);
    let status = contracts.sign_contract(books.admin.ask(sign("r", large))).await.unwrap_err();
    assert!([Code::OutOfRange, Code::ResourceExhausted].contains(&status.code()), "{status}");
    assert_eq!(service.entries().await, before);
    let three = terms(&[("a", "1"), ("b", "1"), ("c", "1")]);
    contracts.sign_contract(books.admin.ask(sign("r", three))).await.unwrap();
}

/// A tenant beyond its share is told to wait; its neighbor is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_its_share() {
    let service = Service::start_with(|config| {
        config.limits.tenant_requests_per_second = 1;
        config.limits.tenant_burst = 3;
    })
    .await;
    let books = service.books("vendor").await;
    let mut contracts = service.contracts();
    let mut refused = Vec::new();
    for n in 0..20 {
        let request = sign(&format!("r{n}"), terms(&[("a", "1")]));
        refused.extend(contracts.sign_contract(books.admin.ask(request)).await.err());
    }
    assert!(!refused.is_empty());
    for status in &refused {
        let answer = (status.code(), reason(status));
        assert_eq!(answer, (Code::ResourceExhausted, "RATE_LIMITED".into()));
        assert_eq!(metadata(status, "limit").unwrap(), "requests_per_second");
    }
    let neighbor = service.books("neighbor").await;
    service.signed(&neighbor.admin, "r", terms(&[("a", "1")])).await;
}
