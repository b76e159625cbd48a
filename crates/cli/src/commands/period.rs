//! `backlog period` and `backlog adjustment`: closing periods, and what a second person decides.

use backlog_ids::AdjustmentId;
use backlog_proto::recognition::v1 as pb;
use clap::{Args, Subcommand};

use super::contract::Write;
use super::known::written;
use crate::arguments::Positions;
use crate::client::{day, from_status, money, money_json};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table;

/// Accounting periods.
#[derive(Debug, Subcommand)]
pub(crate) enum Period {
    /// Closes the period whose turn it is: it never changes any more.
    Close(Close),
    /// Opens the latest closed period again, for a reason.
    Reopen(Reopen),
    /// Shows a period with its closes, and what changed between them.
    Get(One),
    /// Lists the periods of an accounting year.
    List {
        /// The year.
        year: i32,
    },
    /// Shows what a close looks at, and what blocks it; exits with 1 when something does.
    Checklist(One),
}

/// A period.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The period, such as 2026-01, or 2026-P01 where periods are weeks.
    period: String,
    /// What the answer must include besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
}

/// A close.
#[derive(Debug, Args)]
pub(crate) struct Close {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    write: Write,
}

/// A period to open again.
#[derive(Debug, Args)]
pub(crate) struct Reopen {
    /// The period.
    period: String,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    write: Write,
}

/// Adjustments that wait for a second person.
#[derive(Debug, Subcommand)]
pub(crate) enum Adjustment {
    /// Lists those that wait.
    List,
    /// Posts one that somebody else put in.
    Approve {
        /// The adjustment, as adj_...
        adjustment: AdjustmentId,
        #[command(flatten)]
        write: Write,
    },
    /// Discards one.
    Reject {
        /// The adjustment, as adj_...
        adjustment: AdjustmentId,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        write: Write,
    },
}

impl Period {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Close(close) => close.run(session).await,
            Self::Reopen(reopen) => reopen.run(session).await,
            Self::Get(one) => get(session, one).await,
            Self::List { year } => list(session, year).await,
            Self::Checklist(one) => checklist(session, one).await,
        }
    }
}

impl Close {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let request = pb::ClosePeriodRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            period: self.one.period,
            min_positions: session.min_positions(&self.one.after.unwrap_or_default().0)?,
            validate_only: self.write.validate_only,
        };
        let answer = session.client()?.periods().close_period(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let close = answer.close.unwrap_or_default();
        let figures = close.figures.clone().unwrap_or_default();
        let text = format!(
            "period {} closed, version {}\n{}",
            name(close.period.as_ref()),
            close.version,
            balances_text(&figures),
        );
        written(session, answer.position.as_ref(), text.trim_end(), close_json(&close))
    }
}

impl Reopen {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let request = pb::ReopenPeriodRequest {
            request_id: session.request_id(self.write.request_id.as_deref()),
            period: self.period,
            reason: self.reason,
            validate_only: self.write.validate_only,
        };
        let answer = session.client()?.periods().reopen_period(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let text = format!("period {} is open again", name(answer.period.as_ref()));
        let json = serde_json::json!({"period": period_json(answer.period.as_ref())});
        written(session, answer.position.as_ref(), &text, json)
    }
}

