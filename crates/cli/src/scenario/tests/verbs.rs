//! What changes, billing and progress refuse to be read as; and what a changed estimate comes to.

use super::{file, play_text, problems};
use crate::scenario::parse;

/// A contract with a cost, units and variable amounts, and further steps from line 16 on.
fn rich(steps: &str) -> String {
    format!(
        "scenario: s\ntitle: t\nsource: o\ncurrency: USD\nsteps:\n  - on: 2026-01-01\n    sign:\n      \
         contract: acme\n      term: {{from: 2026-01-01, to: 2026-12-31}}\n      obligations:\n        \
         - {{id: build, price: \"100.00\", method: cost_to_cost, estimate_at_completion: \"80.00\"}}\n        \
         - {{id: goods, quantity: \"10\", unit_price: \"2.5\", method: point_in_time}}\n      \
         variable:\n        \
         - {{id: bonus, amount: \"40.00\", included: \"10.00\", kind: constrained}}\n        \
         - {{id: rebate, amount: \"-5.00\", kind: constrained}}\n{steps}"
    )
}

/// Changes and bills tell what they lack, what they do not know, and what excludes each other.
#[test]
fn changes_and_bills_are_read_strictly() {
    let table = [
        ("amend: {contract: acme}", "amend needs \"changes\""),
        ("amend: {contract: acme, changes: [{price: \"1.00\"}]}", "change needs \"obligation\""),
        (
            "amend: {contract: acme, changes: [{obligation: x, price: \"1.00\"}]}",
            "contract \"acme\" has no obligation \"x\"",
        ),
        (
            "amend: {contract: acme, changes: [{obligation: goods, total: \"1\"}]}",
            "unknown key \"total\" in change; known: add, obligation, price, quantity",
        ),
        (
            "amend: {contract: acme, changes: [], treatment: blended}",
            "unknown treatment \"blended\"; known: prospective, catch_up, separate",
        ),
        (
            "amend: {contract: acme, changes: [], expected: catch_up}",
            "unknown key \"expected\" in amend; known: contract",
        ),
        ("amend: {contract: acme, changes: [], approved: maybe}", "approved must be true or false"),
        (
            "amend: {contract: acme, changes: [{obligation: goods, remove: yes}]}",
            "remove must be true or false, without quotes",
        ),
        ("terminate: {contract: acme, refund: some}", "refund (or all) is \"some\""),
        (
            "terminate: {contract: acme, keep_earned: \"false\"}",
            "keep_earned must be true or false",
        ),
        ("terminate: {contract: acme, wind_down: {}}", "wind_down needs \"to\""),
        ("credit_note: {contract: acme}", "credit_note needs \"amount\""),
        (
            "credit_note: {contract: acme, amount: \"1.00\", concession: false}",
            "unknown concession \"false\"; known: true, transferred",
        ),
        (
            "credit_note: {contract: acme, amount: \"1.00\", invoice: \"7\"}",
            "no earlier step issues an invoice \"7\" of it",
        ),
    ];
    refused(&table);
}

