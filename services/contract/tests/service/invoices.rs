//! Invoices.

use backlog_proto::common::v1::Money;
use backlog_proto::contract::v1 as pb;
use tonic::Code;

use crate::harness::{Service, create, date, fields, invoice, metadata, reason, terms, usd, user};

fn amounts(invoice: &pb::Invoice) -> Vec<String> {
    let lines = invoice.lines.iter().filter_map(|line| line.amount.as_ref());
    lines.map(|amount| amount.amount.clone()).collect()
}

/// An amount is spread by what each obligation has not billed yet, recorded, read back, and counted in
/// the contract; defaults are filled in.
#[tokio::test(flavor = "multi_thread")]
async fn an_amount_is_spread_and_recorded() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let contract = service.signed(&books.admin, "s", terms(&[("a", "10.00"), ("b", "5.00")])).await;
    let mut invoices = service.invoices();
    let id = &contract.contract_id;
    let mut request = invoice("i1", id, "3.01");
    request.tax = usd("0.57");
    let answer = invoices.issue_invoice(books.admin.ask(request)).await.unwrap().into_inner();
    assert_eq!(answer.position.unwrap().seq, 3);
    let first = answer.invoice.unwrap();
    assert_eq!(amounts(&first), ["2.01", "1.00"]);
    assert_eq!((&first.amount, &first.tax), (&usd("3.01"), &usd("0.57")));
    assert_eq!(first.due_on, first.issued_on);

    let mut request = invoice("i2", id, "0");
    request.amount = None;
    request.lines = vec![pb::InvoiceLine {
        obligation_id: contract.obligation_ids[1].clone(),
        amount: usd("4"),
    }];
    request.due_on = date(2026, 3, 2);
    let answer = invoices.issue_invoice(books.admin.ask(request)).await.unwrap().into_inner();
    let second = answer.invoice.unwrap();
    assert_eq!((amounts(&second), &second.tax), (vec!["4.00".to_owned()], &usd("0.00")));

    let other = service.signed(&books.admin, "s2", terms(&[("a", "10.00")])).await;
    let request = invoice("i3", &other.contract_id, "1.00");
    let third = invoices.issue_invoice(books.admin.ask(request)).await.unwrap().into_inner();
    let list = async |contract_id: &str, page_size, page_token: String| {
        let request =
            pb::ListInvoicesRequest { page_size, page_token, contract_id: contract_id.to_owned() };
        service.invoices().list_invoices(books.admin.ask(request)).await.unwrap().into_inner()
    };
    let page = list(id, 1, String::new()).await;
    assert_eq!(page.invoices.as_slice(), std::slice::from_ref(&first));
    let rest = list(id, 1, page.next_page_token).await;
    assert_eq!((rest.invoices, rest.next_page_token), (vec![second.clone()], String::new()));
    let all = list("", 0, String::new()).await.invoices;
    assert_eq!(all, [first, second, third.invoice.unwrap()]);
    let read = pb::GetContractRequest { contract_id: id.clone() };
    let read = service.contracts().get_contract(books.admin.ask(read)).await.unwrap();
    assert_eq!(read.into_inner().contract.unwrap().billed, usd("7.01"));
}

/// What cannot be billed is refused with its reason, and nothing is written: a draft, an unknown or
/// another tenant's contract, more than the price of the contract or of a named obligation.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_billed_is_refused() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let contract = service.signed(&books.admin, "s", terms(&[("a", "10.00"), ("b", "5.00")])).await;
    let draft = create("c", terms(&[("a", "10.00")]));
    let draft = service.contracts().create_contract(books.admin.ask(draft)).await.unwrap();
    let draft = draft.into_inner().contract.unwrap();
    let mut invoices = service.invoices();
    let partly = invoice("i", &contract.contract_id, "3.00");
    invoices.issue_invoice(books.admin.ask(partly)).await.unwrap();
    let before = service.entries().await;

    let mut refuse = async |request: pb::IssueInvoiceRequest| {
        invoices.issue_invoice(books.admin.ask(request)).await.unwrap_err()
    };
    let not_signed = refuse(invoice("n", &draft.contract_id, "1.00")).await;
    assert_eq!(
        (not_signed.code(), reason(&not_signed)),
        (Code::FailedPrecondition, "NOT_SIGNED".into())
    );
    let unknown = refuse(invoice("n", &format!("ctr_{}", "0".repeat(31) + "7"), "1.00")).await;
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "NOT_FOUND".into()));
    let above = refuse(invoice("n", &contract.contract_id, "12.01")).await;
    assert_eq!(reason(&above), "INVOICE_EXCEEDS_CEILING");
    assert_eq!(metadata(&above, "ceiling").unwrap(), "15.00");
    assert_eq!(metadata(&above, "billed").unwrap(), "3.00");
    let mut line = invoice("n", &contract.contract_id, "0");
    line.amount = None;
    line.lines = vec![pb::InvoiceLine {
        obligation_id: contract.obligation_ids[1].clone(),
        amount: usd("4.01"),
    }];
    let above = refuse(line.clone()).await;
    assert_eq!(reason(&above), "INVOICE_EXCEEDS_CEILING");
    assert_eq!(metadata(&above, "obligation_id").as_ref(), Some(&contract.obligation_ids[1]));

    line.lines[0].obligation_id = format!("obl_{}", "0".repeat(31) + "7");
    line.lines[0].amount = Some(Money { currency_code: "EUR".to_owned(), amount: "1".to_owned() });
    line.tax = Some(Money { currency_code: "EUR".to_owned(), amount: "1".to_owned() });
    let invalid = refuse(line).await;
    assert_eq!(invalid.code(), Code::InvalidArgument);
    let expected = ["lines[0].obligation_id", "lines[0].amount.currency_code", "tax.currency_code"];
    assert_eq!(fields(&invalid), expected);

    let sister = service.tenant(&books.owner, "sister").await;
    let sister = user(books.account, Some(sister), &["tenant_admin"]).await;
    let before_sister = service.entries().await;
    let foreign = invoice("n", &contract.contract_id, "1.00");
    let foreign = service.invoices().issue_invoice(sister.ask(foreign)).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
    assert_eq!(service.entries().await, before_sister);
    assert_ne!(before, before_sister, "the sister tenant was created, and only that");
}

/// Checking an invoice writes nothing and answers what issuing it then does.
#[tokio::test(flavor = "multi_thread")]
async fn checking_an_invoice_writes_nothing() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let contract = service.signed(&books.admin, "s", terms(&[("a", "10.00")])).await;
    let before = service.entries().await;
    let mut request = invoice("i", &contract.contract_id, "10.00");
    request.validate_only = true;
    let mut invoices = service.invoices();
    for _ in 0..2 {
        let checked = invoices.issue_invoice(books.admin.ask(request.clone())).await.unwrap();
        let checked = checked.into_inner();
        assert_eq!((checked.position, checked.invoice.unwrap().amount), (None, usd("10.00")));
    }
    assert_eq!(service.entries().await, before);
    request.validate_only = false;
    invoices.issue_invoice(books.admin.ask(request)).await.unwrap();
}
