//! What terms must be, and what they become.

use std::collections::BTreeMap;

use backlog_proto::common::v1::{DateRange, Money as WireMoney};
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::google::r#type::Date;
use uuid::Uuid;

use super::*;
use crate::contract::create::CreateContract;

mod methods;

const LIMITS: Limits = Limits { obligations: 3, variables: 2, milestones: 3, gates: 2 };

pub(crate) fn usd(amount: &str) -> Option<WireMoney> {
    Some(WireMoney { currency_code: "USD".to_owned(), amount: amount.to_owned() })
}

pub(crate) fn range(from: (i32, i32, i32), to: (i32, i32, i32)) -> Option<DateRange> {
    let date = |(year, month, day)| Some(Date { year, month, day });
    Some(DateRange { from: date(from), to: date(to) })
}

pub(crate) fn obligation(key: &str, price: &str) -> pb::ObligationTerms {
    pb::ObligationTerms {
        key: key.to_owned(),
        price: usd(price),
        method: Some(Method::StraightLine(pb::StraightLine::default())),
        ..pb::ObligationTerms::default()
    }
}

pub(crate) fn sound() -> pb::ContractTerms {
    pb::ContractTerms {
        number: "C-1".to_owned(),
        customer: "Acme".to_owned(),
        term: range((2026, 1, 1), (2026, 12, 31)),
        currency_code: "USD".to_owned(),
        obligations: vec![obligation("license", "1200"), obligation("support", "300.5")],
        dimensions: [("sales_rep".to_owned(), "Ann".to_owned())].into(),
        ..pb::ContractTerms::default()
    }
}

fn contract_id() -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(1))
}

fn parse(terms: &pb::ContractTerms) -> Result<Terms, Vec<String>> {
    let mut fields = Fields::new();
    let parsed = parse_terms(&mut fields, "terms", contract_id(), Some(terms), LIMITS);
    match fields.finish() {
        Ok(()) => Ok(parsed.unwrap().unwrap()),
        Err(violations) => {
            assert!(parsed.is_none(), "wrong terms never come through");
            Err(violations.into_iter().map(|violation| violation.field).collect())
        }
    }
}

/// Defaults are filled in, amounts carry all digits of their currency, and each obligation has its
/// share of the price.
#[test]
fn sound_terms_are_completed() {
    let terms = parse(&sound()).unwrap();
    assert_eq!(terms.total(), 150_050);
    let shares: Vec<i128> = terms.obligations.iter().map(|o| o.transaction_price).collect();
    assert_eq!(shares, [120_000, 30_050]);
    let wire = terms_to_proto(&terms);
    assert_eq!(wire.obligations[1].price, usd("300.50"));
    assert_eq!(wire.obligations[1].ssp, usd("300.50"));
    assert_eq!(wire.obligations[1].term, wire.term);
    assert_eq!(wire.price, None);
    assert_eq!(wire.dimensions, sound().dimensions);
}

/// One price for two promises is shared by stand-alone selling price (606-10-32-31).
#[test]
fn one_price_is_shared() {
    let mut terms = sound();
    terms.price = usd("1000");
    for (obligation, ssp) in terms.obligations.iter_mut().zip(["900", "300"]) {
        obligation.price = None;
        obligation.ssp = usd(ssp);
    }
    let terms = parse(&terms).unwrap();
    let shares: Vec<i128> = terms.obligations.iter().map(|o| o.transaction_price).collect();
    assert_eq!((terms.total(), shares), (100_000, vec![75_000, 25_000]));
}

/// A promise of no price and no stand-alone selling price is sound, and stays without one.
#[test]
fn a_free_promise_has_no_share() {
    let mut terms = sound();
    terms.obligations[1].price = usd("0");
    let terms = parse(&terms).unwrap();
    assert_eq!((terms.obligations[1].ssp, terms.obligations[1].transaction_price), (None, 0));
    assert_eq!(terms_to_proto(&terms).obligations[1].ssp, None);
}

