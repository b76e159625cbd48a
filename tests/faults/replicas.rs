//! Two replicas of each service at work for the same tenants.

use backlog_tests::checks::recognize;
use backlog_tests::load::{Load, Plan};
use backlog_tests::{Service, StackBuilder};
use tokio::task::JoinSet;

use crate::oracle::assert_all;

// Shows that replicas need not know of each other: commands for the same tenants through both give one
// gapless log, the same call sent to both at once has one effect and one answer, recognition runs on
// both at once post nothing twice, and the followers hold what a replay gives.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_tenants_without_gaps_and_doubles() {
    let stack = StackBuilder::default().more_replicas(1).start().await;
    let books = stack.many_books("replicas", 2).await;
    let both = |service| [stack.channel_at(service, 0), stack.channel_at(service, 1)];
    let contract = both(Service::Contract);
    let plan = Plan { clients: 6, rounds: 12, first: None, seed: 5 };
    let load = Load::start("replicas", &books, &contract, plan);
    let mut runs = JoinSet::new();
    for (replica, channel) in both(Service::Recognition).into_iter().enumerate() {
        for books in books.clone() {
            let channel = channel.clone();
            runs.spawn(async move {
                for month in 1..=9 {
                    let id = format!("run-{replica}-{month}");
                    recognize(&channel, &books, &id, (2026, month, 28), vec![]).await;
                }
            });
        }
    }
    let ledger = load.finish().await;
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
    // Each command once more, through both replicas at the same time.
    let mut again = JoinSet::new();
    for (command, answer) in ledger.acknowledged.clone() {
        for channel in contract.clone() {
            let (command, answer) = (command.clone(), answer.clone());
            again.spawn(async move { (command.settle(&channel).await, answer) });
        }
    }
    while let Some(outcome) = again.join_next().await {
        let (again, first) = outcome.unwrap();
        assert_eq!(again, first);
    }
    assert_all(&stack, &books, ledger).await;
}

// Shows that a command that both replicas get at the same time, for the first time, takes effect
// once, with one answer.
#[tokio::test(flavor = "multi_thread")]
async fn one_command_through_both_replicas_has_one_effect() {
    let stack = StackBuilder::default().more_replicas(1).start().await;
    let books = stack.many_books("once", 2).await;
    let channels = [stack.channel_at(Service::Contract, 0), stack.channel_at(Service::Contract, 1)];
    // Both sets of clients have the same names, so they send the same commands.
    let plan = Plan { clients: 4, rounds: 10, first: None, seed: 5 };
    let loads = channels.map(|channel| Load::start("once", &books, &[channel], plan));
    let [mut first, second] = loads.map(|load| tokio::spawn(load.finish()));
    let (first, second) = ((&mut first).await.unwrap(), second.await.unwrap());
    assert!(first.unsettled.is_empty() && second.unsettled.is_empty());
    let told = |ledger: &backlog_tests::load::Ledger| {
        let answers = ledger.acknowledged.iter();
        answers
            .map(|(command, answer)| (command.request_id().to_owned(), answer.clone()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(told(&first), told(&second), "both sides are told the same");
    assert_all(&stack, &books, first).await;
}
