//! A what-if for people, and as JSON.

use backlog_proto::common::v1::Log;
use backlog_proto::recognition::v1 as pb;
use serde_json::{Value, json};

use crate::client::{day, money, money_json, to_money, watermark_json, watermark_text};
use crate::table;

/// Whether it is still worked on.
pub(super) fn is_open(of: &pb::WhatIf) -> bool {
    !matches!(of.state(), pb::WhatIfState::Finished | pb::WhatIfState::Failed)
}

/// Entries of the recognition log that it covers.
pub(super) fn length(of: &pb::WhatIf) -> u64 {
    let positions = of.watermark.iter().flat_map(|watermark| &watermark.positions);
    positions.filter(|position| position.log() == Log::Recognition).map(|at| at.seq).sum()
}

/// How far it is, in one word.
pub(super) fn state(of: &pb::WhatIf) -> String {
    word(of.state().as_str_name(), "WHAT_IF_STATE_")
}

/// What it assumes, in words.
pub(super) fn assumes(of: &pb::WhatIf) -> String {
    let policy = of.policy.unwrap_or_default();
    let mut parts: Vec<String> = [
        (policy.convention, policy.convention().as_str_name(), "CONVENTION_"),
        (policy.rounding, policy.rounding().as_str_name(), "ROUNDING_"),
        (policy.receivable_on, policy.receivable_on().as_str_name(), "RECEIVABLE_ON_"),
    ]
    .into_iter()
    .filter(|(stated, ..)| *stated != 0)
    .map(|(_, name, prefix)| word(name, prefix))
    .collect();
    if parts.is_empty() {
        parts.push("the policy of the books".to_owned());
    }
    if let Some(from) = day(of.from.as_ref()) {
        parts.push(format!("from {from}"));
    }
    parts.join(", ")
}

/// Everything, for people.
pub(super) fn text(of: &pb::WhatIf) -> String {
    let how_far = match of.state() {
        pb::WhatIfState::Finished => String::new(),
        pb::WhatIfState::Failed => format!("failed: {}\n", of.failure),
        _ => format!("{}: {} of {}\n", state(of), of.positions_walked, length(of)),
    };
    let mut text = format!(
        "what-if {}: {}\nassumes {}; nothing of it is in the books\n{}\n{how_far}",
        of.what_if_id,
        of.label,
        assumes(of),
        watermark_text(of.watermark.as_ref()),
    );
    for currency in of.result.iter().flat_map(|result| &result.currencies) {
        text.push_str(&currency_text(currency));
    }
    text
}

fn currency_text(of: &pb::WhatIfCurrency) -> String {
    let mut rows = vec![
        row("transaction price", of.transaction_price.as_ref()),
        row("recognized", of.recognized.as_ref()),
        row("backlog", of.backlog.as_ref()),
        row("deferred revenue", of.deferred_revenue.as_ref()),
        row("contract asset", of.contract_asset.as_ref()),
        row("refund liability", of.refund_liability.as_ref()),
    ];
    rows.extend(of.periods.iter().flat_map(period_rows));
    rows.extend(
        of.planned.iter().map(|month| {
            row(&format!("planned for {}", month_text(month)), month.planned.as_ref())
        }),
    );
    rows.extend(
        of.contracts
            .iter()
            .map(|of| row(&format!("recognized of {}", of.contract_id), of.recognized.as_ref())),
    );
    table::render(&[&of.currency_code, "books", "what-if", "difference"], rows, &[1, 2, 3])
}

/// What was recognized in a period, and the balances at its end that differ.
fn period_rows(of: &pb::WhatIfPeriod) -> Vec<[String; 4]> {
    let name = of.period.as_ref().map(|of| of.name.as_str()).unwrap_or_default();
    let recognized = row(&format!("recognized in {name}"), of.recognized.as_ref());
    let balances = [
        ("deferred revenue", &of.deferred_revenue),
        ("contract asset", &of.contract_asset),
        ("refund liability", &of.refund_liability),
    ];
    let differ = |of: &pb::WhatIfAmount| of.books != of.what_if;
    let differing = balances.into_iter().filter(|(_, of)| of.as_ref().is_some_and(differ));
    let balances = differing.map(|(what, of)| row(&format!("{what} after {name}"), of.as_ref()));
    std::iter::once(recognized).chain(balances).collect()
}

fn row(name: &str, of: Option<&pb::WhatIfAmount>) -> [String; 4] {
    let (books, what_if) = sides(of);
    [name.to_owned(), money(books), money(what_if), difference(of)]
}

type Side<'a> = Option<&'a backlog_proto::common::v1::Money>;

fn sides(of: Option<&pb::WhatIfAmount>) -> (Side<'_>, Side<'_>) {
    (of.and_then(|of| of.books.as_ref()), of.and_then(|of| of.what_if.as_ref()))
}

/// The what-if less the books; empty where it cannot be computed.
fn difference(of: Option<&pb::WhatIfAmount>) -> String {
    let (books, what_if) = sides(of);
    let (Ok(books), Ok(what_if)) = (to_money(books), to_money(what_if)) else {
        return String::new();
    };
    let minor = what_if.minor().saturating_sub(books.minor());
    let difference = backlog_money::Money::from_minor(minor, books.currency());
    backlog_proto::common::v1::Money::from(difference).amount
}

