//! `backlog invoice`: from unbilled to billed; backlog does not change.

mod credit;

use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use crate::arguments::{self, Pair};
use crate::client::{date, day, from_status, money, money_json};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table;

use super::contract::Write;
use super::known::{Known, written};

/// Invoices and credit notes.
#[derive(Debug, Subcommand)]
pub(crate) enum Invoice {
    /// Records an invoice of a signed contract.
    Issue(Issue),
    /// Records a credit note on what was billed.
    Credit(credit::Credit),
    /// Lists invoices.
    List {
        /// Only invoices of this contract.
        #[arg(long)]
        contract: Option<ContractId>,
        /// Invoices at most.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
}

/// An invoice to record.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// The contract, as ctr_...
    contract: ContractId,
    /// Amount net of tax, spread over what is not billed yet.
    #[arg(long, required_unless_present = "line", conflicts_with = "line")]
    amount: Option<String>,
    /// What one obligation is billed, by its key or id; may be repeated.
    #[arg(long, value_name = "OBLIGATION=AMOUNT")]
    line: Vec<Pair>,
    /// Tax on top.
    #[arg(long)]
    tax: Option<String>,
    /// Day of issue; today when absent.
    #[arg(long, value_parser = arguments::day)]
    issued_on: Option<NaiveDate>,
    /// Day on which payment is due; the day of issue when absent.
    #[arg(long, value_parser = arguments::day)]
    due_on: Option<NaiveDate>,
    /// Your number for it.
    #[arg(long, default_value = "")]
    number: String,
    #[command(flatten)]
    write: Write,
}

impl Invoice {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Issue(issue) => issue.run(session).await,
            Self::Credit(credit) => credit.run(session).await,
            Self::List { contract, limit } => list(session, contract, limit).await,
        }
    }
}

impl Issue {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let known = Known::ask(&client, self.contract).await?;
        let total = known.optional("--amount", self.amount.as_deref())?;
        let tax = known.optional("--tax", self.tax.as_deref())?;
        let lines = known.lines(&self.line)?;
        let request = pb::IssueInvoiceRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            contract_id: self.contract.to_string(),
            number: self.number,
            issued_on: date(self.issued_on.unwrap_or_else(|| session.today())),
            due_on: self.due_on.map(Into::into),
            amount: total.map(Into::into),
            lines,
            tax: tax.map(Into::into),
            validate_only: self.write.validate_only,
        };
        let answer = client.invoices().issue_invoice(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let invoice = answer.invoice.unwrap_or_default();
        let total = invoice.amount.clone().unwrap_or_default();
        let text = format!("{} {} {}", invoice.invoice_id, total.amount, total.currency_code);
        written(session, answer.position.as_ref(), &text, json(&invoice))
    }
}

async fn list(
    session: &Session,
    contract: Option<ContractId>,
    limit: usize,
) -> Result<Exit, Failure> {
    let client = session.client()?;
    let contract_id = contract.map(|contract| contract.to_string()).unwrap_or_default();
    let mut invoices = Vec::new();
    let mut page_token = String::new();
    while invoices.len() < limit {
        let request = pb::ListInvoicesRequest {
            page_size: i32::try_from(limit.saturating_sub(invoices.len())).unwrap_or(i32::MAX),
            page_token,
            contract_id: contract_id.clone(),
        };
        let answer = client.invoices().list_invoices(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        invoices.extend(answer.invoices);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let rows = invoices.iter().map(|invoice| {
        let text = |date: Option<&_>| day(date).map(|day| day.to_string()).unwrap_or_default();
        [
            invoice.invoice_id.clone(),
            invoice.contract_id.clone(),
            invoice.number.clone(),
            text(invoice.issued_on.as_ref()),
            text(invoice.due_on.as_ref()),
            money(invoice.amount.as_ref()),
            money(invoice.tax.as_ref()),
        ]
    });
    let header = ["invoice", "contract", "number", "issued on", "due on", "amount", "tax"];
    let mut text = table::render(&header, rows, &[5, 6]);
    if !page_token.is_empty() {
        text.push_str("there are more: give a higher --limit\n");
    }
    let listed: Vec<_> = invoices.iter().map(json).collect();
    let json = serde_json::json!({ "invoices": listed, "more": !page_token.is_empty() });
    session.answer(&text, &json);
    Ok(Exit::Done)
}

fn json(invoice: &pb::Invoice) -> serde_json::Value {
    let text = |date: Option<&_>| day(date).map(|day| day.to_string());
    serde_json::json!({
        "invoice_id": invoice.invoice_id,
        "contract_id": invoice.contract_id,
        "number": invoice.number,
        "issued_on": text(invoice.issued_on.as_ref()),
        "due_on": text(invoice.due_on.as_ref()),
        "lines": lines_json(&invoice.lines),
        "amount": money_json(invoice.amount.as_ref()),
        "tax": money_json(invoice.tax.as_ref()),
    })
}

fn lines_json(lines: &[pb::InvoiceLine]) -> Vec<serde_json::Value> {
    let line = |line: &pb::InvoiceLine| {
        serde_json::json!({
            "obligation_id": line.obligation_id,
            "amount": money_json(line.amount.as_ref()),
        })
    };
    lines.iter().map(line).collect()
}
