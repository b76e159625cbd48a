//! What-ifs: runs under another policy beside the books.

use std::collections::BTreeMap;
use std::time::Duration;

use backlog_event_log::{NewEvent, Opened};
use backlog_ids::TenantId;
use backlog_proto::common::v1::{Log, Money};
use backlog_proto::contract::v1 as contract_pb;
use backlog_proto::contract::v1::{Convention, MeasurementPolicy, Rounding};
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::Measure;
use backlog_proto::recognition::v1::progress::Reading;
use backlog_proto::recognition::v1::what_if_service_client::WhatIfServiceClient;
use backlog_recognition::config::{RunsConfig, WhatIfsConfig};
use backlog_recognition::run::RecognizeChunk;
use backlog_recognition::what_if::queries::Lease;
use backlog_recognition::what_if::schedule::WhatIfWorker;
use backlog_recognition::what_if::work::{Paged, WhatIfSettings, WhatIfs};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::calls::reason;
use crate::owner::{contract_of, contract_signed, day, invoice_issued, obligation_of, usd};
use crate::periods::{close, reopen};
use crate::runs::{movements, sign};
use crate::stack::{Replica, Stack, at, chunk_of, contract, even_months, run_request, tenant};

const CONTROLLER: [&str; 1] = ["controller"];

/// Nobody looks for what was started but the tests.
fn quiet() -> WhatIfsConfig {
    WhatIfsConfig { every_ms: 3_600_000, ..WhatIfsConfig::default() }
}

fn days() -> MeasurementPolicy {
    MeasurementPolicy { convention: Convention::ActualDays.into(), ..even_months() }
}

fn service_months() -> MeasurementPolicy {
    MeasurementPolicy { convention: Convention::ServiceMonths.into(), ..even_months() }
}

fn assumes(convention: Convention) -> pb::WhatIfPolicy {
    pb::WhatIfPolicy { convention: convention.into(), ..pb::WhatIfPolicy::default() }
}

pub(crate) fn request(request_id: &str, policy: pb::WhatIfPolicy) -> pb::StartWhatIfRequest {
    pb::StartWhatIfRequest {
        request_id: request_id.to_owned(),
        label: "as others do".to_owned(),
        policy: Some(policy),
        ..pb::StartWhatIfRequest::default()
    }
}

async fn start(
    replica: &Replica,
    tenant: TenantId,
    request: pb::StartWhatIfRequest,
) -> Result<pb::StartWhatIfResponse, Status> {
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    let mut client = WhatIfServiceClient::new(replica.channel());
    client.start_what_if(request).await.map(tonic::Response::into_inner)
}

async fn get(replica: &Replica, tenant: TenantId, id: &str) -> Result<pb::WhatIf, Status> {
    let request = pb::GetWhatIfRequest { what_if_id: id.to_owned() };
    let request = replica.call(Some(tenant), &["auditor"], request);
    let mut client = WhatIfServiceClient::new(replica.channel());
    client.get_what_if(request).await.map(|answer| answer.into_inner().what_if.unwrap())
}

async fn list(
    replica: &Replica,
    tenant: TenantId,
    (page_size, page_token): (i32, String),
) -> pb::ListWhatIfsResponse {
    let request = pb::ListWhatIfsRequest { page_size, page_token };
    let request = replica.call(Some(tenant), &["auditor"], request);
    let mut client = WhatIfServiceClient::new(replica.channel());
    client.list_what_ifs(request).await.unwrap().into_inner()
}

async fn delete(replica: &Replica, tenant: TenantId, id: &str) -> Result<(), Status> {
    let request = pb::DeleteWhatIfRequest { what_if_id: id.to_owned(), validate_only: false };
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    let mut client = WhatIfServiceClient::new(replica.channel());
    client.delete_what_if(request).await.map(drop)
}

