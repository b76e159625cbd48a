//! Every way to recognize and to price a promise: what it becomes, comes back as, and must not be.

use backlog_proto::contract::v1::milestone::Weight;
use prost::Message;

use super::*;

fn promise(method: Method) -> pb::ObligationTerms {
    pb::ObligationTerms { method: Some(method), ..obligation("p", "1200") }
}

fn one(obligation: pb::ObligationTerms) -> pb::ContractTerms {
    pb::ContractTerms { obligations: vec![obligation], ..sound() }
}

fn milestone(id: &str, weight: Weight) -> pb::Milestone {
    pb::Milestone { id: id.to_owned(), weight: Some(weight) }
}

fn shares(shares: &[&str]) -> Method {
    let weights = shares.iter().map(|share| Weight::Share((*share).to_owned()));
    let milestones =
        weights.zip(["m1", "m2", "m3", "m4"]).map(|(weight, id)| milestone(id, weight));
    Method::Milestones(pb::Milestones { milestones: milestones.collect() })
}

fn units(total: &str) -> Method {
    Method::Units(pb::Units { total: total.to_owned() })
}

fn metered(method: Method) -> pb::ObligationTerms {
    pb::ObligationTerms { price: None, unit_price: "0.015".to_owned(), ..promise(method) }
}

fn usage(minimum: &str) -> Method {
    Method::Usage(pb::Usage { minimum: usd(minimum), cap: None })
}

fn gates(gates: &[&str]) -> Method {
    let gates = gates.iter().map(|gate| (*gate).to_owned()).collect();
    Method::PointInTime(pb::PointInTime { gates })
}

fn cost(estimate: &str) -> Method {
    Method::CostToCost(pb::CostToCost { estimate_at_completion: usd(estimate) })
}

fn by_quantity(method: Method) -> pb::ObligationTerms {
    pb::ObligationTerms {
        price: None,
        quantity: "80.50".to_owned(),
        unit_price: "15.005".to_owned(),
        ..promise(method)
    }
}

fn variable(id: &str, estimate: &str, applies_to: &[&str]) -> pb::VariableConsideration {
    pb::VariableConsideration {
        id: id.to_owned(),
        estimate: usd(estimate),
        applies_to: applies_to.iter().map(|key| (*key).to_owned()).collect(),
        ..<_>::default()
    }
}

/// What is read is written with defaults filled in, and that, read again, is the same to the byte:
/// what tables hold comes back as it was, and a contract that was read can be entered again.
#[test]
fn every_method_comes_back() {
    let amounts = Method::Milestones(pb::Milestones {
        milestones: vec![
            milestone("design", Weight::Amount(usd("300").unwrap())),
            milestone("build", Weight::Share("0.75".to_owned())),
        ],
    });
    let hours = Method::LaborHours(pb::LaborHours { total: String::new() });
    let promises = [
        promise(Method::StraightLine(pb::StraightLine { convention: 3 })),
        promise(gates(&[])),
        promise(gates(&["shipment", "acceptance"])),
        by_quantity(gates(&[])),
        promise(shares(&["0.25", "0.75"])),
        promise(amounts),
        promise(cost("800")),
        promise(units("100")),
        by_quantity(units("")),
        by_quantity(units("80.5")),
        by_quantity(hours),
        promise(Method::PercentComplete(pb::PercentComplete {})),
        metered(Method::RightToInvoice(pb::RightToInvoice::default())),
        metered(usage("600")),
        metered(Method::Usage(pb::Usage::default())),
        pb::ObligationTerms { quantity: "12".to_owned(), ..promise(shares(&["1"])) },
    ];
    for promise in promises {
        let terms = parse(&one(promise.clone())).unwrap_or_else(|e| panic!("{promise:?}: {e:?}"));
        let written = terms_to_proto(&terms);
        assert_eq!(parse(&written).unwrap(), terms, "{promise:?}");
        let mut fields = Fields::new();
        let stored = pb::ContractTerms::decode(written.encode_to_vec().as_slice()).unwrap();
        let mut stored =
            read_terms(&mut fields, "terms", contract_id(), &stored, Limits::NONE).unwrap();
        stored.obligations[0].transaction_price = terms.obligations[0].transaction_price;
        assert_eq!(stored, terms, "{promise:?}");
    }
}

/// The price of a quantity is worked out once and rounded once, and stands beside it; totals default to
/// the quantity; what is committed of metered use can be billed from the start.
#[test]
fn quantities_make_prices() {
    let terms = parse(&one(by_quantity(units("")))).unwrap();
    let written = &terms_to_proto(&terms).obligations[0];
    assert_eq!((&written.price, &written.ssp), (&usd("1207.90"), &usd("1207.90")));
    assert_eq!((written.quantity.as_str(), written.unit_price.as_str()), ("80.5", "15.005"));
    assert_eq!(written.method, Some(units("80.5")));
    assert_eq!(terms.obligations[0].transaction_price, 120_790);
    let terms = parse(&one(metered(usage("600")))).unwrap();
    assert_eq!((terms.total(), terms.obligations[0].transaction_price), (0, 60_000));
    assert_eq!(terms_to_proto(&terms).obligations[0].ssp, None);
}

