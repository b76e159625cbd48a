//! Amendments, terminations, credit notes and payments, from the door to the tables and back.

use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::ContractState;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use prost::Message;
use tonic::Code;

use crate::harness::{
    Books, Service, date, fields, invoice, metadata, reason, sign, terms, usd, user,
};

fn amend(request_id: &str, contract: &pb::Contract, price: &str) -> pb::AmendContractRequest {
    let change = pb::ObligationChange {
        key: "a".to_owned(),
        price: usd(price),
        ..pb::ObligationChange::default()
    };
    let added = terms(&[("c", "7.5")]).obligations;
    pb::AmendContractRequest {
        request_id: request_id.to_owned(),
        contract_id: contract.contract_id.clone(),
        amendment: Some(pb::Amendment {
            effective_on: date(2026, 3, 1),
            changes: vec![change],
            added,
            treatment: 0,
            clauses: None,
        }),
        etag: contract.etag.clone(),
        validate_only: false,
        proposed: false,
    }
}

fn terminate(request_id: &str, contract: &pb::Contract) -> pb::TerminateContractRequest {
    pb::TerminateContractRequest {
        request_id: request_id.to_owned(),
        contract_id: contract.contract_id.clone(),
        termination: Some(pb::Termination {
            effective_on: date(2026, 6, 1),
            penalty: usd("1"),
            ..pb::Termination::default()
        }),
        etag: contract.etag.clone(),
        validate_only: false,
    }
}

fn credit(request_id: &str, contract: &pb::Contract, amount: &str) -> pb::IssueCreditNoteRequest {
    pb::IssueCreditNoteRequest {
        request_id: request_id.to_owned(),
        contract_id: contract.contract_id.clone(),
        number: "K-1".to_owned(),
        issued_on: date(2026, 3, 2),
        amount: usd(amount),
        ..pb::IssueCreditNoteRequest::default()
    }
}

fn pay(request_id: &str, contract: &pb::Contract, amount: &str) -> pb::RecordPaymentRequest {
    pb::RecordPaymentRequest {
        request_id: request_id.to_owned(),
        contract_id: contract.contract_id.clone(),
        paid_on: date(2026, 3, 3),
        amount: usd(amount),
        reference: "bank".to_owned(),
        validate_only: false,
    }
}

async fn read(service: &Service, books: &Books, contract: &pb::Contract) -> pb::Contract {
    let request = pb::GetContractRequest { contract_id: contract.contract_id.clone() };
    let answer = service.contracts().get_contract(books.admin.ask(request)).await.unwrap();
    answer.into_inner().contract.unwrap()
}

/// Terms with a promise of every kind.
fn every_kind() -> pb::ContractTerms {
    let mut all = terms(&[("time", "10"), ("point", "10"), ("stones", "10"), ("cost", "10")]);
    let stone = |id: &str, share: &str| pb::Milestone {
        id: id.to_owned(),
        weight: Some(pb::milestone::Weight::Share(share.to_owned())),
    };
    let methods = [
        Method::StraightLine(pb::StraightLine { convention: 3 }),
        Method::PointInTime(pb::PointInTime { gates: vec!["shipment".to_owned()] }),
        Method::Milestones(pb::Milestones {
            milestones: vec![stone("x", "0.5"), stone("y", "0.50")],
        }),
        Method::CostToCost(pb::CostToCost { estimate_at_completion: usd("8") }),
    ];
    for (obligation, method) in all.obligations.iter_mut().zip(methods) {
        obligation.method = Some(method);
    }
    let metered = pb::ObligationTerms {
        key: "usage".to_owned(),
        unit_price: "0.0150".to_owned(),
        method: Some(Method::Usage(pb::Usage { minimum: usd("6"), cap: None })),
        ..pb::ObligationTerms::default()
    };
    let units = pb::ObligationTerms {
        key: "units".to_owned(),
        quantity: "12.0".to_owned(),
        unit_price: "1.25".to_owned(),
        method: Some(Method::Units(pb::Units::default())),
        ..pb::ObligationTerms::default()
    };
    all.obligations.extend([metered, units]);
    all.variables = vec![pb::VariableConsideration {
        id: "bonus".to_owned(),
        estimate: usd("3"),
        kind: pb::VariableKind::Constrained.into(),
        applies_to: vec!["cost".to_owned()],
        ..pb::VariableConsideration::default()
    }];
    all
}

