//! Cases 01 and 02 month by month, through both doors of the service.

use backlog_event_log::{NewEvent, Opened};
use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1::{ContractSigned, InvoiceIssued, MeasurementPolicy, ReceivableOn};
use backlog_proto::recognition::v1::Measure;
use prost::Message;

use crate::owner::{contract_signed, day, invoice_issued, obligation_of, usd};
use crate::stack::{Stack, at, contract, even_months, posted, tenant};

/// Sum of a measure's movements effective up to a day, in minor units.
pub(crate) fn sum(entries: &[Opened], measure: Measure, as_of: &str) -> i64 {
    let as_of = day(as_of);
    let movements = posted(entries).into_iter().flat_map(|posted| posted.movements);
    let effective = movements.filter(|movement| {
        let on = movement.effective_date.as_ref().unwrap().try_into();
        movement.measure() == measure && on.is_ok_and(|on: chrono::NaiveDate| on <= as_of)
    });
    effective.map(|m| m.amount.unwrap().amount.replace('.', "").parse::<i64>().unwrap()).sum()
}

/// Transaction price, recognized, billed, deferred revenue and contract asset at the end of a day.
fn balances(entries: &[Opened], as_of: &str) -> [i64; 5] {
    [
        Measure::TransactionPrice,
        Measure::Recognized,
        Measure::Billed,
        Measure::DeferredRevenue,
        Measure::ContractAsset,
    ]
    .map(|measure| sum(entries, measure, as_of))
}

const MONTH_ENDS: [&str; 12] = [
    "2026-01-31",
    "2026-02-28",
    "2026-03-31",
    "2026-04-30",
    "2026-05-31",
    "2026-06-30",
    "2026-07-31",
    "2026-08-31",
    "2026-09-30",
    "2026-10-31",
    "2026-11-30",
    "2026-12-31",
];

// Case 01: the article's 1,200 a year, billed 100 on the first of each month. Backlog falls with
// service and not with the invoice: on the first of January it is still 1,200, 100 of it deferred.
#[tokio::test]
async fn article_1200_billed_monthly() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let (tenant, acme) = (tenant(1), contract(1));
    stack.owner.create_tenant(tenant, even_months()).await;
    stack.owner.sign(tenant, acme, &["1200.00"], "2026-12-31").await;
    for (index, month_end) in (1_i64..).zip(MONTH_ENDS) {
        let first = format!("{}-01", &month_end[..7]);
        let seen = stack.owner.invoice(tenant, acme, &first, "100.00").await;
        let answer = replica.run(tenant, &format!("run-{index}"), month_end, seen).await;
        assert_eq!((answer.entries_posted, answer.recognized), (1, vec![usd("100.00")]));
        let watermark = answer.watermark.unwrap();
        assert_eq!(watermark.recognized_through, Some(day(month_end).into()));
        assert_eq!(watermark.positions[0], at(Log::Contract, seen)[0]);
        let entries = stack.recognition_entries(&replica, tenant).await;
        let before_service = balances(&entries, &first);
        let month = index * 10_000;
        assert_eq!(before_service, [120_000, month - 10_000, month, 10_000, 0], "{first}");
        assert_eq!(balances(&entries, month_end), [120_000, month, month, 0, 0], "{month_end}");
    }
    stack.verify(&replica, tenant).await;
}

