//! Amendments and terminations: what they make of a contract, and when they are refused.

use backlog_proto::contract::v1::obligation_terms::Method;
use prost::Message;

use super::*;

/// Two obligations of stated prices, 10.00 and 5.00.
fn two() -> pb::ContractTerms {
    pb::ContractTerms { obligations: vec![obligation("a", "10"), obligation("b", "5")], ..sound() }
}

fn change(key: &str) -> pb::ObligationChange {
    pb::ObligationChange { key: key.to_owned(), ..pb::ObligationChange::default() }
}

fn amendment(changes: Vec<pb::ObligationChange>, added: Vec<pb::ObligationTerms>) -> pb::Amendment {
    pb::Amendment { effective_on: Some(day(3).into()), changes, added, ..pb::Amendment::default() }
}

/// What can be billed of each obligation.
fn ceilings(loaded: &Loaded) -> Vec<i128> {
    stored(loaded).terms.obligations.iter().map(|o| o.transaction_price).collect()
}

fn amended(loaded: &mut Loaded, asked: &pb::Amendment) -> pb::ContractAmended {
    let command = amend(1, asked);
    let decision = ContractDomain::decide(tenant(), &command, loaded);
    let Ok(Decision::Write(change)) = decision else { panic!("{decision:?}") };
    let event = pb::ContractAmended::decode(change.events[0].payload.as_slice()).unwrap();
    ContractDomain::apply(loaded, tenant(), change.effect, &[]);
    event
}

/// The fields that a refusal names.
fn named(loaded: &Loaded, asked: &pb::Amendment) -> Vec<String> {
    let refusal = ContractDomain::decide(tenant(), &amend(1, asked), loaded).unwrap_err();
    assert_eq!(refusal.reason(), ErrorReason::InvalidFields, "{refusal:?}");
    refusal.violations().iter().map(|violation| violation.field.clone()).collect()
}

/// New totals replace the old ones, in the terms and in what can be billed; what is added comes last,
/// and the contract's term grows with it. The event carries the contract as it then is.
#[test]
fn an_amendment_states_new_totals() {
    let mut loaded = signed(&two());
    let added =
        pb::ObligationTerms { term: range((2026, 3, 1), (2027, 2, 28)), ..obligation("c", "7.00") };
    let a = pb::ObligationChange { price: wire_usd("12"), distinct: Some(false), ..change("a") };
    let event = amended(&mut loaded, &amendment(vec![a], vec![added]));
    let contract = stored(&loaded);
    assert_eq!((contract.version, contract.changed_on), (2, Some(day(3))));
    assert_eq!((ceilings(&loaded), contract.ceiling()), (vec![1_200, 500, 700], 2_400));
    assert_eq!(contract.billed, [0, 0, 0]);
    let wire = event.contract.unwrap();
    let terms = wire.terms.unwrap();
    assert_eq!(terms.term, range((2026, 1, 1), (2027, 2, 28)));
    assert_eq!((&terms.obligations[0].price, wire.etag.as_str()), (&wire_usd("12.00"), "v2"));
    assert_eq!((terms.obligations.len(), wire.obligation_ids.len()), (3, 3));
    let amendment = event.amendment.unwrap();
    assert_eq!(amendment.changes[0].distinct, Some(false));
    assert_eq!(amendment.added[0].ssp, wire_usd("7.00"), "defaults are filled in");
    assert_eq!(terms_to_proto(&contract.terms), terms);
}