/// Terms of every kind are read back as they were answered, and can be signed again as they were read.
#[tokio::test(flavor = "multi_thread")]
async fn terms_of_every_kind_are_kept() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let signed = service.signed(&books.admin, "s", every_kind()).await;
    assert_eq!(read(&service, &books, &signed).await, signed);
    let kept = signed.terms.clone().unwrap();
    assert_eq!(kept.variables[0].included, usd("0.00"));
    assert_eq!(kept.obligations[5].price, usd("15.00"));
    let again = service.signed(&books.admin, "s2", kept.clone()).await;
    assert_eq!(again.terms, Some(kept));
    // Loaded by a batch, and billed: committed use takes part in the spread.
    let bill = invoice("i", &signed.contract_id, "61.00");
    let answer = service.invoices().issue_invoice(books.admin.ask(bill)).await.unwrap();
    assert_eq!(answer.into_inner().invoice.unwrap().lines.len(), 6);
    assert_eq!(read(&service, &books, &signed).await.billed, usd("61.00"));
}

/// An amendment changes what is stored, once; a repetition answers the same bytes, a stale etag and a
/// day before the last change are refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_is_stored_once() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let signed = service.signed(&books.admin, "s", terms(&[("a", "10"), ("b", "5")])).await;
    let mut contracts = service.contracts();
    let mut dry = amend("m", &signed, "12");
    dry.validate_only = true;
    let before = service.entries().await;
    let checked = contracts.amend_contract(books.admin.ask(dry)).await.unwrap().into_inner();
    assert_eq!((service.entries().await, checked.position), (before, None));
    let request = amend("m", &signed, "12");
    let answer = contracts.amend_contract(books.admin.ask(request.clone())).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(answer.position.unwrap().seq, 3);
    assert_eq!(answer.contract, checked.contract);
    let amended = answer.contract.clone().unwrap();
    assert_eq!((amended.etag.as_str(), amended.obligation_ids.len()), ("v2", 3));
    assert_eq!(read(&service, &books, &signed).await, amended);

    let mut spelled = request;
    spelled.amendment.as_mut().unwrap().added[0].price = usd("7.50");
    let again = contracts.amend_contract(books.admin.ask(spelled)).await.unwrap().into_inner();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let stale = contracts.amend_contract(books.admin.ask(amend("n", &signed, "13"))).await;
    assert_eq!(reason(&stale.unwrap_err()), "ETAG_MISMATCH");
    let mut early = amend("n", &amended, "13");
    early.amendment.as_mut().unwrap().effective_on = date(2026, 2, 28);
    let early = contracts.amend_contract(books.admin.ask(early)).await.unwrap_err();
    let named = (early.code(), reason(&early), metadata(&early, "last"));
    assert_eq!(
        named,
        (Code::FailedPrecondition, "CHANGE_BEFORE_LAST".into(), Some("2026-03-01".into()))
    );
    let twice = contracts.amend_contract(books.admin.ask(amend("n", &amended, "13"))).await;
    assert_eq!(fields(&twice.unwrap_err()), ["amendment.added[0].key"]);

    // What was added is billed like the rest, up to the new ceiling.
    let mut invoices = service.invoices();
    let all = invoice("i", &signed.contract_id, "24.50");
    let all = invoices.issue_invoice(books.admin.ask(all)).await.unwrap().into_inner();
    assert_eq!(all.invoice.unwrap().lines.len(), 3);
    let more = invoice("j", &signed.contract_id, "0.01");
    let more = invoices.issue_invoice(books.admin.ask(more)).await.unwrap_err();
    assert_eq!(metadata(&more, "ceiling").unwrap(), "24.50");
}

