//! Versions of the policy: who may set them and when, and what they do to contracts that exist.

use std::collections::BTreeMap;

use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1 as contract_pb;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::{Cause, ExplainContractRequest, FactKind, Measure};
use tonic::{Code, Status};

use crate::calls::reason;
use crate::owner::day;
use crate::runs::{movements, sign, small};
use crate::stack::{Replica, Stack, at, contract, even_months, tenant};

const CONTROLLER: [&str; 1] = ["controller"];

fn convention(convention: contract_pb::Convention) -> pb::Policy {
    pb::Policy { convention: convention.into(), ..pb::Policy::default() }
}

fn request(request_id: &str, policy: pb::Policy, from: &str) -> pb::SetPolicyRequest {
    pb::SetPolicyRequest {
        request_id: request_id.to_owned(),
        policy: Some(policy),
        effective_from: Some(day(from).into()),
        reason: "as the group does".to_owned(),
        min_positions: at(Log::Contract, 1),
        validate_only: false,
    }
}

async fn set(
    replica: &Replica,
    tenant: TenantId,
    request: pb::SetPolicyRequest,
) -> Result<pb::SetPolicyResponse, Status> {
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    replica.policies().set_policy(request).await.map(tonic::Response::into_inner)
}

async fn list(replica: &Replica, tenant: TenantId) -> Vec<pb::PolicyVersion> {
    let request = pb::ListPoliciesRequest { min_positions: Vec::new() };
    let request = replica.call(Some(tenant), &["auditor"], request);
    replica.policies().list_policies(request).await.unwrap().into_inner().versions
}

async fn in_force(replica: &Replica, tenant: TenantId, on: &str) -> u32 {
    let on = Some(day(on).into());
    let request = pb::GetPolicyRequest { on, min_positions: Vec::new() };
    let request = replica.call(Some(tenant), &["revenue_accountant"], request);
    replica.policies().get_policy(request).await.unwrap().into_inner().version.unwrap().version
}

/// Revenue by month of effect, in minor units, of a contract and cause.
async fn revenue(
    stack: &Stack,
    replica: &Replica,
    tenant: TenantId,
    (n, cause): (u128, Cause),
) -> BTreeMap<i32, i64> {
    let mut months = BTreeMap::new();
    let of = contract(n).to_string();
    let entries = stack.recognition_entries(replica, tenant).await;
    let own = movements(&entries).into_iter().filter(|moved| {
        (moved.contract_id.as_str(), moved.cause(), moved.measure())
            == (of.as_str(), cause, Measure::Recognized)
    });
    for moved in own {
        let minor: i64 = moved.amount.unwrap().amount.replace('.', "").parse().unwrap();
        *months.entry(moved.effective_date.unwrap().month).or_default() += minor;
    }
    months
}

