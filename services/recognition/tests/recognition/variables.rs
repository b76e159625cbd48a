//! Variable amounts of a part of a series, through both doors of the service.

use backlog_event_log::NewEvent;
use backlog_proto::common::v1::{DateRange, Log};
use backlog_proto::contract::v1::{ContractSigned, VariableConsideration, VariableKind};
use backlog_proto::recognition::v1::estimate_change::Estimate;
use backlog_proto::recognition::v1::{
    ChangeEstimateRequest, EstimateChange, Measure, VariableEstimate,
};
use prost::Message;

use crate::cases::sum;
use crate::owner::{contract_signed, day, usd};
use crate::stack::{Stack, at, contract, even_months, tenant};

/// A year for 1,200.00 with 300.00 more for its third quarter.
fn signed() -> NewEvent {
    let event = contract_signed(contract(1), &["1200.00"], "2026-01-01", "2026-12-31");
    let mut signed = ContractSigned::decode(event.payload.as_slice()).unwrap();
    let terms = signed.contract.as_mut().unwrap().terms.as_mut().unwrap();
    terms.variables.push(VariableConsideration {
        id: "uptime".to_owned(),
        estimate: Some(usd("300.00")),
        included: Some(usd("300.00")),
        kind: VariableKind::MostLikely.into(),
        applies_to: vec!["o0".to_owned()],
        period: Some(DateRange {
            from: Some(day("2026-07-01").into()),
            to: Some(day("2026-09-30").into()),
        }),
    });
    NewEvent { payload: signed.encode_to_vec(), ..event }
}

// Shows that an amount of a quarter is kept beside its obligation, planned and earned in the quarter and
// told as one with it; that a new estimate catches up the months of it that are over; and that the
// tables hold what a rebuild makes.
#[tokio::test]
async fn an_amount_of_a_quarter() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    stack.owner.create_tenant(tenant, even_months()).await;
    let seen = stack.owner.write(tenant, signed()).await;
    let plan = replica.try_plan(tenant, contract(1), at(Log::Contract, seen)).await.unwrap();
    let [service] = plan.obligations.as_slice() else { panic!("{plan:?}") };
    assert_eq!(service.transaction_price, Some(usd("1500.00")));
    let months: Vec<_> = service.months.iter().map(|m| m.amount.clone().unwrap()).collect();
    let of = |amount, months| vec![usd(amount); months];
    assert_eq!(months, [of("100.00", 6), of("200.00", 3), of("100.00", 3)].concat());
    replica.run(tenant, "july", "2026-07-31", seen).await;
    stack.verify(&replica, tenant).await;
    let request = ChangeEstimateRequest {
        request_id: "estimate".to_owned(),
        change: Some(EstimateChange {
            contract_id: contract(1).to_string(),
            on: Some(day("2026-08-01").into()),
            estimate: Some(Estimate::Variable(VariableEstimate {
                id: "uptime".to_owned(),
                estimate: Some(usd("450.00")),
                included: None,
            })),
        }),
        ..ChangeEstimateRequest::default()
    };
    let request = replica.call(Some(tenant), &["revenue_accountant"], request);
    replica.progress().change_estimate(request).await.unwrap();
    replica.run(tenant, "august", "2026-08-31", seen).await;
    stack.verify(&replica, tenant).await;
    replica.run(tenant, "december", "2026-12-31", seen).await;
    stack.verify(&replica, tenant).await;
    let entries = stack.recognition_entries(&replica, tenant).await;
    for (as_of, recognized) in [
        ("2026-06-30", 60_000),
        ("2026-07-31", 80_000),
        ("2026-08-31", 110_000),
        ("2026-09-30", 135_000),
        ("2026-12-31", 165_000),
    ] {
        assert_eq!(sum(&entries, Measure::Recognized, as_of), recognized, "{as_of}");
    }
    assert_eq!(sum(&entries, Measure::TransactionPrice, "2026-07-31"), 150_000);
    assert_eq!(sum(&entries, Measure::TransactionPrice, "2026-08-01"), 165_000);
}
