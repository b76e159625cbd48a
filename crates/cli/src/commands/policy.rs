//! `backlog policy`: versions of the tenant's accounting policy.

use std::collections::BTreeSet;

use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{Convention, ReceivableOn, Rounding};
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::contract::Write;
use super::known::written;
use crate::arguments::{self, Positions};
use crate::client::{date, day, from_status};
use crate::failure::{Exit, Failure};
use crate::policy::{self, Expedient, Standard};
use crate::session::Session;
use crate::table;

/// Versions of the policy.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Sets the next version; what is not given is as in the version before.
    Set(Set),
    /// Lists all versions.
    List,
    /// Shows the version in force on a day.
    Show {
        /// The day; today when absent.
        #[arg(long, value_parser = arguments::day)]
        on: Option<NaiveDate>,
    },
}

/// A version.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The first day on which it is in force, in an open period.
    #[arg(long, value_parser = arguments::day)]
    effective: NaiveDate,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Straight-line convention where an obligation states none.
    #[arg(long, value_parser = arguments::convention)]
    convention: Option<Convention>,
    /// Rounding: cumulative, floor_last or per_period.
    #[arg(long, value_parser = arguments::rounding)]
    rounding: Option<Rounding>,
    /// When invoices issued from that day on become unconditional: issue or due.
    #[arg(long, value_parser = arguments::receivable_on)]
    receivable_on: Option<ReceivableOn>,
    /// The standard that reports are made under: asc_606 or ifrs_15.
    #[arg(long, value_parser = arguments::standard)]
    standard: Option<Standard>,
    /// An expedient that reports use; all of them, one option each.
    #[arg(long = "expedient", value_parser = arguments::expedient)]
    expedients: Vec<Expedient>,
    /// Reports use no expedient any more.
    #[arg(long, conflicts_with = "expedients")]
    no_expedients: bool,
    /// What it must come after besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
    #[command(flatten)]
    write: Write,
}

impl Policy {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Set(set) => set.run(session).await,
            Self::List => list(session).await,
            Self::Show { on } => show(session, on).await,
        }
    }
}

impl Set {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let used: BTreeSet<Expedient> = self.expedients.into_iter().collect();
        let stated = self.no_expedients || !used.is_empty();
        let request = pb::SetPolicyRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            policy: Some(pb::Policy {
                convention: self.convention.map_or(0, |of| policy::convention(of).into()),
                rounding: self.rounding.map_or(0, |of| policy::rounding(of).into()),
                receivable_on: self.receivable_on.map_or(0, |of| policy::receivable_on(of).into()),
                standard: self.standard.map_or(0, |of| of.wire().into()),
                expedients: stated.then(|| policy::expedients(&used)),
            }),
            effective_from: date(self.effective),
            reason: self.reason,
            min_positions: session.min_positions(&self.after.unwrap_or_default().0)?,
            validate_only: self.write.validate_only,
        };
        let answer = session.client()?.policies().set_policy(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let version = answer.version.unwrap_or_default();
        let text = format!("policy version {} from {}", version.version, self.effective);
        written(session, answer.position.as_ref(), &text, json(&version))
    }
}

async fn list(session: &Session) -> Result<Exit, Failure> {
    let request = pb::ListPoliciesRequest { min_positions: session.min_positions(&[])? };
    let answer = session.client()?.policies().list_policies(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let table = table::render(&HEADER, answer.versions.iter().map(row), &[]);
    let versions: Vec<_> = answer.versions.iter().map(json).collect();
    session.answer(table.trim_end(), &serde_json::json!({"versions": versions}));
    Ok(Exit::Done)
}

async fn show(session: &Session, on: Option<NaiveDate>) -> Result<Exit, Failure> {
    let request = pb::GetPolicyRequest {
        on: date(on.unwrap_or_else(|| session.today())),
        min_positions: session.min_positions(&[])?,
    };
    let answer = session.client()?.policies().get_policy(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let version = answer.version.unwrap_or_default();
    let table = table::render(&HEADER, [row(&version)], &[]);
    session.answer(table.trim_end(), &json(&version));
    Ok(Exit::Done)
}

const HEADER: [&str; 8] = [
    "version",
    "from",
    "convention",
    "rounding",
    "receivable on",
    "standard",
    "expedients",
    "reason",
];

fn row(version: &pb::PolicyVersion) -> [String; 8] {
    let policy = version.policy.unwrap_or_default();
    let from = day(version.effective_from.as_ref()).map(|day| day.to_string());
    [
        version.version.to_string(),
        from.unwrap_or_else(|| "the beginning".to_owned()),
        word(policy.convention().as_str_name(), "CONVENTION_"),
        word(policy.rounding().as_str_name(), "ROUNDING_"),
        word(policy.receivable_on().as_str_name(), "RECEIVABLE_ON_"),
        word(policy.standard().as_str_name(), "ACCOUNTING_STANDARD_"),
        policy::expedient_names(&policy.expedients.unwrap_or_default()).join(", "),
        version.reason.clone(),
    ]
}

fn json(version: &pb::PolicyVersion) -> serde_json::Value {
    let [_, _, convention, rounding, receivable_on, standard, _, reason] = row(version);
    let policy = version.policy.unwrap_or_default();
    serde_json::json!({
        "version": version.version,
        "effective_from": day(version.effective_from.as_ref()).map(|day| day.to_string()),
        "convention": convention,
        "rounding": rounding,
        "receivable_on": receivable_on,
        "standard": standard,
        "expedients": policy::expedient_names(&policy.expedients.unwrap_or_default()),
        "reason": reason,
        "set_by": version.set_by,
    })
}

/// The value of an enumeration as people write it.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}
