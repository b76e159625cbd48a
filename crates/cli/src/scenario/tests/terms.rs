//! What terms are read as, and refused as: each method has keys of its own, a price is stated once.

use super::{file, problems};
use crate::scenario::{Method, parse, read_terms};
use backlog_proto::contract::v1::obligation_terms::Method as Wire;

/// Every method with all its keys.
const ALL: &str = r#"
customer: Acme
currency: USD
term: {from: 2026-01-01, to: 2026-12-31}
obligations:
  - {id: a, price: "1.00", method: straight_line, convention: even_months, product_line: x}
  - {id: b, quantity: "2", unit_price: "0.005", method: point_in_time, gates: [shipped, accepted]}
  - {id: c, price: "1.00", method: milestones, milestones: [{id: m, share: "1"}]}
  - {id: d, price: "1.00", ssp: "2.00", method: cost_to_cost, estimate_at_completion: "1.00"}
  - {id: e, price: "1.00", method: units, total_units: "10"}
  - {id: f, price: "1.00", method: percent_complete, term: {from: 2026-01-01, to: 2026-06-30}}
  - {id: g, quantity: "8", unit_price: "1", method: labor_hours}
  - {id: h, unit_price: "0.5", method: right_to_invoice}
  - {id: i, unit_price: "0.5", method: usage, minimum: "5.00"}
  - {id: j, price: "3.00", ssp: "1.00", method: material_right, option: {expected_share: "0.80", expires_on: 2027-01-31}}
variable:
  - {id: v, amount: "-1.00", included: "-2.00", kind: expected_value, applies_to: [a, b]}
discount_scope: {obligations: [a, c], amount: "1.00"}
"#;

/// Terms reach the wire whole.
#[test]
fn all_terms_are_read() {
    let (terms, currency, _) = read_terms(ALL).unwrap();
    let stated: Vec<_> = terms.obligations.iter().map(|o| o.stated(currency)).collect();
    // Two units at half a cent are one cent.
    assert_eq!(stated[1], Some(1));
    assert_eq!((stated[6], stated[7]), (Some(800), None));
    assert_eq!(terms.obligations[6].method, Method::LaborHours { total: None });
    let wire = crate::terms::terms(&terms, currency, "");
    let methods =
        wire.obligations.iter().filter_map(|o| o.method.as_ref()).map(crate::terms::method_name);
    let names = [
        "straight_line",
        "point_in_time",
        "milestones",
        "cost_to_cost",
        "units",
        "percent_complete",
        "labor_hours",
        "right_to_invoice",
        "usage",
        "material_right",
    ];
    assert_eq!(methods.collect::<Vec<_>>(), names);
    assert_eq!(wire.obligations[1].unit_price, "0.005");
    let (right, Some(Wire::MaterialRight(option))) =
        (&wire.obligations[9], &wire.obligations[9].method)
    else {
        panic!("{:?}", wire.obligations[9]);
    };
    // Its price is what exercising costs, and no price of its own.
    assert_eq!(
        (&right.price, option.exercise_price.as_ref().unwrap().amount.as_str()),
        (&None, "3.00")
    );
    assert_eq!((option.expected_share.as_str(), option.expires_on.unwrap().year), ("0.8", 2027));
    assert_eq!(wire.variables[0].included.as_ref().unwrap().amount, "-2.00");
    assert_eq!(wire.discount.unwrap().obligations, ["a", "c"]);
}

