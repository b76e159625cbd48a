//! Ceilings, metered obligations, credit notes and payments.

use backlog_proto::contract::v1::obligation_terms::Method;
use prost::Message;

use super::*;

fn metered(key: &str, minimum: Option<&str>) -> pb::ObligationTerms {
    let minimum = minimum.and_then(wire_usd);
    pb::ObligationTerms {
        price: None,
        unit_price: "0.01".to_owned(),
        method: Some(Method::Usage(pb::Usage { minimum, cap: None })),
        ..obligation(key, "0")
    }
}

fn of(obligations: Vec<pb::ObligationTerms>) -> Loaded {
    signed(&pb::ContractTerms { obligations, ..sound() })
}

/// Metered obligations have no ceiling: what an amount leaves after all that is fixed or committed is
/// theirs, and lines bill any amount of them, but never more than amounts may be.
#[test]
fn metered_obligations_have_no_ceiling() {
    let mut loaded = of(vec![obligation("a", "10"), metered("b", Some("5")), metered("c", None)]);
    let spread = |minor| Billing::Spread(usd(minor));
    let exceeds = Err(ErrorReason::InvoiceExceedsCeiling);
    let table: [(Billing, Result<usize, ErrorReason>, [i128; 3]); 6] = [
        (spread(300), Ok(1), [200, 100, 0]),
        (Billing::Lines(vec![line(1, "a", 801)]), exceeds, [200, 100, 0]),
        (Billing::Lines(vec![line(1, "b", 700)]), Ok(1), [200, 800, 0]),
        (spread(803), Ok(1), [1_000, 802, 1]),
        (Billing::Lines(vec![line(1, "a", 1), line(1, "c", 1)]), exceeds, [1_000, 802, 1]),
        (spread(1_000_000_000_000_000), exceeds, [1_000, 802, 1]),
    ];
    for (number, (billing, expected, after)) in (1_u128..).zip(table) {
        assert_eq!(run(&mut loaded, &invoice(number, 1, billing)), expected, "{number}");
        assert_eq!(billed(&loaded, 1), after, "{number}");
    }
}

/// What bears interest may be billed beyond its price: by the price what is left of it, then by the prices;
/// never more than amounts may be.
#[test]
fn interest_has_no_ceiling() {
    let mut loaded = signed(&pb::ContractTerms {
        obligations: vec![obligation("a", "10"), obligation("b", "5")],
        financing_rate: "0.1".to_owned(),
        ..sound()
    });
    let spread = |minor| Billing::Spread(usd(minor));
    let exceeds = Err(ErrorReason::InvoiceExceedsCeiling);
    let table: [(Billing, Result<usize, ErrorReason>, [i128; 2]); 4] = [
        (spread(1_800), Ok(1), [1_200, 600]),
        (spread(3), Ok(1), [1_202, 601]),
        (Billing::Lines(vec![line(1, "b", 99)]), Ok(1), [1_202, 700]),
        (spread(1_000_000_000_000_000), exceeds, [1_202, 700]),
    ];
    for (number, (billing, expected, after)) in (1_u128..).zip(table) {
        assert_eq!(run(&mut loaded, &invoice(number, 1, billing)), expected, "{number}");
        assert_eq!(billed(&loaded, 1), after, "{number}");
    }
}

/// The ceiling is the contract's: a line may bill an obligation by its stated price although the
/// allocation gave it less, and by the variable amounts that concern it; rebates are not deducted.
#[test]
fn lines_bill_stated_prices() {
    let shared =
        |key, price, ssp| pb::ObligationTerms { ssp: wire_usd(ssp), ..obligation(key, price) };
    let variable = |id: &str, estimate, applies_to: &str| pb::VariableConsideration {
        id: id.to_owned(),
        estimate: wire_usd(estimate),
        applies_to: vec![applies_to.to_owned()],
        ..<_>::default()
    };
    let mut loaded = signed(&pb::ContractTerms {
        obligations: vec![shared("a", "10", "9"), shared("b", "5", "6")],
        variables: vec![variable("bonus", "2", "a"), variable("rebate", "-3", "b")],
        ..sound()
    });
    let lines = |key, minor| Billing::Lines(vec![line(1, key, minor)]);
    assert_eq!(stored(&loaded).ceiling(), 1_700);
    let exceeds = Err(ErrorReason::InvoiceExceedsCeiling);
    assert_eq!(run(&mut loaded, &invoice(1, 1, lines("a", 1_201))), exceeds);
    assert_eq!(run(&mut loaded, &invoice(1, 1, lines("a", 1_200))), Ok(1));
    assert_eq!(run(&mut loaded, &invoice(2, 1, Billing::Spread(usd(501)))), exceeds);
    assert_eq!(run(&mut loaded, &invoice(2, 1, Billing::Spread(usd(500)))), Ok(1));
    assert_eq!(billed(&loaded, 1), [1_200, 500]);
}

