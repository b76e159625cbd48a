//! `backlog report`: backlog and its roll-forward.

use backlog_ids::{ContractId, ObligationId};
use backlog_money::Currency;
use backlog_proto::common::v1::{DateRange, Money};
use backlog_proto::recognition::v1::Cause;
use backlog_proto::reporting::v1 as pb;
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use crate::arguments::{self, Pair, Positions};
use crate::client::{day, from_status, money, money_json, watermark_json, watermark_text};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table;

/// Reports.
#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// Balances at the end of a day.
    Backlog {
        /// The day; today when absent.
        #[arg(long, value_parser = arguments::day)]
        as_of: Option<NaiveDate>,
        /// Dimension to group by, or customer, product_line, contract, obligation; may be repeated.
        #[arg(long)]
        group_by: Vec<String>,
        #[command(flatten)]
        scope: Scope,
    },
    /// Opening balance, changes by cause, closing balance.
    Rollforward {
        /// First day; the opening balance is that of the end of the day before.
        #[arg(long, value_parser = arguments::day)]
        from: NaiveDate,
        /// Last day, inclusive.
        #[arg(long, value_parser = arguments::day)]
        to: NaiveDate,
        #[command(flatten)]
        scope: Scope,
    },
}

/// What a report is about.
#[derive(Debug, Args)]
pub(crate) struct Scope {
    /// Only contracts with this dimension value; may be repeated, and all must hold.
    #[arg(long, value_name = "NAME=VALUE")]
    filter: Vec<Pair>,
    /// Only this contract, as ctr_...
    #[arg(long)]
    contract: Option<ContractId>,
    /// Only this obligation, as obl_...
    #[arg(long)]
    obligation: Option<ObligationId>,
    /// Only this currency.
    #[arg(long, value_parser = arguments::currency)]
    currency: Option<Currency>,
    /// Only what was recorded up to here, as contract=12,recognition=15.
    #[arg(long)]
    known_at: Option<Positions>,
    /// What the answer must include besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
}

impl Scope {
    fn filter(&self) -> pb::ReportFilter {
        pb::ReportFilter {
            contract_id: self.contract.map(|id| id.to_string()).unwrap_or_default(),
            obligation_id: self.obligation.map(|id| id.to_string()).unwrap_or_default(),
            dimensions: self.filter.iter().map(|p| (p.name.clone(), p.value.clone())).collect(),
            currency_code: self.currency.map(|c| c.code().to_owned()).unwrap_or_default(),
        }
    }
}

impl Report {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Backlog { as_of, group_by, scope } => {
                let request = pb::GetBacklogRequest {
                    as_of: Some(as_of.unwrap_or_else(|| session.today()).into()),
                    filter: Some(scope.filter()),
                    known_at: scope.known_at.clone().unwrap_or_default().0,
                    group_by: group_by.clone(),
                    min_positions: session.min_positions(&scope.after.unwrap_or_default().0)?,
                };
                let answer = session.client()?.backlog().get_backlog(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                session.answer(&backlog_text(&answer, &group_by), &backlog_json(&answer));
            }
            Self::Rollforward { from, to, scope } => {
                let period = DateRange { from: Some(from.into()), to: Some(to.into()) };
                let request = pb::GetRollForwardRequest {
                    period: Some(period),
                    filter: Some(scope.filter()),
                    known_at: scope.known_at.clone().unwrap_or_default().0,
                    min_positions: session.min_positions(&scope.after.unwrap_or_default().0)?,
                };
                let answer = session.client()?.backlog().get_roll_forward(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                session.answer(&roll_forward_text(&answer), &roll_forward_json(&answer));
            }
        }
        Ok(Exit::Done)
    }
}

