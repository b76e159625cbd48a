//! Runs that are retried, repeated, interrupted and concurrent.

use std::collections::BTreeSet;

use backlog_event_log::{Answer, Opened, RequestKey};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::recognition::v1::{AccountingPosted, Measure, Movement, RunRecognitionRequest};
use backlog_recognition::config::RunsConfig;
use backlog_recognition::run::RecognizeChunk;
use backlog_recognition::run::ahead::Ahead;
use backlog_recognition::run::recognize::{RunRequest, Runs};
use prost::Message;
use tonic::Code;

use crate::calls::reason;
use crate::owner::{day, usd};
use crate::stack::{Stack, at, chunk_of, contract, even_months, posted, run_request, tenant};

/// Chunks of two contracts of twelve entries each.
pub(crate) fn small() -> RunsConfig {
    RunsConfig { chunk_entries: 24, ..RunsConfig::default() }
}

/// Signs contracts 1 to `count`, 1,200 each over 2026; answers the contract log's end.
pub(crate) async fn sign(stack: &Stack, tenant: TenantId, count: u128) -> u64 {
    stack.owner.create_tenant(tenant, even_months()).await;
    let mut seen = 1;
    for n in 1..=count {
        seen = stack.owner.sign(tenant, contract(n), &["1200.00"], "2026-12-31").await;
    }
    seen
}

pub(crate) fn movements(entries: &[Opened]) -> Vec<Movement> {
    posted(entries).into_iter().flat_map(|posted| posted.movements).collect()
}

/// Obligation and service month of every recognition entry.
pub(crate) fn recognized(entries: &[Opened]) -> Vec<(String, Option<i32>)> {
    movements(entries)
        .into_iter()
        .filter(|movement| movement.measure() == Measure::Recognized)
        .map(|movement| (movement.obligation_id, movement.service_month.map(|date| date.month)))
        .collect()
}

// Shows that a run that was cut off between chunks, its process gone, is finished by a repetition of
// the call at another replica, with the same answer, state and movements as an undisturbed run.
#[tokio::test]
async fn a_run_survives_its_process() {
    let stack = Stack::start().await;
    let (cut, whole) = (tenant(1), tenant(2));
    let (seen, _) = (sign(&stack, cut, 5).await, sign(&stack, whole, 5).await);
    let first = stack.replica_with(small()).await;
    first.try_plan(cut, contract(5), at(Log::Contract, seen)).await.unwrap();
    let chunk = chunk_of(cut, ("r", "2026-12-31"), &[1, 2]);
    first.submit_chunk(cut, chunk).await.unwrap();
    first.running.shutdown().await.unwrap();

    let second = stack.replica_with(small()).await;
    let resumed = second.run(cut, "r", "2026-12-31", seen).await;
    let undisturbed = second.run(whole, "r", "2026-12-31", seen).await;
    assert_eq!((resumed.entries_posted, &resumed.recognized), (60, &vec![usd("6000.00")]));
    assert_eq!(resumed.recognized, undisturbed.recognized);
    assert_eq!(resumed.entries_posted, undisturbed.entries_posted);
    assert_eq!(stack.books(cut).await, stack.books(whole).await);
    let of_cut = stack.recognition_entries(&second, cut).await;
    let of_whole = stack.recognition_entries(&second, whole).await;
    assert_eq!(movements(&of_cut), movements(&of_whole));
    assert_eq!(of_whole.len(), 6 + 3, "chunks of two contracts");
    for tenant in [cut, whole] {
        stack.verify(&second, tenant).await;
    }
}

