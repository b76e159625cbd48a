//! `backlog progress`: what was done, what is expected, and what a person adjusts.

use backlog_ids::ContractId;
use backlog_money::Quantity;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::Criterion;
use chrono::NaiveDate;
use clap::{ArgGroup, Args, Subcommand};

use super::contract::Write;
use super::known::{Known, written};
use crate::arguments::{self, Positions};
use crate::client::{Client, date, from_status};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::terms::criterion;

/// What excludes options of a cost, of use and of a delivery.
const NOT_COST: [&str; 8] =
    ["percent", "units", "hours", "usage", "milestone", "delivered", "exercised", "expired"];
const NOT_USAGE: [&str; 8] =
    ["percent", "units", "hours", "cost", "milestone", "delivered", "exercised", "expired"];
const NOT_DELIVERY: [&str; 8] =
    ["percent", "units", "hours", "cost", "usage", "milestone", "exercised", "expired"];

/// Progress of obligations, estimates, adjustments. Revenue waits for the next run, but for that of an
/// adjustment.
#[derive(Debug, Subcommand)]
pub(crate) enum Progress {
    /// Records what was done for an obligation.
    Report(Box<Report>),
    /// Records a new estimate, of a variable amount, of a cost, or of how much will be exercised.
    Estimate(Estimate),
    /// Moves revenue of an obligation at once, for a reason.
    Adjust(Adjust),
    /// Withholds revenue of a contract from a day on.
    Hold(Hold),
    /// Records whether what was signed and is no contract yet is one now.
    Assess(Assess),
    /// Releases what was withheld: the next run posts it, on the day of the release.
    Release(Hold),
}

/// Where and when, and the options of a write.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The contract, as ctr_...
    contract: ContractId,
    /// The day; today when absent.
    #[arg(long, value_parser = arguments::day)]
    on: Option<NaiveDate>,
    /// Facts that it must build on besides those written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
    #[command(flatten)]
    write: Write,
}

/// What was done.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("done").required(true))]
pub(crate) struct Report {
    #[command(flatten)]
    place: Place,
    /// The obligation, by its key or id.
    obligation: String,
    /// Percent complete to date, 0 to 100.
    #[arg(long, group = "done", value_parser = arguments::quantity)]
    percent: Option<Quantity>,
    /// Units transferred to date.
    #[arg(long, group = "done", value_parser = arguments::quantity)]
    units: Option<Quantity>,
    /// Hours worked to date.
    #[arg(long, group = "done", value_parser = arguments::quantity)]
    hours: Option<Quantity>,
    /// Cost to date, uninstalled materials included.
    #[arg(long, group = "done")]
    cost: Option<String>,
    /// Cost expected at completion.
    #[arg(long, requires = "cost", conflicts_with_all = NOT_COST)]
    estimate_at_completion: Option<String>,
    /// Materials that are not installed yet.
    #[arg(long, requires = "cost", conflicts_with_all = NOT_COST)]
    uninstalled: Option<String>,
    /// Units used on top of those before.
    #[arg(long, group = "done", value_parser = arguments::quantity, allow_hyphen_values = true)]
    usage: Option<Quantity>,
    /// Price of the units used, where it is not units x unit price.
    #[arg(long, requires = "usage", conflicts_with_all = NOT_USAGE, allow_hyphen_values = true)]
    usage_amount: Option<String>,
    /// Milestone that was reached.
    #[arg(long, group = "done")]
    milestone: Option<String>,
    /// Units delivered, or all that are missing.
    #[arg(long, group = "done", value_name = "UNITS|all")]
    delivered: Option<String>,
    /// Gate that they passed.
    #[arg(long, requires = "delivered", conflicts_with_all = NOT_DELIVERY)]
    gate: Option<String>,
    /// Share of all rights of an option that was exercised to date, 0 to 1.
    #[arg(long, group = "done", value_name = "SHARE", value_parser = arguments::quantity)]
    exercised: Option<Quantity>,
    /// The option ended before its last day.
    #[arg(long, group = "done")]
    expired: bool,
    /// What proves it: a document's name or address.
    #[arg(long, default_value = "")]
    evidence: String,
}

/// A new estimate.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true), group = ArgGroup::new("expected"))]
pub(crate) struct Estimate {
    #[command(flatten)]
    place: Place,
    /// The variable amount, by its id.
    #[arg(long, group = "what", requires = "amount")]
    variable: Option<String>,
    /// Estimate of all of it.
    #[arg(long, requires = "variable", conflicts_with = "obligation", allow_hyphen_values = true)]
    amount: Option<String>,
    /// The part that counts in the price; all when absent.
    #[arg(long, requires = "variable", conflicts_with = "obligation", allow_hyphen_values = true)]
    included: Option<String>,
    /// The obligation whose cost or exercise it is, by its key or id.
    #[arg(long, group = "what", requires = "expected")]
    obligation: Option<String>,
    /// Cost expected at completion.
    #[arg(long, group = "expected", requires = "obligation", conflicts_with = "variable")]
    estimate_at_completion: Option<String>,
    /// Share of all rights of an option that is expected to be exercised, above 0, at most 1.
    #[arg(long, group = "expected", requires = "obligation", conflicts_with = "variable",
        value_name = "SHARE", value_parser = arguments::quantity)]
    expected_share: Option<Quantity>,
}