/// The price of a new quantity or unit price is worked out for those who read the log, and so is what
/// the whole is then sold for, where progress is not measured by the quantity itself.
#[test]
fn prices_of_quantities_are_worked_out() {
    let seats = |method| pb::ObligationTerms {
        price: None,
        quantity: "10".to_owned(),
        unit_price: "1.005".to_owned(),
        method: Some(method),
        ..obligation("a", "0")
    };
    let by_time = || Method::StraightLine(pb::StraightLine::default());
    let by_units = || Method::Units(pb::Units::default());
    let more = |quantity: &str, unit_price: &str| pb::ObligationChange {
        quantity: quantity.to_owned(),
        unit_price: unit_price.to_owned(),
        ..change("a")
    };
    // Method, quantity and unit price; then price, quantity and SSP of the event.
    for (method, asked, price, quantity, ssp) in [
        (by_time(), more("15", ""), "15.08", "", wire_usd("15.08")),
        (by_time(), more("15", "2"), "30.00", "", wire_usd("15.08")),
        (by_time(), more("", "2"), "20.00", "", None),
        (by_units(), more("15", ""), "15.08", "15", None),
        (by_units(), more("20.50", "0.1"), "2.05", "20.5", None),
    ] {
        let terms = pb::ContractTerms { obligations: vec![seats(method)], ..sound() };
        let mut loaded = signed(&terms);
        let event = amended(&mut loaded, &amendment(vec![asked.clone()], Vec::new()));
        let changed = &event.amendment.unwrap().changes[0];
        assert_eq!(changed.price, wire_usd(price), "{asked:?}");
        assert_eq!((changed.quantity.as_str(), &changed.ssp), (quantity, &ssp), "{asked:?}");
        assert_eq!(ceilings(&loaded), [usd_minor(price)], "{asked:?}");
        let written = terms_to_proto(&stored(&loaded).terms);
        assert_eq!(written.obligations[0].price, wire_usd(price));
        let mut fields = Fields::new();
        parse_terms(&mut fields, "terms", contract_id(1), Some(&written), Limits::NONE);
        assert_eq!(fields.finish(), Ok(()), "{asked:?}");
    }
    // A price by itself leaves no unit price that would not make it.
    let terms = pb::ContractTerms { obligations: vec![seats(by_time())], ..sound() };
    let mut loaded = signed(&terms);
    amended(&mut loaded, &reprice(3, "a", "9.00"));
    let written = &terms_to_proto(&stored(&loaded).terms).obligations[0];
    assert_eq!((written.quantity.as_str(), written.unit_price.as_str()), ("10", ""));
}

fn usd_minor(amount: &str) -> i128 {
    Money::parse(amount, Currency::parse("USD").unwrap()).unwrap().minor()
}

/// What remains of a removed obligation is given up: what was billed of it stays, or what is stated as
/// still owed. It cannot change again.
#[test]
fn removing_leaves_what_is_owed() {
    for (owed, expected) in [(None, 200), (wire_usd("3.00"), 300)] {
        let mut loaded = signed(&two());
        run(&mut loaded, &invoice(1, 1, Billing::Lines(vec![line(1, "a", 200)]))).unwrap();
        let remove = pb::ObligationChange { remove: true, price: owed.clone(), ..change("a") };
        let event = amended(&mut loaded, &amendment(vec![remove.clone()], Vec::new()));
        assert_eq!(ceilings(&loaded), [expected, 500]);
        assert_eq!(event.amendment.unwrap().changes[0].price, owed, "as the parties said");
        assert_eq!(event.contract.unwrap().obligation_ids.len(), 2, "it stays");
        let again = amendment(vec![remove], Vec::new());
        assert_eq!(named(&loaded, &again), ["amendment.changes[0].key"]);
    }
}

/// One price for all becomes a price for each when one of them changes, and what was allocated to it
/// changes with it; what variable amounts add can still be billed.
#[test]
fn a_shared_price_is_told_apart() {
    let mut terms = two();
    terms.price = wire_usd("12");
    for obligation in &mut terms.obligations {
        obligation.ssp = obligation.price.take();
    }
    let mut loaded = signed(&terms);
    assert_eq!(ceilings(&loaded), [800, 400]);
    amended(&mut loaded, &reprice(3, "b", "6.00"));
    assert_eq!(ceilings(&loaded), [800, 600]);
    let written = terms_to_proto(&stored(&loaded).terms);
    assert_eq!((written.price, stored(&loaded).terms.total()), (None, 1_400));

    // Stated at 10.00 and allocated 8.00, a price of 11.00 allocates 9.00.
    let mut terms = two();
    terms.obligations[0].ssp = wire_usd("8");
    terms.obligations[1].ssp = wire_usd("7");
    terms.variables = vec![pb::VariableConsideration {
        id: "bonus".to_owned(),
        estimate: wire_usd("1.00"),
        applies_to: vec!["b".to_owned()],
        ..<_>::default()
    }];
    let mut loaded = signed(&terms);
    assert_eq!(ceilings(&loaded), [800, 800]);
    amended(&mut loaded, &reprice(3, "a", "11.00"));
    assert_eq!(ceilings(&loaded), [900, 800]);
    assert_eq!(stored(&loaded).ceiling(), 1_100 + 500 + 100);
}

