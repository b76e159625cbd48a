//! `backlog contract`: drafts, signatures, and what is stored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use backlog_ids::ContractId;
use backlog_money::{Currency, Money};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_recognition_engine::Convention;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

use crate::arguments::{self, Pair};
use crate::client::{date, day, from_status, money, money_json, position_json, positions_text};
use crate::failure::{Exit, Failure};
use crate::policy::convention_name;
use crate::scenario::{Obligation, Terms};
use crate::session::Session;
use crate::table;

use super::terms_file::{self, FileTerms};

/// Contracts: drafts, and firm commitments.
#[derive(Debug, Subcommand)]
pub(crate) enum Contract {
    /// Enters a draft. A draft is never in backlog.
    Create {
        #[command(flatten)]
        terms: TermsArgs,
        /// Day on which it is entered; today when absent.
        #[arg(long, value_parser = arguments::day)]
        entered_on: Option<NaiveDate>,
        #[command(flatten)]
        write: Write,
    },
    /// Signs a draft, or terms at once. Backlog starts here.
    Sign {
        /// The draft, as ctr_...; absent: the terms given.
        #[arg(conflicts_with_all = ["file", "customer"])]
        contract: Option<ContractId>,
        #[command(flatten)]
        terms: TermsArgs,
        /// Day of signature; today when absent.
        #[arg(long, value_parser = arguments::day)]
        signed_on: Option<NaiveDate>,
        /// The draft's etag, to guard against changes since it was read.
        #[arg(long, requires = "contract")]
        etag: Option<String>,
        #[command(flatten)]
        write: Write,
    },
    /// Shows one contract.
    Get {
        /// The contract, as ctr_...
        contract: ContractId,
    },
    /// Lists contracts.
    List {
        /// Only contracts in this state.
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only contracts of this customer.
        #[arg(long, default_value = "")]
        customer: String,
        /// Contracts at most.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
}

/// Where a contract stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// Not a commitment yet.
    Draft,
    /// A firm commitment.
    Signed,
}

/// Terms: from a file, or by options for one straight-line promise.
#[derive(Debug, Args)]
pub(crate) struct TermsArgs {
    /// File with the terms, YAML or JSON.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["customer", "from", "to", "price"])]
    file: Option<PathBuf>,
    /// Customer.
    #[arg(long, requires_all = ["from", "to", "price"])]
    customer: Option<String>,
    /// First day of the term.
    #[arg(long, value_parser = arguments::day, requires = "customer")]
    from: Option<NaiveDate>,
    /// Last day of the term, inclusive.
    #[arg(long, value_parser = arguments::day, requires = "customer")]
    to: Option<NaiveDate>,
    /// Price of the one promise, such as 1200.00.
    #[arg(long, requires = "customer")]
    price: Option<String>,
    /// Currency.
    #[arg(long, default_value = "USD", value_parser = arguments::currency)]
    currency: Currency,
    /// Name of the one promise.
    #[arg(long, default_value = "service")]
    key: String,
    /// Straight-line convention; the tenant's policy when absent.
    #[arg(long, value_parser = arguments::convention)]
    convention: Option<Convention>,
    /// Product line to report under.
    #[arg(long, default_value = "")]
    product_line: String,
    /// Reporting dimension; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    dimension: Vec<Pair>,
    /// Your own number for the contract.
    #[arg(long, default_value = "")]
    number: String,
}

/// Options of a write.
#[derive(Debug, Args)]
pub(crate) struct Write {
    /// Idempotency key; a new one when absent.
    #[arg(long)]
    pub(crate) request_id: Option<String>,
    /// Check and answer as if, but write nothing.
    #[arg(long)]
    pub(crate) validate_only: bool,
}

