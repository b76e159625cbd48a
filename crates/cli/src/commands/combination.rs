//! `backlog combination`: contracts that are accounted for as one.

use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::CombinationCriterion;
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::contract::Write;
use super::known::written;
use crate::arguments::{self, Positions};
use crate::client::{date, day, from_status};
use crate::combine::criterion;
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table;

/// Contracts that are accounted for as one (ASC 606-10-25-9).
#[derive(Debug, Subcommand)]
pub(crate) enum Combination {
    /// Lists contracts of the same customer that were signed near each other and are not one yet.
    Proposals(Proposals),
    /// Decides that contracts are one: the others join the first.
    Decide(Decide),
}

/// Which proposals.
#[derive(Debug, Args)]
pub(crate) struct Proposals {
    /// Only contracts of this customer.
    #[arg(long, default_value = "")]
    customer: String,
    /// Days from one signature to the next at most, 30 when absent.
    #[arg(long, default_value_t = 0)]
    within_days: i32,
}

/// A decision.
#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The contracts, 2 to 20: the others join the first.
    #[arg(required = true, num_args = 2..)]
    contracts: Vec<String>,
    /// First day on which they are one.
    #[arg(long, value_parser = arguments::day)]
    on: NaiveDate,
    /// Why: single_objective, dependent_consideration or single_obligation.
    #[arg(long, value_parser = arguments::combination_criterion)]
    criterion: CombinationCriterion,
    /// What that rests on.
    #[arg(long)]
    reason: String,
    /// What it must come after besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
    #[command(flatten)]
    write: Write,
}

impl Combination {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Proposals(proposals) => proposals.run(session).await,
            Self::Decide(decide) => decide.run(session).await,
        }
    }
}

impl Decide {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let count = self.contracts.len();
        let request = pb::CombineContractsRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            combination: Some(pb::Combination {
                contract_ids: self.contracts,
                on: date(self.on),
                criterion: criterion(self.criterion).into(),
                reason: self.reason,
            }),
            min_positions: session.min_positions(&self.after.unwrap_or_default().0)?,
            validate_only: self.write.validate_only,
        };
        let answer = session.client()?.combinations().combine_contracts(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let id = answer.accounting_contract_id;
        let text = format!("{count} contracts are one from {} on: {id}", self.on);
        let json = serde_json::json!({"accounting_contract_id": id});
        written(session, answer.position.as_ref(), &text, json)
    }
}

impl Proposals {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let mut client = session.client()?.combinations();
        let mut request = pb::ListCombinationProposalsRequest {
            customer: self.customer,
            within_days: self.within_days,
            page_size: 0,
            page_token: String::new(),
            min_positions: session.min_positions(&[])?,
        };
        let mut proposals = Vec::new();
        loop {
            let answer = client.list_combination_proposals(request.clone()).await;
            let answer = answer.map_err(|status| from_status(&status))?.into_inner();
            proposals.extend(answer.proposals);
            if answer.next_page_token.is_empty() {
                break;
            }
            request.page_token = answer.next_page_token;
        }
        let numbered = (1_usize..).zip(&proposals);
        let rows = numbered.flat_map(|(n, of)| of.contracts.iter().map(move |one| row(n, of, one)));
        let table = table::render(&HEADER, rows, &[]);
        let json: Vec<_> = proposals.iter().map(json).collect();
        session.answer(table.trim_end(), &serde_json::json!({"proposals": json}));
        Ok(Exit::Done)
    }
}

const HEADER: [&str; 6] = ["proposal", "customer", "currency", "signed on", "contract", "joined"];

fn row(n: usize, of: &pb::CombinationProposal, one: &pb::ProposedContract) -> [String; 6] {
    [
        n.to_string(),
        of.customer.clone(),
        of.currency_code.clone(),
        day(one.signed_on.as_ref()).map(|day| day.to_string()).unwrap_or_default(),
        one.contract_id.clone(),
        one.combined_into.clone(),
    ]
}

fn json(of: &pb::CombinationProposal) -> serde_json::Value {
    let contract = |one: &pb::ProposedContract| {
        serde_json::json!({
            "contract_id": one.contract_id,
            "signed_on": day(one.signed_on.as_ref()).map(|day| day.to_string()),
            "combined_into": one.combined_into,
        })
    };
    serde_json::json!({
        "customer": of.customer,
        "currency_code": of.currency_code,
        "contracts": of.contracts.iter().map(contract).collect::<Vec<_>>(),
    })
}
