//! Figures that nothing can tell yet: their form is checked, they are counted, and they fail nothing.

use super::{file, play_text, problems};
use crate::scenario::render;

const STEP: &str = "  - on: 2026-01-01\n    expect: {contract: acme, backlog: \"1200.00\"}\n";

/// They are shown as not checked, with their day and line, in the table and in JSON.
#[tokio::test]
async fn they_are_counted_and_shown() {
    let later = "later:\n  - on: 2026-01-31\n    expect: {contract: acme, rpo: \"1.00\", \
                 rpo_bands: {months: [12], amounts: [\"1.00\"]}}\n  \
                 - on: 2026-02-28\n    expect:\n      warnings: [ONEROUS]\n";
    let report = play_text(&file(&format!("{STEP}{later}"))).await;
    assert!(report.holds());
    assert_eq!((report.checks.len(), report.not_checked()), (1, 3));
    insta::assert_snapshot!(render(&report));
    let json = report.json();
    assert_eq!(json["not_checked"][0]["figures"], serde_json::json!(["rpo", "rpo_bands"]));
    assert_eq!(json["not_checked"][1]["on"], "2026-02-28");
    assert_eq!(json["not_checked"][1]["line"], 18);
}

/// A block without day, figures or form is wrong.
#[test]
fn their_form_is_checked() {
    let table = [
        ("later: {}", 15, "later must be a list, not a block of keys"),
        ("later:\n  - expect: {rpo: \"1.00\"}", 16, "later needs \"on\""),
        ("later:\n  - on: 2026-01-31", 16, "later needs \"expect\""),
        ("later:\n  - {on: 2026-01-31, expect: {contract: acme}}", 16, "expect names no figure"),
        ("later:\n  - {on: 2026-01-31, expect: [rpo]}", 16, "expect must be a block of keys"),
        ("later:\n  - {on: 2026-01-31, expect: {rpo: x}, sign: {}}", 16, "unknown key \"sign\""),
    ];
    for (later, line, message) in table {
        let found = problems(&file(&format!("{STEP}{later}\n")));
        assert!(
            found.len() == 1 && found[0].0 == line && found[0].1.starts_with(message),
            "{later}: {found:?}"
        );
    }
}
