//! Runs by schedule, at several replicas.

use std::collections::BTreeSet;

use backlog_event_log::Refused;
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_recognition::config::RunsConfig;
use backlog_recognition::domain::Refusal;
use backlog_recognition::run::RecognizeChunk;
use backlog_recognition::run::error::RunRefusal;
use backlog_recognition::run::schedule::Cadence;
use tokio::join;

use crate::owner::day;
use crate::runs::{recognized, sign};
use crate::stack::{Replica, Stack, at, chunk_of, contract, tenant};

/// The day before the one that the clock of these tests stands at.
const YESTERDAY: &str = "2026-05-27";

fn daily() -> RunsConfig {
    RunsConfig {
        chunk_entries: 24,
        schedule: Some(Cadence::Daily),
        schedule_every_ms: 5,
        ..RunsConfig::default()
    }
}

async fn leases(stack: &Stack) -> String {
    let sql = "select done_through || ' ' || fence from recognition.run_lease order by tenant_id";
    stack.database.superuser_sql(sql).await.unwrap().trim().to_owned()
}

/// Takes the lease of every tenant as a replica does whose predecessor is silent.
async fn take_over(stack: &Stack, holder: u128) {
    let sql = format!(
        "set search_path = recognition; update run_lease set expires_at = '-infinity'; \
         select fence from claim_due_runs('{YESTERDAY}', '{}', 30, 10);",
        uuid::Uuid::from_u128(holder)
    );
    stack.database.superuser_sql(&sql).await.unwrap();
}

// Shows that what is due is run once, whichever of two replicas looks first: one run through yesterday
// for each tenant, each obligation and month posted once, its lease done; and that replicas without a
// schedule run nothing.
#[tokio::test]
async fn what_is_due_is_run_once() {
    let stack = Stack::start().await;
    let quiet = stack.replica().await;
    let tenants = [tenant(1), tenant(2)];
    for tenant in tenants {
        let seen = sign(&stack, tenant, 6).await;
        quiet.try_plan(tenant, contract(6), at(Log::Contract, seen)).await.unwrap();
    }
    assert_eq!(leases(&stack).await, "", "nobody looks");
    let (one, two) = join!(stack.replica_with(daily()), stack.replica_with(daily()));
    for tenant in tenants {
        // Creation and six contracts, and the chunks of one run.
        let plan = one.try_plan(tenant, contract(6), at(Log::Recognition, 7 + 2)).await.unwrap();
        assert_eq!(plan.watermark.unwrap().recognized_through, Some(day(YESTERDAY).into()));
    }
    one.running.shutdown().await.unwrap();
    two.running.shutdown().await.unwrap();
    for tenant in tenants {
        let entries = stack.recognition_entries(&quiet, tenant).await;
        assert_eq!(entries.len(), 7 + 2, "one run of two chunks");
        assert!(entries.iter().skip(7).all(|opened| opened.entry.actor == "recognition"));
        let all = recognized(&entries);
        assert_eq!(all.len(), 6 * 5);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 6 * 5, "none twice");
        stack.verify(&quiet, tenant).await;
    }
    let done = leases(&stack).await;
    assert!(done.lines().all(|lease| lease.starts_with(YESTERDAY)), "{done}");
    assert_eq!(done.lines().count(), 2);
}

async fn submit(
    replica: &Replica,
    of: TenantId,
    contracts: &[u128],
    (last, fence): (bool, u64),
) -> Result<(), Refused<Refusal>> {
    let id = format!("schedule/{YESTERDAY}");
    let chunk = chunk_of(of, (&id, YESTERDAY), contracts);
    let chunk = RecognizeChunk { last, fence: Some(fence), ..chunk };
    replica.submit_chunk(of, chunk).await.map(drop)
}

// Shows that a replica that lost its lease writes nothing more: its next chunk is refused, the one that
// took over goes on with the same run, and the lease is done with the last chunk, in its transaction.
#[tokio::test]
async fn a_replica_that_was_silent_writes_nothing_more() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let seen = sign(&stack, tenant, 3).await;
    replica.try_plan(tenant, contract(3), at(Log::Contract, seen)).await.unwrap();
    take_over(&stack, 1).await;
    submit(&replica, tenant, &[1], (false, 1)).await.unwrap();
    take_over(&stack, 2).await;
    let refused = submit(&replica, tenant, &[2], (false, 1)).await.unwrap_err();
    assert!(
        matches!(refused, Refused::Domain(Refusal::Run(RunRefusal::Superseded))),
        "{refused:?}"
    );
    assert_eq!(recognized(&stack.recognition_entries(&replica, tenant).await).len(), 5);
    assert_eq!(leases(&stack).await, "0001-01-01 2", "nothing is done yet");
    submit(&replica, tenant, &[2, 3], (true, 2)).await.unwrap();
    let entries = stack.recognition_entries(&replica, tenant).await;
    assert_eq!(recognized(&entries).len(), 15);
    assert_eq!(leases(&stack).await, format!("{YESTERDAY} 2"));
    stack.verify(&replica, tenant).await;
}
