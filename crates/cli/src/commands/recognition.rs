//! `backlog recognize` and `backlog plan`: posting revenue, and what is still planned.

use backlog_ids::ContractId;
use backlog_proto::common::v1::Money;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::stream_run_response::News;
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use crate::arguments::{self, Positions};
use crate::client::{
    day, from_status, money, money_json, position_json, watermark_json, watermark_text,
};
use crate::failure::{Exit, Failure};
use crate::progress::Steps;
use crate::session::Session;
use crate::table;
use crate::terms::no_contract_reasons;

/// A recognition run.
#[derive(Debug, Args)]
pub(crate) struct Recognize {
    /// Last day to recognize revenue for.
    #[arg(long, value_parser = arguments::day)]
    through: NaiveDate,
    /// Only this contract, as ctr_...
    #[arg(long)]
    contract: Option<ContractId>,
    /// Facts that the run must see besides those written from here, as contract=5.
    #[arg(long, default_value = None)]
    after: Option<Positions>,
    /// Idempotency key; a new one when absent.
    #[arg(long)]
    request_id: Option<String>,
}

/// Plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Plan {
    /// Shows what is still planned for a contract, month by month.
    Get {
        /// The contract, as ctr_...
        contract: ContractId,
        /// What the answer must include besides what was written from here, as contract=5.
        #[arg(long)]
        after: Option<Positions>,
    },
}

impl Recognize {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let request = pb::StreamRunRequest {
            request_id: session.request_id(self.request_id.as_deref()),
            through: Some(self.through.into()),
            contract_id: self.contract.map(|contract| contract.to_string()).unwrap_or_default(),
            min_positions: session.min_positions(&self.after.unwrap_or_default().0)?,
        };
        let stream = session.client()?.runs().stream_run(request).await;
        let stream = stream.map_err(|status| from_status(&status))?.into_inner();
        let answer = followed(stream).await?;
        session.book()?.note(answer.position.as_ref());
        let sums: Vec<_> = answer.recognized.iter().map(|sum| money_json(Some(sum))).collect();
        let words = words(&answer.recognized);
        let text = format!(
            "{}: {} entries posted through {}: {}\n{}",
            answer.run_id,
            answer.entries_posted,
            self.through,
            if words.is_empty() { "nothing".to_owned() } else { words.join(", ") },
            watermark_text(answer.watermark.as_ref()),
        );
        let json = serde_json::json!({
            "run_id": answer.run_id,
            "entries_posted": answer.entries_posted,
            "recognized": sums,
            "position": answer.position.as_ref().map(position_json),
            "watermark": watermark_json(answer.watermark.as_ref()),
        });
        session.answer(&text, &json);
        Ok(Exit::Done)
    }
}

/// Follows a run to its end and shows how far it is.
async fn followed(
    mut stream: tonic::Streaming<pb::StreamRunResponse>,
) -> Result<pb::RunRecognitionResponse, Failure> {
    let mut steps: Option<Steps> = None;
    while let Some(told) = stream.message().await.map_err(|status| from_status(&status))? {
        match told.news {
            Some(News::Result(result)) => return Ok(result),
            Some(News::Progress(progress)) => {
                let length = progress.entries_expected;
                let steps = steps.get_or_insert_with(|| Steps::long(length));
                steps.reach(progress.entries_posted, length);
                steps.say(&words(&progress.recognized).join(", "));
            }
            None => {}
        }
    }
    Err(from_status(&tonic::Status::unavailable(
        "the run is not followed any more; repeat the command with the same request id",
    )))
}

fn words(sums: &[Money]) -> Vec<String> {
    sums.iter().map(|sum| format!("{} {}", sum.amount, sum.currency_code)).collect()
}

impl Plan {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self::Get { contract, after } = self;
        let request = pb::GetPlanRequest {
            contract_id: contract.to_string(),
            min_positions: session.min_positions(&after.unwrap_or_default().0)?,
        };
        let answer = session.client()?.recognition().get_plan(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let mut rows = Vec::new();
        for plan in &answer.obligations {
            let price = money(plan.transaction_price.as_ref());
            rows.push([plan.key.clone(), "transaction price".to_owned(), price]);
            let recognized = money(plan.recognized.as_ref());
            rows.push([plan.key.clone(), "recognized".to_owned(), recognized]);
            rows.extend(
                plan.months.iter().map(|month| {
                    [plan.key.clone(), month_text(month), money(month.amount.as_ref())]
                }),
            );
        }
        let table = table::render(&["obligation", "", "amount"], rows, &[2]);
        let watermark = watermark_text(answer.watermark.as_ref());
        let text = format!("{}{table}{watermark}", standing_text(&answer));
        session.answer(&text, &json(&answer));
        Ok(Exit::Done)
    }
}

/// Why it is no contract yet, or since when it is one; nothing where it is one from signature on.
fn standing_text(answer: &pb::GetPlanResponse) -> String {
    if let Some(why) = &answer.not_a_contract {
        let reasons = no_contract_reasons(why).join(", ");
        let by_time = day(why.arises_on.as_ref());
        let by_time = by_time.map(|day| format!("; it becomes one on {day}")).unwrap_or_default();
        return format!("not a contract: {reasons}{by_time}\n");
    }
    let since = day(answer.contract_since.as_ref());
    since.map(|day| format!("a contract since {day}\n")).unwrap_or_default()
}

fn month_text(month: &pb::PlannedMonth) -> String {
    let first = day(month.month.as_ref());
    first.map(|first| first.format("%Y-%m").to_string()).unwrap_or_default()
}

fn json(answer: &pb::GetPlanResponse) -> serde_json::Value {
    let obligations: Vec<_> = answer
        .obligations
        .iter()
        .map(|plan| {
            let months: Vec<_> = plan
                .months
                .iter()
                .map(|month| {
                    serde_json::json!({
                        "month": month_text(month),
                        "amount": money_json(month.amount.as_ref()),
                    })
                })
                .collect();
            serde_json::json!({
                "obligation_id": plan.obligation_id,
                "key": plan.key,
                "transaction_price": money_json(plan.transaction_price.as_ref()),
                "recognized": money_json(plan.recognized.as_ref()),
                "months": months,
            })
        })
        .collect();
    serde_json::json!({
        "not_a_contract": answer.not_a_contract.as_ref().map(|why| {
            serde_json::json!({
                "reasons": no_contract_reasons(why),
                "arises_on": day(why.arises_on.as_ref()).map(|day| day.to_string()),
            })
        }),
        "contract_since": day(answer.contract_since.as_ref()).map(|day| day.to_string()),
        "obligations": obligations,
        "watermark": watermark_json(answer.watermark.as_ref()),
    })
}