// Shows that a version is set once for a request, in its turn, and by a controller only; that what it
// does not say is as before; that what is refused leaves no trace and another tenant none of it; and
// that the books rebuild.
#[tokio::test]
async fn a_version_is_set_in_its_turn() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let (own, other) = (tenant(1), tenant(2));
    for tenant in [own, other] {
        stack.owner.create_tenant(tenant, even_months()).await;
        replica.run(tenant, "r", "2026-01-31", 1).await;
    }
    let policy = pb::Policy {
        standard: pb::AccountingStandard::Ifrs15.into(),
        expedients: Some(pb::Expedients { one_year: true, ..pb::Expedients::default() }),
        ..convention(contract_pb::Convention::ActualDays)
    };
    let july = request("july", policy, "2026-07-01");
    let tried = pb::SetPolicyRequest { validate_only: true, ..july.clone() };
    let tried = set(&replica, own, tried).await.unwrap();
    assert_eq!((tried.version.unwrap().version, tried.position), (2, None));
    assert_eq!(list(&replica, own).await.len(), 1, "nothing is written");
    let answer = set(&replica, own, july.clone()).await.unwrap();
    assert_eq!(set(&replica, own, july.clone()).await.unwrap(), answer, "once for a request");
    let before = stack.recognition_entries(&replica, own).await.len();
    for (code, why, wrong) in [
        (Code::InvalidArgument, "INVALID_FIELDS", request("a", policy, "2026-08-01")),
        (
            Code::FailedPrecondition,
            "POLICY_OUT_OF_ORDER",
            request("b", convention(contract_pb::Convention::HalfMonth), "2026-07-01"),
        ),
        (
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
            request("july", convention(contract_pb::Convention::HalfMonth), "2026-07-01"),
        ),
        (Code::InvalidArgument, "INVALID_FIELDS", pb::SetPolicyRequest::default()),
    ] {
        let status = set(&replica, own, wrong).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, why));
    }
    let accountant = replica.call(Some(own), &["revenue_accountant"], july.clone());
    let denied = replica.policies().set_policy(accountant).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let close = pb::ClosePeriodRequest {
        request_id: "close".to_owned(),
        period: "2026-01".to_owned(),
        ..pb::ClosePeriodRequest::default()
    };
    let close = replica.call(Some(other), &CONTROLLER, close);
    replica.periods().close_period(close).await.unwrap();
    let closed = set(&replica, other, request("c", policy, "2026-01-31")).await.unwrap_err();
    assert_eq!(reason(&closed), "PERIOD_CLOSED");
    assert_eq!(list(&replica, other).await.len(), 1, "the other tenant has its own");
    assert_eq!(stack.recognition_entries(&replica, own).await.len(), before);
    let next = request("next", convention(contract_pb::Convention::HalfMonth), "2026-10-01");
    set(&replica, own, next).await.unwrap();

    let versions = list(&replica, own).await;
    let says: Vec<_> = versions.iter().map(|of| of.policy.unwrap()).collect();
    assert_eq!(versions.iter().map(|of| of.version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(versions[0].effective_from, None);
    assert_eq!(says[0].convention(), contract_pb::Convention::EvenMonths);
    assert_eq!(says[0].standard(), pb::AccountingStandard::Asc606);
    assert_eq!((says[2].standard(), says[2].expedients), (says[1].standard(), policy.expedients));
    assert_eq!(versions[1].set_by, versions[2].set_by);
    for (on, version) in
        [("2026-06-30", 1), ("2026-07-01", 2), ("2026-09-30", 2), ("2027-01-01", 3)]
    {
        assert_eq!(in_force(&replica, own, on).await, version, "{on}");
    }
    stack.verify(&replica, own).await;
    stack.verify(&replica, other).await;
}

// Shows that contracts take a version up with their next run, chunk by chunk, whatever was posted before;
// that revenue of earlier days stays, days posted beyond are corrected for their own cause, also of a
// contract for which no run has anything else to do; that it does not matter how often runs are made;
// that explanations tell it; and that the books rebuild.
#[tokio::test]
async fn contracts_take_a_version_up_one_by_one() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(small()).await;
    let (monthly, late) = (tenant(1), tenant(2));
    for tenant in [monthly, late] {
        sign(&stack, tenant, 5).await;
        stack.owner.sign(tenant, contract(6), &["700.00"], "2026-07-31").await;
    }
    replica.run(monthly, "june", "2026-06-30", 7).await;
    replica.run(late, "all", "2026-12-31", 7).await;
    for tenant in [monthly, late] {
        let policy = convention(contract_pb::Convention::ActualDays);
        set(&replica, tenant, request("policy", policy, "2026-07-01")).await.unwrap();
    }
    let checklist =
        pb::GetCloseChecklistRequest { period: "2026-12".to_owned(), min_positions: Vec::new() };
    let checklist = replica.call(Some(late), &["auditor"], checklist);
    let checklist = replica.periods().get_close_checklist(checklist).await.unwrap().into_inner();
    let blocks = checklist.items.iter().find(|item| !item.passed).unwrap();
    assert_eq!(blocks.kind(), pb::CheckKind::Recognition, "what is not corrected blocks a close");
    for (n, month) in [("july", "2026-07-31"), ("september", "2026-09-30"), ("end", "2026-12-31")] {
        replica.run(monthly, n, month, 7).await;
    }
    replica.run(late, "again", "2026-12-31", 7).await;
    // Six months of 100.00; 600.00 x 31 / 184 days of July, 62 / 184 through August, and so on.
    let expected: BTreeMap<i32, i64> = (1..=12)
        .zip([
            10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_109, 10_108, 9_783, 10_109, 9_782,
            10_109,
        ])
        .collect();
    for n in 1..=5 {
        let by_month = revenue(&stack, &replica, monthly, (n, Cause::Recognition)).await;
        assert_eq!(by_month, expected);
        assert!(revenue(&stack, &replica, monthly, (n, Cause::PolicyChange)).await.is_empty());
        let mut sum = revenue(&stack, &replica, late, (n, Cause::Recognition)).await;
        let corrected = revenue(&stack, &replica, late, (n, Cause::PolicyChange)).await;
        assert_eq!(corrected.keys().copied().collect::<Vec<_>>(), [7, 8, 9, 10, 11, 12]);
        for (month, amount) in corrected {
            *sum.entry(month).or_default() += amount;
        }
        assert_eq!(sum, expected);
    }
    let entries = stack.recognition_entries(&replica, monthly).await;
    for moved in movements(&entries) {
        let effective = moved.effective_date.unwrap();
        assert_eq!(moved.policy_version, if effective.month < 7 { 1 } else { 2 }, "{moved:?}");
    }
    for (tenant, n) in [(monthly, 1), (late, 2)] {
        let request = ExplainContractRequest {
            contract_id: contract(n).to_string(),
            ..ExplainContractRequest::default()
        };
        let request = replica.call(Some(tenant), &["auditor"], request);
        let told = replica.explain_client().explain_contract(request).await.unwrap().into_inner();
        let changed = told.facts.iter().filter(|fact| fact.kind() == FactKind::PolicyChanged);
        assert_eq!(changed.count(), 1);
        let lines = told.facts.iter().flat_map(|fact| &fact.movements);
        assert!(lines.clone().all(|line| line.unexplained.is_none()));
        let corrects = lines.filter(|line| line.rule == "policy_change");
        assert_eq!(corrects.count(), if tenant == late { 6 } else { 0 });
        stack.verify(&replica, tenant).await;
    }
    let again = replica.run(late, "more", "2026-12-31", 7).await;
    assert_eq!(again.entries_posted, 0, "all is corrected");
}
