//! Ids, texts and places of somebody else, where one's own may stand.

use backlog_proto::contract::v1 as contract;
use backlog_proto::log::v1::ReadRequest;
use backlog_proto::reporting::v1 as reporting;
use backlog_tests::story::{date, usd};
use prost::Message;
use tonic::Code;

use super::meaning::{call, create};
use crate::answer::{Refusal, assert_names};
use crate::samples;
use crate::table::table;
use crate::world::World;

// Shows that an obligation of another tenant, or of another contract, in a line of an own invoice is
// refused exactly like one that nobody has.
#[tokio::test]
async fn obligations_of_others_are_unknown() {
    let world = World::start().await;
    let other = world.stack.tenant(world.vendor, "other").await;
    world.stack.settle().await;
    let (foreign, _) = crate::world::fill(&world.stack, world.vendor, other, "Other Corp").await;
    let before = world.written().await;
    let unknown = samples::Subject::unknown();
    let mut forms = Vec::new();
    for obligation in [&foreign.obligation, &unknown.obligation] {
        let request = contract::IssueInvoiceRequest {
            request_id: "foreign".to_owned(),
            contract_id: world.subject.contract.clone(),
            issued_on: Some(date(2026, 2, 1)),
            lines: vec![contract::InvoiceLine {
                obligation_id: obligation.clone(),
                amount: Some(usd("1.00")),
            }],
            ..Default::default()
        };
        let answer = call(&world, "IssueInvoice", &request).await;
        forms
            .push(Refusal::expect("an invoice", &answer).without(std::slice::from_ref(obligation)));
    }
    assert_eq!(forms[0].code, Code::InvalidArgument, "{forms:?}");
    assert!(forms[0].names("lines[0].obligation_id"), "{forms:?}");
    assert_eq!(forms[0], forms[1]);
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

// Shows that what has a meaning to SQL, to NATS, to JSON or to a terminal is only text where text may
// stand: it is kept to the letter, found by the letter, and reported by the letter.
#[tokio::test]
async fn odd_texts_are_only_texts() {
    let world = World::start().await;
    for text in [
        "'; drop table contract; --",
        "$1 $2 %s {} \\x00 \\",
        "backlog.v1.> * .",
        "{\"a\":[\"b\"]}",
        "a,b}{\"",
        "Ünïcödé 漢字 🦀 \u{202e}",
        "null",
    ] {
        let answer = create(&world, |terms| {
            terms.customer = text.to_owned();
            terms.number = text.to_owned();
            terms.obligations[0].product_line = text.to_owned();
            terms.dimensions.insert("region".to_owned(), text.to_owned());
        });
        let messages = answer.await.unwrap_or_else(|status| panic!("{text}: {status:?}"));
        let draft = contract::CreateContractResponse::decode(messages[0].clone()).unwrap();
        let made = draft.contract.unwrap();
        let list =
            contract::ListContractsRequest { customer: text.to_owned(), ..Default::default() };
        let messages = call(&world, "ListContracts", &list).await.unwrap();
        let found = contract::ListContractsResponse::decode(messages[0].clone()).unwrap();
        assert_eq!(found.contracts, std::slice::from_ref(&made), "{text}");
        let sign = contract::SignContractRequest {
            request_id: world.about(&world.subject).request_id,
            subject: Some(contract::sign_contract_request::Subject::ContractId(made.contract_id)),
            signed_on: Some(date(2026, 1, 1)),
            ..Default::default()
        };
        call(&world, "SignContract", &sign).await.unwrap();
        world.stack.settle().await;
        let report = reporting::GetBacklogRequest {
            as_of: Some(date(2026, 1, 31)),
            filter: Some(reporting::ReportFilter {
                dimensions: [("region".to_owned(), text.to_owned())].into(),
                ..Default::default()
            }),
            group_by: ["customer", "product_line", "region"].map(str::to_owned).to_vec(),
            ..Default::default()
        };
        let messages = call(&world, "GetBacklog", &report).await.unwrap();
        let report = reporting::GetBacklogResponse::decode(messages[0].clone()).unwrap();
        let groups: Vec<_> = report.rows.into_iter().map(|row| row.group).collect();
        assert!(groups.contains(&vec![text.to_owned(); 3]), "{text}: {groups:?}");
    }
    world.assert_calm();
}

// Shows that a log is read from a place that its reader knows: another hash is LOG_DIVERGED, be it
// wrong or beyond the end, and a hash of another length is refused by field.
#[tokio::test]
async fn logs_are_read_from_known_places() {
    let world = World::start().await;
    for at in table().into_iter().filter(|row| row.rpc.ends_with("EventLogService/Read")) {
        for (after_seq, after_hash) in
            [(1, vec![7; 32]), (u64::MAX, vec![7; 32]), (1_000, vec![0; 32])]
        {
            let request = ReadRequest { after_seq, after_hash, limit: 1, only_seqs: Vec::new() };
            let answer = world.call(&at, &world.allowed(&at), &request.encode_to_vec()).await;
            let refusal = Refusal::expect(&at.name(), &answer);
            assert_eq!(refusal.code, Code::FailedPrecondition, "{after_seq}: {refusal:?}");
            assert_eq!(refusal.reason, "LOG_DIVERGED", "{after_seq}");
        }
        let request =
            ReadRequest { after_seq: 0, after_hash: vec![1; 32], limit: 1, only_seqs: Vec::new() };
        let answer = world.call(&at, &world.allowed(&at), &request.encode_to_vec()).await;
        assert_names(&at.name(), "after_hash", &answer);
    }
    world.assert_calm();
}