/// Credit notes and cash move what is stored and are answered alike again; a contract ends once, and
/// is listed as ended.
#[tokio::test(flavor = "multi_thread")]
async fn money_goes_back_and_contracts_end() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let signed = service.signed(&books.admin, "s", terms(&[("a", "10"), ("b", "5")])).await;
    let mut invoices = service.invoices();
    let bill = invoice("i", &signed.contract_id, "15");
    invoices.issue_invoice(books.admin.ask(bill)).await.unwrap();
    let note = credit("k", &signed, "3.01");
    let answer = invoices.issue_credit_note(books.admin.ask(note.clone())).await.unwrap();
    let answer = answer.into_inner();
    let made = answer.credit_note.clone().unwrap();
    assert!(made.credit_note_id.starts_with("crn_"), "{made:?}");
    assert_eq!((made.lines.len(), made.lines[0].amount.clone()), (2, usd("2.01")));
    let again = invoices.issue_credit_note(books.admin.ask(note)).await.unwrap().into_inner();
    assert_eq!(again, answer);
    assert_eq!(read(&service, &books, &signed).await.billed, usd("11.99"));
    let more = invoices.issue_credit_note(books.admin.ask(credit("l", &signed, "12"))).await;
    let more = more.unwrap_err();
    assert_eq!(
        (reason(&more), metadata(&more, "billed")),
        ("CREDIT_EXCEEDS_INVOICE".into(), Some("11.99".into()))
    );

    let paid = invoices.record_payment(books.admin.ask(pay("p", &signed, "5"))).await.unwrap();
    let paid = paid.into_inner().payment.unwrap();
    assert!(paid.payment_id.starts_with("pay_"), "{paid:?}");
    let back = invoices.record_payment(books.admin.ask(pay("q", &signed, "-5.01"))).await;
    assert_eq!(reason(&back.unwrap_err()), "CREDIT_EXCEEDS_INVOICE");
    invoices.record_payment(books.admin.ask(pay("q", &signed, "-5"))).await.unwrap();

    let mut contracts = service.contracts();
    let mut dry = terminate("t", &signed);
    dry.validate_only = true;
    let before = service.entries().await;
    let checked = contracts.terminate_contract(books.admin.ask(dry)).await.unwrap().into_inner();
    assert_eq!(service.entries().await, before);
    let request = terminate("t", &signed);
    let ended = contracts.terminate_contract(books.admin.ask(request.clone())).await.unwrap();
    let ended = ended.into_inner();
    assert_eq!(ended.contract, checked.contract);
    let contract = ended.contract.clone().unwrap();
    assert_eq!((contract.state(), contract.etag.as_str()), (ContractState::Terminated, "v2"));
    assert_eq!(read(&service, &books, &signed).await, contract);
    let again = contracts.terminate_contract(books.admin.ask(request)).await.unwrap();
    assert_eq!(again.into_inner(), ended);
    let twice = contracts.terminate_contract(books.admin.ask(terminate("u", &contract))).await;
    assert_eq!(reason(&twice.unwrap_err()), "TERMINATED");
    let list = pb::ListContractsRequest {
        state: ContractState::Terminated.into(),
        ..pb::ListContractsRequest::default()
    };
    let listed = contracts.list_contracts(books.admin.ask(list)).await.unwrap().into_inner();
    assert_eq!(listed.contracts, [contract]);
}

/// A residual that cannot be is refused with a reason of its own, draft and signature alike, and
/// nothing is written; each call needs its own permission.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_by_its_reason() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let signed = service.signed(&books.admin, "s", terms(&[("a", "10")])).await;
    let before = service.entries().await;
    let mut residual = terms(&[("a", "10"), ("b", "0")]);
    residual.price = usd("10");
    residual.obligations[0].ssp = residual.obligations[0].price.take();
    residual.obligations[1].price = None;
    residual.obligations[1].residual = true;
    let mut contracts = service.contracts();
    let request = pb::SignContractRequest {
        subject: Some(Subject::Terms(residual.clone())),
        ..sign("r", residual.clone())
    };
    let refused = contracts.sign_contract(books.admin.ask(request)).await.unwrap_err();
    let answer = (refused.code(), reason(&refused), metadata(&refused, "obligation"));
    let expected = (Code::FailedPrecondition, "RESIDUAL_NOT_POSITIVE".into(), Some("b".into()));
    assert_eq!(answer, expected);
    residual.customer = String::new();
    let refused = contracts.sign_contract(books.admin.ask(sign("r", residual))).await.unwrap_err();
    assert_eq!(fields(&refused), ["terms.customer"]);

    let analyst = user(books.account, Some(books.tenant), &["analyst"]).await;
    let mut denied = Vec::new();
    denied.extend(contracts.amend_contract(analyst.ask(amend("m", &signed, "1"))).await.err());
    denied.extend(contracts.terminate_contract(analyst.ask(terminate("t", &signed))).await.err());
    let mut invoices = service.invoices();
    denied.extend(invoices.issue_credit_note(analyst.ask(credit("k", &signed, "1"))).await.err());
    denied.extend(invoices.record_payment(analyst.ask(pay("p", &signed, "1"))).await.err());
    let needed: Vec<_> = denied.iter().filter_map(|s| metadata(s, "permission")).collect();
    assert_eq!(
        needed,
        ["contract.amend", "contract.terminate", "credit_note.issue", "payment.record"]
    );
    assert_eq!(service.entries().await, before);
}
