//! Runs that are followed while they work, and what batches have to do with results: nothing.

use std::collections::BTreeMap;

use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::recognition::v1::run_service_client::RunServiceClient;
use backlog_proto::recognition::v1::stream_run_response::News;
use backlog_proto::recognition::v1::{
    Measure, RunProgress, RunRecognitionResponse, StreamRunRequest,
};
use backlog_recognition::config::RunsConfig;
use prost::Message;
use tonic::{Code, Status};

use crate::owner::day;
use crate::runs::{movements, sign, small};
use crate::stack::{Replica, Stack, at, chunk_of, contract, tenant};

/// What a followed run tells.
async fn follow(
    replica: &Replica,
    tenant: TenantId,
    request_id: &str,
    contract_id: &str,
    seen: u64,
) -> Result<(Vec<RunProgress>, RunRecognitionResponse), Status> {
    let request = StreamRunRequest {
        request_id: request_id.to_owned(),
        through: Some(day("2026-12-31").into()),
        contract_id: contract_id.to_owned(),
        min_positions: at(Log::Contract, seen),
    };
    let request = replica.call(Some(tenant), &["revenue_accountant"], request);
    let mut client = RunServiceClient::new(replica.channel());
    let mut stream = client.stream_run(request).await?.into_inner();
    let mut told = Vec::new();
    loop {
        let message = stream.message().await?.unwrap();
        match message.news.unwrap() {
            News::Progress(progress) => told.push(progress),
            News::Result(result) => {
                assert!(stream.message().await?.is_none(), "nothing follows the result");
                return Ok((told, result));
            }
        }
    }
}

// Shows that a run tells how far it is, from what it posted before it was cut off to what it will post,
// never going back, and ends with the answer that RunRecognition gives for the same request_id; and
// that a run over a contract that nobody has ends with NOT_FOUND.
#[tokio::test]
async fn a_run_tells_how_far_it_is() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(small()).await;
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 6).await;
    replica.try_plan(tenant, contract(6), at(Log::Contract, seen)).await.unwrap();
    let cut = chunk_of(tenant, ("r", "2026-12-31"), &[1, 2]);
    replica.submit_chunk(tenant, cut).await.unwrap();
    let (told, result) = follow(&replica, tenant, "r", "", seen).await.unwrap();
    assert_eq!((told[0].entries_posted, told[0].entries_expected), (24, 72));
    assert!(told.iter().all(|progress| progress.run_id == result.run_id));
    assert!(told.is_sorted_by_key(|progress| progress.entries_posted));
    assert!(told.iter().all(|p| p.entries_posted < 72 && p.entries_expected == 72));
    assert_eq!(result.entries_posted, 72);
    let same = replica.run(tenant, "r", "2026-12-31", seen).await;
    assert_eq!(same.encode_to_vec(), result.encode_to_vec());
    let nobody = contract(99).to_string();
    let status = follow(&replica, tenant, "s", &nobody, seen).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    stack.verify(&replica, tenant).await;
}

/// What was recognized by obligation and month of service, in minor units.
async fn by_month(
    stack: &Stack,
    replica: &Replica,
    tenant: TenantId,
) -> BTreeMap<(String, i32), i64> {
    let mut sums = BTreeMap::new();
    for movement in movements(&stack.recognition_entries(replica, tenant).await) {
        if movement.measure() == Measure::Recognized {
            let month = movement.service_month.unwrap().month;
            let amount = movement.amount.unwrap().amount.replace('.', "");
            *sums.entry((movement.obligation_id, month)).or_default() +=
                amount.parse::<i64>().unwrap();
        }
    }
    sums
}

// Shows that what runs come to depends neither on how much a chunk takes nor on how often they are
// made: one run, months, and days in between end in the same books, month by month.
#[tokio::test]
async fn batches_and_frequency_change_nothing() {
    let stack = Stack::start().await;
    let with = |chunk_entries, chunk_contracts| RunsConfig {
        chunk_entries,
        chunk_contracts,
        ..RunsConfig::default()
    };
    let months: Vec<String> = (1..=12).map(|month| format!("2026-{month:02}-28")).collect();
    let some_days: Vec<String> = (1..=12)
        .flat_map(|month| [3, 9, 17, 26].map(|day| format!("2026-{month:02}-{day:02}")))
        .collect();
    let ways = [
        (with(10_000, 10_000), Vec::new()),
        (with(1, 1), Vec::new()),
        (with(7, 2), months),
        (with(500, 3), some_days),
    ];
    let mut first = None;
    for (n, (runs, before)) in (1..).zip(ways) {
        let replica = stack.replica_with(runs).await;
        let tenant = tenant(n);
        let seen = sign(&stack, tenant, 5).await;
        for through in before.iter().map(String::as_str).chain(["2026-12-31"]) {
            replica.run(tenant, &format!("run-{through}"), through, seen).await;
        }
        let sums = by_month(&stack, &replica, tenant).await;
        assert_eq!(sums.len(), 5 * 12);
        assert!(sums.values().all(|amount| *amount == 10_000), "{sums:?}");
        assert_eq!(first.get_or_insert_with(|| sums.clone()), &sums);
        stack.verify(&replica, tenant).await;
        replica.running.shutdown().await.unwrap();
    }
}
