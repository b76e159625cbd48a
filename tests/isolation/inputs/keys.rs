//! Idempotency keys that are none, and keys that were used.

use std::collections::BTreeSet;

use backlog_proto::common::v1::Money;
use backlog_proto::contract::v1 as contract;
use backlog_proto::contract::v1::sign_contract_request::Subject as Signed;
use backlog_proto::recognition::v1::{self as recognition, RunRecognitionRequest};
use backlog_tests::story::date;
use bytes::Bytes;
use prost::Message;
use prost_reflect::Value;
use tonic::Code;

use super::{samples, send};
use crate::answer::{Refusal, assert_names};
use crate::leaves::{leaves, replaced};
use crate::samples::Subject;
use crate::table::{Row, table};
use crate::world::World;

/// What is no idempotency key: nothing, too much, and what is not visible ASCII.
fn malformed() -> Vec<String> {
    let long = "k".repeat(101);
    let huge = "k".repeat(10 * 1024);
    ["", " ", "a b", "a\tb", "a\nb", "a\0b", "a\u{7f}", "schlüssel", "１", &long, &huge]
        .map(str::to_owned)
        .to_vec()
}

/// The rows whose requests carry a key.
fn writes() -> Vec<Row> {
    let subject = Subject::unknown().call("key".to_owned());
    let carries = |row: &Row| {
        let request = crate::leaves::request(row.rpc, &row.request(&subject));
        request.get_field_by_name("request_id").is_some()
    };
    table().into_iter().filter(carries).collect()
}

