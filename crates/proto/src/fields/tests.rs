//! That every violation of a request is found, named by its path, and bounded in size.

use backlog_ids::ContractId;

use super::Fields;
use crate::common::v1 as pb;
use crate::google::r#type::Date;

fn paths(fields: Fields) -> Vec<String> {
    fields.finish().unwrap_err().into_iter().map(|violation| violation.field).collect()
}

/// A request that is wrong everywhere answers with everything, not with the first.
#[test]
fn finds_all_violations() {
    let mut fields = Fields::new();
    fields.request_id("request_id", "with space");
    fields.date("signed_on", None);
    fields.optional_date("due_on", Some(&Date { year: 2026, month: 2, day: 30 }));
    fields.money("amount", Some(&pb::Money { currency_code: "USD".into(), amount: "x".into() }));
    fields.optional_money("tax", Some(&pb::Money::default()));
    fields.id::<ContractId>("contract_id", "ten_0192f3a1c8e67d4fb0a1b2c3d4e5f607");
    fields.text("name", "", 1, 200);
    fields.page_size("page_size", -1);
    let range = pb::DateRange { from: None, to: Some(Date { year: 1, month: 1, day: 1 }) };
    fields.range("term", Some(&range));
    fields.positions("min_positions", &[pb::LogPosition { log: 0, seq: 1 }]);
    assert_eq!(
        paths(fields),
        [
            "request_id",
            "signed_on",
            "due_on",
            "amount.amount",
            "tax.currency_code",
            "contract_id",
            "name",
            "page_size",
            "term.from",
            "term.to",
            "min_positions[0]"
        ]
    );
}

/// What is right is parsed, what is optional may be absent, and then there is nothing to report.
#[test]
fn keeps_what_is_right() {
    let mut fields = Fields::new();
    let day = Date { year: 2026, month: 1, day: 31 };
    assert_eq!(fields.date("d", Some(&day)).unwrap().to_string(), "2026-01-31");
    assert_eq!(fields.optional_date("d", None), None);
    assert_eq!(fields.optional_money("m", None), None);
    assert_eq!(fields.optional_time("t", None), None);
    assert_eq!(fields.optional_id::<ContractId>("c", ""), None);
    let range = pb::DateRange { from: Some(day), to: Some(day) };
    assert!(fields.range("r", Some(&range)).is_some());
    assert_eq!(fields.request_id("i", "a-1").as_deref(), Some("a-1"));
    assert_eq!(fields.page_size("p", 0), Some(100));
    assert_eq!(fields.page_size("p", 7), Some(7));
    assert_eq!(fields.page_size("p", i32::MAX), Some(1000));
    assert_eq!(fields.positions("w", &[]), Some(Vec::new()));
    assert!(fields.is_clean());
    assert_eq!(fields.finish(), Ok(()));
}

/// Texts are counted in characters, and never hold what Postgres or a terminal would choke on.
#[test]
fn texts_are_counted_in_characters() {
    let mut fields = Fields::new();
    assert_eq!(fields.text("t", "äöü", 1, 3).as_deref(), Some("äöü"));
    assert_eq!(fields.text("t", "", 0, 3).as_deref(), Some(""));
    for (bad, max) in [("abcd", 3), ("a\0b", 9), ("a\u{1b}[2J", 9), ("a\u{85}", 9), ("a\nb", 9)] {
        assert_eq!(fields.text("t", bad, 1, max), None, "{bad:?}");
    }
    assert_eq!(fields.text("t", &"x".repeat(1_000_000), 1, 200), None);
    assert_eq!(fields.finish().unwrap_err().len(), 6);
}

/// Request ids are bounded and visible ASCII.
#[test]
fn request_ids_are_bounded() {
    let mut fields = Fields::new();
    let longest = "x".repeat(100);
    assert_eq!(fields.request_id("r", &longest), Some(longest));
    for bad in ["", "ä", "a b", "a\n", &"x".repeat(101), &"x".repeat(10_000)] {
        assert_eq!(fields.request_id("r", bad), None, "{bad:?}");
    }
}

/// A log named twice is refused, the first mention is not blamed.
#[test]
fn a_log_is_named_once() {
    let mut fields = Fields::new();
    let position = |seq| pb::LogPosition { log: 1, seq };
    assert_eq!(fields.positions("w", &[position(1), position(2)]), None);
    assert_eq!(paths(fields), ["w[1]"]);
}

/// A hostile request with a hundred thousand wrong lines answers with a bounded list and a count.
#[test]
fn the_answer_is_bounded() {
    let mut fields = Fields::new();
    for index in 0..100_000 {
        fields.date(&format!("lines[{index}].date"), None);
    }
    let violations = fields.finish().unwrap_err();
    let bytes: usize = violations.iter().map(|v| v.field.len() + v.description.len()).sum();
    assert!(bytes < 5_000, "{bytes}");
    let last = violations.last().unwrap();
    let listed = violations.len() - 1;
    let rest = 100_000 - listed;
    assert!(last.description.starts_with(&format!("{rest} more")), "{}", last.description);
}
