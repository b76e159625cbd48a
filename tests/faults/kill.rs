//! `kill -9` of each service under load.

use backlog_tests::load::{Load, Plan};
use backlog_tests::{Service, Stack};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::oracle::assert_all;

const SEED: u64 = 20_260_101;
const KILLS: usize = 12;
/// Commands that begin between two kills.
const APART: usize = 60;

// Shows that services that die at any moment lose nothing that they acknowledged and do nothing
// twice: twelve kills over the three services under load, recognition runs among it, then every
// command is found exactly once, and followers hold what a replay of the logs gives.
#[tokio::test(flavor = "multi_thread")]
async fn killed_services_lose_nothing_and_repeat_nothing() {
    let mut stack = Stack::start().await;
    let books = stack.many_books("kill", 3).await;
    let channels = [stack.channel(Service::Contract)];
    let plan = Plan { clients: 4, rounds: 24, first: Some(0), seed: SEED };
    let mut choices = StdRng::seed_from_u64(SEED);
    let mut load = Load::start("kill", &books, &channels, plan);
    let runs = tokio::spawn(recognize_on(stack.channel(Service::Recognition), books.clone()));
    for kill in 0..KILLS {
        // The kill meets what is left of these commands.
        load.allow(APART);
        load.reached(load.count() + choices.random_range(1..APART / 2)).await;
        // Each service equally often, in an order of its own each time.
        let service = Service::ALL[(kill + kill / 3) % 3];
        stack.kill(service);
        assert_eq!(stack.pid(service), None);
        stack.restart(service).await;
    }
    let ledger = load.finish().await;
    runs.await.unwrap();
    assert!(ledger.acknowledged.len() > KILLS * APART / 2, "there was load all the time");
    assert_all(&stack, &books, ledger).await;
}

/// Runs that go on through the kills, month by month, each repeated until it is answered.
async fn recognize_on(channel: tonic::transport::Channel, books: Vec<backlog_tests::load::Books>) {
    for month in 1..=6 {
        for books in &books {
            let id = format!("run-{month}");
            backlog_tests::checks::recognize(&channel, books, &id, (2026, month, 28), vec![]).await;
        }
    }
}
