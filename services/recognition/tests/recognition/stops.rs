//! A poison entry stops its tenant and nobody else, until its cause is gone.

use backlog_event_log::{Head, NewEvent, Opened, Origin, Sealed, partition, seal};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1::InvoiceIssued;
use backlog_proto::log::v1::{ResumeProcessingRequest, Stop};
use chrono::DateTime;
use prost::Message;

use crate::owner::{contract_drafted, invoice_issued, unknown_type};
use crate::stack::{Replica, Stack, at, contract, even_months, tenant};

async fn resume(replica: &Replica, tenant: TenantId, request_id: &str) -> Option<Stop> {
    let request = ResumeProcessingRequest { request_id: request_id.to_owned() };
    let request = replica.call(Some(tenant), &["tenant_admin"], request);
    replica.processing_client().resume_processing(request).await.unwrap().into_inner().lifted
}

/// Asks until the tenant stands.
async fn stopped(replica: &Replica, tenant: TenantId) -> Stop {
    loop {
        if let Some(stop) = replica.processing(tenant).await.stop {
            return stop;
        }
    }
}

/// Rewrites the end of the owner's log, as an operator who repairs it before anybody applied it.
async fn rewrite(stack: &Stack, tenant: TenantId, after: &Opened, events: &[NewEvent]) {
    let recorded_at = DateTime::from_timestamp(1_780_000_000, 9_000).unwrap();
    let mut head = Head { seq: after.entry.seq, hash: after.hash, recorded_at };
    let tenant_id = tenant.uuid();
    let mut sql = String::new();
    for event in events {
        let trace = std::sync::Arc::default();
        let origin = Origin { actor: "operator", request_id: "", trace: &trace };
        let sealed: Sealed = seal(&head, tenant, Log::Contract, event, origin, recorded_at);
        head = Head { seq: sealed.seq, hash: sealed.hash, recorded_at: sealed.recorded_at };
        sql.push_str(&format!(
            "update contract.log_entry set entry = '\\x{}' \
             where tenant_id = '{tenant_id}' and seq = {};\n",
            hex::encode(&sealed.bytes),
            sealed.seq,
        ));
    }
    sql.push_str(&format!(
        "update contract.log_head set hash = '\\x{}' where tenant_id = '{tenant_id}';\n",
        hex::encode(head.hash),
    ));
    stack.database.superuser_sql(&sql).await.unwrap();
}

// Shows that an entry of an unknown type stops its tenant there and says why, that a neighbor in the
// same partition goes on, that resuming with the cause still there stops again at the same place, and
// that with the cause gone it goes on with nothing skipped.
#[tokio::test]
async fn a_poison_entry_stops_its_tenant_only() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let sick = tenant(1);
    let well = (2..).map(tenant).find(|other| partition(*other) == partition(sick)).unwrap();
    for tenant in [sick, well] {
        stack.owner.create_tenant(tenant, even_months()).await;
        stack.owner.sign(tenant, contract(1), &["1200.00"], "2026-12-31").await;
    }
    replica.try_plan(sick, contract(1), at(Log::Contract, 2)).await.unwrap();
    stack.owner.write(sick, unknown_type(contract(1))).await;
    let stop = stopped(&replica, sick).await;
    assert_eq!((stop.log(), stop.seq, stop.reason.as_str()), (Log::Contract, 3, "TENANT_STOPPED"));
    assert!(stop.detail.contains("backlog.contract.v1.Nonsense"), "{}", stop.detail);
    stack.owner.invoice(sick, contract(1), "2026-01-01", "100.00").await;
    stack.owner.invoice(well, contract(1), "2026-01-01", "100.00").await;
    replica.try_plan(well, contract(1), at(Log::Contract, 3)).await.unwrap();

    assert_eq!(resume(&replica, sick, "too-early").await, Some(stop.clone()));
    assert_eq!(stopped(&replica, sick).await, stop);
    let now = replica.processing(sick).await;
    assert_eq!((now.applied, now.head), (at(Log::Contract, 2), at(Log::Recognition, 2).pop()));
    assert!(replica.processing(well).await.stop.is_none());

    let entries = stack.contract_entries(sick).await;
    let mended =
        [contract_drafted(contract(2)), invoice_issued(contract(1), "2026-01-01", "100.00")];
    rewrite(&stack, sick, &entries[1], &mended).await;
    assert_eq!(resume(&replica, sick, "mended").await, Some(stop));
    replica.try_plan(sick, contract(1), at(Log::Contract, 4)).await.unwrap();
    let now = replica.processing(sick).await;
    assert!(now.stop.is_none());
    assert_eq!(now.applied, at(Log::Contract, 4));
    assert_eq!(resume(&replica, sick, "again").await, None, "nothing to lift");
    stack.verify(&replica, sick).await;
    stack.verify(&replica, well).await;
}

// Shows that what the engine refuses is told with contract and cause: an invoice of a contract that
// nobody signed, a second signature, a payload that is none.
#[tokio::test]
async fn the_detail_names_the_cause() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let mut broken = invoice_issued(contract(1), "2026-01-01", "1.00");
    broken.payload = vec![0xff; 5];
    let signed_twice =
        crate::owner::contract_signed(contract(1), &["1.00"], "2026-01-01", "2026-12-31");
    let euros = {
        let mut event = invoice_issued(contract(1), "2026-01-01", "1.00");
        let mut issued = InvoiceIssued::decode(event.payload.as_slice()).unwrap();
        let invoice = issued.invoice.as_mut().unwrap();
        let amounts = invoice.lines.iter_mut().map(|line| &mut line.amount);
        for amount in amounts.chain([&mut invoice.amount]).flatten() {
            amount.currency_code = "EUR".to_owned();
        }
        event.payload = issued.encode_to_vec();
        event
    };
    let cases = [
        (invoice_issued(contract(7), "2026-01-01", "1.00"), "is not signed"),
        (signed_twice, "is signed already"),
        (broken, "the payload is not a backlog.contract.v1.InvoiceIssued"),
        (euros, "is in USD, an amount of its fact in EUR"),
    ];
    for (n, (event, detail)) in (1..).zip(cases) {
        let tenant = tenant(n);
        stack.owner.create_tenant(tenant, even_months()).await;
        stack.owner.sign(tenant, contract(1), &["1200.00"], "2026-12-31").await;
        stack.owner.write(tenant, event).await;
        replica.try_plan(tenant, contract(1), at(Log::Contract, 2)).await.unwrap();
        let stop = stopped(&replica, tenant).await;
        assert_eq!(stop.seq, 3);
        assert!(stop.detail.contains(detail), "{}", stop.detail);
        assert_eq!(stack.recognition_entries(&replica, tenant).await.len(), 2);
    }
}
