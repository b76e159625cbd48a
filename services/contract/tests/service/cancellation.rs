//! Callers that go away: what was acknowledged stays, what was not is settled, and no connection is
//! left in a transaction.

use std::sync::Arc;
use std::time::Duration;

use backlog_proto::contract::v1 as pb;
use tokio::task::JoinSet;

use crate::harness::{Books, Service, sign, terms};

const CALLS: u64 = 4_000;
const AT_ONCE: u64 = 16;

/// One call, dropped after so many microseconds. Answers the contract where it was acknowledged.
async fn cut_short(service: &Service, books: &Books, n: u64, after: u64) -> Option<pb::Contract> {
    let patience = tokio::time::sleep(Duration::from_micros(after));
    if n.is_multiple_of(4) {
        // Reads are cut short as well: they share the connections.
        let (mut contracts, mut platform) = (service.contracts(), service.platform());
        let request = pb::ListContractsRequest { page_size: 5, ..<_>::default() };
        tokio::select! {
            biased;
            answer = contracts.list_contracts(books.admin.ask(request)) => drop(answer.unwrap()),
            answer = platform.list_tenants(books.owner.ask(<_>::default())), if n.is_multiple_of(8) => {
                drop(answer.unwrap());
            }
            () = patience => {}
        }
        return None;
    }
    let mut contracts = service.contracts();
    let request = sign(&format!("r{n}"), terms(&[("a", "10.00")]));
    tokio::select! {
        biased;
        answer = contracts.sign_contract(books.admin.ask(request)) => {
            answer.unwrap().into_inner().contract
        }
        () = patience => None,
    }
}

/// The reproduction of writes lost after a cancelled `begin()` (sqlx issue 4385), on this service:
/// thousands of calls dropped at arbitrary microseconds on a small pool. Afterwards every acknowledged
/// contract is found, also by a service that never knew the connections; every other call is settled
/// by repeating it; and no backend is idle in a transaction.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_cancelled_calls() {
    let service = Arc::new(Service::start_with(|config| config.database.pool_size = 3).await);
    let books = service.books("vendor").await;
    let mut running: JoinSet<Vec<(u64, pb::Contract)>> = JoinSet::new();
    for worker in 0..AT_ONCE {
        let (service, books) = (Arc::clone(&service), books.clone());
        running.spawn(async move {
            let mut acknowledged = Vec::new();
            for n in (worker..CALLS).step_by(usize::try_from(AT_ONCE).unwrap()) {
                // Spread over the life of a call, the same in every run.
                let after = n.wrapping_mul(2_654_435_761) % 12_000;
                let contract = cut_short(&service, &books, n, after).await;
                acknowledged.extend(contract.map(|contract| (n, contract)));
            }
            acknowledged
        });
    }
    let acknowledged: Vec<_> = running.join_all().await.into_iter().flatten().collect();
    let cut = CALLS * 3 / 4 - u64::try_from(acknowledged.len()).unwrap();
    assert!(acknowledged.len() > 10 && cut > 10, "{} acknowledged, {cut} cut", acknowledged.len());

    // The writer takes a tenant's commands in order: after this one, all of them are settled.
    service.signed(&books.admin, "last", terms(&[("a", "10.00")])).await;
    let stuck = service
        .database
        .superuser_sql(
            "select count(*) from pg_stat_activity where datname = current_database() \
             and state like 'idle in transaction%'",
        )
        .await;
    assert_eq!(stuck.unwrap().trim(), "0");

    let service = Arc::into_inner(service).unwrap().restart().await;
    for (_, contract) in &acknowledged {
        let read = pb::GetContractRequest { contract_id: contract.contract_id.clone() };
        let read = service.contracts().get_contract(books.admin.ask(read)).await.unwrap();
        assert_eq!(read.into_inner().contract.as_ref(), Some(contract));
    }
    let mut settled = 1;
    for n in (0..CALLS).filter(|n| !n.is_multiple_of(4)) {
        service.signed(&books.admin, &format!("r{n}"), terms(&[("a", "10.00")])).await;
        settled += 1;
    }
    let stored = service.database.superuser_sql("select count(*) from contract.contract").await;
    assert_eq!(stored.unwrap().trim(), settled.to_string(), "each exactly once");
}
