//! `backlog invoice credit`: what was billed is taken back.

use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use crate::arguments::{self, Pair};
use crate::client::{date, day, from_status, money_json};
use crate::commands::contract::Write;
use crate::commands::known::{Known, written};
use crate::failure::{Exit, Failure};
use crate::session::Session;

/// A credit note to record.
#[derive(Debug, Args)]
pub(crate) struct Credit {
    /// The contract, as ctr_...
    contract: ContractId,
    /// Amount net of tax, spread over what is billed.
    #[arg(long, required_unless_present = "line", conflicts_with = "line")]
    amount: Option<String>,
    /// What one obligation is credited, by its key or id; may be repeated.
    #[arg(long, value_name = "OBLIGATION=AMOUNT")]
    line: Vec<Pair>,
    /// Tax credited on top.
    #[arg(long)]
    tax: Option<String>,
    /// Day of issue; today when absent.
    #[arg(long, value_parser = arguments::day)]
    issued_on: Option<NaiveDate>,
    /// Your number for it.
    #[arg(long, default_value = "")]
    number: String,
    /// Reduces the price with it; absent, what was billed is to be billed again.
    #[arg(long, value_enum)]
    concession: Option<Concession>,
    #[command(flatten)]
    write: Write,
}

/// How a credit note reduces the price.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Concession {
    /// Over the whole promise, as a catch-up.
    Whole,
    /// All of it against what was delivered.
    Transferred,
}

impl Credit {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let known = Known::ask(&client, self.contract).await?;
        let concession = match self.concession {
            None => pb::Concession::Unspecified,
            Some(Concession::Whole) => pb::Concession::Whole,
            Some(Concession::Transferred) => pb::Concession::Transferred,
        };
        let request = pb::IssueCreditNoteRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            contract_id: self.contract.to_string(),
            number: self.number,
            issued_on: date(self.issued_on.unwrap_or_else(|| session.today())),
            amount: known.optional("--amount", self.amount.as_deref())?.map(Into::into),
            lines: known.lines(&self.line)?,
            tax: known.optional("--tax", self.tax.as_deref())?.map(Into::into),
            concession: concession.into(),
            validate_only: self.write.validate_only,
        };
        let answer = client.invoices().issue_credit_note(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let note = answer.credit_note.unwrap_or_default();
        let total = note.amount.clone().unwrap_or_default();
        let text = format!("{} {} {}", note.credit_note_id, total.amount, total.currency_code);
        written(session, answer.position.as_ref(), &text, json(&note))
    }
}

const fn concession_name(concession: pb::Concession) -> &'static str {
    match concession {
        pb::Concession::Unspecified => "none",
        pb::Concession::Whole => "whole",
        pb::Concession::Transferred => "transferred",
    }
}

fn json(note: &pb::CreditNote) -> serde_json::Value {
    serde_json::json!({
        "credit_note_id": note.credit_note_id,
        "contract_id": note.contract_id,
        "number": note.number,
        "issued_on": day(note.issued_on.as_ref()).map(|day| day.to_string()),
        "lines": super::lines_json(&note.lines),
        "amount": money_json(note.amount.as_ref()),
        "tax": money_json(note.tax.as_ref()),
        "concession": concession_name(note.concession()),
    })
}