/// A credit note is spread by what is billed, never credits more than that, and makes room to bill
/// again; a concession does not, since it lowers the price.
#[test]
fn credit_notes_give_back_what_was_billed() {
    let mut loaded = of(vec![obligation("a", "10"), obligation("b", "5")]);
    let spread = |minor| Billing::Spread(usd(minor));
    let exceeds = Err(ErrorReason::CreditExceedsInvoice);
    assert_eq!(run(&mut loaded, &credit(1, 1, spread(1), None)), exceeds);
    run(&mut loaded, &invoice(1, 1, spread(1_500))).unwrap();
    let whole = Some(Concession::Whole);
    type Case = (Billing, Option<Concession>, Result<usize, ErrorReason>, [i128; 2]);
    let table: [Case; 7] = [
        (spread(1_501), None, exceeds, [1_000, 500]),
        (Billing::Lines(vec![line(1, "b", 501)]), None, exceeds, [1_000, 500]),
        (
            Billing::Lines(vec![line(1, "c", 1)]),
            None,
            Err(ErrorReason::InvalidFields),
            [1_000, 500],
        ),
        (spread(301), None, Ok(1), [799, 400]),
        (Billing::Lines(vec![line(1, "b", 100)]), whole, Ok(1), [799, 300]),
        (spread(0), None, Ok(1), [799, 300]),
        (Billing::Lines(vec![line(1, "a", 99)]), Some(Concession::Transferred), Ok(1), [700, 300]),
    ];
    for (number, (billing, concession, expected, after)) in (1_u128..).zip(table) {
        let command = credit(number, 1, billing, concession);
        assert_eq!(run(&mut loaded, &command), expected, "{number}");
        assert_eq!(billed(&loaded, 1), after, "{number}");
    }
    let contract = stored(&loaded);
    assert_eq!((contract.ceiling(), contract.version), (1_500 - 199, 1));
    let ceiling = Err(ErrorReason::InvoiceExceedsCeiling);
    assert_eq!(run(&mut loaded, &invoice(2, 1, spread(302))), ceiling);
    assert_eq!(run(&mut loaded, &invoice(2, 1, spread(301))), Ok(1));
    // A concession changes the price: it goes forward like other changes, and they after it.
    assert_eq!(contract.changed_on, Some(day(4)));
    let early = amend(1, &reprice(3, "a", "20.00"));
    assert_eq!(run(&mut loaded, &early), Err(ErrorReason::ChangeBeforeLast));
    run(&mut loaded, &amend(1, &reprice(5, "a", "20.00"))).unwrap();
    let late = credit(9, 1, spread(1), whole);
    assert_eq!(run(&mut loaded, &late), Err(ErrorReason::ChangeBeforeLast));
    assert_eq!(run(&mut loaded, &credit(9, 1, spread(1), None)), Ok(1));
}

/// The refusal of a credit says what there is, and of what.
#[test]
fn the_refusal_names_what_there_is() {
    let mut loaded = of(vec![obligation("a", "10"), obligation("b", "5")]);
    run(&mut loaded, &invoice(1, 1, Billing::Spread(usd(300)))).unwrap();
    let metadata = |command: &Command, loaded: &Loaded| {
        ContractDomain::decide(tenant(), command, loaded).unwrap_err().metadata()
    };
    let by_line = credit(1, 1, Billing::Lines(vec![line(1, "b", 101)]), None);
    let refused = metadata(&by_line, &loaded);
    assert!(refused.contains(&("billed", "1.00".to_owned())), "{refused:?}");
    assert!(refused.contains(&("obligation_id", line(1, "b", 0).0.to_string())), "{refused:?}");
    let refused = metadata(&credit(1, 1, Billing::Spread(usd(301)), None), &loaded);
    assert!(refused.contains(&("billed", "3.00".to_owned())), "{refused:?}");
    let refused = metadata(&pay(1, 1, usd(-1)), &loaded);
    assert!(refused.contains(&("received", "0.00".to_owned())), "{refused:?}");
}

/// Cash comes and goes back, never more than came, in the contract's currency, up to what amounts may
/// be; a draft takes none.
#[test]
fn payments_never_fall_below_nothing() {
    let mut loaded = Loaded::default();
    run(&mut loaded, &draft(1)).unwrap();
    assert_eq!(run(&mut loaded, &pay(1, 1, usd(1))), Err(ErrorReason::NotSigned));
    assert_eq!(run(&mut loaded, &pay(1, 2, usd(1))), Err(ErrorReason::NotFound));
    run(&mut loaded, &sign_draft(1, "")).unwrap();
    let euro = Money::from_minor(1, Currency::parse("EUR").unwrap());
    let most = usd(1_000_000_000_000_000);
    for (amount, expected, after) in [
        (usd(-1), Err(ErrorReason::CreditExceedsInvoice), 0),
        (usd(500), Ok(1), 500),
        (euro, Err(ErrorReason::InvalidFields), 500),
        (most, Err(ErrorReason::InvalidFields), 500),
        (usd(-501), Err(ErrorReason::CreditExceedsInvoice), 500),
        (usd(-500), Ok(1), 0),
    ] {
        assert_eq!(run(&mut loaded, &pay(1, 1, amount)), expected, "{amount}");
        let contract = stored(&loaded);
        assert_eq!((contract.paid, contract.version), (after, 2), "{amount}");
    }
}

/// What the log says of a credit note: the spread, its sum, and no line of nothing.
#[test]
fn the_spread_is_recorded() {
    let mut loaded = of(vec![obligation("a", "10"), obligation("b", "5")]);
    run(&mut loaded, &invoice(1, 1, Billing::Lines(vec![line(1, "b", 300)]))).unwrap();
    let command = credit(1, 1, Billing::Spread(usd(100)), None);
    let Ok(Decision::Write(change)) = ContractDomain::decide(tenant(), &command, &loaded) else {
        panic!("refused")
    };
    let event = pb::CreditNoteIssued::decode(change.events[0].payload.as_slice()).unwrap();
    let note = event.credit_note.unwrap();
    assert_eq!(
        (note.lines.len(), &note.amount, &note.tax),
        (1, &wire_usd("1.00"), &wire_usd("0.19"))
    );
    assert_eq!(note.lines[0].obligation_id, line(1, "b", 0).0.to_string());
}
