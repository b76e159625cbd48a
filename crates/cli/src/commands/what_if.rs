//! `backlog what-if`: what the figures would be under another policy.

mod told;

use std::time::Duration;

use backlog_ids::WhatIfId;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{Convention, ReceivableOn, Rounding};
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::contract::Write;
use crate::arguments::{self, Positions};
use crate::client::{Client, date, from_status, watermark_json, watermark_text};
use crate::failure::{Exit, Failure};
use crate::policy;
use crate::progress::Steps;
use crate::session::Session;
use crate::table;

/// Between two looks at one that is worked on.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What-ifs.
#[derive(Debug, Subcommand)]
pub(crate) enum WhatIf {
    /// Starts a what-if over everything that the books hold now; what is not given is as in the books.
    Start(Start),
    /// Shows a what-if, and what came out beside the books.
    Show {
        /// The what-if, as wif_...
        what_if: WhatIfId,
        /// Waits until it is finished.
        #[arg(long)]
        wait: bool,
    },
    /// Lists what-ifs, the latest first.
    List,
    /// Deletes a what-if, also one that is worked on.
    Delete {
        /// The what-if, as wif_...
        what_if: WhatIfId,
    },
}

/// A what-if to start.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// What it is called.
    #[arg(long)]
    label: String,
    /// Straight-line convention where an obligation states none.
    #[arg(long, value_parser = arguments::convention)]
    convention: Option<Convention>,
    /// Rounding: cumulative, floor_last or per_period.
    #[arg(long, value_parser = arguments::rounding)]
    rounding: Option<Rounding>,
    /// When invoices become unconditional: issue or due.
    #[arg(long, value_parser = arguments::receivable_on)]
    receivable_on: Option<ReceivableOn>,
    /// The first day on which that is in force; as if it had held from the beginning when absent.
    #[arg(long, value_parser = arguments::day)]
    from: Option<NaiveDate>,
    /// What it must cover besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
    /// Waits until it is finished, and shows what came out.
    #[arg(long, conflicts_with = "validate_only")]
    wait: bool,
    #[command(flatten)]
    write: Write,
}

impl WhatIf {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Start(start) => start.run(session).await,
            Self::Show { what_if, wait } => show(session, &what_if.to_string(), wait).await,
            Self::List => list(session).await,
            Self::Delete { what_if } => delete(session, what_if).await,
        }
    }
}

impl Start {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let request = pb::StartWhatIfRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            label: self.label.clone(),
            policy: Some(pb::WhatIfPolicy {
                convention: self.convention.map_or(0, |of| policy::convention(of).into()),
                rounding: self.rounding.map_or(0, |of| policy::rounding(of).into()),
                receivable_on: self.receivable_on.map_or(0, |of| policy::receivable_on(of).into()),
            }),
            from: self.from.and_then(date),
            min_positions: session.min_positions(&self.after.unwrap_or_default().0)?,
            validate_only: self.write.validate_only,
        };
        let answer = session.client()?.what_ifs().start_what_if(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        if self.wait {
            return show(session, &answer.what_if_id, true).await;
        }
        let text = format!(
            "{}: {}\n{}",
            answer.what_if_id,
            self.label,
            watermark_text(answer.watermark.as_ref())
        );
        let json = serde_json::json!({
            "what_if_id": answer.what_if_id,
            "watermark": watermark_json(answer.watermark.as_ref()),
        });
        session.answer(&text, &json);
        Ok(Exit::Done)
    }
}

async fn show(session: &Session, what_if_id: &str, wait: bool) -> Result<Exit, Failure> {
    let client = session.client()?;
    let mut what_if = get(&client, what_if_id).await?;
    let mut steps: Option<Steps> = None;
    while wait && told::is_open(&what_if) {
        let length = told::length(&what_if);
        let steps = steps.get_or_insert_with(|| Steps::long(length));
        steps.reach(what_if.positions_walked, length);
        steps.say(&what_if.label);
        tokio::time::sleep(LOOK_AGAIN).await;
        what_if = get(&client, what_if_id).await?;
    }
    drop(steps);
    session.answer(&told::text(&what_if), &told::json(&what_if));
    let failed = what_if.state() == pb::WhatIfState::Failed;
    Ok(if failed { Exit::Negative } else { Exit::Done })
}

async fn get(client: &Client, what_if_id: &str) -> Result<pb::WhatIf, Failure> {
    let request = pb::GetWhatIfRequest { what_if_id: what_if_id.to_owned() };
    let answer = client.what_ifs().get_what_if(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    Ok(answer.what_if.unwrap_or_default())
}

async fn list(session: &Session) -> Result<Exit, Failure> {
    let mut client = session.client()?.what_ifs();
    let mut what_ifs = Vec::new();
    let mut page_token = String::new();
    loop {
        let answer =
            client.list_what_ifs(pb::ListWhatIfsRequest { page_size: 0, page_token }).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        what_ifs.extend(answer.what_ifs);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let header = ["what-if", "label", "state", "walked", "assumes"];
    let rows = what_ifs.iter().map(|of| {
        let walked = format!("{} of {}", of.positions_walked, told::length(of));
        [of.what_if_id.clone(), of.label.clone(), told::state(of), walked, told::assumes(of)]
    });
    let table = table::render(&header, rows, &[3]);
    let json: Vec<_> = what_ifs.iter().map(told::json).collect();
    session.answer(table.trim_end(), &serde_json::json!({ "what_ifs": json }));
    Ok(Exit::Done)
}

async fn delete(session: &Session, what_if: WhatIfId) -> Result<Exit, Failure> {
    let request = pb::DeleteWhatIfRequest { what_if_id: what_if.to_string(), validate_only: false };
    let answer = session.client()?.what_ifs().delete_what_if(request).await;
    answer.map_err(|status| from_status(&status))?;
    let json = serde_json::json!({ "what_if_id": what_if.to_string(), "deleted": true });
    session.answer(&format!("{what_if} is deleted"), &json);
    Ok(Exit::Done)
}
