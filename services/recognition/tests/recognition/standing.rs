//! What was signed and is no contract yet, through both doors of the service.

use backlog_event_log::NewEvent;
use backlog_proto::common::v1::{ContractCriterion, Log};
use backlog_proto::contract::v1::{
    ClauseParty, ContractSigned, ContractTerms, TerminationClause, UnmetCriteria,
};
use backlog_proto::recognition::v1::{
    Assessment, Measure, ReassessContractRequest, ReassessContractResponse,
};
use prost::Message;
use tonic::{Response, Status};

use crate::calls::reason;
use crate::cases::sum;
use crate::owner::{contract_signed, day, usd};
use crate::stack::{Replica, Stack, at, contract, even_months, tenant};

/// A signature of a year for 1,200.00, its terms changed.
fn signed(n: u128, signed_on: &str, change: impl FnOnce(&mut ContractTerms)) -> NewEvent {
    let event = contract_signed(contract(n), &["1200.00"], signed_on, "2026-12-31");
    let mut signed = ContractSigned::decode(event.payload.as_slice()).unwrap();
    let terms = signed.contract.as_mut().unwrap().terms.as_mut().unwrap();
    terms.term.as_mut().unwrap().from = Some(day("2026-01-01").into());
    change(terms);
    NewEvent { payload: signed.encode_to_vec(), ..event }
}

async fn reassess(
    replica: &Replica,
    (n, on): (u128, &str),
    unmet: Vec<ContractCriterion>,
    seen: u64,
) -> Result<Response<ReassessContractResponse>, Status> {
    let request = ReassessContractRequest {
        request_id: format!("assess-{n}-{on}"),
        assessment: Some(Assessment {
            contract_id: contract(n).to_string(),
            on: Some(day(on).into()),
            unmet: unmet.into_iter().map(Into::into).collect(),
            reason: "seen".to_owned(),
        }),
        min_positions: at(Log::Contract, seen),
        validate_only: false,
    };
    let request = replica.call(Some(tenant(1)), &["revenue_accountant"], request);
    replica.progress().reassess_contract(request).await
}

// Shows that what fails a criterion is in no run, no plan and no figure, and says why; assessed anew it
// is booked once, and what was done is caught up with the next run; that what either party may leave is
// found by the run through its first day of service, not before; and that the rebuild agrees each time.
#[tokio::test]
async fn no_contract_until_it_is_one() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    stack.owner.create_tenant(tenant, even_months()).await;
    let unmet = UnmetCriteria {
        criteria: vec![ContractCriterion::Collection.into()],
        reason: "a new customer".to_owned(),
    };
    let doubtful = signed(1, "2026-01-01", |terms| terms.unmet = Some(unmet));
    stack.owner.write(tenant, doubtful).await;
    let either = signed(2, "2025-12-01", |terms| {
        terms.clauses = vec![TerminationClause {
            by: ClauseParty::Either.into(),
            to: Some(day("2025-12-31").into()),
            ..TerminationClause::default()
        }];
    });
    stack.owner.write(tenant, either).await;
    let seen = stack.owner.invoice(tenant, contract(1), "2026-01-10", "300.00").await;
    let nothing = replica.run(tenant, "december", "2025-12-31", seen).await;
    assert_eq!(nothing.entries_posted, 0);
    stack.verify(&replica, tenant).await;
    let answer = replica.run(tenant, "january", "2026-01-31", seen).await;
    assert_eq!((answer.entries_posted, answer.recognized), (1, vec![usd("100.00")]));
    stack.verify(&replica, tenant).await;

    let plan = async |n, seen: u64| {
        replica.try_plan(tenant, contract(n), at(Log::Contract, seen)).await.unwrap()
    };
    let doubtful = plan(1, seen).await;
    let why = doubtful.not_a_contract.unwrap();
    assert_eq!((why.unmet, why.arises_on), (vec![ContractCriterion::Collection.into()], None));
    assert!(doubtful.obligations.iter().all(|of| of.months.is_empty()));
    assert_eq!(doubtful.obligations[0].transaction_price, Some(usd("0.00")));
    let either = plan(2, seen).await;
    assert_eq!(either.not_a_contract, None);
    assert_eq!(either.contract_since, Some(day("2026-01-01").into()));
    let entries = stack.recognition_entries(&replica, tenant).await;
    assert_eq!(sum(&entries, Measure::TransactionPrice, "2025-12-31"), 0);
    assert_eq!(sum(&entries, Measure::TransactionPrice, "2026-01-31"), 120_000, "the second alone");
    assert_eq!(sum(&entries, Measure::Receivable, "2026-12-31"), 0);

    reassess(&replica, (1, "2026-02-01"), vec![ContractCriterion::Collection], seen).await.unwrap();
    reassess(&replica, (1, "2026-02-10"), Vec::new(), seen).await.unwrap();
    stack.verify(&replica, tenant).await;
    let answer = replica.run(tenant, "february", "2026-02-28", seen).await;
    assert_eq!((answer.entries_posted, answer.recognized), (3, vec![usd("300.00")]));
    stack.verify(&replica, tenant).await;
    let entries = stack.recognition_entries(&replica, tenant).await;
    assert_eq!(sum(&entries, Measure::TransactionPrice, "2026-02-09"), 120_000);
    assert_eq!(sum(&entries, Measure::TransactionPrice, "2026-02-10"), 240_000, "booked once");
    assert_eq!(sum(&entries, Measure::Receivable, "2026-02-10"), 30_000);
    assert_eq!(plan(1, seen).await.contract_since, Some(day("2026-02-10").into()));

    let before = stack.recognition_entries(&replica, tenant).await.len();
    let refused = reassess(&replica, (1, "2026-03-01"), Vec::new(), seen).await.unwrap_err();
    assert_eq!(reason(&refused), "ALREADY_A_CONTRACT");
    assert_eq!(stack.recognition_entries(&replica, tenant).await.len(), before);
}