/// The columns of balances that a table has room for; JSON has all.
pub(crate) fn backlog_text(answer: &pb::GetBacklogResponse, group_by: &[String]) -> String {
    let mut header: Vec<&str> = group_by.iter().map(String::as_str).collect();
    let amounts = [
        "backlog",
        "unbilled",
        "deferred revenue",
        "contract asset",
        "recognized",
        "billed",
        "TCV",
        "currency",
        "contracts",
    ];
    let first = header.len();
    header.extend(amounts);
    let rows = answer.rows.iter().map(|row| {
        let balances = row.balances.clone().unwrap_or_default();
        let mut cells = row.group.clone();
        cells.extend([
            money(balances.backlog.as_ref()),
            money(balances.unbilled_backlog.as_ref()),
            money(balances.deferred_revenue.as_ref()),
            money(balances.contract_asset.as_ref()),
            money(balances.recognized.as_ref()),
            money(balances.billed.as_ref()),
            money(balances.tcv.as_ref()),
            balances.backlog.map(|backlog| backlog.currency_code).unwrap_or_default(),
            balances.contract_count.to_string(),
        ]);
        cells
    });
    let right: Vec<usize> = (first..first.saturating_add(7)).collect();
    let table = table::render(&header, rows, &right);
    let as_of = day(answer.as_of.as_ref()).map(|day| day.to_string()).unwrap_or_default();
    format!("at the end of {as_of}\n{table}{}", watermark_text(answer.watermark.as_ref()))
}

fn backlog_json(answer: &pb::GetBacklogResponse) -> serde_json::Value {
    let rows: Vec<_> = answer
        .rows
        .iter()
        .map(|row| {
            let balances = row.balances.clone().unwrap_or_default();
            let mut json = serde_json::json!({
                "group": row.group,
                "contract_count": balances.contract_count,
            });
            for (name, amount) in measures(&balances) {
                json[name] = money_json(amount);
            }
            json
        })
        .collect();
    serde_json::json!({
        "as_of": day(answer.as_of.as_ref()).map(|day| day.to_string()),
        "rows": rows,
        "watermark": watermark_json(answer.watermark.as_ref()),
    })
}

fn measures(balances: &pb::Balances) -> [(&'static str, Option<&Money>); 18] {
    [
        ("transaction_price", balances.transaction_price.as_ref()),
        ("beyond_enforceable", balances.beyond_enforceable.as_ref()),
        ("tcv", balances.tcv.as_ref()),
        ("recognized", balances.recognized.as_ref()),
        ("backlog", balances.backlog.as_ref()),
        ("firm_backlog", balances.firm_backlog.as_ref()),
        ("billed", balances.billed.as_ref()),
        ("conditional_billing", balances.conditional_billing.as_ref()),
        ("unbilled_backlog", balances.unbilled_backlog.as_ref()),
        ("deferred_revenue", balances.deferred_revenue.as_ref()),
        ("contract_asset", balances.contract_asset.as_ref()),
        ("refund_liability", balances.refund_liability.as_ref()),
        ("receivable", balances.receivable.as_ref()),
        ("cash", balances.cash.as_ref()),
        ("interest", balances.interest.as_ref()),
        ("potential", balances.potential.as_ref()),
        ("recognized_accrued", balances.recognized_accrued.as_ref()),
        ("backlog_accrued", balances.backlog_accrued.as_ref()),
    ]
}

/// The roll-forward as people read it: each cause a line, and what is unexplained.
pub(crate) fn roll_forward_text(answer: &pb::GetRollForwardResponse) -> String {
    let mut text = String::new();
    for roll_forward in &answer.roll_forwards {
        let currency = roll_forward.closing.as_ref().map(|closing| closing.currency_code.clone());
        let mut rows = vec![["opening".to_owned(), money(roll_forward.opening.as_ref())]];
        rows.extend(
            roll_forward.changes.iter().map(|change| {
                [cause_name(change.cause()).to_owned(), money(change.amount.as_ref())]
            }),
        );
        rows.push(["closing".to_owned(), money(roll_forward.closing.as_ref())]);
        rows.push(["unexplained".to_owned(), money(roll_forward.unexplained.as_ref())]);
        let header = ["backlog", &currency.unwrap_or_default()];
        text.push_str(&table::render(&header, rows, &[1]));
    }
    if text.is_empty() {
        text.push_str("no contracts\n");
    }
    text + &watermark_text(answer.watermark.as_ref())
}

/// The name of a cause in reports.
pub(crate) const fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Booking => "booking",
        Cause::Recognition => "recognition",
        Cause::Invoice => "invoice",
        Cause::ContractBalance => "contract_balance",
        Cause::Amendment => "amendment",
        Cause::Reallocation => "reallocation",
        Cause::EstimateChange => "estimate_change",
        Cause::Usage => "usage",
        Cause::Concession => "concession",
        Cause::Termination => "termination",
        Cause::Adjustment => "adjustment",
        Cause::CreditNote => "credit_note",
        Cause::Payment => "payment",
        Cause::Refund => "refund",
        Cause::Renewal => "renewal",
        Cause::Interest => "interest",
        Cause::Expiry => "expiry",
        Cause::PolicyChange => "policy_change",
        Cause::Unspecified => "unspecified",
    }
}

