//! Amendments, terminations, credit notes and payments.

use backlog_proto::contract::v1 as contract;
use backlog_tests::story::{date, usd};

use super::{Subject, encoded, promise, promises, year};

pub(crate) fn amend_contract(subject: &Subject) -> Vec<Vec<u8>> {
    let amend = |changes, added, etag: &str| contract::AmendContractRequest {
        request_id: subject.request_id.clone(),
        contract_id: subject.contract.clone(),
        amendment: Some(contract::Amendment {
            effective_on: Some(date(2026, 2, 1)),
            changes,
            added,
            treatment: contract::ChangeTreatment::Prospective.into(),
            clauses: Some(contract::TerminationClauses { clauses: vec![promises::clause()] }),
        }),
        etag: etag.to_owned(),
        validate_only: subject.dry,
        proposed: !etag.is_empty(),
    };
    let change = contract::ObligationChange {
        key: "subscription".to_owned(),
        price: Some(usd("1300.00")),
        term: year(),
        ssp: Some(usd("1400.00")),
        distinct: Some(true),
        ..Default::default()
    };
    let quantity = contract::ObligationChange {
        key: "subscription".to_owned(),
        quantity: "12".to_owned(),
        unit_price: "100.5".to_owned(),
        minimum: Some(usd("10.00")),
        cap: Some(usd("20.00")),
        ..Default::default()
    };
    let added = contract::ObligationTerms { price: Some(usd("600.00")), ..promise("training") };
    encoded(&[
        amend(vec![change], vec![added], ""),
        amend(vec![quantity], promises::deliveries(), "v2"),
        amend(Vec::new(), promises::measures(), "v2"),
    ])
}

pub(crate) fn terminate_contract(subject: &Subject) -> Vec<Vec<u8>> {
    let end = contract::TerminateContractRequest {
        request_id: subject.request_id.clone(),
        contract_id: subject.contract.clone(),
        termination: Some(contract::Termination {
            effective_on: Some(date(2026, 3, 1)),
            refund: Some(contract::termination::Refund::RefundAmount(usd("10.00"))),
            penalty: Some(usd("5.00")),
            forfeit_earned: false,
            wind_down_to: Some(date(2026, 3, 31)),
            reason: "moved away".to_owned(),
        }),
        etag: String::new(),
        validate_only: subject.dry,
    };
    let guarded = contract::TerminateContractRequest { etag: "v2".to_owned(), ..end.clone() };
    encoded(&[end, guarded])
}

pub(crate) fn issue_credit_note(subject: &Subject) -> Vec<Vec<u8>> {
    let spread = contract::IssueCreditNoteRequest {
        request_id: subject.request_id.clone(),
        contract_id: subject.contract.clone(),
        number: "number".to_owned(),
        issued_on: Some(date(2026, 2, 1)),
        amount: Some(usd("10.00")),
        tax: Some(usd("1.90")),
        concession: contract::Concession::Whole.into(),
        validate_only: subject.dry,
        ..Default::default()
    };
    let line = contract::InvoiceLine {
        obligation_id: subject.obligation.clone(),
        amount: Some(usd("10.00")),
    };
    encoded(&[
        spread.clone(),
        contract::IssueCreditNoteRequest { amount: None, lines: vec![line], ..spread },
    ])
}

pub(crate) fn record_payment(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::RecordPaymentRequest {
        request_id: subject.request_id.clone(),
        contract_id: subject.contract.clone(),
        paid_on: Some(date(2026, 2, 1)),
        amount: Some(usd("50.00")),
        reference: "reference".to_owned(),
        validate_only: subject.dry,
    }])
}
