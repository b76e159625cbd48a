//! Explanations and previews: what is told, to whom, and that nothing is written.

use backlog_ids::{ContractId, TenantId};
use backlog_proto::common::v1::{DateRange, Log};
use backlog_proto::contract::v1 as pb;
use backlog_proto::recognition::v1 as recognition;
use backlog_proto::recognition::v1::{
    ExplainContractRequest, ExplainContractResponse, FactKind, PreviewChangeRequest,
    PreviewChangeResponse,
};
use prost::Message;
use tonic::{Code, Status};

use crate::calls::reason;
use crate::owner::{contract_of, contract_signed, day, obligation_of, usd};
use crate::periods::{close, reopen};
use crate::stack::{Replica, Stack, at, contract, even_months, tenant};

async fn explain(
    replica: &Replica,
    tenant: TenantId,
    request: ExplainContractRequest,
) -> Result<ExplainContractResponse, Status> {
    let request = replica.call(Some(tenant), &["auditor"], request);
    replica.explain_client().explain_contract(request).await.map(tonic::Response::into_inner)
}

fn all(contract: ContractId) -> ExplainContractRequest {
    ExplainContractRequest {
        contract_id: contract.to_string(),
        ..ExplainContractRequest::default()
    }
}

async fn preview(
    replica: &Replica,
    tenant: TenantId,
    event: Vec<u8>,
) -> Result<PreviewChangeResponse, Status> {
    preview_of(replica, tenant, ("backlog.contract.v1.ContractAmended", event)).await
}

async fn preview_of(
    replica: &Replica,
    tenant: TenantId,
    (event_type, event): (&str, Vec<u8>),
) -> Result<PreviewChangeResponse, Status> {
    let request = PreviewChangeRequest {
        event_type: event_type.to_owned(),
        event,
        run_through: Some(day("2026-12-31").into()),
        min_positions: Vec::new(),
    };
    let request = replica.call(Some(tenant), &["analyst"], request);
    replica.explain_client().preview_change(request).await.map(tonic::Response::into_inner)
}

/// A contract of two obligations, an invoice, and a run over the first two months.
async fn explained_contract(stack: &Stack, replica: &Replica) {
    let own = tenant(1);
    stack.owner.create_tenant(own, even_months()).await;
    stack.owner.create_tenant(tenant(2), even_months()).await;
    stack.owner.sign(own, contract(1), &["1200.00", "600.00"], "2026-12-31").await;
    stack.owner.sign(own, contract(2), &["50.00"], "2026-12-31").await;
    stack.owner.invoice(own, contract(1), "2026-01-10", "300.00").await;
    replica.run(own, "r", "2026-02-28", 4).await;
    replica.run(tenant(2), "r", "2026-02-28", 1).await;
}

// Shows that a contract's facts are told in their order with formula, rule and paragraph, nothing left
// unexplained and nothing of another contract among them; that pages go through them one by one; that
// a filter leaves the movements it names; and that another tenant is told nothing.
#[tokio::test]
async fn facts_are_explained_page_by_page() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    explained_contract(&stack, &replica).await;
    let whole = explain(&replica, tenant(1), all(contract(1))).await.unwrap();
    let kinds: Vec<FactKind> = whole.facts.iter().map(recognition::ExplainedFact::kind).collect();
    assert_eq!(kinds, [FactKind::Signed, FactKind::Invoiced, FactKind::Run]);
    let sources: Vec<(Log, u64)> =
        whole.facts.iter().filter_map(|fact| fact.source).map(|of| (of.log(), of.seq)).collect();
    assert_eq!(sources, [(Log::Contract, 2), (Log::Contract, 4), (Log::Recognition, 5)]);
    let movements = whole.facts.iter().flat_map(|fact| &fact.movements);
    for explained in movements.clone() {
        let moved = explained.movement.as_ref().unwrap();
        assert_eq!(moved.contract_id, contract(1).to_string());
        assert_eq!(explained.unexplained, None);
        assert_eq!(explained.formula.as_ref().unwrap().amount, moved.amount);
        assert!(explained.paragraph.starts_with("606-10-"), "{explained:?}");
    }
    let second_month =
        "(1,200.00 price x 2 / 12 months = 200.00) less 100.00 posted before = 100.00";
    assert_eq!(movements.filter(|told| told.text.contains(second_month)).count(), 1);

    let (mut token, mut paged) = (String::new(), Vec::new());
    loop {
        let request =
            ExplainContractRequest { page_size: 1, page_token: token, ..all(contract(1)) };
        let page = explain(&replica, tenant(1), request).await.unwrap();
        assert_eq!(page.facts.len(), 1);
        paged.extend(page.facts);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, whole.facts);

    let february =
        DateRange { from: Some(day("2026-02-01").into()), to: Some(day("2026-02-28").into()) };
    let obligation_id = obligation_of(contract(1), 1).to_string();
    let request = ExplainContractRequest {
        obligation_id: obligation_id.clone(),
        period: Some(february),
        ..all(contract(1))
    };
    let some = explain(&replica, tenant(1), request).await.unwrap();
    let [run] = some.facts.as_slice() else { panic!("{some:?}") };
    let [told] = run.movements.as_slice() else { panic!("{run:?}") };
    let moved = told.movement.as_ref().unwrap();
    assert_eq!((&moved.obligation_id, &moved.amount), (&obligation_id, &Some(usd("50.00"))));

    for unknown in [(tenant(2), contract(1)), (tenant(1), contract(9))] {
        let status = explain(&replica, unknown.0, all(unknown.1)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
    }
}

