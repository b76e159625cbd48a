//! `backlog payment`: cash received, and given back.

use backlog_ids::ContractId;
use backlog_money::Money;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::contract::Write;
use super::known::{Known, written};
use crate::arguments;
use crate::client::{date, day, from_status, money_json};
use crate::failure::{Exit, Failure};
use crate::session::Session;

/// Payments.
#[derive(Debug, Subcommand)]
pub(crate) enum Payment {
    /// Records cash received, or given back. To give up revenue, credit an invoice before.
    Record(Record),
}

/// Cash to record.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The contract, as ctr_...
    contract: ContractId,
    /// The amount, above zero.
    #[arg(long)]
    amount: String,
    /// It was given back to the customer.
    #[arg(long)]
    given_back: bool,
    /// The day; today when absent.
    #[arg(long, value_parser = arguments::day)]
    paid_on: Option<NaiveDate>,
    /// Your reference for it.
    #[arg(long, default_value = "")]
    reference: String,
    #[command(flatten)]
    write: Write,
}

impl Payment {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self::Record(record) = self;
        let client = session.client()?;
        let known = Known::ask(&client, record.contract).await?;
        let amount = known.amount("--amount", &record.amount)?;
        if amount.minor() <= 0 {
            return Err(Failure::usage("--amount must be above zero")
                .advise("for cash given back, say --given-back"));
        }
        let sign = if record.given_back { -1 } else { 1 };
        let amount = Money::from_minor(amount.minor().saturating_mul(sign), known.currency);
        let request = pb::RecordPaymentRequest {
            request_id: session.request_id(record.write.request_id.as_deref()),
            contract_id: record.contract.to_string(),
            paid_on: date(record.paid_on.unwrap_or_else(|| session.today())),
            amount: Some(amount.into()),
            reference: record.reference,
            validate_only: record.write.validate_only,
        };
        let answer = client.invoices().record_payment(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let payment = answer.payment.unwrap_or_default();
        let paid = payment.amount.clone().unwrap_or_default();
        let text = format!("{} {} {}", payment.payment_id, paid.amount, paid.currency_code);
        written(session, answer.position.as_ref(), &text, json(&payment))
    }
}

fn json(payment: &pb::Payment) -> serde_json::Value {
    serde_json::json!({
        "payment_id": payment.payment_id,
        "contract_id": payment.contract_id,
        "paid_on": day(payment.paid_on.as_ref()).map(|day| day.to_string()),
        "amount": money_json(payment.amount.as_ref()),
        "reference": payment.reference,
    })
}
