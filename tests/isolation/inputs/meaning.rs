//! Values that are right by themselves and wrong together.

use backlog_proto::common::v1::{DateRange, Log, LogPosition, Money};
use backlog_proto::contract::v1 as contract;
use backlog_proto::google::r#type::Date;
use backlog_proto::reporting::v1 as reporting;
use backlog_tests::story::{date, usd};
use prost::Message;

use crate::answer::assert_names;
use crate::raw::Answer;
use crate::samples;
use crate::table::{Row, table};
use crate::world::World;

fn row(method: &str) -> Row {
    table().into_iter().find(|row| row.rpc.ends_with(method)).expect("a row")
}

pub(super) async fn call(world: &World, method: &str, request: &impl Message) -> Answer {
    let row = row(method);
    world.call(&row, &world.allowed(&row), &request.encode_to_vec()).await
}

fn money(currency: &str, amount: &str) -> Option<Money> {
    Some(Money { currency_code: currency.to_owned(), amount: amount.to_owned() })
}

fn span(from: Date, to: Date) -> Option<DateRange> {
    Some(DateRange { from: Some(from), to: Some(to) })
}

/// Creates a draft of these terms, for real.
pub(super) async fn create(
    world: &World,
    change: impl FnOnce(&mut contract::ContractTerms),
) -> Answer {
    let mut terms = samples::terms("sample");
    change(&mut terms);
    let request = contract::CreateContractRequest {
        request_id: world.about(&world.subject).request_id,
        terms: Some(terms),
        validate_only: false,
        entered_on: Some(date(2026, 1, 1)),
    };
    call(world, "ContractService/CreateContract", &request).await
}

/// One promise at this price, all amounts in this currency.
fn priced(currency: &str, price: &str) -> impl FnOnce(&mut contract::ContractTerms) {
    let (currency, price) = (currency.to_owned(), price.to_owned());
    move |terms| {
        terms.currency_code.clone_from(&currency);
        terms.obligations.truncate(1);
        terms.variables.clear();
        terms.obligations[0].price = money(&currency, &price);
        terms.obligations[0].ssp = money(&currency, "7");
    }
}

