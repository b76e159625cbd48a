//! What the broker delivers is not what was sent, or not by whom it seems.

use backlog_audit_log::leaf_hash;
use backlog_ids::TenantId;
use backlog_proto::common::v1::LogPosition;
use backlog_proto::log::v1::LogEntry;
use backlog_tests::checks::{Stored, eventually};
use backlog_tests::load::{Books, Command, Load, Plan, Request};
use backlog_tests::story::{sign, year_of_service};
use backlog_tests::{Service, Stack};
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::oracle::{assert_all, assert_projections};
use crate::wire::{Sent, Wire, batch, subject};

/// Copies of each message.
const COPIES: usize = 10;

async fn load(stack: &Stack, name: &str, books: &[Books]) -> backlog_tests::load::Ledger {
    let plan = Plan { clients: 2, rounds: 5, first: None, seed: 3 };
    Load::start(name, books, &[stack.channel(Service::Contract)], plan).finish().await
}

fn tenants(books: &[Books]) -> Vec<TenantId> {
    books.iter().map(|books| books.tenant).collect()
}

async fn signs(stack: &Stack, books: &Books, request_id: &str) -> LogPosition {
    let request = Request::Sign(sign(request_id, year_of_service("1200.00")));
    let command = Command { books: books.clone(), request };
    let answer = command.settle(&stack.channel(Service::Contract)).await;
    backlog_tests::story::contract_position(answer.seq)
}

/// Each message ten times, all of them in another order, the same for the same seed.
fn garbled(messages: &[Sent], seed: u64) -> Vec<Sent> {
    let mut copies: Vec<Sent> = std::iter::repeat_n(messages, COPIES).flatten().cloned().collect();
    copies.shuffle(&mut StdRng::seed_from_u64(seed));
    copies
}

/// Digests of both followers.
async fn digests(stack: &Stack, books: &[Books]) -> Vec<String> {
    let mut digests = Vec::new();
    for books in books {
        digests.push(stack.digest(Service::Recognition, books).await);
        digests.push(stack.digest(Service::Reporting, books).await);
    }
    digests
}

// Shows that messages that come again, ten times, in another order and long after they were sent,
// change nothing: not a byte of what the followers keep, and no entry of their logs.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_again_change_nothing() {
    let stack = Stack::start().await;
    let books = stack.many_books("again", 3).await;
    let ledger = load(&stack, "again", &books).await;
    for books in &books {
        stack.caught_up(books).await;
    }
    let before = digests(&stack, &books).await;
    let wire = Wire::admin(&stack).await;
    for log in ["contract", "recognition"] {
        let messages = wire.messages(log).await;
        for books in &books {
            let subject = subject(log, books.tenant);
            assert!(messages.iter().any(|sent| sent.subject == subject), "none of {subject}");
        }
        wire.publish(&garbled(&messages, 1)).await;
    }
    wire.drained(&tenants(&books)).await;
    assert_eq!(digests(&stack, &books).await, before);
    assert_all(&stack, &books, ledger).await;
}

// Shows that messages may arrive for the first time in any order, and ten times: each tenant's entries
// are applied in the order of their log, and reporting never shows a contract entry before the
// accounting that covers it.
#[tokio::test(flavor = "multi_thread")]
async fn messages_in_any_order_are_applied_in_order() {
    let mut stack = Stack::start().await;
    let books = stack.many_books("order", 3).await;
    for books in &books {
        stack.caught_up(books).await;
    }
    let wire = Wire::admin(&stack).await;
    // Recognition applies what comes in any order; reporting is away.
    stack.kill(Service::Reporting);
    stack.kill(Service::Recognition);
    let ledger = load(&stack, "order", &books).await;
    let contract = wait_for_messages(&stack, &wire, &books).await;
    wire.forget("contract").await;
    wire.publish(&garbled(&contract, 2)).await;
    stack.restart(Service::Recognition).await;
    for books in &books {
        let head = stack.head(Service::Contract, books).await;
        eventually("recognition has caught up", async || {
            let applied = stack.processing(Service::Recognition, books).await.applied;
            applied.contains(&head).then_some(())
        })
        .await;
    }
    // The same for what recognition wrote; first its last entries alone, while it is away.
    let recognition = wire.messages("recognition").await;
    wire.forget("recognition").await;
    let mut last = Vec::new();
    for books in &books {
        let log = stack.stored_log(Service::Recognition, books.tenant).await;
        let payload = batch(vec![log.last().unwrap().bytes.clone()]);
        last.push(Sent { subject: subject("recognition", books.tenant), payload });
    }
    wire.publish(&last).await;
    stack.kill(Service::Recognition);
    stack.restart(Service::Reporting).await;
    tried_again(&stack, &books).await;
    assert_covered(&stack).await;
    wire.publish(&garbled(&recognition, 3)).await;
    stack.restart(Service::Recognition).await;
    let rest = async {
        for books in &books {
            stack.caught_up(books).await;
        }
    };
    tokio::select! {
        () = rest => {}
        () = watch_cover(&stack) => {}
    }
    assert_covered(&stack).await;
    wire.drained(&tenants(&books)).await;
    assert_all(&stack, &books, ledger).await;
}

