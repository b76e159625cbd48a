//! `backlog contract`: drafts, signatures, changes, and what is stored.

mod change;
mod preview;
mod show;

use std::path::PathBuf;

use backlog_ids::ContractId;
use backlog_money::{Currency, Money};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_recognition_engine::Convention;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

use crate::arguments::{self, Pair};
use crate::client::{date, day, from_status, money};
use crate::failure::{Exit, Failure};
use crate::scenario::{Method, Obligation, Terms};
use crate::session::Session;
use crate::table;

use super::known::written;
use super::terms_file::{self, FileTerms};
use show::{describe, json, state_name, term_text, total};

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
    /// Changes a signed contract, as the parties approved it.
    Amend(change::Amend),
    /// Ends a signed contract: what the customer owes after all stays, the rest leaves backlog.
    Terminate(change::Terminate),
    /// Shows what a signature or a change would do under each treatment; nothing is written.
    Preview(preview::Preview),
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
    /// Ended.
    Terminated,
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
            quantity: None,
            unit_price: None,
            ssp: None,
            ssp_range: None,
            residual: false,
            term: None,
            method: Method::StraightLine { convention: self.convention },
            product_line: self.product_line,
            renewal: None,
        };
        let terms = Terms {
            contract: String::new(),
            customer,
            term: (from, to),
            dimensions: self.dimension.into_iter().map(|pair| (pair.name, pair.value)).collect(),
            price: None,
            obligations: vec![promise],
            variables: Vec::new(),
            discount: None,
            clauses: Vec::new(),
            financing: None,
            unmet: None,
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
                self::answer(session, answer.contract.as_ref(), answer.position.as_ref())
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
                self::answer(session, answer.contract.as_ref(), answer.position.as_ref())
            }
            Self::Preview(preview) => preview.run(session).await,
            Self::Amend(amend) => amend.run(session).await,
            Self::Terminate(terminate) => terminate.run(session).await,
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

/// Answers a write of a contract.
fn answer(
    session: &Session,
    contract: Option<&pb::Contract>,
    position: Option<&backlog_proto::common::v1::LogPosition>,
) -> Result<Exit, Failure> {
    let contract = contract.cloned().unwrap_or_default();
    written(session, position, &describe(&contract), json(&contract))
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
        Some(State::Terminated) => pb::ContractState::Terminated,
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
