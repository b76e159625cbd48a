//! The connection to Postgres is lost while a COMMIT is under way, so nobody knows what became of it.

use backlog_test_support::cluster::TestCluster;
use backlog_tests::load::{Books, Command, Load, Plan, Request};
use backlog_tests::proxy::{Cut, Proxy};
use backlog_tests::story::{sign, year_of_service};
use backlog_tests::{Service, Stack, StackBuilder};
use tonic::Code;

use crate::oracle::assert_all;

/// A stack whose contract service reaches Postgres through a proxy, and gives up soon.
async fn stack_behind_proxy() -> (Stack, Proxy) {
    let port = TestCluster::shared().await.unwrap().manifest().cluster.access.port;
    let proxy = Proxy::start(port).await;
    let through = format!("@127.0.0.1:{}/", proxy.port());
    let stack = StackBuilder::default()
        .edit(Service::Contract, &format!("@127.0.0.1:{port}/"), &through)
        .edit(Service::Contract, "[server]\n", "[writer]\nreconnect_ms = 200\n\n[server]\n")
        .start()
        .await;
    (stack, proxy)
}

fn signature(books: &Books, request_id: &str) -> Command {
    let request = Request::Sign(sign(request_id, year_of_service("1200.00")));
    Command { books: books.clone(), request }
}

/// Places in the log of what a request_id did.
async fn places(stack: &Stack, books: &Books, request_id: &str) -> Vec<u64> {
    let log = stack.stored_log(Service::Contract, books.tenant).await;
    let mine = log.iter().filter(|stored| stored.entry.request_id == request_id);
    mine.map(|stored| stored.seq).collect()
}

// Shows that the service settles by itself what one lost connection left open, whether the COMMIT was
// carried out or never arrived: the caller gets its answer, there is one effect, and a repeated call
// gets the same answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_settled_by_the_service() {
    let (stack, proxy) = stack_behind_proxy().await;
    let books = stack.many_books("cut", 1).await.remove(0);
    let channel = stack.channel(Service::Contract);
    for (number, cut) in [Cut::After, Cut::Before, Cut::After].into_iter().enumerate() {
        let id = format!("settled-{number}");
        let command = signature(&books, &id);
        proxy.arm(&id, cut, false);
        let answer = command.send(&channel).await.unwrap();
        assert_eq!(proxy.cuts(), number + 1, "the connection was cut at this very command");
        assert_eq!(places(&stack, &books, &id).await, [answer.seq], "{cut:?}");
        assert_eq!(command.send(&channel).await.unwrap(), answer, "{cut:?}");
    }
    stack.assert_no_open_transaction().await;
}

// Shows that a caller who is told nothing settles it: with the database away after the cut the answer
// is UNAVAILABLE, and the same call later finds the effect of the first, if it had one, or has it
// now. In both cases there is one.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_settled_by_the_same_call() {
    let (stack, proxy) = stack_behind_proxy().await;
    let books = stack.many_books("unknown", 1).await.remove(0);
    let channel = stack.channel(Service::Contract);
    for (cut, effect) in [(Cut::After, 1), (Cut::Before, 0)] {
        let id = format!("unknown-{effect}");
        let command = signature(&books, &id);
        proxy.arm(&id, cut, true);
        let status = command.send(&channel).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{cut:?}: {status}");
        let written = places(&stack, &books, &id).await;
        assert_eq!(written.len(), effect, "{cut:?}: what the caller does not know");
        proxy.open();
        let answer = command.settle(&channel).await;
        let now = places(&stack, &books, &id).await;
        assert_eq!(now, [answer.seq], "{cut:?}: one effect, and the answer names it");
        assert!(written.is_empty() || written == now, "{cut:?}: the effect stays where it was");
        assert_eq!(command.settle(&channel).await, answer, "{cut:?}");
    }
    stack.assert_no_open_transaction().await;
}

// Shows the same under load: connections are cut at commits of whole batches, before and after the
// COMMIT, with the database away afterwards or not; then every command is there exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn cut_commits_under_load_lose_and_repeat_nothing() {
    let (stack, proxy) = stack_behind_proxy().await;
    let books = stack.many_books("cutload", 3).await;
    let channels = [stack.channel(Service::Contract)];
    let plan = Plan { clients: 4, rounds: 12, first: Some(0), seed: 7 };
    let load = Load::start("cutload", &books, &channels, plan);
    let cuts = [(Cut::After, false), (Cut::Before, false), (Cut::After, true), (Cut::Before, true)];
    for (number, (cut, then_close)) in cuts.into_iter().cycle().take(8).enumerate() {
        proxy.arm("cutload-", cut, then_close);
        load.allow(30);
        proxy.reached(number + 1).await;
        proxy.open();
    }
    let ledger = load.finish().await;
    assert_eq!(proxy.cuts(), 8);
    assert_all(&stack, &books, ledger).await;
}
