//! One request_id, one effect, one answer.

use backlog_proto::contract::v1 as pb;
use prost::Message;
use tonic::Code;

use crate::harness::{Service, create, invoice, reason, sign, terms, user};

/// A hundred calls at once with one request_id have one effect and the same answer; so has one after a
/// restart. Other content under it is refused; in another tenant it is free.
#[tokio::test(flavor = "multi_thread")]
async fn one_request_id_one_effect() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let request = sign("once", terms(&[("a", "10.00")]));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (mut contracts, call) = (service.contracts(), books.admin.ask(request.clone()));
            tokio::spawn(async move { contracts.sign_contract(call).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap().unwrap().into_inner().encode_to_vec());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer, byte for byte");
    let written = service.entries().await;
    assert_eq!(written, "2/2/1/1/0/2", "the tenant and one contract");

    let service = service.restart().await;
    let mut contracts = service.contracts();
    let replay = contracts.sign_contract(books.admin.ask(request.clone())).await.unwrap();
    assert_eq!(replay.into_inner().encode_to_vec(), answers[0]);
    let mut spelled = request.clone();
    if let Some(pb::sign_contract_request::Subject::Terms(terms)) = &mut spelled.subject {
        terms.obligations[0].price.as_mut().unwrap().amount = "10".to_owned();
    }
    let replay = contracts.sign_contract(books.admin.ask(spelled)).await.unwrap();
    assert_eq!(replay.into_inner().encode_to_vec(), answers[0], "the same command");

    let other = sign("once", terms(&[("a", "10.01")]));
    let refused = contracts.sign_contract(books.admin.ask(other)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::AlreadyExists, "REQUEST_ID_REUSED".into())
    );
    let draft = create("once", terms(&[("a", "10.00")]));
    let refused = contracts.create_contract(books.admin.ask(draft)).await.unwrap_err();
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED", "another kind of command");
    assert_eq!(service.entries().await, written);

    let sister = service.tenant(&books.owner, "sister").await;
    let sister = user(books.account, Some(sister), &["tenant_admin"]).await;
    let own = contracts.sign_contract(sister.ask(request)).await.unwrap().into_inner();
    assert_ne!(own.encode_to_vec(), answers[0]);
}

/// A refusal is not remembered: once it can be, the same call has its effect. And an effect is
/// remembered although it could not happen again.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_not_remembered() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let mut contracts = service.contracts();
    let draft = contracts
        .create_contract(books.admin.ask(create("c", terms(&[("a", "10.00")]))))
        .await
        .unwrap()
        .into_inner()
        .contract
        .unwrap();
    let mut invoices = service.invoices();
    let bill = invoice("i", &draft.contract_id, "10.00");
    let refused = invoices.issue_invoice(books.admin.ask(bill.clone())).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_SIGNED");
    let sign = crate::harness::sign_draft("s", &draft);
    contracts.sign_contract(books.admin.ask(sign)).await.unwrap();
    let first = invoices.issue_invoice(books.admin.ask(bill.clone())).await.unwrap().into_inner();
    let again = invoices.issue_invoice(books.admin.ask(bill)).await.unwrap().into_inner();
    assert_eq!(first, again);
}
