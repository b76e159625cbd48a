//! That the rebuild check finds what differs, wherever it is.

use backlog_event_log::open;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_recognition::rebuild::{self, Mismatch};
use prost::Message;

use crate::owner::usd;
use crate::stack::{Stack, contract, even_months, tenant};

// Shows that a contract with more entries than one event holds is cut and rebuilds, and that each kind
// of difference is found and named: a changed column, a missing row, a changed amount in the log, a
// missing entry, a missing contract entry.
#[tokio::test]
async fn differences_are_found_and_named() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    stack.owner.create_tenant(tenant, even_months()).await;
    let prices = vec!["1200.00"; 50];
    stack.owner.sign(tenant, contract(1), &prices, "2026-12-31").await;
    let seen = stack.owner.invoice(tenant, contract(1), "2026-02-15", "500.00").await;
    let answer = replica.run(tenant, "r", "2026-12-31", seen).await;
    assert_eq!((answer.entries_posted, answer.recognized), (600, vec![usd("60000.00")]));
    stack.verify(&replica, tenant).await;

    let contract_log = stack.contract_entries(tenant).await;
    let log = stack.recognition_entries(&replica, tenant).await;
    assert_eq!(log.len(), 3 + 2, "one contract in two entries");
    let check = async |contract, recognition| {
        rebuild::verify(replica.running.database(), tenant, contract, recognition).await
    };
    let mut changed = log.clone();
    let mut entry = changed[4].entry.clone();
    let mut posted = AccountingPosted::decode(entry.payload.as_slice()).unwrap();
    posted.movements[0].amount = Some(usd("100.01"));
    entry.payload = posted.encode_to_vec();
    changed[4] = open(&entry.encode_to_vec()).unwrap();
    let at = |found: Result<(), Mismatch>| match found.unwrap_err() {
        Mismatch::Entry { seq, .. } => seq,
        other => panic!("{other}"),
    };
    assert_eq!(at(check(&contract_log, &changed).await), 5);
    assert_eq!(at(check(&contract_log[..2], &log).await), 3);
    assert_eq!(at(check(&contract_log, &log[1..]).await), 2);
    assert_eq!(at(check(&contract_log, &log[..4]).await), 4, "half a contract is no end");

    let sql = "update recognition.obligation set billed = billed + 1 where ordinal = 0; \
               delete from recognition.balance_point where on_date = '2026-03-31';";
    stack.database.superuser_sql(sql).await.unwrap();
    let Err(Mismatch::State { missing, extra }) = stack.try_verify(&replica, tenant).await else {
        panic!("must differ");
    };
    assert_eq!((missing.len(), extra.len()), (2, 1), "{missing:?} {extra:?}");
    assert!(missing.iter().any(|line| line.starts_with("balance ") && line.contains("2026-03-31")));
    assert!(extra[0].starts_with("obligation ") && extra[0].contains(" 50001 "), "{extra:?}");
}
