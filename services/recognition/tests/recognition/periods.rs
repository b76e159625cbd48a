//! Periods: closes, what blocks them, late facts, reopening, and adjustments by two people.

use std::time::Duration;

use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1::MeasurementPolicy;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::{Cause, CheckKind, Measure};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::calls::reason;
use crate::cases::sum;
use crate::owner::{day, obligation_of, unknown_type, usd};
use crate::stack::{Replica, Stack, at, contract, even_months, posted, run_request, tenant};

const CONTROLLER: [&str; 1] = ["controller"];

pub(crate) async fn close(
    replica: &Replica,
    tenant: TenantId,
    (request_id, period): (&str, &str),
    seen: u64,
) -> Result<pb::ClosePeriodResponse, Status> {
    let request = pb::ClosePeriodRequest {
        request_id: request_id.to_owned(),
        period: period.to_owned(),
        min_positions: at(Log::Contract, seen),
        validate_only: false,
    };
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    replica.periods().close_period(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn reopen(
    replica: &Replica,
    tenant: TenantId,
    (request_id, period): (&str, &str),
) -> Result<pb::ReopenPeriodResponse, Status> {
    let request = pb::ReopenPeriodRequest {
        request_id: request_id.to_owned(),
        period: period.to_owned(),
        reason: "an invoice was forgotten".to_owned(),
        validate_only: false,
    };
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    replica.periods().reopen_period(request).await.map(tonic::Response::into_inner)
}

/// What a close looks at that blocks it: always all of it is looked at.
async fn blocking_items(replica: &Replica, tenant: TenantId, period: &str) -> Vec<pb::CheckItem> {
    let request = pb::GetCloseChecklistRequest { period: period.to_owned(), min_positions: vec![] };
    let request = replica.call(Some(tenant), &["auditor"], request);
    let answer = replica.periods().get_close_checklist(request).await.unwrap().into_inner();
    assert_eq!(answer.items.len(), 6);
    let items: Vec<_> = answer.items.into_iter().filter(|item| !item.passed).collect();
    assert_eq!(answer.ready, items.is_empty());
    items
}

/// What blocks a close, with how many.
async fn blocking(replica: &Replica, tenant: TenantId, period: &str) -> Vec<(CheckKind, u64)> {
    let items = blocking_items(replica, tenant, period).await;
    items.iter().map(|item| (item.kind(), item.count)).collect()
}

/// Shows that one thing blocks January, that its explanation says what to do, that the close is refused
/// with the same words, and that nothing is written by it.
async fn blocks(
    (stack, replica): (&Stack, &Replica),
    tenant: TenantId,
    (kind, count, key): (CheckKind, u64, &str),
    says: &[&str],
) {
    let items = blocking_items(replica, tenant, "2026-01").await;
    assert_eq!(items.len(), 1, "{items:?}");
    let item = items.first().unwrap();
    assert_eq!((item.kind(), item.count), (kind, count), "{items:?}");
    assert!(says.iter().all(|words| item.detail.contains(words)), "{}", item.detail);
    let before = stack.recognition_entries(replica, tenant).await.len();
    let status = close(replica, tenant, ("blocked", "2026-01"), 3).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "CLOSE_BLOCKED")
    );
    assert_eq!(status.get_details_error_info().unwrap().metadata[key], count.to_string());
    assert!(status.message().contains(&item.detail), "{}", status.message());
    assert_eq!(stack.recognition_entries(replica, tenant).await.len(), before);
}

async fn get(replica: &Replica, tenant: TenantId, period: &str) -> pb::GetPeriodResponse {
    let request = pb::GetPeriodRequest { period: period.to_owned(), min_positions: vec![] };
    let request = replica.call(Some(tenant), &["auditor"], request);
    replica.periods().get_period(request).await.unwrap().into_inner()
}

fn adjustment(on: &str, amount: &str) -> pb::Adjustment {
    pb::Adjustment {
        contract_id: contract(1).to_string(),
        obligation_id: obligation_of(contract(1), 0).to_string(),
        on: Some(day(on).into()),
        amount: Some(usd(amount)),
        reason: "an error".to_owned(),
    }
}

