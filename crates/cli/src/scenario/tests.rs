//! What the parser refuses, with its line; and all scenario files through the pure fold.

mod later;
mod terms;
mod verbs;

use std::path::{Path, PathBuf};

use super::{EnginePlayer, FileReport, Problem, parse, play, read_file, render};

/// A scenario of one contract with these further steps, which begin on line 13.
fn file(steps: &str) -> String {
    format!(
        "scenario: s\ntitle: t\nsource: o\ncurrency: USD\npolicy: {{convention: even_months}}\n\
         steps:\n  - on: 2026-01-01\n    sign:\n      contract: acme\n      \
         term: {{from: 2026-01-01, to: 2026-12-31}}\n      obligations:\n        \
         - {{id: sub, price: \"1200.00\", method: straight_line}}\n{steps}"
    )
}

fn problems(text: &str) -> Vec<(usize, String)> {
    let problems = parse(text).expect_err("must be refused");
    problems.into_iter().map(|Problem { line, message }| (line, message)).collect()
}

async fn play_text(text: &str) -> FileReport {
    let scenario = parse(text).unwrap();
    play(&scenario, &mut EnginePlayer::new(&scenario)).await.unwrap()
}

/// Everything a step can get wrong is told with its line and what would be right.
#[test]
fn steps_are_read_strictly() {
    let table = [
        (
            "postpone: {contract: acme}",
            14,
            "unknown verb \"postpone\"; known: adjust, amend, close_period, combine, credit_note",
        ),
        ("expect: {backlog: \"1.00\", rpo: \"1.00\"}", 14, "unknown measure \"rpo\"; known: tran"),
        ("invoice: {contract: acme, amount: \"1.00\", vat: \"1.00\"}", 14, "unknown key \"vat\""),
        ("refuse: {sign: {contract: acme}, reason: WHATEVER}", 14, "unknown reason \"WHATEVER\""),
        ("refuse: {sign: {contract: acme}, reason: UNSPECIFIED}", 14, "unknown reason"),
        ("refuse: {reason: NOT_SIGNED}", 14, "refuse needs exactly one verb"),
        ("invoice: {contract: acme}", 14, "invoice needs \"amount\""),
        (
            "invoice: {contract: acme, amount: \"1.00\", amount: \"2.00\"}",
            14,
            "the key \"amount\" is",
        ),
        ("invoice: {contract: other, amount: \"1.00\"}", 14, "no earlier step signs or drafts"),
        ("sign: {contract: other}", 14, "no earlier step signs or drafts contract \"other\""),
        ("expect: {contract: other, backlog: \"1.00\"}", 14, "no earlier step signs or drafts"),
        ("expect: {obligation: sub, backlog: \"1.00\"}", 14, "an obligation is looked at within"),
        ("expect: {contract: acme, obligation: x, tcv: \"1.00\"}", 14, "contract \"acme\" has no"),
        ("expect: {as_of: 2026-02-30, backlog: \"1.00\"}", 14, "as_of must be a day such as"),
        ("expect: {as_of: 2026-2-3, backlog: \"1.00\"}", 14, "as_of must be a day such as"),
        ("expect: {by_month: {2026-13: \"1.00\"}}", 14, "the key must be a month such as 2026-01"),
        (
            "expect: {rollforward: {from: 2026-01-01, to: 2026-01-31, gain: \"1.00\"}}",
            14,
            "unknown l",
        ),
        ("expect: {rollforward: {from: 2026-02-01, to: 2026-01-31}}", 14, "the span ends on"),
        (
            "expect: {in_period: {from: 2026-01-01, to: 2026-01-31, x: \"1.00\"}}",
            14,
            "unknown meas",
        ),
        (
            "expect: {entries: [{service_period: 2026-01, amount: \"1.00\"}]}",
            14,
            "entry needs \"po",
        ),
        ("expect: {entries: {a: b}}", 14, "entries must be a list, not a block of keys"),
        ("expect: [backlog]", 14, "expect must be a block of keys, not a list"),
        ("recognize: {contract: true}", 14, "contract must be a string, not true or false"),
        ("recognize: {contract: 17}", 14, "contract must be a string, not a number: quote it"),
        ("recognize: {contract: \"\"}", 14, "contract must not be empty"),
        ("expect: {currency: usd, backlog: \"1.00\"}", 14, "currency is \"usd\": expected an ISO"),
    ];
    for (step, line, message) in table {
        let found = problems(&file(&format!("  - on: 2026-01-31\n    {step}\n")));
        assert!(
            found.len() == 1 && found[0].0 == line && found[0].1.starts_with(message),
            "{step}: {found:?}"
        );
    }
}