/// The same of cash, progress and estimates.
#[test]
fn progress_is_read_strictly() {
    let table = [
        (
            "pay: {contract: acme, amount: \"1.00\", invoice: \"7\"}",
            "unknown key \"invoice\" in pay",
        ),
        ("progress: {contract: acme, obligation: build}", "progress needs exactly one of: percent"),
        (
            "progress: {contract: acme, obligation: build, cost: \"1.00\", units: \"1\"}",
            "progress needs exactly one of: percent, units, hours, cost, usage",
        ),
        (
            "progress: {contract: acme, obligation: build, percent: \"1\", uninstalled: \"1.00\"}",
            "unknown key \"uninstalled\" in progress",
        ),
        ("progress: {contract: acme, obligation: build, percent: 5}", "percent must be a string"),
        (
            "progress: {contract: acme, obligation: build, percent: \"5 %\"}",
            "percent is \"5 %\": must be a decimal number such as 12 or 0.015",
        ),
        ("progress: {contract: acme, obligation: build, usage: {}}", "usage needs \"quantity\""),
        ("milestone: {contract: acme, obligation: build}", "milestone needs \"milestone\""),
        ("deliver: {contract: acme}", "deliver needs \"obligation\""),
        (
            "adjust: {contract: acme, obligation: build, amount: \"1.00\"}",
            "adjust needs \"reason\"",
        ),
        ("reestimate: {contract: acme}", "reestimate needs a variable or an obligation, not both"),
        ("reestimate: {contract: acme, variable: bonus}", "reestimate needs amount, included or"),
        (
            "reestimate: {contract: acme, variable: malus, amount: \"1.00\"}",
            "the contract has no variable \"malus\"",
        ),
        (
            "reestimate: {contract: acme, variable: bonus, constrained: true}",
            "constrained can only be lifted",
        ),
        (
            "reestimate: {contract: acme, obligation: build}",
            "reestimate of an obligation needs an estimate_at_completion or an expected_share, not",
        ),
        (
            "reestimate: {contract: acme, obligation: build, expected_share: \"0.5\", \
             estimate_at_completion: \"1.00\"}",
            "reestimate of an obligation needs an estimate_at_completion or an expected_share, not",
        ),
        (
            "reestimate: {contract: acme, obligation: build, expected_share: 0.5}",
            "expected_share must be a string",
        ),
        ("exercise: {contract: acme}", "exercise needs \"obligation\""),
        (
            "exercise: {contract: acme, obligation: build, share: \"40 %\"}",
            "share is \"40 %\": must be a decimal number",
        ),
        (
            "expire: {contract: acme, obligation: build, share: \"1\"}",
            "unknown key \"share\" in expire; known: contract, obligation",
        ),
        ("postpone: {contract: acme}", "unknown verb \"postpone\"; known: adjust"),
    ];
    refused(&table);
}

fn refused(table: &[(&str, &str)]) {
    for (step, message) in table {
        let found = problems(&rich(&format!("  - on: 2026-01-31\n    {step}\n")));
        assert!(
            found.first().is_some_and(|(line, found)| *line == 17 && found.starts_with(message)),
            "{step}: {found:?}"
        );
    }
}

/// What a new contract may be called, a refused verb may name; what an amendment adds is known then.
#[test]
fn names_come_with_the_steps_that_make_them() {
    let added = "  - on: 2026-02-01\n    amend: {contract: acme, changes: [{add: \
                 {id: more, price: \"1.00\", method: percent_complete}}]}\n  \
                 - on: 2026-02-01\n    progress: {contract: acme, obligation: more, percent: \"5\"}\n";
    assert!(parse(&file(added)).is_ok());
    let refused = "  - on: 2026-02-01\n    refuse: {progress: {contract: acme, obligation: more, \
                   percent: \"5\"}, reason: INVALID_FIELDS}\n";
    assert!(parse(&file(refused)).is_ok());
    let before = added.replace("  - on: 2026-02-01\n    amend", "  - on: 2026-01-31\n    refuse");
    assert!(parse(&file(&before)).is_err());
}

/// A constraint leaves a bonus out and never a rebate; new estimates count whole unless said.
#[tokio::test]
async fn estimates_come_to_what_is_said() {
    let steps = [
        ("", "130.00"),
        ("{contract: acme, variable: bonus, constrained: false}", "160.00"),
        ("{contract: acme, variable: bonus, included: \"12.00\"}", "132.00"),
        ("{contract: acme, variable: bonus, amount: \"20.00\"}", "140.00"),
        ("{contract: acme, variable: bonus, amount: \"20.00\", included: \"0.00\"}", "120.00"),
        ("{contract: acme, variable: rebate, amount: \"-8.00\"}", "127.00"),
    ];
    for (reestimate, price) in steps {
        let change = match reestimate {
            "" => String::new(),
            said => format!("  - on: 2026-01-31\n    reestimate: {said}\n"),
        };
        let expect = format!(
            "{change}  - on: 2026-01-31\n    expect: {{contract: acme, transaction_price: \"{price}\"}}\n"
        );
        let report = play_text(&rich(&expect)).await;
        assert!(report.holds(), "{reestimate}: {:?} {:?}", report.checks, report.stopped);
    }
}