async fn adjust(
    replica: &Replica,
    tenant: TenantId,
    request_id: &str,
    adjustment: pb::Adjustment,
) -> Result<pb::AdjustRevenueResponse, Status> {
    let request = pb::AdjustRevenueRequest {
        request_id: request_id.to_owned(),
        adjustment: Some(adjustment),
        min_positions: vec![],
        validate_only: false,
    };
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    replica.progress().adjust_revenue(request).await.map(tonic::Response::into_inner)
}

fn balances(close: &pb::Close) -> Vec<(Measure, String)> {
    let figures = close.figures.clone().unwrap();
    figures.balances.iter().map(|b| (b.measure(), b.amount.clone().unwrap().amount)).collect()
}

/// A tenant with 1,200.00 over 2026, 100.00 invoiced on its first day, January recognized.
async fn january(stack: &Stack, replica: &Replica, policy: MeasurementPolicy) -> TenantId {
    let tenant = tenant(1);
    stack.owner.create_tenant(tenant, policy).await;
    stack.owner.sign(tenant, contract(1), &["1200.00"], "2026-12-31").await;
    let seen = stack.owner.invoice(tenant, contract(1), "2026-01-01", "100.00").await;
    replica.run(tenant, "january", "2026-01-31", seen).await;
    tenant
}

// Shows that a close keeps its figures, answers repetitions the same, and refuses what would change the
// period, each for its reason and without a trace in the log; that a late invoice takes effect on the
// first open day; that only the latest close is undone; and that the second close says what changed.
#[tokio::test]
async fn a_closed_period_never_changes_until_it_is_reopened() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = january(&stack, &replica, even_months()).await;
    let closed = close(&replica, tenant, ("c-1", "2026-01"), 3).await.unwrap();
    let again = close(&replica, tenant, ("c-1", "2026-01"), 3).await.unwrap();
    assert_eq!(closed, again);
    let first = closed.close.unwrap();
    assert_eq!((first.version, first.covered_contract_seq), (1, 3));
    let text = |amount: &str| amount.to_owned();
    assert_eq!(
        balances(&first),
        [
            (Measure::TransactionPrice, text("1200.00")),
            (Measure::Recognized, text("100.00")),
            (Measure::Billed, text("100.00")),
            (Measure::Unconditional, text("100.00")),
            (Measure::Receivable, text("100.00")),
        ]
    );

    let before = stack.recognition_entries(&replica, tenant).await.len();
    let refused = [
        close(&replica, tenant, ("c-2", "2026-01"), 3).await.unwrap_err(),
        replica.try_run(tenant, run_request("late", "2026-01-31", 3)).await.unwrap_err(),
        adjust(&replica, tenant, "a-1", adjustment("2026-01-31", "5.00")).await.unwrap_err(),
    ];
    for status in &refused {
        assert_eq!(
            (status.code(), reason(status).as_str()),
            (Code::FailedPrecondition, "PERIOD_CLOSED")
        );
    }
    let skipped = close(&replica, tenant, ("c-3", "2026-03"), 3).await.unwrap_err();
    let other = reopen(&replica, tenant, ("r-1", "2025-12")).await.unwrap_err();
    for (status, turn) in [(&skipped, "2026-02"), (&other, "2026-01")] {
        assert_eq!(reason(status), "PERIOD_OUT_OF_ORDER");
        assert_eq!(status.get_details_error_info().unwrap().metadata["period"], turn);
    }
    let unknown = close(&replica, tenant, ("c-4", "2026-P01"), 3).await.unwrap_err();
    assert_eq!(
        (unknown.code(), reason(&unknown).as_str()),
        (Code::InvalidArgument, "INVALID_FIELDS")
    );
    assert_eq!(stack.recognition_entries(&replica, tenant).await.len(), before);

    let seen = stack.owner.invoice(tenant, contract(1), "2026-01-15", "50.00").await;
    replica.try_plan(tenant, contract(1), at(Log::Contract, seen)).await.unwrap();
    let items = blocking_items(&replica, tenant, "2026-01").await;
    let [item] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!((item.kind(), item.count), (CheckKind::Turn, 1));
    assert!(item.detail.contains("is closed already; close periods one after the other"));
    let entries = stack.recognition_entries(&replica, tenant).await;
    let late = posted(&entries).pop().unwrap().movements;
    assert!(late.iter().all(|m| m.effective_date == Some(day("2026-02-01").into())));
    let billed = late.iter().find(|m| m.measure() == Measure::Billed).unwrap();
    assert_eq!(billed.late_of, Some(day("2026-01-15").into()));
    assert_eq!(sum(&entries, Measure::Billed, "2026-01-31"), 10_000);

    reopen(&replica, tenant, ("r-2", "2026-01")).await.unwrap();
    let seen = stack.owner.invoice(tenant, contract(1), "2026-01-20", "30.00").await;
    let second = close(&replica, tenant, ("c-5", "2026-01"), seen).await.unwrap().close.unwrap();
    assert_eq!((second.version, second.covered_contract_seq), (2, seen));
    let period = get(&replica, tenant, "2026-01").await;
    let [kept, now] = period.closes.as_slice() else { panic!("{period:?}") };
    assert_eq!((kept.reopened, kept.reopened_reason.as_str()), (true, "an invoice was forgotten"));
    assert_eq!((balances(kept), now.reopened), (balances(&first), false));
    let changed: Vec<_> = now.differences.iter().map(|d| (d.cause(), d.measure())).collect();
    assert_eq!(
        changed,
        [
            (Cause::Invoice, Measure::Billed),
            (Cause::Invoice, Measure::Unconditional),
            (Cause::Invoice, Measure::Receivable),
            (Cause::ContractBalance, Measure::DeferredRevenue),
        ]
    );
    assert!(now.differences.iter().all(|d| d.amount == Some(usd("30.00"))));
    stack.verify(&replica, tenant).await;
}

