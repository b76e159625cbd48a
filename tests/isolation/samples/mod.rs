//! Valid requests about a subject: the first is the one that the matrix sends, and all of an RPC
//! together set every field that its request has.

use backlog_proto::common::v1::DateRange;
use backlog_proto::contract::v1 as contract;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::contract::v1::sign_contract_request::Subject as Signed;
use backlog_tests::story::{date, usd};
use prost::Message;

mod changes;
mod combinations;
mod journal;
mod periods;
mod policies;
mod progress;
pub(crate) mod promises;
mod reads;
mod what_ifs;

pub(crate) use changes::*;
pub(crate) use combinations::*;
pub(crate) use journal::*;
pub(crate) use periods::*;
pub(crate) use policies::*;
pub(crate) use progress::*;
pub(crate) use reads::*;
pub(crate) use what_ifs::*;

/// Whose ids a request names.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) account: String,
    pub(crate) tenant: String,
    /// A contract that is not signed.
    pub(crate) draft: String,
    /// Of the draft.
    pub(crate) etag: String,
    /// A contract that was drafted, signed, and invoiced twice.
    pub(crate) contract: String,
    /// A contract of the same customer, signed on the same day.
    pub(crate) partner: String,
    /// What was signed and is no contract yet.
    pub(crate) unlikely: String,
    pub(crate) obligation: String,
    /// An obligation of the contract that is earned by percent complete.
    pub(crate) measured: String,
    /// An adjustment that waits for a second person.
    pub(crate) adjustment: String,
    pub(crate) customer: String,
    /// An export of the journal that holds the contract.
    pub(crate) batch: String,
    /// A run under another policy, named after the customer.
    pub(crate) what_if: String,
    /// Must differ from call to call.
    pub(crate) request_id: String,
    /// Whether to check only, where that can be asked for.
    pub(crate) dry: bool,
    /// Items of a page.
    pub(crate) page_size: i32,
}

impl Subject {
    /// Ids in the right form that nobody has.
    pub(crate) fn unknown() -> Self {
        let id = |prefix: &str| format!("{prefix}_0123456789abcdef0123456789abcdef");
        Self {
            account: id("acc"),
            tenant: id("ten"),
            draft: id("ctr"),
            etag: "v1".to_owned(),
            contract: id("ctr"),
            partner: "ctr_1123456789abcdef0123456789abcdef".to_owned(),
            unlikely: id("ctr"),
            obligation: id("obl"),
            measured: id("obl"),
            adjustment: id("adj"),
            customer: "nobody".to_owned(),
            batch: id("jrn"),
            what_if: id("wif"),
            request_id: String::new(),
            dry: false,
            page_size: 100,
        }
    }

    /// The same for another call.
    pub(crate) fn call(&self, request_id: String) -> Self {
        Self { request_id, ..self.clone() }
    }

    /// The same, to be checked only.
    pub(crate) fn dry(&self) -> Self {
        Self { dry: true, ..self.clone() }
    }

    /// Everything that tells whose it is.
    pub(crate) fn words(&self) -> Vec<String> {
        let words = [&self.account, &self.tenant, &self.draft, &self.contract, &self.obligation];
        words
            .into_iter()
            .chain([&self.unlikely, &self.measured, &self.adjustment, &self.customer, &self.batch])
            .chain([&self.what_if, &self.partner])
            .cloned()
            .collect()
    }
}

fn encoded(messages: &[impl Message]) -> Vec<Vec<u8>> {
    messages.iter().map(Message::encode_to_vec).collect()
}

fn year() -> Option<DateRange> {
    Some(DateRange { from: Some(date(2026, 1, 1)), to: Some(date(2026, 12, 31)) })
}

fn promise(key: &str) -> contract::ObligationTerms {
    contract::ObligationTerms {
        key: key.to_owned(),
        ssp: Some(usd("1300.00")),
        term: year(),
        method: Some(Method::StraightLine(contract::StraightLine {
            convention: contract::Convention::EvenMonths.into(),
        })),
        product_line: "analytics".to_owned(),
        ..contract::ObligationTerms::default()
    }
}

/// Terms where each of three promises states its price, the last earned by percent complete, with a
/// bonus that counts for nothing yet.
pub(crate) fn terms(customer: &str) -> contract::ContractTerms {
    let priced = |key| contract::ObligationTerms { price: Some(usd("1200.00")), ..promise(key) };
    contract::ContractTerms {
        number: format!("number of {customer}"),
        customer: customer.to_owned(),
        term: year(),
        currency_code: "USD".to_owned(),
        obligations: vec![
            priced("subscription"),
            priced("support"),
            contract::ObligationTerms {
                method: Some(Method::PercentComplete(contract::PercentComplete {})),
                ..priced("study")
            },
        ],
        variables: vec![contract::VariableConsideration {
            id: "bonus".to_owned(),
            estimate: Some(usd("10.00")),
            included: Some(usd("0.00")),
            kind: contract::VariableKind::MostLikely.into(),
            applies_to: vec!["subscription".to_owned()],
            period: None,
        }],
        dimensions: [("region".to_owned(), format!("region of {customer}"))].into(),
        ..contract::ContractTerms::default()
    }
}