async fn get(session: &Session, one: One) -> Result<Exit, Failure> {
    let request = pb::GetPeriodRequest {
        period: one.period,
        min_positions: session.min_positions(&one.after.unwrap_or_default().0)?,
    };
    let answer = session.client()?.periods().get_period(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let state = answer.period.unwrap_or_default();
    let mut text = table::render(&HEADER, [state_row(&state)], &[]);
    for close in &answer.closes {
        let held = match close.reopened {
            true => format!("opened again by {}: {}", close.reopened_by, close.reopened_reason),
            false => "holds".to_owned(),
        };
        text += &format!("\nversion {} by {}, {held}\n", close.version, close.closed_by);
        text += &balances_text(&close.figures.clone().unwrap_or_default());
        if !close.differences.is_empty() {
            text += "differences from the version before\n";
            text += &movements_text(&close.differences);
        }
    }
    let closes: Vec<_> = answer.closes.iter().map(close_json).collect();
    let json = serde_json::json!({"period": state_json(&state), "closes": closes});
    session.answer(text.trim_end(), &json);
    Ok(Exit::Done)
}

async fn list(session: &Session, year: i32) -> Result<Exit, Failure> {
    let min_positions = session.min_positions(&[])?;
    let request = pb::ListPeriodsRequest { year, min_positions };
    let answer = session.client()?.periods().list_periods(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let closed = day(answer.closed_through.as_ref()).map(|day| day.to_string());
    let table = table::render(&HEADER, answer.periods.iter().map(state_row), &[]);
    let through = closed.clone().unwrap_or_else(|| "nothing".to_owned());
    let text = format!("{table}calendar {}, closed through {through}", answer.calendar);
    let periods: Vec<_> = answer.periods.iter().map(state_json).collect();
    let json = serde_json::json!({
        "periods": periods,
        "calendar": answer.calendar,
        "closed_through": closed,
    });
    session.answer(&text, &json);
    Ok(Exit::Done)
}

async fn checklist(session: &Session, one: One) -> Result<Exit, Failure> {
    let request = pb::GetCloseChecklistRequest {
        period: one.period,
        min_positions: session.min_positions(&one.after.unwrap_or_default().0)?,
    };
    let answer = session.client()?.periods().get_close_checklist(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let rows = answer.items.iter().map(|item| {
        let passed = if item.passed { "ok" } else { "blocks" };
        [passed.to_owned(), check(item), item.detail.clone()]
    });
    let table = table::render(&["", "check", "found"], rows, &[]);
    let verdict = if answer.ready { "can be closed" } else { "cannot be closed yet" };
    let text = format!("{table}period {} {verdict}", name(answer.period.as_ref()));
    let items: Vec<_> = answer
        .items
        .iter()
        .map(|item| {
            serde_json::json!({
                "check": check(item),
                "passed": item.passed,
                "count": item.count,
                "detail": item.detail,
            })
        })
        .collect();
    let json = serde_json::json!({
        "period": period_json(answer.period.as_ref()),
        "ready": answer.ready,
        "items": items,
    });
    session.answer(&text, &json);
    Ok(if answer.ready { Exit::Done } else { Exit::Negative })
}

const HEADER: [&str; 6] = ["period", "from", "to", "year", "quarter", "state"];

fn state_row(state: &pb::PeriodState) -> [String; 6] {
    let period = state.period.clone().unwrap_or_default();
    let date = |date: Option<&_>| day(date).map(|day| day.to_string()).unwrap_or_default();
    let version = match (state.closed, state.closes) {
        (true, closes) => format!("closed, version {closes}"),
        (false, 0) => "open".to_owned(),
        (false, _) => "open again".to_owned(),
    };
    [
        period.name.clone(),
        date(period.first_day.as_ref()),
        date(period.last_day.as_ref()),
        period.year.to_string(),
        format!("Q{}", period.quarter),
        version,
    ]
}

fn name(period: Option<&pb::Period>) -> String {
    period.map(|period| period.name.clone()).unwrap_or_default()
}

fn check(item: &pb::CheckItem) -> String {
    word(item.kind().as_str_name(), "CHECK_KIND_")
}

/// The value of an enumeration as people write it.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn balances_text(figures: &pb::CloseFigures) -> String {
    let rows = figures
        .balances
        .iter()
        .map(|of| [word(of.measure().as_str_name(), "MEASURE_"), money(of.amount.as_ref())]);
    table::render(&["at its end", "amount"], rows, &[1])
}

fn movements_text(movements: &[pb::CloseMovement]) -> String {
    let rows = movements.iter().map(|of| {
        let cause = word(of.cause().as_str_name(), "CAUSE_");
        [cause, word(of.measure().as_str_name(), "MEASURE_"), money(of.amount.as_ref())]
    });
    table::render(&["cause", "measure", "amount"], rows, &[2])
}

fn period_json(period: Option<&pb::Period>) -> serde_json::Value {
    let Some(period) = period else { return serde_json::Value::Null };
    serde_json::json!({
        "name": period.name,
        "first_day": day(period.first_day.as_ref()).map(|day| day.to_string()),
        "last_day": day(period.last_day.as_ref()).map(|day| day.to_string()),
        "year": period.year,
        "number": period.number,
        "quarter": period.quarter,
    })
}

fn state_json(state: &pb::PeriodState) -> serde_json::Value {
    serde_json::json!({
        "period": period_json(state.period.as_ref()),
        "closed": state.closed,
        "closes": state.closes,
    })
}

fn close_json(close: &pb::Close) -> serde_json::Value {
    let figures = close.figures.clone().unwrap_or_default();
    let balance = |of: &pb::CloseBalance| {
        let measure = word(of.measure().as_str_name(), "MEASURE_");
        serde_json::json!({"measure": measure, "amount": money_json(of.amount.as_ref())})
    };
    let movement = |of: &pb::CloseMovement| {
        serde_json::json!({
            "cause": word(of.cause().as_str_name(), "CAUSE_"),
            "measure": word(of.measure().as_str_name(), "MEASURE_"),
            "amount": money_json(of.amount.as_ref()),
        })
    };
    serde_json::json!({
        "period": period_json(close.period.as_ref()),
        "version": close.version,
        "closed_by": close.closed_by,
        "covered_contract_seq": close.covered_contract_seq,
        "balances": figures.balances.iter().map(balance).collect::<Vec<_>>(),
        "movements": figures.movements.iter().map(movement).collect::<Vec<_>>(),
        "differences": close.differences.iter().map(movement).collect::<Vec<_>>(),
        "reopened": close.reopened,
        "reopened_by": close.reopened_by,
        "reopened_reason": close.reopened_reason,
    })
}

impl Adjustment {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List => proposed(session).await,
            Self::Approve { adjustment, write } => {
                let request = pb::ApproveAdjustmentRequest {
                    request_id: session.request_id(write.request_id.as_deref()),
                    adjustment_id: adjustment.to_string(),
                    min_positions: session.min_positions(&[])?,
                    validate_only: write.validate_only,
                };
                let answer = session.client()?.progress().approve_adjustment(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                let text = format!("{adjustment} approved, revenue adjusted");
                written(session, answer.position.as_ref(), &text, serde_json::json!({}))
            }
            Self::Reject { adjustment, reason, write } => {
                let request = pb::RejectAdjustmentRequest {
                    request_id: session.request_id(write.request_id.as_deref()),
                    adjustment_id: adjustment.to_string(),
                    reason,
                    validate_only: write.validate_only,
                };
                let answer = session.client()?.progress().reject_adjustment(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                let text = format!("{adjustment} rejected");
                written(session, answer.position.as_ref(), &text, serde_json::json!({}))
            }
        }
    }
}

async fn proposed(session: &Session) -> Result<Exit, Failure> {
    let mut all: Vec<pb::ProposedAdjustment> = Vec::new();
    loop {
        let request = pb::ListProposedAdjustmentsRequest {
            page_size: 0,
            after_adjustment_id: all
                .last()
                .map(|last| last.adjustment_id.clone())
                .unwrap_or_default(),
            min_positions: session.min_positions(&[])?,
        };
        let answer = session.client()?.progress().list_proposed_adjustments(request).await;
        let page = answer.map_err(|status| from_status(&status))?.into_inner().adjustments;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    let rows = all.iter().map(|waiting| {
        let of = waiting.adjustment.clone().unwrap_or_default();
        [
            waiting.adjustment_id.clone(),
            of.contract_id.clone(),
            day(of.on.as_ref()).map(|day| day.to_string()).unwrap_or_default(),
            money(of.amount.as_ref()),
            waiting.proposed_by.clone(),
            of.reason,
        ]
    });
    let header = ["adjustment", "contract", "on", "amount", "by", "reason"];
    let text = table::render(&header, rows, &[3]);
    let json: Vec<_> = all
        .iter()
        .map(|waiting| {
            let of = waiting.adjustment.clone().unwrap_or_default();
            serde_json::json!({
                "adjustment_id": waiting.adjustment_id,
                "contract_id": of.contract_id,
                "obligation_id": of.obligation_id,
                "on": day(of.on.as_ref()).map(|day| day.to_string()),
                "amount": money_json(of.amount.as_ref()),
                "reason": of.reason,
                "proposed_by": waiting.proposed_by,
            })
        })
        .collect();
    session.answer(text.trim_end(), &serde_json::json!({"adjustments": json}));
    Ok(Exit::Done)
}