// Shows that each thing that blocks a close is named with how many, that the close is refused for it
// and writes nothing, and that it goes through once all is done.
#[tokio::test]
async fn a_checklist_says_what_blocks() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = january(&stack, &replica, even_months()).await;
    close(&replica, tenant, ("c-1", "2026-01"), 3).await.unwrap();
    assert_eq!(blocking(&replica, tenant, "2026-02").await, [(CheckKind::Recognition, 1)]);
    let before = stack.recognition_entries(&replica, tenant).await.len();
    let status = close(&replica, tenant, ("c-2", "2026-02"), 3).await.unwrap_err();
    assert_eq!(reason(&status), "CLOSE_BLOCKED");
    let metadata = status.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["contracts_to_recognize"], "1");
    assert_eq!(stack.recognition_entries(&replica, tenant).await.len(), before);
    replica.run(tenant, "february", "2026-02-28", 3).await;
    assert_eq!(blocking(&replica, tenant, "2026-02").await, []);

    // An entry that this service cannot apply is not accounted for.
    stack.owner.write(tenant, unknown_type(contract(1))).await;
    let request = pb::ClosePeriodRequest {
        request_id: "c-3".to_owned(),
        period: "2026-02".to_owned(),
        min_positions: vec![],
        validate_only: false,
    };
    let mut request = replica.call(Some(tenant), &CONTROLLER, request);
    request.set_timeout(Duration::from_secs(3));
    let status = replica.periods().close_period(request).await.unwrap_err();
    assert_eq!(reason(&status), "CLOSE_BLOCKED");
    assert_eq!(status.get_details_error_info().unwrap().metadata["unprocessed_events"], "1");
    assert_eq!(blocking(&replica, tenant, "2026-02").await, [(CheckKind::Events, 1)]);
    let accountant =
        replica.call(Some(tenant), &["revenue_accountant"], pb::ReopenPeriodRequest::default());
    let denied = replica.periods().reopen_period(accountant).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
}