/// Variable amounts count as far as they are included: all by default, nothing of a bonus that is
/// constrained, all of a rebate that is. What can be billed has no rebate taken from it.
#[test]
fn variables_are_completed() {
    let mut terms = sound();
    terms.variables = vec![variable("bonus", "100", &["license"]), variable("rebate", "-50", &[])];
    let read = parse(&terms).unwrap();
    let written = terms_to_proto(&read).variables;
    assert_eq!((&written[0].included, written[0].kind), (&usd("100.00"), 1));
    assert_eq!(written[1].included, usd("-50.00"));
    let billable: Vec<i128> = read.obligations.iter().map(|o| o.transaction_price).collect();
    assert_eq!(billable, [130_000, 30_050]);
    for variable in &mut terms.variables {
        variable.kind = pb::VariableKind::Constrained.into();
    }
    let read = parse(&terms).unwrap();
    let included: Vec<i128> = read.variables.iter().map(|v| v.included).collect();
    assert_eq!(included, [0, -5_000]);
    // A promise that a variable amount is all the price of.
    terms.obligations[0].price = None;
    let read = parse(&terms).unwrap();
    assert_eq!((read.total(), read.obligations[0].ssp), (30_050, None));
    assert_eq!(parse(&terms_to_proto(&read)).unwrap(), read);
}

/// A residual takes what the price leaves; nothing, or what is outside its range, is refused with a
/// reason of its own. A discount lowers what its obligations weigh.
#[test]
fn residuals_and_discounts_share_the_price() {
    let residual = |price: &str, range: Option<pb::MoneyRange>| {
        let mut terms = sound();
        terms.price = usd(price);
        for obligation in &mut terms.obligations {
            obligation.ssp = obligation.price.take();
        }
        terms.obligations[1].ssp = None;
        terms.obligations[1].residual = true;
        terms.obligations[1].ssp_range = range.map(Box::new);
        terms
    };
    let read = parse(&residual("1500", None)).unwrap();
    let billable: Vec<i128> = read.obligations.iter().map(|o| o.transaction_price).collect();
    assert_eq!(billable, [120_000, 30_000]);
    assert_eq!(parse(&terms_to_proto(&read)).unwrap(), read);
    let refused = |terms: &pb::ContractTerms| {
        let mut fields = Fields::new();
        let parsed = parse_terms(&mut fields, "terms", contract_id(), Some(terms), LIMITS);
        assert_eq!(fields.finish(), Ok(()));
        backlog_service_kit::error::Fault::reason(&parsed.unwrap().unwrap_err())
    };
    use backlog_proto::common::v1::ErrorReason;
    assert_eq!(refused(&residual("1200", None)), ErrorReason::ResidualNotPositive);
    let range = Some(pb::MoneyRange { low: usd("400"), high: usd("500") });
    assert_eq!(refused(&residual("1500", range)), ErrorReason::ResidualOutOfRange);

    let mut terms = sound();
    terms.price = usd("1000");
    for obligation in &mut terms.obligations {
        obligation.price = None;
        obligation.ssp = usd("600");
    }
    terms.discount = Some(pb::DiscountScope { obligations: vec!["support".into()], amount: None });
    let read = parse(&terms).unwrap();
    let billable: Vec<i128> = read.obligations.iter().map(|o| o.transaction_price).collect();
    assert_eq!(billable, [60_000, 40_000]);
    assert_eq!(parse(&terms_to_proto(&read)).unwrap(), read);
}

type Spoil = fn(&mut pb::ContractTerms);