impl TermsArgs {
    fn wire(self) -> Result<pb::ContractTerms, Failure> {
        if let Some(path) = &self.file {
            return Ok(terms_file::read(path)?.wire());
        }
        let (Some(customer), Some(from), Some(to), Some(price)) =
            (self.customer, self.from, self.to, self.price)
        else {
            return Err(Failure::usage("no terms")
                .advise("give --file, or --customer, --from, --to and --price"));
        };
        let price = Money::parse(&price, self.currency)
            .map_err(|error| Failure::usage(format!("--price {price}: {error}")))?;
        let promise = Obligation {
            id: self.key,
            price: Some(price),
            ssp: None,
            term: None,
            convention: self.convention,
            product_line: self.product_line,
        };
        let terms = Terms {
            contract: String::new(),
            customer,
            term: (from, to),
            dimensions: self.dimension.into_iter().map(|pair| (pair.name, pair.value)).collect(),
            price: None,
            obligations: vec![promise],
        };
        Ok(FileTerms { terms, currency: self.currency, number: self.number }.wire())
    }
}

impl Contract {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Create { terms, entered_on, write } => {
                let request = pb::CreateContractRequest {
                    request_id: session.request_id(write.request_id.as_deref()),
                    terms: Some(terms.wire()?),
                    validate_only: write.validate_only,
                    entered_on: date(entered_on.unwrap_or_else(|| session.today())),
                };
                let answer = session.client()?.contracts().create_contract(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                written(session, answer.contract.as_ref(), answer.position.as_ref())
            }
            Self::Sign { contract, terms, signed_on, etag, write } => {
                let subject = match contract {
                    Some(contract) => Subject::ContractId(contract.to_string()),
                    None => Subject::Terms(terms.wire()?),
                };
                let request = pb::SignContractRequest {
                    request_id: session.request_id(write.request_id.as_deref()),
                    subject: Some(subject),
                    signed_on: date(signed_on.unwrap_or_else(|| session.today())),
                    etag: etag.unwrap_or_default(),
                    validate_only: write.validate_only,
                };
                let answer = session.client()?.contracts().sign_contract(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                written(session, answer.contract.as_ref(), answer.position.as_ref())
            }
            Self::Get { contract } => {
                let request = pb::GetContractRequest { contract_id: contract.to_string() };
                let answer = session.client()?.contracts().get_contract(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                let contract = answer.contract.unwrap_or_default();
                session.answer(&describe(&contract), &json(&contract));
                Ok(Exit::Done)
            }
            Self::List { state, customer, limit } => list(session, state, customer, limit).await,
        }
    }
}

/// Answers a write: what it made, and the position to read after.
fn written(
    session: &Session,
    contract: Option<&pb::Contract>,
    position: Option<&backlog_proto::common::v1::LogPosition>,
) -> Result<Exit, Failure> {
    session.book()?.note(position);
    let contract = contract.cloned().unwrap_or_default();
    let mut text = describe(&contract);
    let mut json = json(&contract);
    match position {
        Some(position) => {
            let at = positions_text(std::slice::from_ref(position));
            text = format!("{text}\nwritten at {at}");
            json["position"] = position_json(position);
        }
        None => text = format!("{text}\nvalidated only, nothing written"),
    }
    session.answer(&text, &json);
    Ok(Exit::Done)
}

async fn list(
    session: &Session,
    state: Option<State>,
    customer: String,
    limit: usize,
) -> Result<Exit, Failure> {
    let state = match state {
        None => pb::ContractState::Unspecified,
        Some(State::Draft) => pb::ContractState::Draft,
        Some(State::Signed) => pb::ContractState::Signed,
    };
    let client = session.client()?;
    let mut contracts = Vec::new();
    let mut page_token = String::new();
    while contracts.len() < limit {
        let request = pb::ListContractsRequest {
            page_size: i32::try_from(limit.saturating_sub(contracts.len())).unwrap_or(i32::MAX),
            page_token,
            state: state.into(),
            customer: customer.clone(),
        };
        let answer = client.contracts().list_contracts(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        contracts.extend(answer.contracts);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let rows = contracts.iter().map(|contract| {
        let terms = contract.terms.clone().unwrap_or_default();
        [
            contract.contract_id.clone(),
            state_name(contract.state()).to_owned(),
            terms.customer.clone(),
            term_text(&terms),
            day(contract.signed_on.as_ref()).map(|day| day.to_string()).unwrap_or_default(),
            total(&terms),
            money(contract.billed.as_ref()),
            terms.currency_code,
        ]
    });
    let header = ["contract", "state", "customer", "term", "signed on", "price", "billed", ""];
    let mut text = table::render(&header, rows, &[5, 6]);
    if !page_token.is_empty() {
        text.push_str("there are more: give a higher --limit\n");
    }
    let listed: Vec<_> = contracts.iter().map(json).collect();
    let json = serde_json::json!({ "contracts": listed, "more": !page_token.is_empty() });
    session.answer(&text, &json);
    Ok(Exit::Done)
}

const fn state_name(state: pb::ContractState) -> &'static str {
    match state {
        pb::ContractState::Draft => "draft",
        pb::ContractState::Signed => "signed",
        pb::ContractState::Unspecified => "unknown",
    }
}

fn term_text(terms: &pb::ContractTerms) -> String {
    let end = |date: Option<&_>| day(date).map(|day| day.to_string()).unwrap_or_default();
    let term = terms.term.unwrap_or_default();
    format!("{} to {}", end(term.from.as_ref()), end(term.to.as_ref()))
}

/// The fixed price, the sum over the obligations where they state prices.
fn total(terms: &pb::ContractTerms) -> String {
    if let Some(price) = &terms.price {
        return price.amount.clone();
    }
    let currency = Currency::parse(&terms.currency_code).ok();
    let prices = terms.obligations.iter().filter_map(|obligation| obligation.price.as_ref());
    let prices: Vec<_> = prices.filter_map(|price| Money::try_from(price).ok()).collect();
    let sum = currency.and_then(|currency| Money::checked_sum(currency, prices).ok());
    sum.map(Money::amount_string).unwrap_or_default()
}

fn describe(contract: &pb::Contract) -> String {
    let terms = contract.terms.clone().unwrap_or_default();
    let signed = day(contract.signed_on.as_ref());
    let signed = signed.map(|day| format!(" on {day}")).unwrap_or_default();
    let rows = terms.obligations.iter().zip(&contract.obligation_ids).map(|(promise, id)| {
        [
            promise.key.clone(),
            id.clone(),
            money(promise.price.as_ref()),
            money(promise.ssp.as_ref()),
        ]
    });
    let table = table::render(&["obligation", "id", "price", "SSP"], rows, &[2, 3]);
    format!(
        "{} {}{signed}: {}, {}, {} {}, billed {}\n{table}",
        contract.contract_id,
        state_name(contract.state()),
        terms.customer,
        term_text(&terms),
        total(&terms),
        terms.currency_code,
        money(contract.billed.as_ref()),
    )
}

fn json(contract: &pb::Contract) -> serde_json::Value {
    let terms = contract.terms.clone().unwrap_or_default();
    let text = |date: Option<&_>| day(date).map(|day| day.to_string());
    let span = |range: Option<&backlog_proto::common::v1::DateRange>| {
        range.map(|range| {
            serde_json::json!({
                "from": text(range.from.as_ref()),
                "to": text(range.to.as_ref()),
            })
        })
    };
    let obligations: Vec<_> = terms
        .obligations
        .iter()
        .zip(&contract.obligation_ids)
        .map(|(promise, id)| {
            let convention = match &promise.method {
                Some(pb::obligation_terms::Method::StraightLine(line)) => {
                    convention_name(line.convention())
                }
                None => "",
            };
            serde_json::json!({
                "obligation_id": id,
                "key": promise.key,
                "price": money_json(promise.price.as_ref()),
                "ssp": money_json(promise.ssp.as_ref()),
                "term": span(promise.term.as_ref()),
                "convention": convention,
                "product_line": promise.product_line,
            })
        })
        .collect();
    serde_json::json!({
        "contract_id": contract.contract_id,
        "state": state_name(contract.state()),
        "number": terms.number,
        "customer": terms.customer,
        "term": span(terms.term.as_ref()),
        "currency_code": terms.currency_code,
        "price": money_json(terms.price.as_ref()),
        "dimensions": terms.dimensions.iter().collect::<BTreeMap<_, _>>(),
        "obligations": obligations,
        "signed_on": text(contract.signed_on.as_ref()),
        "etag": contract.etag,
        "billed": money_json(contract.billed.as_ref()),
    })
}
