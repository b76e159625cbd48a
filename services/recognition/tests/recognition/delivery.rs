//! Whatever the broker does, every contract entry is accounted for once, in order.

use backlog_event_log::{Opened, open};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use prost::Message;

use crate::owner::invoice_issued;
use crate::stack::{Replica, Stack, at, contract, even_months, posted, tenant};

/// A tenant with some contracts and invoices.
async fn write_facts(stack: &Stack, tenant: TenantId) -> Vec<Opened> {
    stack.owner.create_tenant(tenant, even_months()).await;
    for n in 1..=3 {
        stack.owner.sign(tenant, contract(n), &["1200.00", "600.00"], "2026-12-31").await;
        stack.owner.invoice(tenant, contract(n), "2026-03-01", "300.00").await;
        stack.owner.invoice(tenant, contract(n), "2026-01-01", "100.00").await;
    }
    stack.contract_entries(tenant).await
}

/// Delivers as if the broker had.
async fn deliver(replica: &Replica, tenant: TenantId, entries: Vec<Opened>) {
    replica.running.intake().take(tenant, Log::Contract, entries).await;
}

/// A fixed disorder of `0..length`: steps of a number that shares no factor with it.
fn disorder(length: usize, round: usize) -> impl Iterator<Item = usize> {
    let step = [7, 3, 9, 1, 11, 13, 17, 19, 21, 23][round % 10];
    (0..length).map(move |n| (n * step + round) % length)
}

// Shows that each entry delivered ten times, in ten orders, alone and in runs, is accounted for once,
// and that delivering everything again changes neither state nor log.
#[tokio::test]
async fn duplicates_and_disorder_change_nothing() {
    let mut stack = Stack::start().await;
    stack.broker.kill().await.unwrap();
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let entries = write_facts(&stack, tenant).await;
    let length = entries.len();
    assert_eq!(length, 10);
    let mut digest = Vec::new();
    for round in 0..10 {
        for n in disorder(length, round) {
            let until = (n + round % 3 + 1).min(length);
            deliver(&replica, tenant, entries[n..until].to_vec()).await;
        }
        let now = replica.processing(tenant).await;
        assert_eq!(now.applied, at(Log::Contract, 10));
        assert_eq!(now.head, at(Log::Recognition, 10).pop());
        assert!(now.stop.is_none());
        if round == 0 {
            digest = now.digest.clone();
            assert_eq!(digest.len(), 32);
        }
        assert_eq!(now.digest, digest, "round {round}");
    }
    let covered: Vec<u64> = posted(&stack.recognition_entries(&replica, tenant).await)
        .iter()
        .map(|posted| posted.covered_contract_seq)
        .collect();
    assert_eq!(covered, (1..=10).collect::<Vec<u64>>());
    stack.verify(&replica, tenant).await;
}

// Shows that a message that comes alone, all before it lost, brings everything: the rest is read from
// the owner.
#[tokio::test]
async fn a_gap_is_filled_from_the_owner() {
    let mut stack = Stack::start().await;
    stack.broker.kill().await.unwrap();
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let entries = write_facts(&stack, tenant).await;
    assert!(!replica.knows(tenant).await, "nothing arrived yet");
    deliver(&replica, tenant, entries[9..].to_vec()).await;
    let now = replica.processing(tenant).await;
    assert_eq!(now.applied, at(Log::Contract, 10));
    stack.verify(&replica, tenant).await;
}

// Shows that an entry that the owner never wrote is not applied, though its number is the next one
// and its bytes are sound; what the owner writes next is.
#[tokio::test]
async fn a_forged_entry_is_not_applied() {
    let mut stack = Stack::start().await;
    stack.broker.kill().await.unwrap();
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let entries = write_facts(&stack, tenant).await;
    deliver(&replica, tenant, entries.clone()).await;
    let mut forged = entries[9].entry.clone();
    forged.seq = 11;
    forged.prev_hash = vec![7; 32];
    forged.payload = invoice_issued(contract(1), "2026-05-01", "999.00").payload;
    let forged = open(&forged.encode_to_vec()).unwrap();
    deliver(&replica, tenant, vec![forged]).await;
    assert_eq!(replica.processing(tenant).await.applied, at(Log::Contract, 10));
    stack.owner.invoice(tenant, contract(1), "2026-05-01", "50.00").await;
    let entries = stack.contract_entries(tenant).await;
    deliver(&replica, tenant, entries[10..].to_vec()).await;
    assert_eq!(replica.processing(tenant).await.applied, at(Log::Contract, 11));
    stack.verify(&replica, tenant).await;
}

// Shows the whole way: what the owner commits arrives through NATS, is accounted for, and the entry
// depends on what it covers.
#[tokio::test]
async fn facts_arrive_through_the_broker() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    let length = write_facts(&stack, tenant).await.len();
    let seen = u64::try_from(length).unwrap();
    replica.run(tenant, "r", "2026-01-31", seen).await;
    let entries = stack.recognition_entries(&replica, tenant).await;
    for (opened, covered) in entries.iter().zip((1..=seen).chain([seen])) {
        assert_eq!(opened.entry.depends_on, at(Log::Contract, covered));
        assert_eq!(opened.entry.log, i32::from(Log::Recognition));
    }
    let actors: Vec<&str> = entries.iter().map(|opened| opened.entry.actor.as_str()).collect();
    assert!(actors[..length].iter().all(|actor| *actor == "recognition"));
    assert_eq!((actors[length], entries[length].entry.request_id.as_str()), ("ann", "r"));
    stack.verify(&replica, tenant).await;
}