/// Each wrong field is named by its path, and nothing else is.
#[test]
fn each_wrong_field_is_named() {
    type Spoil = fn(&mut pb::ContractTerms);
    let table: &[(&[&str], Spoil)] = &[
        (&["terms.number"], |t| t.number = "x".repeat(101)),
        (&["terms.customer"], |t| t.customer = String::new()),
        (&["terms.customer"], |t| t.customer = "Ac\u{0}me".to_owned()),
        (&["terms.term"], |t| t.term = None),
        (&["terms.term.to"], |t| t.term = range((2026, 1, 1), (2025, 12, 31))),
        (&["terms.term.from"], |t| t.term = range((2026, 2, 29), (2026, 12, 31))),
        (&["terms.term"], |t| t.term = range((2026, 1, 1), (2126, 1, 1))),
        (&["terms.currency_code"], |t| t.currency_code = "usd".to_owned()),
        (&["terms.price.amount"], |t| {
            t.price = usd("-1");
            for obligation in &mut t.obligations {
                obligation.ssp = obligation.price.take();
            }
        }),
        (&["terms.obligations"], |t| t.obligations.clear()),
        (&["terms.obligations"], |t| t.obligations.resize(4, obligation("x", "1"))),
        (&["terms.obligations[1].key"], |t| t.obligations[1].key = "license".to_owned()),
        (&["terms.obligations[0].key"], |t| t.obligations[0].key = "a b".to_owned()),
        (&["terms.obligations[0].key"], |t| t.obligations[0].key = "x".repeat(61)),
        (&["terms.obligations[1].price"], |t| t.obligations[1].price = None),
        (&["terms.obligations[1].price.amount"], |t| t.obligations[1].price = usd("1e3")),
        (&["terms.obligations[1].price.amount"], |t| t.obligations[1].price = usd("1.005")),
        (&["terms.obligations[1].price.amount"], |t| {
            t.obligations[1].price = usd("10000000000000.01");
        }),
        (&["terms.obligations"], |t| {
            t.obligations[0].price = usd("10000000000000");
            t.obligations[1].price = usd("0.01");
        }),
        (&["terms.obligations[1].price.currency_code"], |t| {
            t.obligations[1].price =
                Some(WireMoney { currency_code: "EUR".to_owned(), amount: "1".to_owned() });
        }),
        (&["terms.obligations[0].ssp"], |t| t.obligations[0].ssp = usd("0")),
        (&["terms.obligations[0].ssp.amount"], |t| t.obligations[0].ssp = usd("-5")),
        (&["terms.obligations[0].term"], |t| {
            t.obligations[0].term = range((2025, 12, 31), (2026, 1, 31));
        }),
        (&["terms.obligations[0].straight_line"], |t| t.obligations[0].method = None),
        (&["terms.obligations[0].straight_line.convention"], |t| {
            let odd = pb::StraightLine { convention: 99 };
            t.obligations[0].method = Some(Method::StraightLine(odd));
        }),
        (&["terms.obligations[0].product_line"], |t| {
            t.obligations[0].product_line = "x".repeat(201);
        }),
        (&["terms.dimensions"], |t| {
            t.dimensions.insert("Sales Rep".to_owned(), "Ann".to_owned());
        }),
        (&["terms.dimensions[region]"], |t| {
            t.dimensions.insert("region".to_owned(), String::new());
        }),
        (&["terms.dimensions"], |t| {
            t.dimensions.extend((0..20).map(|n| (format!("d{n}"), "x".to_owned())));
        }),
        (
            &[
                "terms.obligations[0].price",
                "terms.obligations[0].ssp",
                "terms.obligations[1].price",
            ],
            |t| {
                t.price = usd("1500");
                t.obligations[1].ssp = usd("300");
            },
        ),
    ];
    for (expected, spoil) in table {
        let mut terms = sound();
        spoil(&mut terms);
        let mut named = parse(&terms).unwrap_err();
        named.sort_unstable();
        assert_eq!(&named, expected);
    }
}

/// Wrong fields all over are named in one answer.
#[test]
fn all_wrong_fields_are_named_at_once() {
    let mut terms = sound();
    terms.customer = String::new();
    terms.term = range((2026, 1, 1), (2025, 1, 1));
    terms.obligations[0].key = String::new();
    terms.obligations[1].price = usd("free");
    terms.obligations[1].method = None;
    terms.dimensions.insert("BAD".to_owned(), "x".to_owned());
    let named = parse(&terms).unwrap_err();
    assert_eq!(
        named,
        [
            "terms.customer",
            "terms.term.to",
            "terms.obligations[0].key",
            "terms.obligations[1].price.amount",
            "terms.obligations[1].straight_line",
            "terms.dimensions",
        ]
    );
}

/// The same command is the same however its amounts, defaults and dimensions were written; another
/// amount, name or day is another command.
#[test]
fn identity_is_that_of_the_meaning() {
    let key = |terms: &pb::ContractTerms, day: u32| {
        let terms = parse(terms).unwrap();
        let entered_on = chrono::NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let command = CreateContract { contract: contract_id(), terms, entered_on };
        command.key("r".to_owned()).content_hash
    };
    let mut first = sound();
    let many: BTreeMap<String, String> =
        (0..20).map(|n| (format!("d{n}"), format!("v{n}"))).collect();
    first.dimensions = many.clone().into_iter().collect();
    let mut second = sound();
    second.dimensions = many.clone().into_iter().rev().collect();
    second.obligations[0].price = usd("1200.00");
    second.obligations[0].ssp = usd("1200.0");
    second.obligations[0].term = second.term;
    assert_eq!(key(&first, 1), key(&second, 1));
    assert_ne!(key(&first, 1), key(&first, 2));
    for spoil in [
        |t: &mut pb::ContractTerms| t.obligations[0].price = usd("1200.01"),
        |t: &mut pb::ContractTerms| t.customer.push('s'),
        |t: &mut pb::ContractTerms| t.dimensions = [("d0".to_owned(), "v1".to_owned())].into(),
        |t: &mut pb::ContractTerms| t.obligations.swap(0, 1),
    ] {
        let mut other = first.clone();
        spoil(&mut other);
        assert_ne!(key(&first, 1), key(&other, 1));
    }
}