// Shows that every call that writes asks for a key of 1 to 100 visible ASCII characters, and refuses
// any other, and none, with the field's name; nothing is written.
#[tokio::test]
async fn malformed_keys_are_refused() {
    let world = World::start().await;
    let before = world.written().await;
    let rows = writes();
    assert!(rows.len() >= 10, "calls that write are found");
    for row in rows {
        for sample in samples(&world, &row) {
            let leaf = leaves(&sample).into_iter().find(|leaf| leaf.path == "request_id").unwrap();
            for key in malformed() {
                let what = format!("{} with the key {:.20?}", row.name(), key);
                let request = replaced(&sample, &leaf, Value::String(key));
                assert_names(&what, "request_id", &send(&world, &row, &request).await);
            }
        }
    }
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

/// A request of each call that remembers its keys, and one with other content.
fn pairs(world: &World, key: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let subject = world.subject.call(key.to_owned());
    let bytes = |samples: Vec<Vec<u8>>| samples.into_iter().next().expect("a sample");
    let create = contract::CreateContractRequest::decode(
        bytes(crate::samples::create_contract(&subject)).as_slice(),
    )
    .expect("a request");
    let mut create_other = create.clone();
    create_other.terms.as_mut().expect("terms").number = "another".to_owned();
    let sign = contract::SignContractRequest {
        request_id: key.to_owned(),
        subject: create.terms.clone().map(Signed::Terms),
        signed_on: Some(date(2026, 1, 1)),
        ..Default::default()
    };
    let sign_other =
        contract::SignContractRequest { signed_on: Some(date(2026, 1, 2)), ..sign.clone() };
    let invoice = contract::IssueInvoiceRequest::decode(
        bytes(crate::samples::issue_invoice(&subject)).as_slice(),
    )
    .expect("a request");
    let amount = Some(Money { currency_code: "USD".to_owned(), amount: "100.01".to_owned() });
    let invoice_other = contract::IssueInvoiceRequest { amount, ..invoice.clone() };
    let run = RunRecognitionRequest {
        request_id: key.to_owned(),
        through: Some(date(2026, 2, 28)),
        ..Default::default()
    };
    let run_other = RunRecognitionRequest { through: Some(date(2026, 3, 31)), ..run.clone() };
    let suspend = contract::SetTenantSuspendedRequest {
        request_id: key.to_owned(),
        tenant_id: subject.tenant.clone(),
        suspended: false,
    };
    let suspend_other = contract::SetTenantSuspendedRequest { suspended: true, ..suspend.clone() };
    let account = contract::CreateAccountRequest {
        request_id: key.to_owned(),
        display_name: "one".to_owned(),
    };
    let account_other =
        contract::CreateAccountRequest { display_name: "two".to_owned(), ..account.clone() };
    vec![
        (create.encode_to_vec(), create_other.encode_to_vec()),
        (sign.encode_to_vec(), sign_other.encode_to_vec()),
        (invoice.encode_to_vec(), invoice_other.encode_to_vec()),
        (run.encode_to_vec(), run_other.encode_to_vec()),
        (suspend.encode_to_vec(), suspend_other.encode_to_vec()),
        (account.encode_to_vec(), account_other.encode_to_vec()),
    ]
    .into_iter()
    .chain(own_facts(&subject))
    .chain(journal(&subject))
    .chain(changes(&subject))
    .chain(decisions(&subject))
    .collect()
}

/// The same of the facts that recognition keeps.
fn own_facts(subject: &Subject) -> [(Vec<u8>, Vec<u8>); 6] {
    use crate::samples::{
        adjust_revenue, change_estimate, combine_contracts, hold_revenue, reassess_contract,
        report_progress,
    };
    let first = |samples: Vec<Vec<u8>>| samples.into_iter().next().expect("a sample");
    let progress = first(report_progress(subject));
    let mut progress_other =
        recognition::ReportProgressRequest::decode(progress.as_slice()).expect("a request");
    progress_other.progress.as_mut().expect("progress").evidence = "another".to_owned();
    let estimate = first(change_estimate(subject));
    let mut estimate_other =
        recognition::ChangeEstimateRequest::decode(estimate.as_slice()).expect("a request");
    estimate_other.change.as_mut().expect("a change").on = Some(date(2026, 2, 2));
    let adjustment = first(adjust_revenue(subject));
    let mut adjustment_other =
        recognition::AdjustRevenueRequest::decode(adjustment.as_slice()).expect("a request");
    adjustment_other.adjustment.as_mut().expect("an adjustment").reason = "another".to_owned();
    let hold = first(hold_revenue(subject));
    let mut hold_other =
        recognition::HoldRevenueRequest::decode(hold.as_slice()).expect("a request");
    hold_other.hold.as_mut().expect("a hold").reason = "another".to_owned();
    let assessment = first(reassess_contract(subject));
    let mut assessment_other =
        recognition::ReassessContractRequest::decode(assessment.as_slice()).expect("a request");
    assessment_other.assessment.as_mut().expect("an assessment").reason = "another".to_owned();
    let combination = first(combine_contracts(subject));
    let mut combination_other =
        recognition::CombineContractsRequest::decode(combination.as_slice()).expect("a request");
    combination_other.combination.as_mut().expect("a combination").reason = "another".to_owned();
    [
        (progress, progress_other.encode_to_vec()),
        (estimate, estimate_other.encode_to_vec()),
        (adjustment, adjustment_other.encode_to_vec()),
        (hold, hold_other.encode_to_vec()),
        (assessment, assessment_other.encode_to_vec()),
        (combination, combination_other.encode_to_vec()),
    ]
}

/// The same of facts about the journal.
fn journal(subject: &Subject) -> [(Vec<u8>, Vec<u8>); 3] {
    use crate::samples::{export_journal, set_account_mapping, set_exchange_rate};
    let first = |samples: Vec<Vec<u8>>| samples.into_iter().next().expect("a sample");
    let mapping = first(set_account_mapping(subject));
    let mut mapping_other =
        recognition::SetAccountMappingRequest::decode(mapping.as_slice()).expect("a request");
    mapping_other.mapping.as_mut().expect("a mapping").accounts.clear();
    let rate = first(set_exchange_rate(subject));
    let mut rate_other =
        recognition::SetExchangeRateRequest::decode(rate.as_slice()).expect("a request");
    rate_other.rate.as_mut().expect("a rate").rate = "1.09".to_owned();
    let export = first(export_journal(subject));
    let mut export_other =
        recognition::ExportJournalRequest::decode(export.as_slice()).expect("a request");
    export_other.period = "2026-02".to_owned();
    [
        (mapping, mapping_other.encode_to_vec()),
        (rate, rate_other.encode_to_vec()),
        (export, export_other.encode_to_vec()),
    ]
}

/// The same of calls that change a contract, the one that ends it last.
fn changes(subject: &Subject) -> [(Vec<u8>, Vec<u8>); 4] {
    use crate::samples::{amend_contract, issue_credit_note, record_payment, terminate_contract};
    let first = |samples: Vec<Vec<u8>>| samples.into_iter().next().expect("a sample");
    let credit = first(issue_credit_note(subject));
    let mut credit_other =
        contract::IssueCreditNoteRequest::decode(credit.as_slice()).expect("a request");
    credit_other.concession = 0;
    let payment = first(record_payment(subject));
    let mut payment_other =
        contract::RecordPaymentRequest::decode(payment.as_slice()).expect("a request");
    payment_other.reference = "another".to_owned();
    let amend = first(amend_contract(subject));
    let mut amend_other =
        contract::AmendContractRequest::decode(amend.as_slice()).expect("a request");
    amend_other.amendment.as_mut().expect("an amendment").added.clear();
    let end = first(terminate_contract(subject));
    let mut end_other =
        contract::TerminateContractRequest::decode(end.as_slice()).expect("a request");
    end_other.termination.as_mut().expect("a termination").penalty = None;
    [
        (credit, credit_other.encode_to_vec()),
        (payment, payment_other.encode_to_vec()),
        (amend, amend_other.encode_to_vec()),
        (end, end_other.encode_to_vec()),
    ]
}

/// The same of what people decide.
fn decisions(subject: &Subject) -> [(Vec<u8>, Vec<u8>); 4] {
    use crate::samples::{reject_adjustment, reopen_period, set_policy, start_what_if};
    let first = |samples: Vec<Vec<u8>>| samples.into_iter().next().expect("a sample");
    let reject = first(reject_adjustment(subject));
    let mut reject_other =
        recognition::RejectAdjustmentRequest::decode(reject.as_slice()).expect("a request");
    reject_other.reason = "another".to_owned();
    let reopen = first(reopen_period(subject));
    let mut reopen_other =
        recognition::ReopenPeriodRequest::decode(reopen.as_slice()).expect("a request");
    reopen_other.reason = "another".to_owned();
    let policy = first(set_policy(subject));
    let mut policy_other =
        recognition::SetPolicyRequest::decode(policy.as_slice()).expect("a request");
    policy_other.reason = "another".to_owned();
    let what_if = first(start_what_if(subject));
    let mut what_if_other =
        recognition::StartWhatIfRequest::decode(what_if.as_slice()).expect("a request");
    what_if_other.label = "another".to_owned();
    [
        (reject, reject_other.encode_to_vec()),
        (reopen, reopen_other.encode_to_vec()),
        (policy, policy_other.encode_to_vec()),
        (what_if, what_if_other.encode_to_vec()),
    ]
}

const REMEMBER: [&str; 23] = [
    "ContractService/CreateContract",
    "ContractService/SignContract",
    "InvoiceService/IssueInvoice",
    "RecognitionService/RunRecognition",
    "PlatformService/SetTenantSuspended",
    "PlatformService/CreateAccount",
    "ProgressService/ReportProgress",
    "ProgressService/ChangeEstimate",
    "ProgressService/AdjustRevenue",
    "ProgressService/HoldRevenue",
    "ProgressService/ReassessContract",
    "CombinationService/CombineContracts",
    "JournalService/SetAccountMapping",
    "JournalService/SetExchangeRate",
    "JournalService/ExportJournal",
    "InvoiceService/IssueCreditNote",
    "InvoiceService/RecordPayment",
    "ContractService/AmendContract",
    "ContractService/TerminateContract",
    "ProgressService/RejectAdjustment",
    "PeriodService/ReopenPeriod",
    "PolicyService/SetPolicy",
    "WhatIfService/StartWhatIf",
];

// Shows that a key stands for one command: the same again answers the same bytes and writes nothing,
// the same key with other content is REQUEST_ID_REUSED and writes nothing, and the key of one tenant
// is free for another.
#[tokio::test]
async fn keys_stand_for_one_command() {
    let world = World::start().await;
    let rows = table();
    let mut answered: BTreeSet<Bytes> = BTreeSet::new();
    for (place, method) in REMEMBER.iter().enumerate() {
        let row = rows.iter().find(|row| row.rpc.ends_with(method)).unwrap();
        // Each of its own log, or one key would stand for two calls.
        let (first, other) = pairs(&world, &format!("key-{place}")).swap_remove(place);
        let caller = world.allowed(row);
        let answer = world.call(row, &caller, &first).await;
        let answer = answer.unwrap_or_else(|status| panic!("{method}: {status:?}"));
        let before = world.written().await;
        let again = world.call(row, &caller, &first).await.unwrap();
        assert_eq!(again, answer, "{method} answers the same again");
        let refusal = Refusal::expect(method, &world.call(row, &caller, &other).await);
        assert_eq!(refusal.code, Code::AlreadyExists, "{method}: {refusal:?}");
        assert_eq!(refusal.reason, "REQUEST_ID_REUSED", "{method}");
        assert_eq!(world.written().await, before, "{method} writes once");
        answered.extend(answer);
        if place < 2 {
            let neighbor = world.outsiders(row).remove(0);
            let theirs = world.call(row, &neighbor, &first).await.unwrap();
            assert!(theirs.iter().all(|answer| !answered.contains(answer)), "{method}");
        }
    }
    world.assert_calm();
}