// Shows that what a chunk was worked out to ahead of its turn is posted as long as nothing but the run's
// chunk before was written since, and that it is given up, and nothing posted twice, once anything else
// was: before that chunk or after it.
#[tokio::test]
async fn what_is_worked_out_ahead_holds_only_for_its_books() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(small()).await;
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 4).await;
    replica.try_plan(tenant, contract(4), at(Log::Contract, seen)).await.unwrap();
    let chunk = |run: &str, contracts: &[u128]| chunk_of(tenant, (run, "2026-12-31"), contracts);
    let submit = async |chunk| replica.submit_chunk(tenant, chunk).await.unwrap();
    let worked_out = async |run: &str, contracts: &[u128]| {
        let chunk = chunk(run, contracts);
        Ahead::of(replica.running.database(), tenant, chunk).await.unwrap().unwrap()
    };
    let posted_by = |answer: &Answer| {
        let posted = AccountingPosted::decode(answer.payload.as_slice()).unwrap();
        (posted.movements.len(), posted.run.unwrap().entries_posted)
    };

    let second = worked_out("a", &[2]).await;
    let first = submit(chunk("a", &[1])).await;
    let second = second.after(&first).expect("only the chunk before was written");
    // What was worked out leaves the third contract out: the books would have posted it too.
    let more = RecognizeChunk { ahead: Some(second.clone()), ..chunk("a", &[2, 3]) };
    assert_eq!(posted_by(&submit(more).await).1, 24, "what was worked out is posted, no more");
    let again = RecognizeChunk { ahead: Some(second), ..chunk("b", &[2]) };
    assert_eq!(posted_by(&submit(again).await), (0, 0), "it holds no longer");

    let fourth = worked_out("a", &[4]).await;
    submit(chunk("b", &[4])).await;
    let third = submit(chunk("a", &[3])).await;
    assert_eq!(fourth.after(&third), None, "another run was between");
    stack.verify(&replica, tenant).await;
}

// Shows that a caller that goes away does not stop a run: its task finishes it, and the call repeated
// later answers as the run did.
#[tokio::test]
async fn a_run_outlives_its_caller() {
    let stack = Stack::start().await;
    let replica = stack.replica_with(small()).await;
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 5).await;
    replica.try_plan(tenant, contract(5), at(Log::Contract, seen)).await.unwrap();
    let runs = Runs::new(
        replica.running.database().clone(),
        replica.running.writers().clone(),
        small().settings(),
    );
    let request = RunRequest {
        tenant,
        actor: "ann".to_owned(),
        key: RequestKey { id: "r".to_owned(), content_hash: [1; 32] },
        through: day("2026-12-31"),
        contract: None,
        fence: None,
    };
    tokio::select! {
        biased;
        _ = runs.recognize(request, None) => panic!("a run takes more than one poll"),
        () = std::future::ready(()) => {}
    }
    let finished = at(Log::Recognition, seen + 3);
    let plan = replica.try_plan(tenant, contract(5), finished).await.unwrap();
    assert_eq!(plan.obligations[0].recognized, Some(usd("1200.00")));
    assert_eq!(plan.watermark.unwrap().recognized_through, Some(day("2026-12-31").into()));
    stack.verify(&replica, tenant).await;
}

// Shows that how much a chunk takes changes how many entries of the log there are, and nothing of what is
// posted: one contract a chunk, two, or all of them.
#[tokio::test]
async fn chunks_do_not_matter() {
    let stack = Stack::start().await;
    let one = RunsConfig { chunk_entries: 1, ..RunsConfig::default() };
    let few = stack.replica_with(one).await;
    let (few_at_once, some, all) = (tenant(1), tenant(2), tenant(3));
    let mut seen = 0;
    for tenant in [few_at_once, some, all] {
        seen = sign(&stack, tenant, 5).await;
    }
    few.run(few_at_once, "r", "2026-09-15", seen).await;
    let two = stack.replica_with(small()).await;
    two.run(some, "r", "2026-09-15", seen).await;
    let whole = stack.replica().await;
    whole.run(all, "r", "2026-09-15", seen).await;
    let mut logs = Vec::new();
    for tenant in [few_at_once, some, all] {
        logs.push(stack.recognition_entries(&whole, tenant).await);
        stack.verify(&whole, tenant).await;
    }
    let [of_few, of_some, of_all] = &logs[..] else { panic!("three logs") };
    let chunks = [of_few, of_some, of_all].map(|log| log.len() - 6);
    assert_eq!(chunks, [5, 3, 1]);
    assert_eq!(movements(of_few), movements(of_all));
    assert_eq!(movements(of_some), movements(of_all));
    assert_eq!(stack.books(few_at_once).await, stack.books(all).await);
    assert_eq!(stack.books(some).await, stack.books(all).await);
}