/// Everything, as JSON.
pub(super) fn json(of: &pb::WhatIf) -> Value {
    let policy = of.policy.unwrap_or_default();
    let stated = |stated: i32, name: &str, prefix: &str| {
        if stated == 0 { Value::Null } else { json!(word(name, prefix)) }
    };
    json!({
        "what_if_id": of.what_if_id,
        "label": of.label,
        "convention": stated(policy.convention, policy.convention().as_str_name(), "CONVENTION_"),
        "rounding": stated(policy.rounding, policy.rounding().as_str_name(), "ROUNDING_"),
        "receivable_on":
            stated(policy.receivable_on, policy.receivable_on().as_str_name(), "RECEIVABLE_ON_"),
        "from": day(of.from.as_ref()).map(|day| day.to_string()),
        "state": state(of),
        "positions_walked": of.positions_walked,
        "failure": of.failure,
        "rule_version": of.rule_version,
        "started_by": of.started_by,
        "watermark": watermark_json(of.watermark.as_ref()),
        "currencies": of.result.as_ref().map(|result| {
            result.currencies.iter().map(currency_json).collect::<Vec<_>>()
        }),
    })
}

fn currency_json(of: &pb::WhatIfCurrency) -> Value {
    let periods = of.periods.iter().map(|period| {
        json!({
            "period": period.period.as_ref().map(|of| of.name.as_str()),
            "recognized": amount_json(period.recognized.as_ref()),
            "deferred_revenue": amount_json(period.deferred_revenue.as_ref()),
            "contract_asset": amount_json(period.contract_asset.as_ref()),
            "refund_liability": amount_json(period.refund_liability.as_ref()),
        })
    });
    let planned = of.planned.iter().map(|month| {
        json!({ "month": month_text(month), "planned": amount_json(month.planned.as_ref()) })
    });
    let contracts = of.contracts.iter().map(|of| {
        json!({
            "contract_id": of.contract_id,
            "recognized": amount_json(of.recognized.as_ref()),
        })
    });
    json!({
        "currency_code": of.currency_code,
        "transaction_price": amount_json(of.transaction_price.as_ref()),
        "recognized": amount_json(of.recognized.as_ref()),
        "backlog": amount_json(of.backlog.as_ref()),
        "deferred_revenue": amount_json(of.deferred_revenue.as_ref()),
        "contract_asset": amount_json(of.contract_asset.as_ref()),
        "refund_liability": amount_json(of.refund_liability.as_ref()),
        "periods": periods.collect::<Vec<_>>(),
        "planned": planned.collect::<Vec<_>>(),
        "contracts": contracts.collect::<Vec<_>>(),
    })
}

fn amount_json(of: Option<&pb::WhatIfAmount>) -> Value {
    let (books, what_if) = sides(of);
    json!({ "books": money_json(books), "what_if": money_json(what_if) })
}

fn month_text(month: &pb::WhatIfMonth) -> String {
    let first = day(month.month.as_ref());
    first.map(|first| first.format("%Y-%m").to_string()).unwrap_or_default()
}

/// The value of an enumeration as people write it.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use backlog_proto::common::v1::{LogPosition, Money, Watermark};
    use backlog_proto::contract::v1::Convention;

    use super::*;

    fn amount(books: &str, what_if: &str) -> Option<pb::WhatIfAmount> {
        let usd = |amount: &str| {
            Some(Money { currency_code: "USD".to_owned(), amount: amount.to_owned() })
        };
        Some(pb::WhatIfAmount { books: usd(books), what_if: usd(what_if) })
    }

    fn what_if(state: pb::WhatIfState) -> pb::WhatIf {
        pb::WhatIf {
            what_if_id: "wif_1".to_owned(),
            label: "by day".to_owned(),
            policy: Some(pb::WhatIfPolicy {
                convention: Convention::ActualDays.into(),
                ..pb::WhatIfPolicy::default()
            }),
            watermark: Some(Watermark {
                positions: vec![
                    LogPosition { log: Log::Contract.into(), seq: 5 },
                    LogPosition { log: Log::Recognition.into(), seq: 7 },
                ],
                recognized_through: None,
            }),
            state: state.into(),
            positions_walked: 3,
            failure: "entry 4: no".to_owned(),
            ..pb::WhatIf::default()
        }
    }

    // Shows that what is worked on says how far it is, what failed says why and nothing else, and that what
    // came out stands beside the books with its difference.
    #[test]
    fn a_what_if_is_told_by_its_state() {
        let running = text(&what_if(pb::WhatIfState::Running));
        assert!(
            running.contains("assumes actual_days; nothing of it is in the books"),
            "{running}"
        );
        assert!(running.contains("running: 3 of 7"), "{running}");
        let failed = text(&what_if(pb::WhatIfState::Failed));
        assert!(failed.contains("failed: entry 4: no"), "{failed}");
        let finished = pb::WhatIf {
            result: Some(pb::WhatIfResult {
                currencies: vec![pb::WhatIfCurrency {
                    currency_code: "USD".to_owned(),
                    recognized: amount("100.00", "99.50"),
                    periods: vec![pb::WhatIfPeriod {
                        recognized: amount("100.00", "99.50"),
                        deferred_revenue: amount("5.00", "0.00"),
                        contract_asset: amount("7.00", "7.00"),
                        ..pb::WhatIfPeriod::default()
                    }],
                    ..pb::WhatIfCurrency::default()
                }],
            }),
            ..what_if(pb::WhatIfState::Finished)
        };
        let told = text(&finished);
        assert!(!told.contains("failed") && !told.contains("3 of 7"), "{told}");
        let line = told.lines().find(|line| line.starts_with(" recognized")).unwrap();
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            ["recognized", "100.00", "99.50", "-0.50"]
        );
        assert!(told.contains("deferred revenue after") && !told.contains("contract asset after"));
        let json = json(&finished);
        assert_eq!(json["currencies"][0]["recognized"]["what_if"]["amount"], "99.50");
        assert_eq!(json["convention"], "actual_days");
        assert_eq!(json["rounding"], Value::Null);
    }
}