fn roll_forward_json(answer: &pb::GetRollForwardResponse) -> serde_json::Value {
    let list: Vec<_> = answer
        .roll_forwards
        .iter()
        .map(|roll_forward| {
            let changes: Vec<_> = roll_forward
                .changes
                .iter()
                .map(|change| {
                    serde_json::json!({
                        "cause": cause_name(change.cause()),
                        "amount": money_json(change.amount.as_ref()),
                    })
                })
                .collect();
            serde_json::json!({
                "opening": money_json(roll_forward.opening.as_ref()),
                "changes": changes,
                "closing": money_json(roll_forward.closing.as_ref()),
                "unexplained": money_json(roll_forward.unexplained.as_ref()),
            })
        })
        .collect();
    serde_json::json!({
        "roll_forwards": list,
        "watermark": watermark_json(answer.watermark.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use backlog_proto::common::v1::{Log, LogPosition, Money, Watermark};
    use backlog_proto::recognition::v1::Cause;
    use backlog_proto::reporting::v1 as pb;

    use super::{backlog_text, roll_forward_text};

    fn usd(amount: &str) -> Option<Money> {
        Some(Money { currency_code: "USD".to_owned(), amount: amount.to_owned() })
    }

    fn watermark() -> Option<Watermark> {
        let position = LogPosition { log: Log::Contract.into(), seq: 3 };
        Some(Watermark { positions: vec![position], recognized_through: None })
    }

    /// Balances stand in columns with their group, and the answer says what it includes.
    #[test]
    fn balances_are_a_table() {
        let balances = pb::Balances {
            backlog: usd("1100.00"),
            unbilled_backlog: usd("0.00"),
            deferred_revenue: usd("1100.00"),
            contract_count: 1,
            ..pb::Balances::default()
        };
        let row = pb::BacklogRow { group: vec!["Acme".to_owned()], balances: Some(balances) };
        let answer = pb::GetBacklogResponse {
            rows: vec![row],
            watermark: watermark(),
            as_of: crate::client::date(crate::arguments::day("2026-01-31").unwrap()),
        };
        insta::assert_snapshot!(backlog_text(&answer, &["customer".to_owned()]));
    }

    /// The roll-forward shows each cause, and what is unexplained.
    #[test]
    fn the_roll_forward_shows_what_is_unexplained() {
        let change =
            |cause: Cause, amount| pb::CauseAmount { cause: cause.into(), amount: usd(amount) };
        let roll_forward = pb::RollForward {
            opening: usd("0.00"),
            changes: vec![change(Cause::Booking, "1200.00"), change(Cause::Recognition, "-100.00")],
            closing: usd("1100.00"),
            unexplained: usd("0.00"),
        };
        let answer = pb::GetRollForwardResponse {
            roll_forwards: vec![roll_forward],
            watermark: watermark(),
        };
        insta::assert_snapshot!(roll_forward_text(&answer));
        let none = pb::GetRollForwardResponse { roll_forwards: Vec::new(), watermark: None };
        assert_eq!(roll_forward_text(&none), "no contracts\n");
    }
}
