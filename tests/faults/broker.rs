//! The broker is killed, paused, or loses its whole store under load. It is transport: nothing that
//! was written depends on it.

use backlog_tests::load::{Books, Load, Plan};
use backlog_tests::{Service, Stack};

use crate::oracle::assert_all;

/// Commands acknowledged in each phase.
const PHASE: usize = 40;

/// A stack with load on it, of which one phase is done and applied.
async fn under_load(name: &str) -> (Stack, Vec<Books>, Load) {
    let stack = Stack::start().await;
    let books = stack.many_books(name, 3).await;
    let channels = [stack.channel(Service::Contract)];
    let plan = Plan { clients: 4, rounds: 12, first: Some(PHASE), seed: 11 };
    let mut load = Load::start(name, &books, &channels, plan);
    load.reached(PHASE).await;
    for books in &books {
        stack.caught_up(books).await;
    }
    (stack, books, load)
}

/// Lets further commands through and waits until they are acknowledged: with the broker away, or
/// just back.
async fn writes_go_on(load: &mut Load) {
    let before = load.count();
    load.allow(PHASE);
    load.reached(before + PHASE).await;
}

/// What one of the followers has applied of a tenant, in sum.
async fn applied(stack: &Stack, books: &[Books]) -> u64 {
    let mut sum = 0;
    for books in books {
        let processing = stack.processing(Service::Recognition, books).await;
        sum += processing.applied.iter().map(|position| position.seq).sum::<u64>();
    }
    sum
}

// Shows that writes are acknowledged while the broker is dead, and are applied once it is back, in
// order, as a replay of the logs would.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_delays_and_loses_nothing() {
    let (mut stack, books, mut load) = under_load("killed").await;
    stack.broker.kill().await.unwrap();
    let before = applied(&stack, &books).await;
    writes_go_on(&mut load).await;
    assert_eq!(applied(&stack, &books).await, before, "nothing arrives without the broker");
    stack.broker.restart().await.unwrap();
    writes_go_on(&mut load).await;
    let ledger = load.finish().await;
    assert!(ledger.unsettled.is_empty(), "no caller noticed");
    assert_all(&stack, &books, ledger).await;
}

// Shows the same for a broker that hangs: connections stand and nothing answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_broker_delays_and_loses_nothing() {
    let (mut stack, books, mut load) = under_load("paused").await;
    stack.broker.pause().await.unwrap();
    writes_go_on(&mut load).await;
    stack.broker.resume().await.unwrap();
    writes_go_on(&mut load).await;
    let ledger = load.finish().await;
    assert!(ledger.unsettled.is_empty(), "no caller noticed");
    assert_all(&stack, &books, ledger).await;
}

// Shows that the broker's whole store can be deleted, with messages in it that nobody has taken yet:
// streams and consumers are made anew and what was missed is read from the owners, also for a tenant
// that writes nothing afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_its_store_loses_nothing() {
    let (mut stack, mut books, mut load) = under_load("wiped").await;
    // The followers are away, so that messages wait in the store.
    stack.kill(Service::Recognition);
    stack.kill(Service::Reporting);
    let silent = stack.many_books("silent", 1).await.remove(0);
    writes_go_on(&mut load).await;
    stack.broker.wipe_store().await.unwrap();
    writes_go_on(&mut load).await;
    stack.restart(Service::Recognition).await;
    stack.restart(Service::Reporting).await;
    stack.caught_up(&silent).await;
    // And once more, with everything running.
    load.allow(PHASE);
    stack.broker.wipe_store().await.unwrap();
    writes_go_on(&mut load).await;
    let ledger = load.finish().await;
    assert!(ledger.unsettled.is_empty(), "no caller noticed");
    books.push(silent);
    assert_all(&stack, &books, ledger).await;
}