/// Amounts are strings with exactly the currency's decimals; nothing is guessed or rounded.
#[test]
fn amounts_are_strict() {
    let step = |amount: &str| {
        file(&format!("  - on: 2026-01-31\n    invoice: {{contract: acme, amount: {amount}}}\n"))
    };
    assert!(parse(&step("\"100.00\"")).is_ok());
    assert!(parse(&step("'-0.01'")).is_ok(), "the sign is for the service to refuse");
    for amount in [
        "100.00",
        "100",
        "\"100\"",
        "\"100.0\"",
        "\"100.000\"",
        "\"1,200.00\"",
        "\" 100.00\"",
        "\"+100.00\"",
        "\"1e2\"",
        "\"-0.00\"",
        "\"00.10\"",
        "\"USD 1.00\"",
        "\"\"",
        "[\"1.00\"]",
        "\"100000000000000000.00\"",
        "~",
    ] {
        let found = problems(&step(amount));
        assert_eq!((found.len(), found[0].0), (1, 14), "{amount}: {found:?}");
        assert!(found[0].1.starts_with("amount "), "{amount}: {found:?}");
    }
    let yen = step("\"100.00\"").replace("USD", "JPY").replace("1200.00", "1200");
    assert!(problems(&yen)[0].1.contains("at most 0 decimals"), "{:?}", problems(&yen));
}

/// The head of a file, the order of steps and the policy are checked; all problems come at once.
#[test]
fn files_are_read_strictly() {
    let back =
        file("  - on: 2026-03-01\n    recognize: {}\n  - on: 2026-02-28\n    recognize: {}\n");
    assert_eq!(problems(&back), [(15, "on goes back, from 2026-03-01 to 2026-02-28".to_owned())]);
    let two = file("  - on: 2026-03-01\n    recognize: {}\n    expect: {}\n");
    assert_eq!(problems(&two), [(15, "step has a second verb, \"expect\"".to_owned())]);
    let none = file("  - on: 2026-03-01\n");
    assert!(problems(&none)[0].1.starts_with("step needs one of: adjust, amend"));
    let twice = file("  - on: 2026-03-01\n    draft: {contract: acme}\n");
    assert_eq!(problems(&twice)[0], (14, "contract \"acme\" is there already".to_owned()));
    let head = file("").replace("source: o\n", "").replace("even_months", "even_weeks");
    let head = head.replace("title: t", "titel: t").replace("method: straight_line", "method: x");
    let found = problems(&head);
    let starts = [
        "the file needs \"source\"",
        "the file needs \"title\"",
        "unknown key \"titel\" in the file; known: scenario, title",
        "unknown convention \"even_weeks\"; known: actual_days",
        "unknown method \"x\"; known: straight_line",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.1.starts_with(start), "{found:?} {start}");
    }
}

/// The name inside must be the name of the file.
#[test]
fn the_name_is_that_of_the_file() {
    let folder = std::env::temp_dir().join(format!("backlog-cli-name-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("other.yaml");
    std::fs::write(&path, file("")).unwrap();
    let found = read_file(&path).unwrap_err();
    std::fs::write(folder.join("s.yaml"), file("")).unwrap();
    let read = read_file(&folder.join("s.yaml"));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(found[0].message.contains("not the name of the file"), "{found:?}");
    assert!(read.is_ok());
    assert!(read_file(Path::new("/nowhere/s.yaml")).unwrap_err()[0].message.contains("cannot be"));
}

/// A wrong figure is found, and the report says where and by what.
#[tokio::test]
async fn a_wrong_figure_is_found() {
    let text = file(
        "  - on: 2026-01-31\n    recognize: {}\n  - on: 2026-01-31\n    expect:\n      \
         contract: acme\n      backlog: \"1100.01\"\n      recognized: \"100.00\"\n      \
         rollforward: {from: 2026-01-01, to: 2026-01-31, recognized: \"100.00\"}\n      \
         entries: []\n      not_shown: {margin: costs are not ours}\n",
    );
    let report = play_text(&text).await;
    assert!(!report.holds());
    assert_eq!((report.checks.len(), report.differing()), (6, 4));
    insta::assert_snapshot!(render(&report));
}

/// What must be refused and is accepted fails; what is refused outside `refuse` ends the file.
#[tokio::test]
async fn refusals_are_checked() {
    let accepted = file(
        "  - on: 2026-01-31\n    refuse: {invoice: {contract: acme, amount: \"1.00\"}, \
         reason: INVOICE_EXCEEDS_CEILING}\n",
    );
    let report = play_text(&accepted).await;
    let found: Vec<_> = report.checks.iter().map(|c| (c.actual.as_str(), c.holds)).collect();
    assert_eq!(found, [("accepted", false), ("something", false)]);
    let ended = file(
        "  - on: 2026-01-31\n    invoice: {contract: acme, amount: \"1200.01\"}\n  \
         - on: 2026-01-31\n    expect: {backlog: \"0.00\"}\n",
    );
    let report = play_text(&ended).await;
    let (line, failure) = report.stopped.as_ref().unwrap();
    assert_eq!((*line, failure.reason.as_deref()), (13, Some("INVOICE_EXCEEDS_CEILING")));
    assert!(!report.holds() && report.checks.is_empty());
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|p| p.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

/// Every scenario file of the project comes out through the pure fold, to the cent.
#[tokio::test]
async fn all_scenario_files_hold() {
    let files = scenarios();
    assert!(files.len() >= 64, "{} files", files.len());
    let mut figures = 0;
    for path in files {
        let scenario = read_file(&path).unwrap_or_else(|problems| panic!("{path:?} {problems:#?}"));
        let report = play(&scenario, &mut EnginePlayer::new(&scenario)).await.unwrap();
        assert!(report.holds(), "{}", render(&report));
        assert!(!report.checks.is_empty(), "{path:?} checks nothing");
        figures += report.checks.len();
    }
    assert!(figures > 1_900, "{figures} figures");
}
