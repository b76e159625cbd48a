//! `backlog explain`: why the figures of a contract are what they are, entry by entry.

use backlog_ids::ContractId;
use backlog_proto::common::v1::DateRange;
use backlog_proto::contract::v1::ChangeTreatment;
use backlog_proto::recognition::v1 as pb;
use chrono::{Months, NaiveDate};
use clap::Args;

use super::known::Known;
use crate::arguments::Positions;
use crate::client::{
    date, day, explained, money, money_json, positions_text, watermark_json, watermark_text,
};
use crate::failure::{Exit, Failure};
use crate::session::Session;

/// An explanation.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The contract, as ctr_...
    contract: ContractId,
    /// Only this obligation, by its key or id.
    #[arg(long)]
    obligation: Option<String>,
    /// Only what takes effect in this month, as 2026-03.
    #[arg(long, value_parser = month)]
    period: Option<NaiveDate>,
    /// What the answer must include besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
}

/// The first day of a month.
fn month(text: &str) -> Result<NaiveDate, String> {
    format!("{text}-01").parse().map_err(|_| "must be a month such as 2026-03".to_owned())
}

impl Explain {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let obligation_id = match &self.obligation {
            Some(name) => Known::ask(&client, self.contract).await?.obligation(name),
            None => String::new(),
        };
        let period = self.period.map(|from| {
            let next = from.checked_add_months(Months::new(1)).and_then(|day| day.pred_opt());
            DateRange { from: date(from), to: next.and_then(date) }
        });
        let request = pb::ExplainContractRequest {
            contract_id: self.contract.to_string(),
            obligation_id,
            period,
            min_positions: session.min_positions(&self.after.unwrap_or_default().0)?,
            ..pb::ExplainContractRequest::default()
        };
        let answer = explained(&client, request).await?;
        session.answer(&text(&answer), &json(&answer));
        Ok(Exit::Done)
    }
}

/// The facts in words, in the order in which they were accounted for.
fn text(answer: &pb::ExplainContractResponse) -> String {
    let mut lines = Vec::new();
    for fact in &answer.facts {
        let mut words = fact.text.iter();
        let title = words.next().map_or("", String::as_str);
        let source = fact.source.map(|source| positions_text(&[source])).unwrap_or_default();
        lines.push(format!(
            "{title}  ({source}; rules {}, policy {})",
            fact.rule_version, fact.policy_version
        ));
        lines.extend(words.cloned());
        lines.push(String::new());
    }
    for warning in &answer.warnings {
        lines.push(format!(
            "Look at {}: {}, {} of {}",
            warning.obligation_key, warning.reason, warning.found, warning.limit
        ));
    }
    lines.push(watermark_text(answer.watermark.as_ref()));
    lines.join("\n")
}

/// The name of a treatment, as in files.
pub(crate) fn treatment_name(treatment: ChangeTreatment) -> String {
    let name = treatment.as_str_name().trim_start_matches("CHANGE_TREATMENT_");
    name.to_lowercase()
}

fn json(answer: &pb::ExplainContractResponse) -> serde_json::Value {
    let warnings = answer.warnings.iter().map(|warning| {
        serde_json::json!({
            "obligation": warning.obligation_key,
            "reason": warning.reason,
            "found": warning.found,
            "limit": warning.limit,
        })
    });
    serde_json::json!({
        "facts": answer.facts.iter().map(fact_json).collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(),
        "watermark": watermark_json(answer.watermark.as_ref()),
    })
}

/// A fact as JSON.
pub(crate) fn fact_json(fact: &pb::ExplainedFact) -> serde_json::Value {
    let inputs = |inputs: &[pb::ExplainedInput]| {
        let input = |input: &pb::ExplainedInput| serde_json::json!({"name": input.name, "of": input.of, "value": input.value});
        inputs.iter().map(input).collect::<Vec<_>>()
    };
    let figures = fact.figures.iter().map(|figure| {
        serde_json::json!({
            "name": figure.name,
            "of": figure.of,
            "amount": money_json(figure.amount.as_ref()),
            "rule": figure.rule,
            "paragraph": figure.paragraph,
            "formula": figure.text,
        })
    });
    let movements = fact.movements.iter().map(|explained| {
        let moved = explained.movement.clone().unwrap_or_default();
        let lower = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_lowercase();
        serde_json::json!({
            "obligation": explained.obligation_key,
            "measure": lower(moved.measure().as_str_name(), "MEASURE_"),
            "cause": lower(moved.cause().as_str_name(), "CAUSE_"),
            "amount": money_json(moved.amount.as_ref()),
            "effective_date": day(moved.effective_date.as_ref()),
            "service_month": day(moved.service_month.as_ref()),
            "prior_performance": moved.prior_performance,
            "rule": explained.rule,
            "paragraph": explained.paragraph,
            "inputs": inputs(&explained.inputs),
            "formula": explained.text,
            "unexplained": explained.unexplained.as_ref().map(|amount| money(Some(amount))),
        })
    });
    let treated = fact.treated.as_ref().map(|treated| {
        serde_json::json!({
            "proposed": treatment_name(treated.proposed()),
            "used": treatment_name(treated.used()),
            "paragraph": treated.paragraph,
        })
    });
    serde_json::json!({
        "kind": fact.kind().as_str_name().trim_start_matches("FACT_KIND_").to_lowercase(),
        "on": day(fact.on.as_ref()),
        "source": fact.source.map(|source| positions_text(&[source])),
        "treated": treated,
        "inputs": inputs(&fact.inputs),
        "figures": figures.collect::<Vec<_>>(),
        "movements": movements.collect::<Vec<_>>(),
        "rule_version": fact.rule_version,
        "policy_version": fact.policy_version,
        "text": fact.text,
    })
}