/// Amendments that do not fit their contract are refused with every field that does not, and change
/// nothing.
#[test]
fn what_does_not_fit_is_named() {
    let mut terms = two();
    terms.obligations[1] = pb::ObligationTerms {
        price: None,
        unit_price: "2".to_owned(),
        method: Some(Method::Usage(pb::Usage::default())),
        ..obligation("b", "0")
    };
    let loaded = signed(&terms);
    let before = stored(&loaded);
    let euros = backlog_proto::common::v1::Money {
        currency_code: "EUR".to_owned(),
        amount: "1".to_owned(),
    };
    let priced = |key| pb::ObligationChange { price: wire_usd("1"), ..change(key) };
    let quantity = |key| pb::ObligationChange { quantity: "2".to_owned(), ..change(key) };
    let long = pb::ObligationChange { term: range((1926, 6, 1), (2026, 1, 31)), ..change("a") };
    let milestones = Method::Milestones(pb::Milestones {
        milestones: vec![pb::Milestone {
            id: "m".to_owned(),
            weight: Some(pb::milestone::Weight::Share("0.5".to_owned())),
        }],
    });
    let half = pb::ObligationTerms { method: Some(milestones), ..obligation("c", "1") };
    let dear = || obligation("d", "9999999999999.99");
    let table: [(pb::Amendment, &[&str]); 10] = [
        (
            amendment(vec![priced("x"), priced("b")], Vec::new()),
            &["changes[0].key", "changes[1].price"],
        ),
        (
            amendment(
                vec![
                    pb::ObligationChange {
                        minimum: wire_usd("1"),
                        cap: wire_usd("1"),
                        ..change("a")
                    },
                    pb::ObligationChange {
                        quantity: "2".to_owned(),
                        ssp: wire_usd("1"),
                        minimum: wire_usd("2"),
                        cap: wire_usd("1"),
                        ..change("b")
                    },
                ],
                Vec::new(),
            ),
            &[
                "changes[0].minimum",
                "changes[0].cap",
                "changes[1].quantity",
                "changes[1].ssp",
                "changes[1].cap",
            ],
        ),
        (amendment(vec![quantity("a")], Vec::new()), &["changes[0].quantity"]),
        (
            amendment(
                vec![pb::ObligationChange { unit_price: "2".to_owned(), ..change("a") }],
                Vec::new(),
            ),
            &["changes[0].unit_price"],
        ),
        (
            amendment(
                vec![pb::ObligationChange {
                    price: Some(euros.clone()),
                    ssp: Some(euros.clone()),
                    ..change("a")
                }],
                vec![pb::ObligationTerms { price: Some(euros), ..obligation("c", "1") }],
            ),
            &[
                "changes[0].price.currency_code",
                "changes[0].ssp.currency_code",
                "added[0].price.currency_code",
            ],
        ),
        (amendment(vec![long], Vec::new()), &["changes[0].term"]),
        (amendment(Vec::new(), vec![obligation("a", "1")]), &["added[0].key"]),
        (amendment(Vec::new(), vec![half]), &["added[0].milestones.milestones"]),
        (
            amendment(
                Vec::new(),
                vec![obligation("c", "1"), obligation("d", "1"), obligation("e", "1")],
            ),
            &["added"],
        ),
        (amendment(vec![priced("a")], vec![dear()]), &[]),
    ];
    for (asked, expected) in table {
        let path = |field: &&str| match *field {
            "" => "amendment".to_owned(),
            field => format!("amendment.{field}"),
        };
        let expected: Vec<String> = match expected {
            [] => vec!["amendment".to_owned()],
            fields => fields.iter().map(path).collect(),
        };
        assert_eq!(named(&loaded, &asked), expected, "{asked:?}");
    }
    assert_eq!(stored(&loaded), before);
}