// Shows that what a stream let go before a follower saw it, as when the follower was away for longer
// than the stream holds, is read from the owner as soon as the follower is back: it notices the loss
// and does not wait for a further message.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_nobody_saw_are_read_from_the_owner() {
    let mut stack = Stack::start().await;
    let books = stack.many_books("unseen", 1).await;
    signs(&stack, &books[0], "seen").await;
    stack.caught_up(&books[0]).await;
    let wire = Wire::admin(&stack).await;
    wire.drained(&tenants(&books)).await;
    stack.kill(Service::Recognition);
    let position = signs(&stack, &books[0], "unseen").await;
    wait_for_messages(&stack, &wire, &books).await;
    // More than the stream holds, and nothing that anybody could read.
    let filler = Sent {
        subject: subject("contract", books[0].tenant),
        payload: vec![0xff; 128 * 1024].into(),
    };
    wire.publish(&vec![filler; 17]).await;
    stack.restart(Service::Recognition).await;
    eventually("recognition has applied what it never saw", async || {
        let applied = stack.processing(Service::Recognition, &books[0]).await.applied;
        applied.contains(&position).then_some(())
    })
    .await;
    let log = std::fs::read_to_string(&stack.files(Service::Recognition).log).unwrap();
    assert!(log.contains("messages were lost; reading the owner's log"), "it noticed");
    stack.caught_up(&books[0]).await;
    assert_projections(&stack, &books).await;
}

/// Waits until reporting has tried, in vain, to apply something of each tenant.
async fn tried_again(stack: &Stack, books: &[Books]) {
    eventually("reporting tries again", async || {
        let log = std::fs::read_to_string(&stack.files(Service::Reporting).log).unwrap();
        let lines = || log.lines().filter(|line| line.contains("applying is tried again"));
        let tried = |books: &Books| lines().any(|line| line.contains(&books.tenant.to_string()));
        books.iter().all(tried).then_some(())
    })
    .await;
}

/// The messages of the contract log once all entries are in them.
async fn wait_for_messages(stack: &Stack, wire: &Wire, books: &[Books]) -> Vec<Sent> {
    for books in books {
        let head = stack.head(Service::Contract, books).await.seq;
        eventually("all is published", async || {
            let sql = format!(
                "select published_seq from contract.relay_position where tenant_id = '{}';",
                books.tenant.uuid()
            );
            let published = stack.database.superuser_sql(&sql).await.unwrap();
            (published == head.to_string()).then_some(())
        })
        .await;
    }
    wire.messages("contract").await
}

/// Looks again and again whether reporting has applied contract entries that no applied accounting
/// covers.
async fn watch_cover(stack: &Stack) {
    loop {
        assert_covered(stack).await;
    }
}

async fn assert_covered(stack: &Stack) {
    let sql = "select a.tenant_id, a.seq, max(e.covered_contract_seq) \
        from reporting.applied_position a left join reporting.accounting_entry e \
        on e.tenant_id = a.tenant_id where a.log = 1 group by 1, 2 \
        having a.seq is distinct from max(e.covered_contract_seq);";
    let uncovered = stack.database.superuser_sql(sql).await.unwrap();
    assert_eq!(uncovered, "", "tenant, applied contract entry, covered contract entry");
}

// Shows that an entry that does not continue the chain is not applied even when it comes with the
// contract service's own rights and the next number: nothing of it shows, the tenant goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_entry_is_not_applied() {
    let stack = Stack::start().await;
    let books = stack.many_books("forged", 1).await;
    let ours = &books[0];
    let position = signs(&stack, ours, "real-1").await;
    stack.caught_up(ours).await;
    let before = digests(&stack, &books).await;
    let log = stack.stored_log(Service::Contract, ours.tenant).await;
    let Stored { entry, .. } = log.last().unwrap();
    let forged = LogEntry {
        seq: position.seq + 1,
        prev_hash: vec![7; 32],
        request_id: "forged".to_owned(),
        ..entry.clone()
    };
    let user = stack.broker.users().contract.clone();
    let wire = Wire::connect(&stack, &user).await;
    let payload = batch(vec![forged.encode_to_vec()]);
    wire.publish(&[Sent { subject: subject("contract", ours.tenant), payload }]).await;
    Wire::admin(&stack).await.drained(&tenants(&books)).await;
    assert_eq!(digests(&stack, &books).await, before, "nothing of it is applied");
    for service in [Service::Recognition, Service::Reporting] {
        let processing = stack.processing(service, ours).await;
        assert_eq!(processing.stop, None, "it stops nobody");
        assert!(processing.applied.contains(&position), "{processing:?}");
    }
    signs(&stack, ours, "real-2").await;
    stack.caught_up(ours).await;
    assert_projections(&stack, &books).await;
}

