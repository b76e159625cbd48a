//! Contracts that are accounted for as one: proposed by rule, decided by a person.

use backlog_event_log::NewEvent;
use backlog_ids::{ContractId, TenantId};
use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1 as contract_pb;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::combination_service_client::CombinationServiceClient;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::calls::reason;
use crate::owner::{contract_signed, day, usd};
use crate::stack::{Replica, Stack, at, contract, even_months, tenant};
use crate::what_ifs::{assumed, books, finished, request};

/// A year that states 1,200.00 and sells alone for `ssp`.
fn year(n: u128, ssp: &str) -> NewEvent {
    let event = contract_signed(contract(n), &["1200.00"], "2026-01-01", "2026-12-31");
    let mut signed = contract_pb::ContractSigned::decode(event.payload.as_slice()).unwrap();
    let terms = signed.contract.as_mut().unwrap().terms.as_mut().unwrap();
    terms.obligations[0].ssp = Some(usd(ssp));
    NewEvent { payload: signed.encode_to_vec(), ..event }
}

/// Two contracts of one customer, the second dearer alone, and another tenant.
async fn signed(stack: &Stack, replica: &Replica) -> TenantId {
    let own = tenant(1);
    stack.owner.create_tenant(own, even_months()).await;
    stack.owner.create_tenant(tenant(2), even_months()).await;
    stack.owner.write(own, year(1, "1200.00")).await;
    stack.owner.write(own, year(2, "2400.00")).await;
    replica.run(own, "january", "2026-01-31", 3).await;
    replica.run(tenant(2), "january", "2026-01-31", 1).await;
    own
}

fn decision(request_id: &str, contracts: &[ContractId]) -> pb::CombineContractsRequest {
    pb::CombineContractsRequest {
        request_id: request_id.to_owned(),
        combination: Some(pb::Combination {
            contract_ids: contracts.iter().map(ToString::to_string).collect(),
            on: Some(day("2026-02-01").into()),
            criterion: pb::CombinationCriterion::SingleObjective.into(),
            reason: "negotiated together".to_owned(),
        }),
        ..pb::CombineContractsRequest::default()
    }
}

async fn combine(
    replica: &Replica,
    tenant: TenantId,
    request: pb::CombineContractsRequest,
) -> Result<pb::CombineContractsResponse, Status> {
    let request = replica.call(Some(tenant), &["revenue_accountant"], request);
    let mut client = CombinationServiceClient::new(replica.channel());
    client.combine_contracts(request).await.map(tonic::Response::into_inner)
}

/// The contracts of each proposal, in order.
async fn proposals(replica: &Replica, tenant: TenantId, days: i32) -> Vec<Vec<String>> {
    let request = pb::ListCombinationProposalsRequest {
        within_days: days,
        ..pb::ListCombinationProposalsRequest::default()
    };
    let request = replica.call(Some(tenant), &["analyst"], request);
    let mut client = CombinationServiceClient::new(replica.channel());
    let answer = client.list_combination_proposals(request).await.unwrap().into_inner();
    let ids = |of: &pb::CombinationProposal| {
        of.contracts.iter().map(|of| of.contract_id.clone()).collect()
    };
    answer.proposals.iter().map(ids).collect()
}

async fn explained(
    replica: &Replica,
    tenant: TenantId,
    contract: ContractId,
) -> Vec<pb::ExplainedFact> {
    let request = pb::ExplainContractRequest {
        contract_id: contract.to_string(),
        ..pb::ExplainContractRequest::default()
    };
    let request = replica.call(Some(tenant), &["auditor"], request);
    replica.explain_client().explain_contract(request).await.unwrap().into_inner().facts
}