/// The event of a change of the first price, as the contract service would write it.
fn amended() -> Vec<u8> {
    let change = pb::ObligationChange {
        key: "o0".to_owned(),
        price: Some(usd("1800.00")),
        ..pb::ObligationChange::default()
    };
    pb::ContractAmended {
        contract: Some(contract_of(
            contract(1),
            &["1800.00", "600.00"],
            "2026-01-01",
            "2026-12-31",
        )),
        amendment: Some(pb::Amendment {
            effective_on: Some(day("2026-03-01").into()),
            changes: vec![change],
            ..pb::Amendment::default()
        }),
    }
    .encode_to_vec()
}

// Shows what a change would do under each treatment, the proposed one first, down to the entries of a
// run; that nothing is written by it and the contract is explained as before; that what is no event of
// a change is refused by its field, and another tenant's contract does not exist.
#[tokio::test]
async fn a_preview_writes_nothing() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    explained_contract(&stack, &replica).await;
    let (books, before) =
        (stack.books(tenant(1)).await, stack.recognition_entries(&replica, tenant(1)).await.len());
    let told = preview(&replica, tenant(1), amended()).await.unwrap();
    let [prospective, catch_up] = told.alternatives.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (prospective.treatment(), prospective.proposed, prospective.paragraph.as_str()),
        (pb::ChangeTreatment::Prospective, true, "606-10-25-13(a)")
    );
    assert_eq!(
        (catch_up.treatment(), catch_up.proposed, catch_up.paragraph.as_str()),
        (pb::ChangeTreatment::CatchUp, false, "606-10-25-13(b)")
    );
    // 600 more over twelve months, of which two are over.
    assert_eq!(prospective.catch_up, Some(usd("0.00")));
    assert_eq!(catch_up.catch_up, Some(usd("100.00")));
    for of in [prospective, catch_up] {
        assert_eq!(of.transaction_price_before, Some(usd("1800.00")));
        assert_eq!(of.transaction_price_after, Some(usd("2400.00")));
        assert_eq!(
            (&of.backlog_before, &of.backlog_after),
            (&Some(usd("1500.00")), &Some(usd("0.00")))
        );
        let run = of.run.as_ref().unwrap();
        assert!(run.movements.iter().all(|told| told.unexplained.is_none()));
        assert!(!run.movements.is_empty() && !of.obligations.is_empty());
    }
    assert_eq!(stack.recognition_entries(&replica, tenant(1)).await.len(), before);
    assert_eq!(stack.books(tenant(1)).await, books);

    let foreign = preview(&replica, tenant(2), amended()).await.unwrap_err();
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::NotFound, "NOT_FOUND"));
    let nonsense = preview(&replica, tenant(1), vec![7; 40]).await.unwrap_err();
    assert_eq!(
        (nonsense.code(), reason(&nonsense).as_str()),
        (Code::InvalidArgument, "INVALID_FIELDS")
    );
}