// Shows that a service's rights at the broker end at its own log: what another service publishes as
// contract's is refused and reaches nobody.
#[tokio::test(flavor = "multi_thread")]
async fn another_services_rights_do_not_reach_the_contract_log() {
    let stack = Stack::start().await;
    let books = stack.many_books("rights", 1).await;
    signs(&stack, &books[0], "real").await;
    stack.caught_up(&books[0]).await;
    let admin = Wire::admin(&stack).await;
    let before = admin.taken("contract").await;
    let log = stack.stored_log(Service::Contract, books[0].tenant).await;
    let payload = batch(vec![log.last().unwrap().bytes.clone()]);
    let users = stack.broker.users().clone();
    for user in [users.recognition, users.reporting] {
        let mut wire = Wire::connect(&stack, &user).await;
        let subject = subject("contract", books[0].tenant);
        wire.try_publish(Sent { subject: subject.clone(), payload: payload.clone() }).await;
        let complaint = wire.complaints.recv().await.unwrap().to_lowercase();
        assert!(complaint.contains("permissions violation"), "{complaint}");
        assert!(complaint.contains(&subject), "{complaint}");
    }
    assert_eq!(admin.taken("contract").await, before, "nothing arrived");
}

/// Takes the last entries of a tenant away, as the restore of an older backup does.
async fn restore_earlier(stack: &Stack, books: &Books, lost: usize) {
    let log = stack.stored_log(Service::Contract, books.tenant).await;
    let last = log.get(log.len() - 1 - lost).unwrap();
    let sql = format!(
        "begin;
         delete from contract.log_entry where tenant_id = '{tenant}' and seq > {seq};
         delete from contract.request where tenant_id = '{tenant}' and seq > {seq};
         update contract.log_head set seq = {seq}, hash = '\\x{hash}' where tenant_id = '{tenant}';
         commit;",
        tenant = books.tenant.uuid(),
        seq = last.seq,
        hash = hex::encode(leaf_hash(&last.bytes)),
    );
    stack.database.superuser_sql(&sql).await.unwrap();
}

/// Waits until recognition stands for a tenant, and answers why.
async fn stop_of(stack: &Stack, books: &Books) -> backlog_proto::log::v1::Stop {
    eventually("recognition stands", async || {
        stack.processing(Service::Recognition, books).await.stop
    })
    .await
}

// Shows that a log that was restored to an earlier state and went on otherwise is noticed, also while
// it is shorter than what is known of it: the tenant stands with LOG_DIVERGED, what was applied stays
// as it is, resuming stops again, and a neighbor goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_stops_its_tenant_visibly() {
    let stack = Stack::start().await;
    let books = stack.many_books("restored", 3).await;
    let [shorter, longer, neighbor] = books.as_slice() else { unreachable!() };
    for books in &books {
        for number in 0..5 {
            signs(&stack, books, &format!("first-{number}")).await;
        }
        stack.caught_up(books).await;
    }
    for (books, lost, written) in [(shorter, 3, 1), (longer, 2, 4)] {
        let known = stack.head(Service::Contract, books).await;
        let before = digests(&stack, std::slice::from_ref(books)).await;
        restore_earlier(&stack, books, lost).await;
        for number in 0..written {
            signs(&stack, books, &format!("after-{number}")).await;
        }
        let stop = stop_of(&stack, books).await;
        assert_eq!((stop.reason.as_str(), stop.log), ("LOG_DIVERGED", known.log), "{stop:?}");
        let processing = stack.processing(Service::Recognition, books).await;
        assert_eq!(processing.applied, [known], "what was applied stays");
        assert_eq!(digests(&stack, std::slice::from_ref(books)).await, before);
        let lifted = crate::oracle::resume(&stack, Service::Recognition, books).await;
        assert_eq!(lifted.map(|stop| stop.reason), Some(stop.reason), "the stop was there");
        assert_eq!(stop_of(&stack, books).await.reason, "LOG_DIVERGED", "and is there again");
        assert_eq!(digests(&stack, std::slice::from_ref(books)).await, before);
    }
    signs(&stack, neighbor, "second").await;
    stack.caught_up(neighbor).await;
    assert_projections(&stack, std::slice::from_ref(neighbor)).await;
}
