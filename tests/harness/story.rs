//! Messages that many tests send.

use backlog_proto::common::v1::{DateRange, Log, LogPosition, Money};
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_proto::contract::v1::{
    ContractTerms, Convention, IssueInvoiceRequest, ObligationTerms, SignContractRequest,
    StraightLine,
};
use backlog_proto::google::r#type::Date;

/// A day.
#[must_use]
pub fn date(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

/// An amount in US dollars.
#[must_use]
pub fn usd(amount: &str) -> Money {
    Money { currency_code: "USD".to_owned(), amount: amount.to_owned() }
}

/// One subscription over the year 2026, even months.
#[must_use]
pub fn year_of_service(price: &str) -> ContractTerms {
    ContractTerms {
        customer: "Acme".to_owned(),
        term: Some(DateRange { from: Some(date(2026, 1, 1)), to: Some(date(2026, 12, 31)) }),
        currency_code: "USD".to_owned(),
        obligations: vec![ObligationTerms {
            key: "subscription".to_owned(),
            price: Some(usd(price)),
            method: Some(Method::StraightLine(StraightLine {
                convention: Convention::EvenMonths.into(),
            })),
            ..ObligationTerms::default()
        }],
        ..ContractTerms::default()
    }
}

/// Signs terms on the first day of 2026.
#[must_use]
pub fn sign(request_id: &str, terms: ContractTerms) -> SignContractRequest {
    SignContractRequest {
        request_id: request_id.to_owned(),
        subject: Some(Subject::Terms(terms)),
        signed_on: Some(date(2026, 1, 1)),
        ..SignContractRequest::default()
    }
}

/// Invoices an amount on a day.
#[must_use]
pub fn invoice(
    request_id: &str,
    contract_id: &str,
    amount: &str,
    issued_on: Date,
) -> IssueInvoiceRequest {
    IssueInvoiceRequest {
        request_id: request_id.to_owned(),
        contract_id: contract_id.to_owned(),
        issued_on: Some(issued_on),
        amount: Some(usd(amount)),
        ..IssueInvoiceRequest::default()
    }
}

/// A position of the contract log.
#[must_use]
pub fn contract_position(seq: u64) -> LogPosition {
    LogPosition { log: Log::Contract.into(), seq }
}