/// Metered use may get other terms, which its method then has; what is committed can be billed. Given up, it
/// keeps what is still owed, and changes no more.
#[test]
fn metered_use_gets_other_terms() {
    let metered = pb::ObligationTerms {
        price: None,
        unit_price: "2".to_owned(),
        method: Some(Method::Usage(pb::Usage { minimum: wire_usd("5"), cap: None })),
        ..obligation("b", "0")
    };
    let terms = pb::ContractTerms { obligations: vec![obligation("a", "10"), metered], ..sound() };
    let mut loaded = signed(&terms);
    let other = pb::ObligationChange {
        unit_price: "1.5".to_owned(),
        minimum: wire_usd("8"),
        cap: wire_usd("9"),
        term: range((2026, 1, 1), (2027, 6, 30)),
        ..change("b")
    };
    let event = amended(&mut loaded, &amendment(vec![other], Vec::new()));
    assert_eq!(ceilings(&loaded), [1_000, 800]);
    let terms = event.contract.unwrap().terms.unwrap();
    assert_eq!(terms.term, range((2026, 1, 1), (2027, 6, 30)));
    let b = &terms.obligations[1];
    assert_eq!((b.unit_price.as_str(), &b.price), ("1.5", &None));
    let usage = pb::Usage { minimum: wire_usd("8.00"), cap: wire_usd("9.00") };
    assert_eq!(b.method, Some(Method::Usage(usage)));
    let said = &event.amendment.unwrap().changes[0];
    assert_eq!((&said.minimum, &said.cap), (&wire_usd("8.00"), &wire_usd("9.00")));

    let remove = pb::ObligationChange { remove: true, price: wire_usd("3"), ..change("b") };
    amended(&mut loaded, &amendment(vec![remove], Vec::new()));
    assert_eq!(ceilings(&loaded), [1_000, 300]);
    let again = pb::ObligationChange { unit_price: "1".to_owned(), ..change("b") };
    assert_eq!(named(&loaded, &amendment(vec![again], Vec::new())), ["amendment.changes[0].key"]);
}

/// What is wrong by itself is named at the door, whatever the contract.
#[test]
fn what_is_wrong_by_itself_is_named_before() {
    let wrong = pb::Amendment {
        effective_on: None,
        changes: vec![
            change("a"),
            pb::ObligationChange {
                remove: true,
                quantity: "1".to_owned(),
                ssp: wire_usd("1"),
                ..change("a")
            },
            pb::ObligationChange {
                price: wire_usd("-1"),
                unit_price: "1e3".to_owned(),
                ..change("b c")
            },
        ],
        added: vec![pb::ObligationTerms { residual: true, ..obligation("c", "x") }],
        treatment: 9,
        clauses: None,
    };
    let mut fields = Fields::new();
    parse_amendment(&mut fields, "amendment", Some(&wrong), Limits::NONE);
    let named: Vec<String> = fields.finish().unwrap_err().into_iter().map(|v| v.field).collect();
    let expected = [
        "effective_on",
        "changes[0]",
        "changes[1].key",
        "changes[1].quantity",
        "changes[1].ssp",
        "changes[2].key",
        "changes[2].price.amount",
        "changes[2].unit_price",
        "changes[2].unit_price",
        "added[0].residual",
        "added[0].price.amount",
        "treatment",
    ];
    assert_eq!(named, expected.map(|field| format!("amendment.{field}")));
    let mut fields = Fields::new();
    let nothing = pb::Amendment { effective_on: Some(day(1).into()), ..<_>::default() };
    parse_amendment(&mut fields, "amendment", Some(&nothing), Limits::NONE);
    assert_eq!(fields.finish().unwrap_err()[0].field, "amendment.changes");
}