// Shows that two runs at once, at two replicas and with an overlap in days, post every obligation and
// month once, and that their answers add up to what was posted.
#[tokio::test]
async fn concurrent_runs_post_once() {
    let stack = Stack::start().await;
    let (one, two) = (stack.replica_with(small()).await, stack.replica_with(small()).await);
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 20).await;
    let (a, b, c) = tokio::join!(
        one.run(tenant, "a", "2026-12-31", seen),
        two.run(tenant, "b", "2026-12-31", seen),
        two.run(tenant, "c", "2026-06-30", seen),
    );
    let entries = stack.recognition_entries(&one, tenant).await;
    let all = recognized(&entries);
    assert_eq!(all.len(), 240);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 240, "none twice");
    assert_eq!(a.entries_posted + b.entries_posted + c.entries_posted, 240);
    let seqs: Vec<u64> = entries.iter().map(|opened| opened.entry.seq).collect();
    assert_eq!(seqs, (1..=u64::try_from(entries.len()).unwrap()).collect::<Vec<_>>());
    stack.verify(&two, tenant).await;
}

// Shows that calls with one request_id, at once at two replicas and again later, answer the same
// bytes, whatever was signed and posted in between.
#[tokio::test]
async fn one_request_id_one_answer() {
    let stack = Stack::start().await;
    let (one, two) = (stack.replica_with(small()).await, stack.replica_with(small()).await);
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 6).await;
    let (a, b) = tokio::join!(
        one.run(tenant, "same", "2026-03-31", seen),
        two.run(tenant, "same", "2026-03-31", seen),
    );
    assert_eq!(a.entries_posted, 18);
    assert_eq!(a.encode_to_vec(), b.encode_to_vec());
    let seen = stack.owner.sign(tenant, contract(9), &["120.00"], "2026-12-31").await;
    let other = one.run(tenant, "other", "2026-04-30", seen).await;
    assert_eq!(other.entries_posted, 6 + 4);
    let before = stack.recognition_entries(&one, tenant).await.len();
    for replica in [&one, &two] {
        let again = replica.run(tenant, "same", "2026-03-31", seen).await;
        assert_eq!(again.encode_to_vec(), a.encode_to_vec());
    }
    assert_eq!(stack.recognition_entries(&one, tenant).await.len(), before);
    stack.verify(&one, tenant).await;
}

// Shows that a request_id cannot be used for another day or another contract, that a run through a day
// already posted answers with nothing posted, and that a run over one contract posts only for it.
#[tokio::test]
async fn request_ids_stand_for_one_run() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 2).await;
    let one = |request_id| RunRecognitionRequest {
        contract_id: contract(1).to_string(),
        ..run_request(request_id, "2026-01-31", seen)
    };
    let answer = replica.try_run(tenant, one("one")).await.unwrap();
    assert_eq!((answer.entries_posted, answer.recognized), (1, vec![usd("100.00")]));
    assert_eq!(answer.watermark.unwrap().recognized_through, None, "says nothing about all");
    let plan = replica.try_plan(tenant, contract(2), Vec::new()).await.unwrap();
    assert_eq!(plan.obligations[0].recognized, Some(usd("0.00")));
    for other in [
        run_request("one", "2026-01-31", seen),
        RunRecognitionRequest {
            contract_id: contract(1).to_string(),
            ..run_request("one", "2026-02-28", seen)
        },
    ] {
        let status = replica.try_run(tenant, other).await.unwrap_err();
        let told = (status.code(), reason(&status));
        assert_eq!(told, (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
    }
    let all = replica.run(tenant, "all", "2026-01-31", seen).await;
    assert_eq!((all.entries_posted, all.recognized), (1, vec![usd("100.00")]));
    let again = replica.run(tenant, "again", "2026-01-31", seen).await;
    assert_eq!((again.entries_posted, again.recognized), (0, vec![]));
    assert_eq!(again.watermark.unwrap().recognized_through, Some(day("2026-01-31").into()));
    assert_ne!(again.run_id, all.run_id);
    stack.verify(&replica, tenant).await;
}