// Shows that contracts of one customer are proposed until they are one, once and for one reason; that they
// share their prices, that a run over either posts for both; that both are explained by the facts of both,
// with nothing unexplained; that a fold of both logs comes to the stored state; and that a what-if under the
// own policy comes to the books.
#[tokio::test]
async fn contracts_become_one() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let own = signed(&stack, &replica).await;
    let both = [contract(1), contract(2)];
    let ids: Vec<String> = both.iter().map(ToString::to_string).collect();
    assert_eq!(proposals(&replica, own, 0).await, std::slice::from_ref(&ids));
    assert_eq!(proposals(&replica, tenant(2), 0).await, Vec::<Vec<String>>::new());
    let before = stack.recognition_entries(&replica, own).await.len();
    let dry = pb::CombineContractsRequest { validate_only: true, ..decision("dry", &both) };
    let dry = combine(&replica, own, dry).await.unwrap();
    assert_eq!(
        (dry.position, stack.recognition_entries(&replica, own).await.len()),
        (None, before)
    );
    let made = combine(&replica, own, decision("one", &both)).await.unwrap();
    assert_eq!(made.accounting_contract_id, dry.accounting_contract_id);
    let again = combine(&replica, own, decision("one", &both)).await.unwrap();
    assert_eq!(again, made);
    assert_eq!(proposals(&replica, own, 0).await, Vec::<Vec<String>>::new());

    let price = async |of: ContractId| {
        let plan = replica.try_plan(own, of, at(Log::Recognition, 1)).await.unwrap();
        let [planned] = plan.obligations.as_slice() else { panic!("{plan:?}") };
        planned.transaction_price.clone().unwrap().amount
    };
    assert_eq!(
        (price(contract(1)).await, price(contract(2)).await),
        ("800.00".into(), "1600.00".into())
    );
    let limited = pb::RunRecognitionRequest {
        contract_id: ids[1].clone(),
        ..crate::stack::run_request("february", "2026-02-28", 3)
    };
    let run = replica.try_run(own, limited).await.unwrap();
    // 2 / 12 of 800.00 and of 1,600.00, less 100.00 of each.
    assert_eq!(run.recognized, [usd("200.00")]);
    replica.run(own, "march", "2026-03-31", 3).await;

    let told = explained(&replica, own, contract(2)).await;
    assert_eq!(told, explained(&replica, own, contract(1)).await);
    let kinds: Vec<pb::FactKind> = told.iter().map(pb::ExplainedFact::kind).collect();
    let (signed, run, combined) = (pb::FactKind::Signed, pb::FactKind::Run, pb::FactKind::Combined);
    assert_eq!(kinds, [signed, signed, run, run, combined, run, run]);
    let of: Vec<&str> = told.iter().map(|fact| fact.contract_id.as_str()).collect();
    let (one, two) = (ids[0].as_str(), ids[1].as_str());
    assert_eq!(of, [one, two, one, two, one, one, one]);
    for explained in told.iter().flat_map(|fact| &fact.movements) {
        assert_eq!(explained.unexplained, None, "{explained:?}");
    }
    let shared = told[4].movements.iter().filter(|told| told.paragraph == "606-10-25-9");
    assert_eq!(shared.count(), 2);
    stack.verify(&replica, own).await;
    let what_if = finished(&replica, own, request("same", pb::WhatIfPolicy::default())).await;
    assert_eq!(what_if.state(), pb::WhatIfState::Finished, "{what_if:?}");
    assert_eq!(assumed(&what_if), books(&what_if));
    assert_eq!(books(&what_if)["recognized"], "600.00");
}

// Shows what is refused: contracts of others like unknown ones, a key that stood for another decision, what
// joined before, and one that is named with a reason; nothing is written.
#[tokio::test]
async fn what_cannot_be_one_is_refused() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let own = signed(&stack, &replica).await;
    let both = [contract(1), contract(2)];
    let foreign = combine(&replica, tenant(2), decision("one", &both)).await.unwrap_err();
    let unknown = combine(&replica, own, decision("none", &[contract(1), contract(9)])).await;
    let unknown = unknown.unwrap_err();
    assert_eq!((foreign.code(), unknown.code()), (Code::NotFound, Code::NotFound));
    let mut early = decision("early", &both);
    early.combination.as_mut().unwrap().on = Some(day("2025-12-31").into());
    let before = stack.recognition_entries(&replica, own).await.len();
    let refused = combine(&replica, own, early).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_COMBINABLE");
    let metadata = refused.get_details_error_info().unwrap().metadata;
    assert_eq!(
        (metadata["why"].as_str(), &metadata["contract_id"]),
        ("signed_later", &contract(1).to_string())
    );
    assert_eq!(stack.recognition_entries(&replica, own).await.len(), before);
    combine(&replica, own, decision("one", &both)).await.unwrap();
    let other = decision("one", &[contract(2), contract(1)]);
    assert_eq!(reason(&combine(&replica, own, other).await.unwrap_err()), "REQUEST_ID_REUSED");
    let twice = combine(&replica, own, decision("two", &both)).await.unwrap_err();
    assert_eq!(reason(&twice), "NOT_COMBINABLE");
    let analyst = replica.call(Some(own), &["analyst"], decision("three", &both));
    let mut client = CombinationServiceClient::new(replica.channel());
    let denied = client.combine_contracts(analyst).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    stack.verify(&replica, own).await;
}