/// Starts a what-if and waits for its end.
pub(crate) async fn finished(
    replica: &Replica,
    tenant: TenantId,
    request: pb::StartWhatIfRequest,
) -> pb::WhatIf {
    let id = start(replica, tenant, request).await.unwrap().what_if_id;
    loop {
        let what_if = get(replica, tenant, &id).await.unwrap();
        match what_if.state() {
            pb::WhatIfState::Finished | pb::WhatIfState::Failed => return what_if,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Work of a replica of its own, page by page.
fn works(stack: &Stack, replica: &Replica, (entries, contracts): (u64, u64)) -> WhatIfs {
    let settings = WhatIfSettings { page_entries: entries, page_contracts: contracts };
    WhatIfs::new(replica.running.database().clone(), stack.contract_reader(), settings)
}

async fn claim(stack: &Stack, replica: &Replica, holder: u128) -> Lease {
    let what_ifs = works(stack, replica, (1, 1));
    let database = replica.running.database().clone();
    let holder = Uuid::from_u128(holder);
    let worker = WhatIfWorker::new(database, what_ifs, Duration::from_secs(1), holder);
    let leases = worker.claim().await.unwrap();
    assert_eq!(leases.len(), 1, "{leases:?}");
    *leases.first().unwrap()
}

/// Walks to the end; answers in how many pages.
async fn walk(what_ifs: &WhatIfs, lease: Lease) -> usize {
    let mut pages = 1;
    loop {
        let paged = what_ifs.page(lease).await.unwrap();
        assert_ne!(paged, Paged::Superseded);
        if paged == Paged::Done {
            return pages;
        }
        pages += 1;
    }
}

/// A contract of two promises, the second earned by progress.
fn measured(n: u128) -> NewEvent {
    let event = contract_signed(contract(n), &["900.00", "800.00"], "2026-01-20", "2026-11-10");
    let mut signed = contract_pb::ContractSigned::decode(event.payload.as_slice()).unwrap();
    let terms = signed.contract.as_mut().unwrap().terms.as_mut().unwrap();
    terms.obligations.last_mut().unwrap().method = Some(
        contract_pb::obligation_terms::Method::PercentComplete(contract_pb::PercentComplete {}),
    );
    NewEvent { payload: signed.encode_to_vec(), ..event }
}

/// The first price of contract 1 goes up, from the middle of a month that is posted.
fn amended() -> NewEvent {
    let (from, to) = ("2026-01-15", "2026-12-20");
    let payload = contract_pb::ContractAmended {
        contract: Some(contract_of(contract(1), &["1800.00", "600.00"], from, to)),
        amendment: Some(contract_pb::Amendment {
            effective_on: Some(day("2026-02-15").into()),
            changes: vec![contract_pb::ObligationChange {
                key: "o0".to_owned(),
                price: Some(usd("1800.00")),
                ..contract_pb::ObligationChange::default()
            }],
            ..contract_pb::Amendment::default()
        }),
    };
    NewEvent {
        type_name: "backlog.contract.v1.ContractAmended",
        aggregate_id: contract(1).to_string(),
        aggregate_version: 2,
        effective_date: day("2026-02-15"),
        depends_on: Vec::new(),
        payload: payload.encode_to_vec(),
    }
}

/// An invoice that is due much later than it is issued.
fn due_later(n: u128, issued_on: &str, due_on: &str, amount: &str) -> NewEvent {
    let event = invoice_issued(contract(n), issued_on, amount);
    let mut issued = contract_pb::InvoiceIssued::decode(event.payload.as_slice()).unwrap();
    issued.invoice.as_mut().unwrap().due_on = Some(day(due_on).into());
    NewEvent { payload: issued.encode_to_vec(), ..event }
}

async fn set_policy(replica: &Replica, tenant: TenantId, policy: pb::Policy, from: &str) {
    let request = pb::SetPolicyRequest {
        request_id: format!("policy-{from}"),
        policy: Some(policy),
        effective_from: Some(day(from).into()),
        reason: "as the group does".to_owned(),
        min_positions: at(Log::Contract, 1),
        validate_only: false,
    };
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    replica.policies().set_policy(request).await.unwrap();
}

async fn progress(replica: &Replica, tenant: TenantId, percent: &str, on: &str, seen: u64) {
    let request = pb::ReportProgressRequest {
        request_id: format!("progress-{on}"),
        progress: Some(pb::Progress {
            contract_id: contract(3).to_string(),
            obligation_id: obligation_of(contract(3), 1).to_string(),
            on: Some(day(on).into()),
            reading: Some(Reading::Percent(percent.to_owned())),
            evidence: "signed off".to_owned(),
        }),
        min_positions: at(Log::Contract, seen),
        validate_only: false,
    };
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    replica.progress().report_progress(request).await.unwrap();
}

async fn adjust(replica: &Replica, tenant: TenantId, n: u128, on: &str, amount: &str) {
    let request = pb::AdjustRevenueRequest {
        request_id: format!("adjust-{on}-{amount}"),
        adjustment: Some(pb::Adjustment {
            contract_id: contract(n).to_string(),
            obligation_id: obligation_of(contract(n), 0).to_string(),
            on: Some(day(on).into()),
            amount: Some(usd(amount)),
            reason: "an error".to_owned(),
        }),
        ..pb::AdjustRevenueRequest::default()
    };
    let request = replica.call(Some(tenant), &CONTROLLER, request);
    replica.progress().adjust_revenue(request).await.unwrap();
}

/// Four months of three contracts, with everything in them that a what-if must follow: progress, a change of
/// posted days, late facts, a close that is undone and made again, runs of one contract, runs of several chunks,
/// a version of the policy that corrects posted days. Contract 2 ends in the middle of a month that begins no
/// month of service.
async fn story_before(
    stack: &Stack,
    replica: &Replica,
    tenant: TenantId,
    policy: MeasurementPolicy,
) -> u64 {
    let owner = &stack.owner;
    owner.create_tenant(tenant, policy).await;
    let first = contract_signed(contract(1), &["1200.00", "600.00"], "2026-01-15", "2026-12-20");
    owner.write(tenant, first).await;
    let short = contract_signed(contract(2), &["300.00"], "2026-01-15", "2026-04-14");
    owner.write(tenant, short).await;
    owner.write(tenant, measured(3)).await;
    owner.write(tenant, due_later(1, "2026-01-31", "2026-03-15", "500.00")).await;
    let seen = owner.write(tenant, due_later(3, "2026-02-01", "2026-02-20", "250.00")).await;
    replica.run(tenant, "january", "2026-01-31", seen).await;
    progress(replica, tenant, "25", "2026-02-10", seen).await;
    replica.run(tenant, "february", "2026-02-28", seen).await;
    let seen = owner.write(tenant, amended()).await;
    let march = pb::RunRecognitionRequest {
        contract_id: contract(2).to_string(),
        ..run_request("march-of-one", "2026-03-31", seen)
    };
    replica.try_run(tenant, march).await.unwrap();
    replica.run(tenant, "march", "2026-03-31", seen).await;
    close(replica, tenant, ("close-1", "2026-01"), seen).await.unwrap();
    let seen = owner.write(tenant, due_later(2, "2026-01-20", "2026-01-25", "80.00")).await;
    replica.run(tenant, "april", "2026-04-30", seen).await;
    reopen(replica, tenant, ("reopen-1", "2026-01")).await.unwrap();
    let seen = owner.write(tenant, due_later(1, "2026-01-25", "2026-04-25", "90.00")).await;
    close(replica, tenant, ("close-2", "2026-01"), seen).await.unwrap();
    adjust(replica, tenant, 1, "2026-04-30", "5.00").await;
    let floor = pb::Policy { rounding: Rounding::FloorLast.into(), ..pb::Policy::default() };
    set_policy(replica, tenant, floor, "2026-04-01").await;
    seen
}

/// The same with a fifth month.
async fn story(stack: &Stack, replica: &Replica, tenant: TenantId, policy: MeasurementPolicy) {
    let seen = story_before(stack, replica, tenant, policy).await;
    may(replica, tenant, seen).await;
}

async fn may(replica: &Replica, tenant: TenantId, seen: u64) {
    progress(replica, tenant, "40", "2026-05-02", seen).await;
    replica.run(tenant, "may", "2026-05-31", seen).await;
}

fn chunks() -> RunsConfig {
    RunsConfig { chunk_contracts: 1, ..RunsConfig::default() }
}

/// One side of everything that came out, contracts aside.
fn side(
    what_if: &pb::WhatIf,
    of: impl Fn(&pb::WhatIfAmount) -> Option<Money>,
) -> BTreeMap<String, String> {
    let mut side = BTreeMap::new();
    let mut put = |name: String, amount: &Option<pb::WhatIfAmount>| {
        side.insert(name, of(amount.as_ref().unwrap()).unwrap().amount);
    };
    let currencies = &what_if.result.as_ref().unwrap().currencies;
    assert_eq!(currencies.len(), 1, "{what_if:?}");
    let usd = currencies.first().unwrap();
    put("transaction price".to_owned(), &usd.transaction_price);
    put("recognized".to_owned(), &usd.recognized);
    put("backlog".to_owned(), &usd.backlog);
    put("deferred revenue".to_owned(), &usd.deferred_revenue);
    put("contract asset".to_owned(), &usd.contract_asset);
    put("refund liability".to_owned(), &usd.refund_liability);
    for period in &usd.periods {
        let name = &period.period.as_ref().unwrap().name;
        put(format!("{name} recognized"), &period.recognized);
        put(format!("{name} deferred revenue"), &period.deferred_revenue);
        put(format!("{name} contract asset"), &period.contract_asset);
        put(format!("{name} refund liability"), &period.refund_liability);
    }
    for month in &usd.planned {
        let first = month.month.as_ref().unwrap();
        put(format!("planned {}-{:02}", first.year, first.month), &month.planned);
    }
    side.retain(|_, amount| amount != "0.00");
    side
}

pub(crate) fn books(what_if: &pb::WhatIf) -> BTreeMap<String, String> {
    side(what_if, |amount| amount.books.clone())
}

pub(crate) fn assumed(what_if: &pb::WhatIf) -> BTreeMap<String, String> {
    side(what_if, |amount| amount.what_if.clone())
}

/// The same figures from the tenant's own log and plans.
async fn told(
    stack: &Stack,
    replica: &Replica,
    tenant: TenantId,
    contracts: u128,
) -> BTreeMap<String, String> {
    let entries = stack.recognition_entries(replica, tenant).await;
    let mut months: BTreeMap<String, i64> = BTreeMap::new();
    for n in 1..=contracts {
        let plan = replica.try_plan(tenant, contract(n), Vec::new()).await.unwrap();
        for month in plan.obligations.iter().flat_map(|of| &of.months) {
            let first = month.month.as_ref().unwrap();
            let name = format!("planned {}-{:02}", first.year, first.month);
            *months.entry(name).or_default() += minor(month.amount.as_ref());
        }
    }
    let sums = |measure, until: &str| sum(&entries, measure, until, false);
    let t = sums(Measure::TransactionPrice, "9999");
    let recognized = sums(Measure::Recognized, "9999");
    months.insert("transaction price".to_owned(), t);
    months.insert("recognized".to_owned(), recognized);
    months.insert("backlog".to_owned(), t - recognized);
    for (name, measure) in [
        ("deferred revenue", Measure::DeferredRevenue),
        ("contract asset", Measure::ContractAsset),
        ("refund liability", Measure::RefundLiability),
    ] {
        months.insert(name.to_owned(), sums(measure, "2026-05"));
        for month in 1..=12 {
            let period = format!("2026-{month:02}");
            if movements(&entries).iter().any(|moved| posted_in(moved) == period) {
                months.insert(format!("{period} {name}"), sums(measure, &period));
            }
        }
    }
    for month in 1..=12 {
        let period = format!("2026-{month:02}");
        let moved = sum(&entries, Measure::Recognized, &period, true);
        months.insert(format!("{period} recognized"), moved);
    }
    months.retain(|_, amount| *amount != 0);
    let text = |minor: i64| {
        let sign = if minor < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100)
    };
    months.into_iter().map(|(name, amount)| (name, text(amount))).collect()
}

fn minor(amount: Option<&Money>) -> i64 {
    amount.unwrap().amount.replace('.', "").parse().unwrap()
}

fn posted_in(moved: &pb::Movement) -> String {
    let period = moved.posting_period.as_ref().unwrap();
    format!("{}-{:02}", period.year, period.month)
}

/// Sum of a measure's movements that post up to a period, or in it only.
fn sum(entries: &[Opened], measure: Measure, period: &str, within: bool) -> i64 {
    let posts = |moved: &pb::Movement| {
        let posted = posted_in(moved);
        if within { posted == period } else { posted.as_str() <= period }
    };
    let all = movements(entries);
    let all = all.iter().filter(|moved| moved.measure() == measure && posts(moved));
    all.map(|moved| minor(moved.amount.as_ref())).sum()
}

async fn heads(stack: &Stack) -> String {
    let sql = "select tenant_id, seq, hash, recorded_at from recognition.log_head \
               union all select tenant_id, seq, hash, recorded_at from contract.log_head order by 1, 2;";
    stack.database.superuser_sql(sql).await.unwrap()
}

// Shows that a what-if under the books' own policy comes to the books exactly, over progress, changes, late facts,
// closes and a version of the policy, as the log and the plans tell them; that it says what it covers; and that
// neither it nor one under another policy changes the books, or writes to a log.
#[tokio::test]
async fn under_the_own_policy_it_is_the_books() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(chunks()).await;
    let tenant = tenant(1);
    story(&stack, &replica, tenant, days()).await;
    let (state, before) = (replica.processing(tenant).await, heads(&stack).await);
    let rows = stack.books(tenant).await;

    let own = finished(&replica, tenant, request("own", pb::WhatIfPolicy::default())).await;
    assert_eq!(own.state(), pb::WhatIfState::Finished, "{own:?}");
    assert_eq!(assumed(&own), books(&own));
    assert_eq!(books(&own), told(&stack, &replica, tenant, 3).await);
    assert!(own.result.as_ref().unwrap().currencies[0].contracts.is_empty());
    let entries = stack.recognition_entries(&replica, tenant).await.len();
    let watermark = own.watermark.clone().unwrap();
    let seq = |log: Log| watermark.positions.iter().find(|at| at.log() == log).unwrap().seq;
    assert_eq!(seq(Log::Recognition), u64::try_from(entries).unwrap());
    let facts = stack.contract_entries(tenant).await.len();
    assert_eq!(seq(Log::Contract), u64::try_from(facts).unwrap());
    assert_eq!(own.positions_walked, seq(Log::Recognition));
    assert_eq!(watermark.recognized_through, Some(day("2026-05-31").into()));
    assert_eq!((own.label.as_str(), own.rule_version), ("as others do", 1));

    let due = pb::WhatIfPolicy {
        receivable_on: contract_pb::ReceivableOn::Due.into(),
        ..pb::WhatIfPolicy::default()
    };
    let due = finished(&replica, tenant, request("due", due)).await;
    // 500.00 of January are due in March only: until then they are no liability.
    let of = |side: BTreeMap<String, String>, name: &str| side.get(name).cloned();
    let january = "2026-01 deferred revenue";
    assert_ne!(of(assumed(&due), january), of(books(&due), january));
    assert_eq!(of(assumed(&due), "recognized"), of(books(&due), "recognized"));

    let after = replica.processing(tenant).await;
    assert_eq!(after, state, "digest and positions");
    assert_eq!(heads(&stack).await, before, "nothing is written to a log");
    assert_eq!(stack.books(tenant).await, rows);
    stack.verify(&replica, tenant).await;
}

// Shows that under another convention, from the beginning or as a version from a day on, the figures are those
// of a tenant that really has that policy and the same facts, and not those of the books: also for a month in
// which the books have nothing to post for a contract and the convention has.
#[tokio::test]
async fn under_another_policy_it_is_another_tenant() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(chunks()).await;
    let (own, other, later) = (tenant(1), tenant(2), tenant(3));
    story(&stack, &replica, own, service_months()).await;
    story(&stack, &replica, other, days()).await;
    let what_if = finished(&replica, own, request("days", assumes(Convention::ActualDays))).await;
    let real = finished(&replica, other, request("own", pb::WhatIfPolicy::default())).await;
    assert_eq!(assumed(&what_if), books(&real));
    assert_eq!(assumed(&what_if), told(&stack, &replica, other, 3).await);
    assert_eq!(books(&what_if), told(&stack, &replica, own, 3).await);
    assert_ne!(assumed(&what_if), books(&what_if));
    // 300.00 over 90 days: 14 of them in April, which begins no month of service of contract 2.
    let recognized = |side: &BTreeMap<String, String>| side["2026-04 recognized"].clone();
    assert_ne!(recognized(&assumed(&what_if)), recognized(&books(&what_if)));
    let contracts = &what_if.result.as_ref().unwrap().currencies[0].contracts;
    let apart: Vec<i64> = contracts
        .iter()
        .map(|of| of.recognized.as_ref().unwrap())
        .map(|of| minor(of.what_if.as_ref()) - minor(of.books.as_ref()))
        .collect();
    assert!(!apart.is_empty() && apart.windows(2).all(|two| two[0].abs() >= two[1].abs()));
    let in_all = |side: &BTreeMap<String, String>| side["recognized"].replace('.', "");
    let [assumed_in_all, books_in_all] =
        [assumed(&what_if), books(&what_if)].map(|side| in_all(&side).parse::<i64>().unwrap());
    assert_eq!(apart.iter().sum::<i64>(), assumed_in_all - books_in_all);

    // From a day on: as a version that was set right after the latest.
    let from = Some(day("2026-05-01").into());
    let halves = pb::StartWhatIfRequest { from, ..request("may", assumes(Convention::HalfMonth)) };
    let what_if = finished(&replica, own, halves.clone()).await;
    assert_eq!(what_if.from, from);
    let from = Some(day("2026-04-01").into());
    let early = pb::StartWhatIfRequest { from, request_id: "april".to_owned(), ..halves };
    let status = start(&replica, own, early).await.unwrap_err();
    assert_eq!(reason(&status), "POLICY_OUT_OF_ORDER");
    let seen = story_before(&stack, &replica, later, service_months()).await;
    let half = pb::Policy { convention: Convention::HalfMonth.into(), ..pb::Policy::default() };
    set_policy(&replica, later, half, "2026-05-01").await;
    may(&replica, later, seen).await;
    assert_eq!(assumed(&what_if), told(&stack, &replica, later, 3).await);
    assert_ne!(assumed(&what_if), books(&what_if));
}