// Shows that a run which is not finished blocks a close; and so does a journal whose debits are not its
// credits, wherever it was tampered with: in the sums of an entry, in the total, or in the log itself,
// where one day of one contract is named. Undone, the period closes.
#[tokio::test]
async fn an_unfinished_run_and_a_forged_journal_block() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = january(&stack, &replica, even_months()).await;
    let of = (&stack, &replica);
    let forge = async |table: &str, set: &str, which: &str| {
        let id = tenant.uuid();
        let sql =
            format!("update recognition.{table} set {set} where tenant_id = '{id}' and {which};");
        stack.database.superuser_sql(&sql).await.unwrap();
    };
    forge("recognition_run", "finished = false", "true").await;
    let runs = (CheckKind::Runs, 1, "unfinished_runs");
    blocks(of, tenant, runs, &["runs are not finished", "repeat them with their request_id"]).await;
    forge("recognition_run", "finished = true", "true").await;

    for table in ["journal_sum", "journal_total"] {
        forge(table, "debit = debit + 1", "role = 'receivable'").await;
        let says = format!("{table} has other sums of receivable in USD than the log");
        let journal = (CheckKind::Journal, 1, "unbalanced_journal");
        blocks(of, tenant, journal, &[&says, "see `backlog doctor`"]).await;
        forge(table, "debit = debit - 1", "role = 'receivable'").await;
    }

    let entries = stack.recognition_entries(&replica, tenant).await;
    let invoiced = posted(&entries)
        .iter()
        .position(|of| of.movements.iter().any(|moved| moved.measure() == Measure::Receivable));
    let mut entry = entries[invoiced.unwrap()].entry.clone();
    let honest = entry.encode_to_vec();
    let mut lies = pb::AccountingPosted::decode(entry.payload.as_slice()).unwrap();
    lies.movements.retain(|moved| moved.measure() != Measure::Receivable);
    entry.payload = lies.encode_to_vec();
    let write = |bytes: &[u8]| format!("entry = '\\x{}'", hex::encode(bytes));
    let which = format!("seq = {}", entry.seq);
    forge("log_entry", &write(&entry.encode_to_vec()), &which).await;
    // The day, and the role in both tables.
    let journal = (CheckKind::Journal, 3, "unbalanced_journal");
    let day = format!("debits of {} on 2026-01-01 less its credits are -100.00", contract(1));
    blocks(of, tenant, journal, &[&day]).await;
    forge("log_entry", &write(&honest), &which).await;

    // What is not there yet cannot be waited for: the close is not tried.
    let request = pb::ClosePeriodRequest {
        request_id: "ahead".to_owned(),
        period: "2026-01".to_owned(),
        min_positions: at(Log::Contract, 99),
        validate_only: false,
    };
    let mut request = replica.call(Some(tenant), &CONTROLLER, request);
    request.set_timeout(Duration::from_millis(300));
    let behind = replica.periods().close_period(request).await.unwrap_err();
    assert_eq!((behind.code(), reason(&behind).as_str()), (Code::Unavailable, "BEHIND"));
    assert_eq!(blocking(&replica, tenant, "2026-01").await, []);
    close(&replica, tenant, ("c-1", "2026-01"), 3).await.unwrap();
    stack.verify(&replica, tenant).await;
}