// Shows that an amount has at most the decimals of its currency, none, two, three or four, and is
// answered with all of them; that one more is refused by field; and that currencies do not mix.
#[tokio::test]
async fn amounts_keep_to_their_currency() {
    let world = World::start().await;
    let accepted = [
        ("JPY", "100", "100"),
        ("USD", "100.5", "100.50"),
        ("BHD", "1.234", "1.234"),
        ("CLF", "1.2345", "1.2345"),
        ("USD", "9999999999999.99", "9999999999999.99"),
    ];
    for (currency, price, answered) in accepted {
        let answer = create(&world, priced(currency, price)).await;
        let messages = answer.unwrap_or_else(|status| panic!("{currency} {price}: {status:?}"));
        let draft = contract::CreateContractResponse::decode(messages[0].clone()).unwrap();
        let terms = draft.contract.unwrap().terms.unwrap();
        assert_eq!(terms.obligations[0].price, money(currency, answered));
    }
    let before = world.written().await;
    let path = "terms.obligations[0].price.amount";
    for (currency, price) in [
        ("JPY", "100.5"),
        ("JPY", "100.0"),
        ("USD", "1.234"),
        ("BHD", "1.2345"),
        ("CLF", "1.23456"),
        ("USD", "-0.01"),
        ("USD", "10000000000000.01"),
        ("JPY", "1000000000000001"),
    ] {
        let what = format!("{currency} {price}");
        assert_names(&what, path, &create(&world, priced(currency, price)).await);
    }
    let mixed = create(&world, |terms| terms.obligations[1].price = money("EUR", "1.00")).await;
    assert_names("mixed prices", "terms.obligations[1].price.currency_code", &mixed);
    let mixed = create(&world, |terms| terms.obligations[0].ssp = money("EUR", "1.00")).await;
    assert_names("a mixed SSP", "terms.obligations[0].ssp.currency_code", &mixed);
    let free = create(&world, |terms| terms.obligations[0].ssp = Some(usd("0.00"))).await;
    assert_names("an SSP of nothing", "terms.obligations[0].ssp", &free);
    let sum = create(&world, |terms| {
        for promise in &mut terms.obligations {
            promise.price = Some(usd("9999999999999.99"));
        }
    });
    assert_names("a sum beyond the limit", "terms.obligations", &sum.await);
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

// Shows that terms end on or after the day they begin, last a hundred years at most, and that those
// of promises lie within the contract's; a single day is a term, and the last day of February is one
// in leap years.
#[tokio::test]
async fn terms_keep_to_the_calendar() {
    let world = World::start().await;
    let term = |from, to| {
        move |terms: &mut contract::ContractTerms| {
            terms.term = span(from, to);
            terms.obligations.iter_mut().for_each(|promise| promise.term = None);
        }
    };
    for (from, to) in [
        (date(2026, 1, 1), date(2026, 1, 1)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(1900, 1, 1), date(1999, 12, 31)),
        (date(9999, 1, 1), date(9999, 12, 31)),
    ] {
        let answer = create(&world, term(from, to)).await;
        assert!(answer.is_ok(), "{from:?} to {to:?}: {answer:?}");
    }
    let before = world.written().await;
    for (from, to) in [
        (date(2026, 1, 2), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2126, 1, 1)),
        (date(1900, 1, 1), date(9999, 12, 31)),
    ] {
        let what = format!("{from:?} to {to:?}");
        assert_names(&what, "terms.term.to", &create(&world, term(from, to)).await);
    }
    let open = create(&world, |terms| {
        terms.term = Some(DateRange { from: Some(date(2026, 1, 1)), to: None });
    });
    assert_names("an open term", "terms.term.to", &open.await);
    let outside = create(&world, |terms| {
        terms.obligations[1].term = span(date(2026, 1, 1), date(2027, 1, 1));
    });
    assert_names("a promise beyond", "terms.obligations[1].term", &outside.await);
    let early = contract::IssueInvoiceRequest {
        request_id: "early".to_owned(),
        contract_id: world.subject.contract.clone(),
        issued_on: Some(date(2026, 2, 2)),
        due_on: Some(date(2026, 2, 1)),
        amount: Some(usd("1.00")),
        ..Default::default()
    };
    assert_names("due early", "due_on", &call(&world, "IssueInvoice", &early).await);
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

// Shows that what may be named once is refused the second time, by the place of the second; that
// names of dimensions keep to their grammar, which is also SQL's and JSON's peace; and that lists have
// a largest length.
#[tokio::test]
async fn lists_are_short_and_name_things_once() {
    let world = World::start().await;
    let before = world.written().await;
    let twice = create(&world, |terms| terms.obligations[1].key = terms.obligations[0].key.clone());
    assert_names("a key twice", "terms.obligations[1].key", &twice.await);
    let many = create(&world, |terms| {
        let promise = terms.obligations[0].clone();
        terms.obligations = (0..501)
            .map(|n| contract::ObligationTerms { key: format!("k{n}"), ..promise.clone() })
            .collect();
    });
    assert_names("501 promises", "terms.obligations", &many.await);
    let none = create(&world, |terms| terms.obligations.clear()).await;
    assert_names("no promise", "terms.obligations", &none);
    let long = "n".repeat(41);
    for name in ["", "Region", "r;drop table contract", "a.b", "a\0", "ä", "a b", &long] {
        let named = create(&world, |terms| {
            terms.dimensions.insert(name.to_owned(), "value".to_owned());
        });
        assert_names(&format!("the dimension {name:?}"), "terms.dimensions", &named.await);
    }
    let many = create(&world, |terms| {
        terms.dimensions = (0..21).map(|n| (format!("d{n}"), "value".to_owned())).collect();
    });
    assert_names("21 dimensions", "terms.dimensions", &many.await);
    let line = contract::InvoiceLine {
        obligation_id: world.subject.obligation.clone(),
        amount: Some(usd("1.00")),
    };
    let lines = contract::IssueInvoiceRequest {
        request_id: "lines".to_owned(),
        contract_id: world.subject.contract.clone(),
        issued_on: Some(date(2026, 2, 1)),
        lines: vec![line.clone(), line],
        ..Default::default()
    };
    let answer = call(&world, "IssueInvoice", &lines).await;
    assert_names("an obligation twice", "lines[1].obligation_id", &answer);
    let both = contract::IssueInvoiceRequest { amount: Some(usd("1.00")), ..lines };
    assert_names("amount and lines", "lines", &call(&world, "IssueInvoice", &both).await);
    let position = LogPosition { log: Log::Contract.into(), seq: 1 };
    let mut report = reporting::GetBacklogRequest {
        as_of: Some(date(2026, 1, 31)),
        min_positions: vec![position, position],
        ..Default::default()
    };
    let answer = call(&world, "GetBacklog", &report).await;
    assert_names("a log twice", "min_positions[1]", &answer);
    report.min_positions.clear();
    report.group_by = vec!["customer".to_owned(), "customer".to_owned()];
    assert_names("a group twice", "group_by[1]", &call(&world, "GetBacklog", &report).await);
    report.group_by = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    assert_names("four groups", "group_by", &call(&world, "GetBacklog", &report).await);
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}