// Case 02: the same contract prepaid in full: the same backlog, another liability. What is planned and
// what is recognized sum to the price at every step.
#[tokio::test]
async fn prepaid_annual_1200() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let (tenant, acme) = (tenant(1), contract(1));
    stack.owner.create_tenant(tenant, even_months()).await;
    stack.owner.sign(tenant, acme, &["1200.00"], "2026-12-31").await;
    let seen = stack.owner.invoice(tenant, acme, "2026-01-01", "1200.00").await;
    for (index, month_end) in (1_i64..).zip(MONTH_ENDS) {
        let answer = replica.run(tenant, month_end, month_end, seen).await;
        let at_head = vec![answer.position.unwrap()];
        let entries = stack.recognition_entries(&replica, tenant).await;
        let month = index * 10_000;
        let expected = [120_000, month, 120_000, 120_000 - month, 0];
        assert_eq!(balances(&entries, month_end), expected, "{month_end}");
        let plan = replica.try_plan(tenant, acme, at_head).await.unwrap();
        let [obligation] = plan.obligations.as_slice() else { panic!("{plan:?}") };
        assert_eq!(obligation.obligation_id, obligation_of(acme, 0).to_string());
        assert_eq!(obligation.recognized, Some(usd(&format!("{}.00", index * 100))));
        let months: Vec<_> = obligation.months.iter().map(|m| m.amount.clone().unwrap()).collect();
        let left = usize::try_from(12 - index).unwrap();
        assert_eq!(months, vec![usd("100.00"); left], "{month_end}");
    }
    stack.verify(&replica, tenant).await;
}

// Shows that facts that land before what is posted, and receivables that fall due later, come out the
// same from what a batch loads as from the whole history: liability and asset are right on every day,
// and the rebuild agrees.
#[tokio::test]
async fn late_facts_and_future_due_dates() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let (tenant, acme) = (tenant(1), contract(1));
    let policy = MeasurementPolicy { receivable_on: ReceivableOn::Due.into(), ..even_months() };
    stack.owner.create_tenant(tenant, policy).await;
    let mut seen = stack.owner.sign(tenant, acme, &["1200.00", "600.00"], "2026-12-31").await;
    replica.run(tenant, "june", "2026-06-30", seen).await;
    for (issued_on, due_on, amount) in [
        ("2026-02-10", "2026-03-12", "100.00"),
        ("2026-01-05", "2026-08-15", "700.00"),
        ("2026-01-01", "2026-01-01", "50.00"),
    ] {
        let mut event = invoice_issued(acme, issued_on, amount);
        let mut issued = InvoiceIssued::decode(event.payload.as_slice()).unwrap();
        issued.invoice.as_mut().unwrap().due_on = Some(day(due_on).into());
        event.payload = issued.encode_to_vec();
        seen = stack.owner.write(tenant, event).await;
        // Each in a batch of its own, so that each loads its part of the history.
        replica.try_plan(tenant, acme, at(Log::Contract, seen)).await.unwrap();
    }
    // Signed in June, though its service began in January: performance before is caught up.
    let late = contract_signed(contract(2), &["240.00"], "2026-06-15", "2026-12-31");
    let mut signed = ContractSigned::decode(late.payload.as_slice()).unwrap();
    let terms = signed.contract.as_mut().unwrap().terms.as_mut().unwrap();
    terms.term.as_mut().unwrap().from = Some(day("2026-01-01").into());
    let late = NewEvent { payload: signed.encode_to_vec(), ..late };
    seen = stack.owner.write(tenant, late).await;
    replica.run(tenant, "august", "2026-08-31", seen).await;
    let entries = stack.recognition_entries(&replica, tenant).await;
    // R of the first contract is 150 a month; U is 50, then 150 from 12 March, then 850.
    for (as_of, recognized, liability, asset) in [
        ("2026-01-01", 0, 5_000, 0),
        ("2026-01-31", 15_000, 0, 10_000),
        ("2026-03-11", 30_000, 0, 25_000),
        ("2026-03-12", 30_000, 0, 15_000),
        ("2026-06-14", 75_000, 0, 60_000),
        ("2026-06-30", 90_000 + 12_000, 0, 75_000 + 12_000),
        ("2026-08-14", 105_000 + 14_000, 0, 90_000 + 14_000),
        ("2026-08-15", 105_000 + 14_000, 0, 20_000 + 14_000),
        ("2026-08-31", 120_000 + 16_000, 0, 35_000 + 16_000),
    ] {
        let [_, r, _, deferred, contract_asset] = balances(&entries, as_of);
        assert_eq!((r, deferred, contract_asset), (recognized, liability, asset), "{as_of}");
    }
    stack.verify(&replica, tenant).await;
}