/// Terms where the contract states one price, and the bonus is one of a quarter.
fn priced_whole(customer: &str) -> contract::ContractTerms {
    let mut bonus = terms(customer).variables;
    for variable in &mut bonus {
        let (from, to) = (date(2026, 4, 1), date(2026, 6, 30));
        variable.period = Some(DateRange { from: Some(from), to: Some(to) });
    }
    contract::ContractTerms {
        variables: bonus,
        price: Some(usd("2400.00")),
        obligations: vec![promise("subscription"), promise("support")],
        ..terms(customer)
    }
}

pub(crate) fn create_account(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::CreateAccountRequest {
        request_id: subject.request_id.clone(),
        display_name: "Sample".to_owned(),
    }])
}

pub(crate) fn list_accounts(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::ListAccountsRequest { page_size: subject.page_size, ..Default::default() }])
}

pub(crate) fn create_tenant(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::CreateTenantRequest {
        request_id: subject.request_id.clone(),
        external_id: subject.request_id.clone(),
        display_name: "Sample".to_owned(),
        functional_currency_code: "USD".to_owned(),
        policy: Some(contract::MeasurementPolicy {
            convention: contract::Convention::ActualDays.into(),
            rounding: contract::Rounding::Cumulative.into(),
            receivable_on: contract::ReceivableOn::Issue.into(),
            calendar: "months/april".to_owned(),
            adjustments_need_approval: true,
        }),
        account_id: subject.account.clone(),
    }])
}

pub(crate) fn list_tenants(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::ListTenantsRequest { page_size: subject.page_size, ..Default::default() }])
}

pub(crate) fn set_tenant_suspended(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::SetTenantSuspendedRequest {
        request_id: subject.request_id.clone(),
        tenant_id: subject.tenant.clone(),
        suspended: false,
    }])
}

pub(crate) fn get_platform_health(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::GetPlatformHealthRequest {
        page_size: subject.page_size,
        ..Default::default()
    }])
}

pub(crate) fn create_contract(subject: &Subject) -> Vec<Vec<u8>> {
    let create = |terms| contract::CreateContractRequest {
        request_id: subject.request_id.clone(),
        terms: Some(terms),
        validate_only: subject.dry,
        entered_on: Some(date(2026, 1, 1)),
    };
    let [deliveries, measures] = promises::varied();
    let all = [terms("sample"), priced_whole("sample"), deliveries, measures];
    encoded(&all.map(create))
}

pub(crate) fn get_contract(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::GetContractRequest { contract_id: subject.contract.clone() }])
}

pub(crate) fn list_contracts(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::ListContractsRequest {
        page_size: subject.page_size,
        state: contract::ContractState::Signed.into(),
        customer: subject.customer.clone(),
        ..Default::default()
    }])
}

pub(crate) fn sign_contract(subject: &Subject) -> Vec<Vec<u8>> {
    let sign = |what, etag: &str| contract::SignContractRequest {
        request_id: subject.request_id.clone(),
        subject: Some(what),
        signed_on: Some(date(2026, 1, 1)),
        etag: etag.to_owned(),
        validate_only: subject.dry,
    };
    let [deliveries, measures] = promises::varied();
    let all = [terms("sample"), priced_whole("sample"), deliveries, measures];
    let terms = all.map(|terms| sign(Signed::Terms(terms), ""));
    let draft = sign(Signed::ContractId(subject.draft.clone()), &subject.etag);
    encoded(&[[draft].as_slice(), &terms].concat())
}

pub(crate) fn issue_invoice(subject: &Subject) -> Vec<Vec<u8>> {
    let spread = contract::IssueInvoiceRequest {
        request_id: subject.request_id.clone(),
        contract_id: subject.contract.clone(),
        number: "number".to_owned(),
        issued_on: Some(date(2026, 2, 1)),
        due_on: Some(date(2026, 3, 1)),
        amount: Some(usd("100.00")),
        tax: Some(usd("19.00")),
        validate_only: subject.dry,
        ..Default::default()
    };
    let line = contract::InvoiceLine {
        obligation_id: subject.obligation.clone(),
        amount: Some(usd("100.00")),
    };
    encoded(&[
        spread.clone(),
        contract::IssueInvoiceRequest { amount: None, lines: vec![line], ..spread },
    ])
}

pub(crate) fn list_invoices(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[contract::ListInvoicesRequest {
        page_size: subject.page_size,
        contract_id: subject.contract.clone(),
        ..Default::default()
    }])
}