/// A change between obligations is a line where one of them is looked at, and none over the contract.
#[tokio::test]
async fn reallocation_is_a_line_of_its_own() {
    let steps = |lines: &str| {
        rich(&format!(
            "  - on: 2026-01-31\n    amend: {{contract: acme, changes: [{{obligation: goods, \
             price: \"50.00\"}}], treatment: prospective}}\n  - on: 2026-01-31\n    expect:\n      \
             contract: acme\n      obligation: goods\n      \
             rollforward: {{from: 2026-01-31, to: 2026-01-31{lines}}}\n"
        ))
    };
    let report = play_text(&steps("")).await;
    let unlisted: Vec<_> = report.checks.iter().map(|check| check.what.as_str()).collect();
    assert!(unlisted.contains(&"rollforward reallocation, not listed"), "{unlisted:?}");
    let whole = steps("").replace("      obligation: goods\n", "");
    let report = play_text(&whole).await;
    assert!(report.checks.iter().all(|check| !check.what.contains("reallocation")));
}

/// A right is earned by its share, exercised wholly unless said, and ends when it is said to; what
/// exercising costs enters the price with it. What a service refuses is refused with its reason.
#[tokio::test]
async fn rights_are_exercised_and_expire() {
    let sign = |contract: &str, voucher: &str| {
        format!(
            "sign: {{contract: {contract}, term: {{from: 2026-01-01, to: 2026-01-31}}, price: \"100.00\", \
             obligations: [{{id: product, ssp: \"100.00\", method: point_in_time}}, \
             {{id: voucher, {voucher}, method: material_right, option: OPTION}}]}}"
        )
    };
    let sound = "{expected_share: \"0.8\", expires_on: 2026-06-30}";
    let steps = [
        sign("a", "ssp: \"12.00\", price: \"50.00\"").replace("OPTION", sound),
        sign("b", "ssp: \"12.00\"").replace("OPTION", sound),
        "exercise: {contract: a, obligation: voucher, share: \"0.4\"}".to_owned(),
        "recognize: {}".to_owned(),
        "expect: {contract: a, obligation: voucher, recognized: \"25.36\"}".to_owned(),
        "expect: {contract: a, transaction_price: \"120.00\"}".to_owned(),
        "exercise: {contract: a, obligation: voucher}".to_owned(),
        "expire: {contract: b, obligation: voucher}".to_owned(),
        "recognize: {}".to_owned(),
        "expect: {contract: a, obligation: voucher, recognized: \"60.71\"}".to_owned(),
        "expect: {contract: b, obligation: voucher, recognized: \"10.71\"}".to_owned(),
    ];
    let refused = [
        (sign("c", "price: \"50.00\"").replace("OPTION", sound), "INVALID_FIELDS"),
        (sign("c", "residual: true").replace("OPTION", sound), "INVALID_FIELDS"),
        (
            sign("c", "ssp: \"12.00\"").replace("OPTION", &sound.replace("0.8", "1.1")),
            "INVALID_FIELDS",
        ),
        (
            sign("c", "ssp: \"12.00\"").replace("OPTION", &sound.replace("2026-06", "2025-06")),
            "INVALID_FIELDS",
        ),
        (
            "exercise: {contract: a, obligation: voucher, share: \"1.1\"}".to_owned(),
            "PROGRESS_OUT_OF_RANGE",
        ),
        ("exercise: {contract: a, obligation: product}".to_owned(), "INVALID_FIELDS"),
        ("expire: {contract: a, obligation: product}".to_owned(), "INVALID_FIELDS"),
        (
            "reestimate: {contract: a, obligation: product, expected_share: \"0.5\"}".to_owned(),
            "INVALID_FIELDS",
        ),
        (
            "reestimate: {contract: a, obligation: voucher, expected_share: \"0\"}".to_owned(),
            "PROGRESS_OUT_OF_RANGE",
        ),
    ];
    let refused = refused.map(|(step, reason)| format!("refuse: {{{step}, reason: {reason}}}"));
    let all = steps.iter().chain(&refused);
    let steps: String = all.map(|step| format!("  - on: 2026-01-15\n    {step}\n")).collect();
    let report = play_text(&file(&steps)).await;
    assert!(report.holds(), "{:?} {:?}", report.checks, report.stopped);
    // Refused, and nothing changed.
    assert_eq!(report.checks.len(), 4 + 2 * refused.len());
}
