//! An entry that cannot be applied.

use backlog_audit_log::leaf_hash;
use backlog_event_log::partition;
use backlog_proto::contract::v1::TenantSuspensionChanged;
use backlog_proto::log::v1::{LogEntry, Stop};
use backlog_tests::checks::eventually;
use backlog_tests::load::{Books, Command, Request};
use backlog_tests::story::{sign, year_of_service};
use backlog_tests::{Service, Stack};
use prost::Message;

use crate::oracle::{assert_projections, resume};

/// Two tenants of one partition.
async fn neighbors(stack: &Stack) -> [Books; 2] {
    let account = stack.account("poison").await;
    let mut all: Vec<Books> = Vec::new();
    // 65 tenants in 64 partitions have neighbors for sure; a dozen are enough most times.
    for number in 0..65 {
        let books = stack.further_books(account, &format!("poison-{number}")).await;
        let same = |other: &&Books| partition(other.tenant) == partition(books.tenant);
        if let Some(neighbor) = all.iter().find(same) {
            return [neighbor.clone(), books];
        }
        all.push(books);
    }
    unreachable!("more tenants than partitions");
}

async fn signs(stack: &Stack, books: &Books, request_id: &str) {
    let request = Request::Sign(sign(request_id, year_of_service("1200.00")));
    let command = Command { books: books.clone(), request };
    command.settle(&stack.channel(Service::Contract)).await;
}

/// Puts an entry after, or in the place of, the last one of a log, with the right chain.
async fn put(stack: &Stack, service: Service, books: &Books, entry: &LogEntry) {
    let bytes = entry.encode_to_vec();
    let sql = format!(
        "begin;
         insert into {schema}.log_entry (tenant_id, seq, entry) \
           values ('{tenant}', {seq}, '\\x{bytes}') \
           on conflict (tenant_id, seq) do update set entry = excluded.entry;
         update {schema}.log_head set seq = {seq}, hash = '\\x{hash}' \
           where tenant_id = '{tenant}';
         commit;",
        schema = service.schema(),
        tenant = books.tenant.uuid(),
        seq = entry.seq,
        hash = hex::encode(leaf_hash(&bytes)),
        bytes = hex::encode(&bytes),
    );
    stack.database.superuser_sql(&sql).await.unwrap();
}

/// The entry that a log could have next, of a type that nobody knows.
async fn unheard_of(stack: &Stack, service: Service, books: &Books) -> LogEntry {
    let log = stack.stored_log(service, books.tenant).await;
    let last = log.last().unwrap();
    LogEntry {
        seq: last.seq + 1,
        prev_hash: leaf_hash(&last.bytes).to_vec(),
        r#type: "backlog.contract.v1.UnheardOf".to_owned(),
        request_id: String::new(),
        ..last.entry.clone()
    }
}

/// Waits until a service stands for a tenant, and answers why.
async fn stands(stack: &Stack, service: Service, books: &Books) -> Stop {
    let look = async || stack.processing(service, books).await.stop;
    eventually("the service stands for the tenant", look).await
}

// Shows that an entry that cannot be applied stops its tenant, visibly and there, while a neighbor in
// the same partition goes on; that lifting the stop with the cause in place stops again; and that
// with the cause removed everything is applied, nothing skipped.
#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_log_stops_its_tenant_and_no_neighbor() {
    let mut stack = Stack::start().await;
    let [ours, neighbor] = neighbors(&stack).await;
    signs(&stack, &ours, "before").await;
    stack.caught_up(&ours).await;
    let applied = stack.processing(Service::Recognition, &ours).await.applied;
    let digest = stack.digest(Service::Recognition, &ours).await;

    let poison = unheard_of(&stack, Service::Contract, &ours).await;
    put(&stack, Service::Contract, &ours, &poison).await;
    let stop = stands(&stack, Service::Recognition, &ours).await;
    assert_eq!((stop.seq, stop.reason.as_str()), (poison.seq, "TENANT_STOPPED"), "{stop:?}");
    assert!(stop.detail.contains("UnheardOf"), "an operator learns why: {stop:?}");

    signs(&stack, &neighbor, "meanwhile").await;
    stack.caught_up(&neighbor).await;
    let processing = stack.processing(Service::Recognition, &ours).await;
    assert_eq!(processing.applied, applied, "nothing is skipped");
    assert_eq!(stack.digest(Service::Recognition, &ours).await, digest);
    assert_eq!(stack.processing(Service::Recognition, &neighbor).await.stop, None);

    assert_eq!(resume(&stack, Service::Recognition, &ours).await, Some(stop.clone()));
    assert_eq!(stands(&stack, Service::Recognition, &ours).await, stop, "and again");

    // A fact without accounting in the place of the one that nobody knows.
    let payload = TenantSuspensionChanged { suspended: false }.encode_to_vec();
    let r#type = "backlog.contract.v1.TenantSuspensionChanged".to_owned();
    put(&stack, Service::Contract, &ours, &LogEntry { r#type, payload, ..poison }).await;
    // Reporting holds the entry as it was sent, until recognition says that it counts. Who repairs a
    // log by hand starts those anew that have read it.
    stack.kill(Service::Reporting);
    stack.restart(Service::Reporting).await;
    resume(&stack, Service::Recognition, &ours).await;
    stack.caught_up(&ours).await;
    signs(&stack, &ours, "after").await;
    stack.caught_up(&ours).await;
    assert_eq!(stack.processing(Service::Recognition, &ours).await.stop, None);
    assert_projections(&stack, &[ours, neighbor]).await;
}

// Shows the same one service further: reporting stands at an entry of the recognition log, its
// neighbor goes on, and recognition itself is not concerned.
#[tokio::test(flavor = "multi_thread")]
async fn poison_in_the_recognition_log_stops_reporting_only() {
    let stack = Stack::start().await;
    let [ours, neighbor] = neighbors(&stack).await;
    signs(&stack, &ours, "before").await;
    stack.caught_up(&ours).await;
    let log = stack.stored_log(Service::Recognition, ours.tenant).await;
    let poison = unheard_of(&stack, Service::Recognition, &ours).await;
    put(&stack, Service::Recognition, &ours, &poison).await;
    let stop = stands(&stack, Service::Reporting, &ours).await;
    assert_eq!((stop.seq, stop.log), (poison.seq, 2), "{stop:?}");
    assert_eq!(stack.processing(Service::Recognition, &ours).await.stop, None);
    signs(&stack, &neighbor, "meanwhile").await;
    stack.caught_up(&neighbor).await;

    // The restored log: without the entry that should not be there.
    let last = log.last().unwrap();
    let sql = format!(
        "begin;
         delete from recognition.log_entry where tenant_id = '{tenant}' and seq > {seq};
         update recognition.log_head set seq = {seq}, hash = '\\x{hash}' \
           where tenant_id = '{tenant}';
         commit;",
        tenant = ours.tenant.uuid(),
        seq = last.seq,
        hash = hex::encode(leaf_hash(&last.bytes)),
    );
    stack.database.superuser_sql(&sql).await.unwrap();
    assert_eq!(resume(&stack, Service::Reporting, &ours).await, Some(stop));
    signs(&stack, &ours, "after").await;
    stack.caught_up(&ours).await;
    assert_eq!(stack.processing(Service::Reporting, &ours).await.stop, None);
    assert_projections(&stack, &[ours, neighbor]).await;
}
