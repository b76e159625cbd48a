//! `backlog contract preview`: what a signature or a change would do; nothing is written.

use std::path::PathBuf;

use backlog_ids::ContractId;
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_proto::recognition::v1 as recognition;
use chrono::NaiveDate;
use clap::Args;

use super::change::{self, Ending};
use crate::arguments;
use crate::client::{
    Client, date, day, from_status, money, money_json, watermark_json, watermark_text,
};
use crate::commands::explain::{fact_json, treatment_name};
use crate::commands::known::Known;
use crate::commands::terms_file;
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table;

/// A preview.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The signed contract that changes, or the draft that would be signed, as ctr_...; absent: terms that
    /// would be signed.
    #[arg(required_unless_present = "file")]
    contract: Option<ContractId>,
    /// File with the change, as of `contract amend`, or with the terms, as of `contract sign`; absent: the
    /// draft as it is.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The contract would end, as of `contract terminate`.
    #[arg(long, requires = "contract", conflicts_with = "file")]
    terminate: bool,
    #[command(flatten)]
    ending: Ending,
    /// First day of the change, or day of signature; today when absent.
    #[arg(long, value_parser = arguments::day)]
    on: Option<NaiveDate>,
    /// Also post revenue through this day.
    #[arg(long, value_parser = arguments::day)]
    run_through: Option<NaiveDate>,
}

impl Preview {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        if !self.terminate && !self.ending.is_empty() {
            return Err(Failure::usage("how a contract ends needs --terminate".to_owned()));
        }
        let client = session.client()?;
        let run_through = self.run_through.and_then(date);
        let (event_type, event) = self.event(session, &client).await?;
        let request = recognition::PreviewChangeRequest {
            event_type,
            event,
            run_through,
            min_positions: session.min_positions(&[])?,
        };
        let answer = client.explain().preview_change(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let mut text: Vec<String> = answer.alternatives.iter().map(words).collect();
        text.push(watermark_text(answer.watermark.as_ref()));
        let json = serde_json::json!({
            "alternatives": answer.alternatives.iter().map(json).collect::<Vec<_>>(),
            "watermark": watermark_json(answer.watermark.as_ref()),
        });
        session.answer(&text.join("\n"), &json);
        Ok(Exit::Done)
    }

    /// What the contract service would write.
    async fn event(self, session: &Session, client: &Client) -> Result<(String, Vec<u8>), Failure> {
        let on = self.on.unwrap_or_else(|| session.today());
        let request_id = session.request_id(None);
        let contract_id = self.contract.map(|contract| contract.to_string()).unwrap_or_default();
        let Some(contract) = self.contract.filter(|_| self.terminate || self.file.is_some()) else {
            let subject = match &self.file {
                Some(file) => Subject::Terms(terms_file::read(file)?.wire()),
                None => Subject::ContractId(contract_id),
            };
            let request = pb::SignContractRequest {
                request_id,
                subject: Some(subject),
                signed_on: date(on),
                etag: String::new(),
                validate_only: true,
            };
            let answer = client.contracts().sign_contract(request).await;
            let answer = answer.map_err(|status| from_status(&status))?.into_inner();
            return Ok((answer.event_type, answer.event));
        };
        let known = Known::ask(client, contract).await?;
        let Some(file) = &self.file else {
            let request = pb::TerminateContractRequest {
                request_id,
                contract_id,
                termination: Some(self.ending.wire(&known, on)?),
                etag: String::new(),
                validate_only: true,
            };
            let answer = client.contracts().terminate_contract(request).await;
            let answer = answer.map_err(|status| from_status(&status))?.into_inner();
            return Ok((answer.event_type, answer.event));
        };
        let amendment = change::file(&terms_file::read_amendment(file, known.currency)?);
        let request = pb::AmendContractRequest {
            request_id,
            contract_id,
            amendment: Some(pb::Amendment { effective_on: date(on), ..amendment }),
            etag: String::new(),
            validate_only: true,
            proposed: false,
        };
        let answer = client.contracts().amend_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        Ok((answer.event_type, answer.event))
    }
}

/// One treatment in words: the sums, the plan, why.
fn words(of: &recognition::PreviewAlternative) -> String {
    let proposed = if of.proposed { ", proposed" } else { "" };
    let title = match of.treatment() {
        pb::ChangeTreatment::Unspecified => "As it is".to_owned(),
        treatment => format!("{} ({}{proposed})", treatment_name(treatment), of.paragraph),
    };
    let sums = [
        [
            "transaction price",
            &money(of.transaction_price_before.as_ref()),
            &money(of.transaction_price_after.as_ref()),
        ],
        ["backlog", &money(of.backlog_before.as_ref()), &money(of.backlog_after.as_ref())],
        ["caught up", "", &money(of.catch_up.as_ref())],
    ]
    .map(|row| row.map(str::to_owned));
    let plans = of.obligations.iter().flat_map(|plan| {
        plan.months.iter().map(|month| {
            let first = day(month.month.as_ref());
            let first = first.map(|first| first.format("%Y-%m").to_string()).unwrap_or_default();
            [plan.key.clone(), first, money(month.amount.as_ref())]
        })
    });
    let mut text = format!("{title}\n{}", table::render(&["", "before", "after"], sums, &[1, 2]));
    text.push_str(&table::render(&["obligation", "planned", "amount"], plans, &[2]));
    for fact in of.change.iter().chain(&of.run) {
        text.push_str(&fact.text.join("\n"));
        text.push('\n');
    }
    text
}

fn json(of: &recognition::PreviewAlternative) -> serde_json::Value {
    let plans = of.obligations.iter().map(|plan| {
        let months = plan.months.iter().map(|month| {
            serde_json::json!({
                "month": day(month.month.as_ref()),
                "amount": money_json(month.amount.as_ref()),
            })
        });
        serde_json::json!({
            "key": plan.key,
            "transaction_price": money_json(plan.transaction_price.as_ref()),
            "months": months.collect::<Vec<_>>(),
        })
    });
    serde_json::json!({
        "treatment": treatment_name(of.treatment()),
        "proposed": of.proposed,
        "paragraph": of.paragraph,
        "transaction_price_before": money_json(of.transaction_price_before.as_ref()),
        "transaction_price_after": money_json(of.transaction_price_after.as_ref()),
        "catch_up": money_json(of.catch_up.as_ref()),
        "backlog_before": money_json(of.backlog_before.as_ref()),
        "backlog_after": money_json(of.backlog_after.as_ref()),
        "obligations": plans.collect::<Vec<_>>(),
        "change": of.change.as_ref().map(fact_json),
        "run": of.run.as_ref().map(fact_json),
    })
}