/// The same amendment is the same however its amounts and decimals were written.
#[test]
fn an_amendment_is_known_by_its_meaning() {
    let key = |asked: &pb::Amendment| {
        let Command::AmendContract(command) = amend(1, asked) else { panic!() };
        command.key("r".to_owned()).content_hash
    };
    let asked = |price: &str, quantity: &str, added: &str| {
        let change = pb::ObligationChange {
            price: wire_usd(price),
            quantity: quantity.to_owned(),
            ..change("a")
        };
        let method = Method::Units(pb::Units { total: quantity.to_owned() });
        let added = pb::ObligationTerms { method: Some(method), ..obligation("c", added) };
        amendment(vec![change], vec![added])
    };
    assert_eq!(key(&asked("1", "2.50", "3.0")), key(&asked("1.00", "2.5", "3.00")));
    assert_ne!(key(&asked("1", "2.50", "3.0")), key(&asked("1.01", "2.5", "3.00")));
    assert_ne!(key(&asked("1", "2.50", "3.0")), key(&asked("1.00", "2.51", "3.00")));
    assert_ne!(key(&asked("1", "2.50", "3.0")), key(&asked("1.00", "2.5", "3.01")));
}

/// Changes go forward: none before the signature or the one before. An ended contract is changed,
/// ended and billed no more; what was billed can be credited, and cash moves.
#[test]
fn changes_go_forward_to_the_end() {
    let mut loaded = Loaded::default();
    assert_eq!(run(&mut loaded, &terminate(1, 9)), Err(ErrorReason::NotFound));
    run(&mut loaded, &draft(1)).unwrap();
    assert_eq!(run(&mut loaded, &terminate(1, 9)), Err(ErrorReason::NotSigned));
    assert_eq!(run(&mut loaded, &amend(1, &reprice(9, "a", "1"))), Err(ErrorReason::NotSigned));
    run(&mut loaded, &sign_draft(1, "")).unwrap();
    let before_last = Err(ErrorReason::ChangeBeforeLast);
    assert_eq!(run(&mut loaded, &amend(1, &reprice(1, "a", "20.00"))), before_last);
    assert_eq!(run(&mut loaded, &amend(1, &reprice(9, "a", "20.00"))), Ok(1));
    assert_eq!(run(&mut loaded, &amend(1, &reprice(8, "a", "20.00"))), before_last);
    assert_eq!(run(&mut loaded, &amend(1, &reprice(9, "a", "21.00"))), Ok(1));
    assert_eq!(run(&mut loaded, &invoice(1, 1, Billing::Spread(usd(2_000)))), Ok(1));
    assert_eq!(run(&mut loaded, &terminate(1, 8)), before_last);
    let Command::TerminateContract(mut stale) = terminate(1, 9) else { panic!() };
    stale.etag = "v1".to_owned();
    let stale = Command::TerminateContract(stale);
    assert_eq!(run(&mut loaded, &stale), Err(ErrorReason::EtagMismatch));
    let Command::TerminateContract(mut euros) = terminate(1, 9) else { panic!() };
    euros.termination.penalty = Some(Money::from_minor(1, Currency::parse("EUR").unwrap()));
    let euros = Command::TerminateContract(euros);
    assert_eq!(run(&mut loaded, &euros), Err(ErrorReason::InvalidFields));

    assert_eq!(run(&mut loaded, &terminate(1, 9)), Ok(1));
    let ended = stored(&loaded);
    assert_eq!((ended.version, ended.terminated, ended.changed_on), (5, true, Some(day(9))));
    let terminated = Err(ErrorReason::Terminated);
    assert_eq!(run(&mut loaded, &terminate(1, 10)), terminated);
    assert_eq!(run(&mut loaded, &amend(1, &reprice(10, "a", "1"))), terminated);
    assert_eq!(run(&mut loaded, &invoice(2, 1, Billing::Spread(usd(1)))), terminated);
    assert_eq!(run(&mut loaded, &credit(1, 1, Billing::Spread(usd(1)), None)), Ok(1));
    assert_eq!(run(&mut loaded, &pay(1, 1, usd(1))), Ok(1));
}