// Shows that a run that missed a contract, as it does when what it would post came in while the run was under
// way, is repeated with what it missed: the what-if under the own policy is the books, not more.
#[tokio::test]
async fn what_a_run_missed_is_missed_too() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 3).await;
    replica.try_plan(tenant, contract(3), at(Log::Contract, seen)).await.unwrap();
    let chunk = chunk_of(tenant, ("r", "2026-02-28"), &[1, 3]);
    replica.submit_chunk(tenant, RecognizeChunk { last: true, ..chunk }).await.unwrap();
    let own = finished(&replica, tenant, request("own", pb::WhatIfPolicy::default())).await;
    assert_eq!(books(&own)["recognized"], "400.00");
    assert_eq!(assumed(&own), books(&own));
    let by_day = finished(&replica, tenant, request("days", assumes(Convention::ActualDays))).await;
    let contracts = &by_day.result.as_ref().unwrap().currencies[0].contracts;
    let ids: Vec<_> = contracts.iter().map(|of| of.contract_id.clone()).collect();
    assert_eq!(ids, [contract(1).to_string(), contract(3).to_string()]);
}

// Shows that neither how much a page takes nor who works on it changes what comes out: a replica that falls silent
// in the middle is taken over from where its last page ended, what it still does is refused and writes nothing,
// and nothing is left behind at the end.
#[tokio::test]
async fn a_replica_that_falls_silent_is_taken_over_from() {
    let stack = Stack::start().await;
    let replica = stack.replica_of(chunks(), quiet()).await;
    let tenant = tenant(1);
    story(&stack, &replica, tenant, service_months()).await;
    let policy = assumes(Convention::ActualDays);
    let mut results = Vec::new();
    let mut pages = Vec::new();
    for (n, size) in [(1, (500, 500)), (2, (3, 2)), (3, (1, 1))] {
        let id =
            start(&replica, tenant, request(&format!("r-{n}"), policy)).await.unwrap().what_if_id;
        assert_eq!(get(&replica, tenant, &id).await.unwrap().state(), pb::WhatIfState::Waiting);
        let lease = claim(&stack, &replica, n).await;
        assert_eq!(get(&replica, tenant, &id).await.unwrap().state(), pb::WhatIfState::Running);
        pages.push(walk(&works(&stack, &replica, size), lease).await);
        results.push(get(&replica, tenant, &id).await.unwrap().result.unwrap());
    }
    assert!(pages[0] < pages[1] && pages[1] < pages[2], "{pages:?}");

    let id = start(&replica, tenant, request("cut", policy)).await.unwrap().what_if_id;
    let mut lease = claim(&stack, &replica, 10).await;
    let mut cuts = 0;
    let what_ifs = works(&stack, &replica, (1, 1));
    while what_ifs.page(lease).await.unwrap() == Paged::More {
        let reached = get(&replica, tenant, &id).await.unwrap();
        let rows = contract_rows(&stack).await;
        let expire = "update recognition.what_if_lease set expires_at = '-infinity';";
        stack.database.superuser_sql(expire).await.unwrap();
        let next = claim(&stack, &replica, 11 + cuts).await;
        assert_eq!(next.fence, lease.fence + 1);
        assert_eq!(what_ifs.page(lease).await.unwrap(), Paged::Superseded);
        assert_eq!(get(&replica, tenant, &id).await.unwrap(), reached, "nothing is written");
        assert_eq!(contract_rows(&stack).await, rows, "nothing is written");
        (lease, cuts) = (next, cuts + 1);
    }
    assert_eq!(u128::try_from(pages[2]).unwrap(), cuts + 1);
    let cut = get(&replica, tenant, &id).await.unwrap();
    results.push(cut.result.clone().unwrap());
    assert!(results.windows(2).all(|two| two[0] == two[1]));
    assert_ne!(assumed(&cut), books(&cut));
    let left = "select (select count(*) from recognition.what_if_lease) + \
                (select count(*) from recognition.what_if_contract);";
    assert_eq!(stack.database.superuser_sql(left).await.unwrap().trim(), "0");
}

