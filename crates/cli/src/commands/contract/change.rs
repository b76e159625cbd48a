//! `backlog contract amend` and `terminate`.

use std::path::PathBuf;

use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;
use clap::Args;

use super::{Write, answer};
use crate::arguments::{self, Pair};
use crate::client::{date, from_status};
use crate::commands::known::Known;
use crate::commands::terms_file;
use crate::failure::{Exit, Failure};
use crate::scenario::Amendment;
use crate::session::Session;
use crate::terms;

/// A change of a signed contract.
#[derive(Debug, Args)]
pub(crate) struct Amend {
    /// The contract, as ctr_...
    contract: ContractId,
    /// File with the changes, YAML or JSON: `changes` and `treatment` as of a scenario's `amend`.
    #[arg(long, value_name = "FILE", required_unless_present = "price", conflicts_with = "price")]
    file: Option<PathBuf>,
    /// New price of an obligation over its whole life, by its key; may be repeated.
    #[arg(long, value_name = "OBLIGATION=AMOUNT")]
    price: Vec<Pair>,
    /// First day on which it holds; today when absent.
    #[arg(long, value_parser = arguments::day)]
    effective_on: Option<NaiveDate>,
    /// The contract's etag, to guard against changes since it was read.
    #[arg(long, default_value = "")]
    etag: String,
    /// The parties have not approved it yet: keep it in the trail, and change nothing.
    #[arg(long)]
    proposed: bool,
    #[command(flatten)]
    write: Write,
}

/// What becomes of a contract that ends.
#[derive(Debug, Args)]
pub(super) struct Ending {
    /// Given back of what was billed: an amount, or all that was not earned.
    #[arg(long, value_name = "AMOUNT|all")]
    refund: Option<String>,
    /// What the customer owes for ending it.
    #[arg(long)]
    penalty: Option<String>,
    /// Even what was earned is given up.
    #[arg(long)]
    forfeit_earned: bool,
    /// Last day of winding down.
    #[arg(long, value_parser = arguments::day)]
    wind_down_to: Option<NaiveDate>,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
}

/// The end of a signed contract.
#[derive(Debug, Args)]
pub(crate) struct Terminate {
    /// The contract, as ctr_...
    contract: ContractId,
    /// First day on which nothing more is promised; today when absent.
    #[arg(long, value_parser = arguments::day)]
    effective_on: Option<NaiveDate>,
    #[command(flatten)]
    ending: Ending,
    /// The contract's etag, to guard against changes since it was read.
    #[arg(long, default_value = "")]
    etag: String,
    #[command(flatten)]
    write: Write,
}

impl Amend {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let known = Known::ask(&client, self.contract).await?;
        let on = self.effective_on.unwrap_or_else(|| session.today());
        let amendment = match &self.file {
            Some(path) => file(&terms_file::read_amendment(path, known.currency)?),
            None => pb::Amendment { changes: self.prices(&known)?, ..pb::Amendment::default() },
        };
        let request = pb::AmendContractRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            contract_id: self.contract.to_string(),
            amendment: Some(pb::Amendment { effective_on: date(on), ..amendment }),
            etag: self.etag,
            validate_only: self.write.validate_only,
            proposed: self.proposed,
        };
        let amended = client.contracts().amend_contract(request).await;
        let amended = amended.map_err(|status| from_status(&status))?.into_inner();
        answer(session, amended.contract.as_ref(), amended.position.as_ref())
    }

    fn prices(&self, known: &Known) -> Result<Vec<pb::ObligationChange>, Failure> {
        let change = |price: &Pair| {
            Ok(pb::ObligationChange {
                key: price.name.clone(),
                price: Some(known.amount("--price", &price.value)?.into()),
                ..pb::ObligationChange::default()
            })
        };
        self.price.iter().map(change).collect()
    }
}

pub(super) fn file(amendment: &Amendment) -> pb::Amendment {
    pb::Amendment {
        effective_on: None,
        changes: amendment.changes.iter().map(terms::change).collect(),
        added: amendment.added.iter().map(terms::obligation).collect(),
        treatment: terms::treatment(amendment.treatment).into(),
        clauses: amendment.clauses.as_ref().map(|of| terms::clauses(of)),
    }
}

impl Ending {
    /// Whether nothing of it is said.
    pub(super) fn is_empty(&self) -> bool {
        let amounts = self.refund.is_some() || self.penalty.is_some();
        let rest = self.forfeit_earned || self.wind_down_to.is_some() || !self.reason.is_empty();
        !amounts && !rest
    }

    /// Onto the wire, for a contract that ends on a day.
    pub(super) fn wire(self, known: &Known, on: NaiveDate) -> Result<pb::Termination, Failure> {
        let refund = match self.refund.as_deref() {
            Some("all") => Some(pb::termination::Refund::RefundAll(true)),
            Some(amount) => {
                let amount = known.amount("--refund", amount)?;
                Some(pb::termination::Refund::RefundAmount(amount.into()))
            }
            None => None,
        };
        let penalty = known.optional("--penalty", self.penalty.as_deref())?;
        Ok(pb::Termination {
            effective_on: date(on),
            refund,
            penalty: penalty.map(Into::into),
            forfeit_earned: self.forfeit_earned,
            wind_down_to: self.wind_down_to.map(Into::into),
            reason: self.reason,
        })
    }
}

impl Terminate {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let known = Known::ask(&client, self.contract).await?;
        let on = self.effective_on.unwrap_or_else(|| session.today());
        let request = pb::TerminateContractRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            contract_id: self.contract.to_string(),
            termination: Some(self.ending.wire(&known, on)?),
            etag: self.etag,
            validate_only: self.write.validate_only,
        };
        let ended = client.contracts().terminate_contract(request).await;
        let ended = ended.map_err(|status| from_status(&status))?.into_inner();
        answer(session, ended.contract.as_ref(), ended.position.as_ref())
    }
}