/// An adjustment.
#[derive(Debug, Args)]
pub(crate) struct Adjust {
    #[command(flatten)]
    place: Place,
    /// The obligation, by its key or id.
    obligation: String,
    /// By how much revenue to date changes; below zero takes it back.
    #[arg(long, allow_hyphen_values = true)]
    amount: String,
    /// Why.
    #[arg(long)]
    reason: String,
}

/// A hold, or its end.
#[derive(Debug, Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    place: Place,
    /// Only this obligation, by its key or id.
    #[arg(long)]
    obligation: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
}

/// An assessment of what is no contract yet.
#[derive(Debug, Args)]
pub(crate) struct Assess {
    #[command(flatten)]
    place: Place,
    /// A criterion of a contract that it still does not meet; may be repeated. It is a contract when
    /// none is given.
    #[arg(long, value_name = "CRITERION", value_parser = arguments::criterion)]
    unmet: Vec<Criterion>,
    /// Why.
    #[arg(long)]
    reason: String,
}

impl Progress {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let (position, text) = match self {
            Self::Report(report) => (report.send(session, &client).await?, "progress recorded"),
            Self::Estimate(estimate) => {
                (estimate.send(session, &client).await?, "estimate recorded")
            }
            Self::Adjust(adjust) => return adjust.run(session, &client).await,
            Self::Hold(hold) => (hold.send(session, &client, false).await?, "revenue withheld"),
            Self::Assess(assess) => (assess.send(session, &client).await?, "assessment recorded"),
            Self::Release(hold) => (hold.send(session, &client, true).await?, "revenue released"),
        };
        written(session, position.as_ref(), text, serde_json::json!({}))
    }
}

/// Where an effect was written.
type Position = Option<backlog_proto::common::v1::LogPosition>;

impl Place {
    fn on(&self, session: &Session) -> Option<backlog_proto::google::r#type::Date> {
        date(self.on.unwrap_or_else(|| session.today()))
    }

    fn after(
        &self,
        session: &Session,
    ) -> Result<Vec<backlog_proto::common::v1::LogPosition>, Failure> {
        session.min_positions(&self.after.clone().unwrap_or_default().0)
    }
}

impl Report {
    async fn send(self, session: &Session, client: &Client) -> Result<Position, Failure> {
        let known = Known::ask(client, self.place.contract).await?;
        let request = pb::ReportProgressRequest {
            request_id: session.request_id(self.place.write.request_id.as_deref()),
            progress: Some(pb::Progress {
                contract_id: self.place.contract.to_string(),
                obligation_id: known.obligation(&self.obligation),
                on: self.place.on(session),
                reading: self.reading(&known)?,
                evidence: self.evidence.clone(),
            }),
            min_positions: self.place.after(session)?,
            validate_only: self.place.write.validate_only,
        };
        let answer = client.progress().report_progress(request).await;
        Ok(answer.map_err(|status| from_status(&status))?.into_inner().position)
    }

    fn reading(&self, known: &Known) -> Result<Option<pb::progress::Reading>, Failure> {
        use pb::progress::Reading;
        let counted = [
            self.percent.map(|percent| Reading::Percent(percent.to_string())),
            self.units.map(|units| Reading::Units(units.to_string())),
            self.hours.map(|hours| Reading::Hours(hours.to_string())),
            self.milestone.clone().map(Reading::Milestone),
            self.exercised.map(|share| Reading::ExercisedShare(share.to_string())),
            self.expired.then_some(Reading::Expired(true)),
        ];
        let cost = self.cost.as_ref().map(|cost| {
            let amount = |option: &str, text: Option<&str>| known.optional(option, text);
            let estimate = self.estimate_at_completion.as_deref();
            Ok(Reading::Cost(pb::CostReading {
                cost: Some(known.amount("--cost", cost)?.into()),
                estimate_at_completion: amount("--estimate-at-completion", estimate)?
                    .map(Into::into),
                uninstalled: amount("--uninstalled", self.uninstalled.as_deref())?.map(Into::into),
            }))
        });
        let usage = self.usage.map(|units| {
            let amount = known.optional("--usage-amount", self.usage_amount.as_deref())?;
            let quantity = units.to_string();
            Ok(Reading::Usage(pb::UsageReading { quantity, amount: amount.map(Into::into) }))
        });
        let delivery = self.delivered.as_ref().map(|delivered| {
            let quantity = match delivered.as_str() {
                "all" => String::new(),
                units => arguments::quantity(units)
                    .map_err(|error| Failure::usage(format!("--delivered {units}: {error}")))?
                    .to_string(),
            };
            Ok(Reading::Delivery(pb::Delivery {
                quantity,
                gate: self.gate.clone().unwrap_or_default(),
            }))
        });
        let worked_out = [cost, usage, delivery].into_iter().flatten().next().transpose()?;
        Ok(counted.into_iter().flatten().next().or(worked_out))
    }
}