// Shows that where policy asks for a second person an adjustment posts nothing until one approves it,
// that the author cannot, that it blocks the close meanwhile, that it is decided once, and that a
// rejected one never posts.
#[tokio::test]
async fn adjustments_take_two_people() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let policy = MeasurementPolicy { adjustments_need_approval: true, ..even_months() };
    let tenant = january(&stack, &replica, policy).await;
    let put_in = adjust(&replica, tenant, "a-1", adjustment("2026-01-31", "5.00")).await.unwrap();
    let again = adjust(&replica, tenant, "a-1", adjustment("2026-01-31", "5.00")).await.unwrap();
    assert_eq!(put_in, again);
    let entries = stack.recognition_entries(&replica, tenant).await;
    assert_eq!(sum(&entries, Measure::Recognized, "2026-12-31"), 10_000, "nothing is posted");
    assert_eq!(blocking(&replica, tenant, "2026-01").await, [(CheckKind::Adjustments, 1)]);
    let status = close(&replica, tenant, ("c-1", "2026-01"), 3).await.unwrap_err();
    assert_eq!(reason(&status), "CLOSE_BLOCKED");

    let approve = async |who: &str, request_id: &str, id: &str| {
        let request = pb::ApproveAdjustmentRequest {
            request_id: request_id.to_owned(),
            adjustment_id: id.to_owned(),
            ..pb::ApproveAdjustmentRequest::default()
        };
        let request = replica.call_as(who, Some(tenant), &CONTROLLER, request);
        replica.progress().approve_adjustment(request).await.map(tonic::Response::into_inner)
    };
    let id = put_in.adjustment_id.as_str();
    let own = approve("ann", "ok-1", id).await.unwrap_err();
    assert_eq!((own.code(), reason(&own).as_str()), (Code::FailedPrecondition, "SELF_APPROVAL"));
    let strange = approve("bob", "ok-2", "adj_0123456789abcdef0123456789abcdef").await.unwrap_err();
    assert_eq!((strange.code(), reason(&strange).as_str()), (Code::NotFound, "NOT_FOUND"));
    approve("bob", "ok-3", id).await.unwrap();
    let twice = approve("carl", "ok-4", id).await.unwrap_err();
    assert_eq!(reason(&twice), "ALREADY_DECIDED");
    let entries = stack.recognition_entries(&replica, tenant).await;
    assert_eq!(sum(&entries, Measure::Recognized, "2026-01-31"), 10_500);

    let other = adjust(&replica, tenant, "a-2", adjustment("2026-01-31", "7.00")).await.unwrap();
    let request = pb::RejectAdjustmentRequest {
        request_id: "no-1".to_owned(),
        adjustment_id: other.adjustment_id,
        reason: "no document".to_owned(),
        validate_only: false,
    };
    let request = replica.call_as("bob", Some(tenant), &CONTROLLER, request);
    replica.progress().reject_adjustment(request).await.unwrap();
    let waiting =
        replica.call(Some(tenant), &["auditor"], pb::ListProposedAdjustmentsRequest::default());
    let waiting = replica.progress().list_proposed_adjustments(waiting).await.unwrap();
    assert_eq!(waiting.into_inner().adjustments, []);
    // What is left spreads over the last day of January and eleven months: 1,098.23 / 342 = 3.21 for
    // the day, where 3.23 was posted.
    assert_eq!(blocking(&replica, tenant, "2026-01").await, [(CheckKind::Recognition, 1)]);
    replica.run(tenant, "again", "2026-01-31", 3).await;
    close(&replica, tenant, ("c-2", "2026-01"), 3).await.unwrap();
    let entries = stack.recognition_entries(&replica, tenant).await;
    assert_eq!(sum(&entries, Measure::Recognized, "2026-12-31"), 10_498);
    stack.verify(&replica, tenant).await;
}

// Shows a calendar of weeks: periods by name, a close of one of them, and movements that post in it.
#[tokio::test]
async fn periods_follow_the_calendar_of_the_tenant() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let calendar = "weeks/4-4-5/last-saturday/december".to_owned();
    let tenant = january(&stack, &replica, MeasurementPolicy { calendar, ..even_months() }).await;
    // The year 2026 begins on Sunday, 28 December 2025.
    let request = pb::ListPeriodsRequest { year: 2026, min_positions: vec![] };
    let request = replica.call(Some(tenant), &["auditor"], request);
    let list = replica.periods().list_periods(request).await.unwrap().into_inner();
    let period = |place: usize| list.periods[place].period.clone().unwrap();
    assert_eq!((list.periods.len(), period(0).name.as_str()), (12, "2026-P01"));
    assert_eq!(period(0).first_day, Some(day("2025-12-28").into()));
    assert_eq!(period(0).last_day, Some(day("2026-01-24").into()));
    assert_eq!(period(2).last_day, Some(day("2026-03-28").into()));
    let closed = close(&replica, tenant, ("c-1", "2026-P01"), 3).await.unwrap().close.unwrap();
    // January's revenue takes effect on 31 January, in the second period.
    assert!(balances(&closed).iter().all(|(measure, _)| *measure != Measure::Recognized));
    let entries = stack.recognition_entries(&replica, tenant).await;
    let movements = posted(&entries).into_iter().flat_map(|posted| posted.movements);
    let mut revenue = movements.filter(|m| m.measure() == Measure::Recognized);
    assert_eq!(revenue.next().unwrap().posting_period, Some(day("2026-01-25").into()));
    stack.verify(&replica, tenant).await;
}