/// Wrong terms, as the one obligation `p` of 1200.00 over milestones becomes them, and what is named.
const WRONG: &[(&[&str], Spoil)] = &[
    (&["straight_line"], |t| t.obligations[0].method = None),
    (&["point_in_time.gates"], |t| t.obligations[0].method = Some(gates(&["a", "b", "c"]))),
    (&["point_in_time.gates[1]"], |t| t.obligations[0].method = Some(gates(&["a", "a"]))),
    (&["point_in_time.gates[0]"], |t| t.obligations[0].method = Some(gates(&[""]))),
    (&["milestones.milestones"], |t| t.obligations[0].method = Some(shares(&[]))),
    (&["milestones.milestones"], |t| {
        t.obligations[0].method = Some(shares(&["0.25", "0.25", "0.25", "0.25"]));
    }),
    (&["milestones.milestones"], |t| t.obligations[0].method = Some(shares(&["0.25", "0.5"]))),
    (&["milestones.milestones[0].share"], |t| {
        t.obligations[0].method = Some(shares(&["1.5"]));
    }),
    (&["milestones.milestones[1].share"], |t| {
        t.obligations[0].method = Some(shares(&["1", ""]));
    }),
    (&["milestones.milestones[0].id", "milestones.milestones[2].id"], |t| {
        let share = |id| milestone(id, Weight::Share("0.25".to_owned()));
        let milestones = vec![share("a b"), share("c"), share("c")];
        t.obligations[0].method = Some(Method::Milestones(pb::Milestones { milestones }));
    }),
    (&["cost_to_cost.estimate_at_completion"], |t| t.obligations[0].method = Some(cost("0"))),
    (&["units.total"], |t| t.obligations[0].method = Some(units(""))),
    (&["units.total"], |t| t.obligations[0].method = Some(units("0"))),
    (&["units.total"], |t| t.obligations[0].method = Some(units("1e3"))),
    (&["units.total"], |t| t.obligations[0] = by_quantity(units("81"))),
    (&["price", "quantity", "unit_price"], |t| {
        let wrong = pb::ObligationTerms { quantity: "1".to_owned(), ..promise(usage("1")) };
        t.obligations[0] = wrong;
    }),
    (&["usage.minimum.amount"], |t| t.obligations[0] = metered(usage("-1"))),
    (&["price"], |t| {
        let method = units("");
        t.obligations[0] = pb::ObligationTerms { price: usd("1"), ..by_quantity(method) };
    }),
    (&["quantity"], |t| t.obligations[0].unit_price = "1".to_owned()),
    (&["unit_price"], |t| {
        t.obligations[0] = by_quantity(units(""));
        t.obligations[0].unit_price = "1000000000000000".to_owned();
    }),
    (&["quantity"], |t| {
        t.obligations[0] = by_quantity(gates(&[]));
        t.obligations[0].quantity = "-1".to_owned();
    }),
    (&["ssp"], |t| {
        t.obligations[0].residual = true;
        t.obligations[0].ssp = usd("1");
    }),
    (&["ssp_range.low"], |t| {
        t.obligations[0].ssp_range = Some(Box::new(pb::MoneyRange { low: None, high: usd("1") }));
    }),
    (&["ssp_range.high"], |t| {
        t.obligations[0].ssp_range =
            Some(Box::new(pb::MoneyRange { low: usd("2"), high: usd("1") }));
    }),
];

/// Each wrong field of a promise is named by its path, and nothing else is.
#[test]
fn wrong_promises_are_named() {
    for (place, (expected, spoil)) in WRONG.iter().enumerate() {
        let mut terms = one(promise(shares(&["1"])));
        spoil(&mut terms);
        let mut named = parse(&terms).expect_err(&format!("{place}"));
        named.sort_unstable();
        let path = |field: &&str| format!("terms.obligations[0].{field}");
        assert_eq!(named, expected.iter().map(path).collect::<Vec<_>>(), "{place}");
    }
}

/// So is what concerns more than one of them.
#[test]
fn wrong_wholes_are_named() {
    let table: &[(&[&str], Spoil)] = &[
        (&["variables"], |t| t.variables = vec![variable("v", "1", &[]); 3]),
        (&["variables[1].id"], |t| t.variables = vec![variable("v", "1", &[]); 2]),
        (&["variables[0].estimate", "variables[0].id"], |t| {
            t.variables = vec![pb::VariableConsideration::default()];
        }),
        (&["variables[0].included"], |t| {
            t.variables = vec![variable("v", "-2", &[])];
            t.variables[0].included = usd("-1");
        }),
        (&["variables[0].kind"], |t| {
            t.variables = vec![variable("v", "1", &[])];
            t.variables[0].kind = 9;
        }),
        (&["variables[0].applies_to[0]"], |t| t.variables = vec![variable("v", "1", &["no"])]),
        (&["variables[0].applies_to[1]"], |t| {
            t.variables = vec![variable("v", "1", &["license", "license"])];
        }),
        (&["variables[0].applies_to"], |t| {
            t.variables = vec![variable("v", "1", &["license"; 3])];
        }),
        (&["discount.obligations"], |t| t.discount = Some(<_>::default())),
        (&["discount.amount", "discount.obligations[0]"], |t| {
            let obligations = vec!["no".to_owned()];
            t.discount = Some(pb::DiscountScope { obligations, amount: usd("0") });
        }),
        (&["discount"], |t| {
            let obligations = vec!["license".to_owned()];
            t.discount = Some(pb::DiscountScope { obligations, amount: usd("5000") });
        }),
        (&["discount.amount"], |t| {
            t.obligations[0].residual = true;
            let obligations = vec!["support".to_owned()];
            t.discount = Some(pb::DiscountScope { obligations, amount: None });
        }),
        (&["obligations"], |t| t.obligations.iter_mut().for_each(|o| o.residual = true)),
    ];
    for (place, (expected, spoil)) in table.iter().enumerate() {
        let mut terms = sound();
        spoil(&mut terms);
        let mut named = parse(&terms).expect_err(&format!("{place}"));
        named.sort_unstable();
        let path = |field: &&str| format!("terms.{field}");
        assert_eq!(named, expected.iter().map(path).collect::<Vec<_>>(), "{place}");
    }
}