impl Estimate {
    async fn send(self, session: &Session, client: &Client) -> Result<Position, Failure> {
        let known = Known::ask(client, self.place.contract).await?;
        let amount = |option: &str, text: Option<&str>| -> Result<_, Failure> {
            Ok(known.optional(option, text)?.map(Into::into))
        };
        let obligation = known.obligation(self.obligation.as_deref().unwrap_or_default());
        let estimate = match (&self.variable, self.expected_share) {
            (Some(id), _) => pb::estimate_change::Estimate::Variable(pb::VariableEstimate {
                id: id.clone(),
                estimate: amount("--amount", self.amount.as_deref())?,
                included: amount("--included", self.included.as_deref())?,
            }),
            (None, Some(share)) => pb::estimate_change::Estimate::Exercise(pb::ExerciseEstimate {
                obligation_id: obligation,
                expected_share: share.to_string(),
            }),
            (None, None) => pb::estimate_change::Estimate::Cost(pb::CostEstimate {
                obligation_id: obligation,
                estimate_at_completion: amount(
                    "--estimate-at-completion",
                    self.estimate_at_completion.as_deref(),
                )?,
            }),
        };
        let request = pb::ChangeEstimateRequest {
            request_id: session.request_id(self.place.write.request_id.as_deref()),
            change: Some(pb::EstimateChange {
                contract_id: self.place.contract.to_string(),
                on: self.place.on(session),
                estimate: Some(estimate),
            }),
            min_positions: self.place.after(session)?,
            validate_only: self.place.write.validate_only,
        };
        let answer = client.progress().change_estimate(request).await;
        Ok(answer.map_err(|status| from_status(&status))?.into_inner().position)
    }
}

impl Adjust {
    async fn run(self, session: &Session, client: &Client) -> Result<Exit, Failure> {
        let known = Known::ask(client, self.place.contract).await?;
        let request = pb::AdjustRevenueRequest {
            request_id: session.request_id(self.place.write.request_id.as_deref()),
            adjustment: Some(pb::Adjustment {
                contract_id: self.place.contract.to_string(),
                obligation_id: known.obligation(&self.obligation),
                on: self.place.on(session),
                amount: Some(known.amount("--amount", &self.amount)?.into()),
                reason: self.reason.clone(),
            }),
            min_positions: self.place.after(session)?,
            validate_only: self.place.write.validate_only,
        };
        let answer = client.progress().adjust_revenue(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let (text, json) = match answer.adjustment_id.as_str() {
            "" => ("revenue adjusted".to_owned(), serde_json::json!({})),
            id => (
                format!("{id} waits for a second person: backlog adjustment approve {id}"),
                serde_json::json!({"adjustment_id": id}),
            ),
        };
        written(session, answer.position.as_ref(), &text, json)
    }
}

impl Hold {
    async fn send(
        self,
        session: &Session,
        client: &Client,
        released: bool,
    ) -> Result<Position, Failure> {
        let known = Known::ask(client, self.place.contract).await?;
        let obligation = self.obligation.as_deref();
        let request = pb::HoldRevenueRequest {
            request_id: session.request_id(self.place.write.request_id.as_deref()),
            hold: Some(pb::Hold {
                contract_id: self.place.contract.to_string(),
                obligation_id: obligation.map(|key| known.obligation(key)).unwrap_or_default(),
                on: self.place.on(session),
                released,
                reason: self.reason.clone(),
            }),
            min_positions: self.place.after(session)?,
            validate_only: self.place.write.validate_only,
        };
        let answer = client.progress().hold_revenue(request).await;
        Ok(answer.map_err(|status| from_status(&status))?.into_inner().position)
    }
}

impl Assess {
    async fn send(self, session: &Session, client: &Client) -> Result<Position, Failure> {
        let request = pb::ReassessContractRequest {
            request_id: session.request_id(self.place.write.request_id.as_deref()),
            assessment: Some(pb::Assessment {
                contract_id: self.place.contract.to_string(),
                on: self.place.on(session),
                unmet: self.unmet.iter().map(|of| criterion(*of).into()).collect(),
                reason: self.reason.clone(),
            }),
            min_positions: self.place.after(session)?,
            validate_only: self.place.write.validate_only,
        };
        let answer = client.progress().reassess_contract(request).await;
        Ok(answer.map_err(|status| from_status(&status))?.into_inner().position)
    }
}