// Shows what the end of a contract and the signature of a draft would do: one answer each, under no
// treatment, explained with its paragraph; that nothing is written by it, and no contract comes to be.
#[tokio::test]
async fn an_end_and_a_signature_are_previewed() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    explained_contract(&stack, &replica).await;
    let own = tenant(1);
    let (books, before) =
        (stack.books(own).await, stack.recognition_entries(&replica, own).await.len());
    let terms = contract_of(contract(1), &["1200.00", "600.00"], "2026-01-01", "2026-12-31");
    let ended = pb::ContractTerminated {
        contract: Some(terms),
        termination: Some(pb::Termination {
            effective_on: Some(day("2026-03-01").into()),
            penalty: Some(usd("40.00")),
            ..pb::Termination::default()
        }),
    };
    let event = ("backlog.contract.v1.ContractTerminated", ended.encode_to_vec());
    let told = preview_of(&replica, own, event).await.unwrap();
    let [end] = told.alternatives.as_slice() else { panic!("{told:?}") };
    assert_eq!(end.treatment(), pb::ChangeTreatment::Unspecified);
    // Two months of 150.00 were earned, and leaving costs 40.00.
    assert_eq!(
        (&end.transaction_price_before, &end.transaction_price_after, &end.backlog_after),
        (&Some(usd("1800.00")), &Some(usd("340.00")), &Some(usd("0.00")))
    );
    let change = end.change.as_ref().unwrap();
    assert_eq!(change.kind(), FactKind::Terminated);
    assert!(change.movements.iter().all(|told| told.unexplained.is_none()));
    assert!(change.movements.iter().any(|told| told.paragraph == "606-10-25-10"));

    let signed = contract_signed(contract(7), &["240.00"], "2026-01-01", "2026-12-31");
    let told = preview_of(&replica, own, (signed.type_name, signed.payload)).await.unwrap();
    let [signature] = told.alternatives.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (&signature.transaction_price_before, &signature.transaction_price_after),
        (&Some(usd("0.00")), &Some(usd("240.00")))
    );
    assert_eq!(signature.change.as_ref().unwrap().kind(), FactKind::Signed);
    let none = explain(&replica, own, all(contract(7))).await.unwrap_err();
    assert_eq!((none.code(), reason(&none).as_str()), (Code::NotFound, "NOT_FOUND"));
    assert_eq!(stack.recognition_entries(&replica, own).await.len(), before);
    assert_eq!(stack.books(own).await, books);
}

// Shows a contract explained across the first period that was ever closed and opened again: what came
// while it was closed says of which day it is, what came after is in time, on days before it too; each
// close is told where it begins to count; nothing is left unexplained.
#[tokio::test]
async fn a_reopened_period_is_explained() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let own = tenant(1);
    stack.owner.create_tenant(own, even_months()).await;
    stack.owner.sign(own, contract(1), &["1200.00"], "2026-12-31").await;
    replica.run(own, "february", "2026-02-28", 2).await;
    close(&replica, own, ("c-1", "2026-02"), 2).await.unwrap();
    let seen = stack.owner.invoice(own, contract(1), "2026-02-10", "50.00").await;
    replica.try_plan(own, contract(1), at(Log::Contract, seen)).await.unwrap();
    reopen(&replica, own, ("r-1", "2026-02")).await.unwrap();
    let seen = stack.owner.invoice(own, contract(1), "2026-01-20", "30.00").await;
    close(&replica, own, ("c-2", "2026-02"), seen).await.unwrap();
    replica.run(own, "march", "2026-03-31", seen).await;

    let told = explain(&replica, own, all(contract(1))).await.unwrap();
    let kinds: Vec<FactKind> = told.facts.iter().map(recognition::ExplainedFact::kind).collect();
    let (invoiced, run) = (FactKind::Invoiced, FactKind::Run);
    assert_eq!(kinds, [FactKind::Signed, run, invoiced, invoiced, run]);
    let billed = |fact: usize| {
        let moved = told.facts[fact].movements.iter().filter_map(|told| told.movement.as_ref());
        let mut billed = moved.filter(|moved| moved.measure() == recognition::Measure::Billed);
        billed.next().map(|moved| (moved.effective_date, moved.late_of)).unwrap()
    };
    assert_eq!(billed(2), (Some(day("2026-03-01").into()), Some(day("2026-02-10").into())));
    assert_eq!(billed(3), (Some(day("2026-01-20").into()), None));
    let says =
        |fact: usize, what: &str| told.facts[fact].text.iter().any(|line| line.contains(what));
    assert!(says(2, "periods closed through 2026-02-28"));
    assert!(says(2, "on 2026-03-01, late: of 2026-02-10, which is closed"));
    assert!(says(3, "periods opened again, none is closed") && !says(3, "late"));
    assert!(says(4, "periods closed through 2026-02-28"));
    let movements = || told.facts.iter().flat_map(|fact| &fact.movements);
    assert!(movements().all(|told| told.unexplained.is_none() && told.formula.is_some()));
}