/// A key of another method, a price said twice or never, and a name of nothing are told.
#[test]
fn obligations_are_read_strictly() {
    let table = [
        ("price: \"1.00\", method: renewal", "unknown method \"renewal\"; known: str"),
        ("ssp: \"1.00\", method: material_right", "obligation by material_right needs \"option\""),
        (
            "ssp: \"1.00\", method: material_right, option: {expires_on: 2026-12-31}",
            "option needs \"expected_share\"",
        ),
        (
            "ssp: \"1.00\", method: material_right, option: {expected_share: \"1\"}",
            "option needs \"expires_on\"",
        ),
        (
            "quantity: \"2\", unit_price: \"1\", method: material_right, \
             option: {expected_share: \"1\", expires_on: 2026-12-31}",
            "what exercising an option costs is stated as \"price\" alone",
        ),
        (
            "price: \"1.00\", method: straight_line, total_units: \"1\"",
            "unknown key \"total_units\" in obligation by straight_line; known: id, price",
        ),
        ("price: \"1.00\", method: units", "obligation by units needs \"total_units\""),
        ("price: \"1.00\", method: cost_to_cost", "obligation by cost_to_cost needs \"estimate_at"),
        ("price: \"1.00\", method: milestones", "obligation by milestones needs \"milestones\""),
        (
            "price: \"1.00\", method: milestones, milestones: [{id: m}]",
            "a milestone needs a share or an amount, not both",
        ),
        (
            "price: \"1.00\", unit_price: \"1\", method: straight_line",
            "price and unit_price exclude",
        ),
        ("unit_price: \"1\", method: straight_line", "unit_price needs \"quantity\""),
        (
            "price: \"1.00\", quantity: \"2\", method: straight_line",
            "quantity says nothing by this",
        ),
        ("method: usage", "what is metered needs \"unit_price\""),
        (
            "unit_price: \"1\", price: \"1.00\", method: usage",
            "what is metered has no price before",
        ),
        (
            "quantity: \"1000000000000000\", unit_price: \"1000000000000000\", method: point_in_time",
            "quantity x unit_price is too large",
        ),
        (
            "price: \"1.00\", method: straight_line, residual: \"true\"",
            "residual must be true or fa",
        ),
        (
            "price: \"1.00\", method: straight_line, ssp_range: {low: \"1.00\"}",
            "ssp_range needs \"hi",
        ),
        ("price: \"1.00\", method: straight_line, cap: \"1.00\"", "unknown key \"cap\""),
        (
            "price: \"1.00\", method: straight_line, option: {expires_on: 2026-12-31}",
            "option needs \"expected_share\"",
        ),
    ];
    for (obligation, message) in table {
        let text = file("").replace("price: \"1200.00\", method: straight_line", obligation);
        let found = problems(&text);
        assert!(
            found.len() == 1 && found[0].0 == 12 && found[0].1.starts_with(message),
            "{obligation}: {found:?}"
        );
    }
}

/// Keys that are not there yet are unknown; variable amounts name obligations of their contract.
#[test]
fn contracts_are_read_strictly() {
    let table = [
        ("termination: [{by: customer}]", "clause needs \"notice_days\""),
        ("financing: {}", "financing needs \"annual_rate\""),
        ("discount_scope: [x]", "discount_scope names \"x\", which is no obligation here"),
        ("discount_scope: {amount: \"1.00\"}", "discount_scope needs \"obligations\""),
        ("variable: [{id: v, amount: \"1.00\"}]", "variable needs \"kind\""),
        (
            "variable: [{id: v, amount: \"1.00\", kind: likely}]",
            "unknown kind \"likely\"; known: exp",
        ),
        (
            "variable: [{id: v, amount: \"1.00\", kind: most_likely, applies_to: [x]}]",
            "applies_to names \"x\", which is no obligation here",
        ),
        (
            "variable: [{id: v, amount: \"1.00\", kind: most_likely, period: {from: 2026-01-01}}]",
            "period needs \"to\"",
        ),
    ];
    for (terms, message) in table {
        let found = problems(&file(&format!("      {terms}\n")));
        assert!(
            found.len() == 1 && found[0].0 == 13 && found[0].1.starts_with(message),
            "{terms}: {found:?}"
        );
    }
    let expedients = file("").replace("convention: even_months", "expedients: []");
    assert!(problems(&expedients)[0].1.starts_with("unknown key \"expedients\" in policy"));
    assert!(parse(&file("      discount_scope: [sub]\n")).is_ok());
}