async fn contract_rows(stack: &Stack) -> String {
    let sql = "select * from recognition.what_if_contract order by contract_id;";
    stack.database.superuser_sql(sql).await.unwrap()
}

// Shows that a start has one effect, whatever happened meanwhile, and other content is refused; who may start, see
// and delete; that another tenant's what-if does not exist; that everything wrong is told at once; what a list
// tells; that there is a limit; and that a what-if that is worked on can be deleted.
#[tokio::test]
async fn a_what_if_is_started_once() {
    let stack = Stack::start().await;
    let few = WhatIfsConfig { kept_max: 3, ..quiet() };
    let replica = stack.replica_of(RunsConfig::default(), few).await;
    let (own, other) = (tenant(1), tenant(2));
    for tenant in [own, other] {
        let seen = sign(&stack, tenant, 1).await;
        replica.run(tenant, "january", "2026-01-31", seen).await;
    }
    let policy = assumes(Convention::ActualDays);
    let from = Some(day("2026-06-01").into());
    let asked = pb::StartWhatIfRequest { from, ..request("one", policy) };
    let tried = pb::StartWhatIfRequest { validate_only: true, ..asked.clone() };
    start(&replica, own, tried).await.unwrap();
    assert!(
        list(&replica, own, (0, String::new())).await.what_ifs.is_empty(),
        "nothing is started"
    );
    let started = start(&replica, own, asked.clone()).await.unwrap();
    replica.run(own, "february", "2026-02-28", 2).await;
    set_policy(&replica, own, pb::Policy { rounding: 2, ..pb::Policy::default() }, "2026-07-01")
        .await;
    assert_eq!(start(&replica, own, asked.clone()).await.unwrap(), started, "once for a request");
    let label = "another".to_owned();
    let wrong = pb::StartWhatIfRequest { label, ..asked.clone() };
    let status = start(&replica, own, wrong).await.unwrap_err();
    let told = (status.code(), reason(&status));
    assert_eq!(told, (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));

    let status = start(&replica, own, pb::StartWhatIfRequest::default()).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let named: Vec<&str> = violations.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(named, ["request_id", "label", "policy"]);
    let accountant = replica.call(Some(own), &["revenue_accountant"], asked.clone());
    let denied = WhatIfServiceClient::new(replica.channel()).start_what_if(accountant).await;
    assert_eq!(denied.unwrap_err().code(), Code::PermissionDenied);

    let id = &started.what_if_id;
    let unknown = "wif_0123456789abcdef0123456789abcdef";
    for (tenant, id) in [(other, id.as_str()), (own, unknown)] {
        for status in [
            get(&replica, tenant, id).await.unwrap_err(),
            delete(&replica, tenant, id).await.unwrap_err(),
        ] {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
        }
    }
    let theirs = start(&replica, other, request("one", policy)).await.unwrap();
    assert_ne!(&theirs.what_if_id, id, "the key of one tenant is free for another");

    for n in ["two", "three"] {
        start(&replica, own, request(n, policy)).await.unwrap();
    }
    let status = start(&replica, own, request("four", policy)).await.unwrap_err();
    let told = (status.code(), reason(&status));
    assert_eq!(told, (Code::ResourceExhausted, "LIMIT_EXCEEDED".to_owned()));
    let (mut ids, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(&replica, own, (2, token)).await;
        assert!(page.what_ifs.len() <= 2);
        ids.extend(page.what_ifs.into_iter().map(|of| of.what_if_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(ids.len(), 3);
    assert!(ids.contains(id) && !ids.contains(&theirs.what_if_id));

    let worker = works(&stack, &replica, (1, 1));
    let database = replica.running.database().clone();
    let every = Duration::from_secs(1);
    let leases = WhatIfWorker::new(database, worker.clone(), every, Uuid::from_u128(1));
    let leases = leases.claim().await.unwrap();
    let lease = leases.into_iter().find(|lease| lease.tenant == own).unwrap();
    assert_eq!(worker.page(lease).await.unwrap(), Paged::More);
    delete(&replica, own, &lease.what_if.to_string()).await.unwrap();
    assert_eq!(worker.page(lease).await.unwrap(), Paged::Superseded);
    assert_eq!(contract_rows(&stack).await, "");
    assert_eq!(
        get(&replica, own, &lease.what_if.to_string()).await.unwrap_err().code(),
        Code::NotFound
    );
    start(&replica, own, request("four", policy)).await.unwrap();
}

// Shows that a log that says other than what its facts come to has no what-if: it fails and says why.
#[tokio::test]
async fn a_log_that_was_tampered_with_has_no_what_if() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 1).await;
    replica.run(tenant, "january", "2026-01-31", seen).await;
    let entries = stack.recognition_entries(&replica, tenant).await;
    let mut entry = entries.last().unwrap().entry.clone();
    let mut lies = pb::AccountingPosted::decode(entry.payload.as_slice()).unwrap();
    for moved in &mut lies.movements {
        moved.amount = Some(usd("99.00"));
    }
    entry.payload = lies.encode_to_vec();
    let sql = format!(
        "update recognition.log_entry set entry = '\\x{}' where tenant_id = '{}' and seq = {};",
        hex::encode(entry.encode_to_vec()),
        tenant.uuid(),
        entry.seq
    );
    stack.database.superuser_sql(&sql).await.unwrap();
    let failed = finished(&replica, tenant, request("own", pb::WhatIfPolicy::default())).await;
    assert_eq!(failed.state(), pb::WhatIfState::Failed);
    assert_eq!(failed.result, None);
    assert_eq!(failed.failure, "the books folded again are not what was posted");
}
