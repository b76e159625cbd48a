//! Additions that are contracts of their own (606-10-25-12), on worked examples.

use super::{
    Story, contract, contract_id, day, invoice_of, obligation, obligation_id, policy, q, term, usd,
};
use crate::{
    AmendmentFact, Convention, Fact, Filter, Measure, MeterChange, Method, ObligationChange,
    ProgressFact, Reading, Rounding, Treatment, accounting_contract_of, propose,
};

/// 120 units at 100.00, of which 60 are transferred.
fn half_transferred() -> Story {
    let mut made = contract(term("2028-01-01", "2028-12-31"), &[1_200_000]);
    made.obligations[0].method = Method::Units { total: q("120") };
    let mut story = Story::sign(made, policy(Convention::ActualDays, Rounding::Cumulative));
    units(&mut story, "2028-03-31", "60");
    story.run("2028-03-31");
    story
}

fn units(story: &mut Story, on: &str, to_date: &str) {
    let reading = Reading::Units(q(to_date));
    let (contract, obligation) = (contract_id(), obligation_id(0));
    story.fact(&Fact::Progressed(ProgressFact { contract, obligation, on: day(on), reading }));
}

fn thirty_more(price: i128, ssp: i128) -> AmendmentFact {
    AmendmentFact {
        contract: contract_id(),
        on: day("2028-04-01"),
        changes: vec![ObligationChange {
            obligation: obligation_id(0),
            price: Some(1_200_000 + price),
            total: Some(q("150")),
            term: None,
            ssp: Some(1_200_000 + ssp),
            remove: false,
            distinct: None,
            meter: MeterChange::default(),
        }],
        added: Vec::new(),
        treatment: None,
        clauses: None,
    }
}

/// 30 units more at 95.00, for which they sell alone: the 60 left of the first 120 keep earning 100.00,
/// the 30 earn 95.00 after them; nothing is blended or earned at once (case 52). Below that price the
/// same change is prospective.
#[test]
fn more_units_at_their_price() {
    let mut story = half_transferred();
    let fact = thirty_more(285_000, 285_000);
    assert_eq!(propose(&story.state, &fact).unwrap(), Treatment::Separate);
    let below = thirty_more(240_000, 285_000);
    assert_eq!(propose(&story.state, &below).unwrap(), Treatment::Prospective);
    story.fact(&Fact::Amended(fact));
    story.run("2028-04-01");
    let at = story.at("2028-04-01");
    assert_eq!((at.tcv, at.recognized, at.backlog), (1_485_000, 600_000, 885_000));
    for (on, to_date, recognized) in [
        ("2028-04-30", "70", 700_000),
        ("2028-05-31", "120", 1_200_000),
        ("2028-06-30", "121", 1_209_500),
        // Taken back again, below what the first part promised.
        ("2028-07-31", "110", 1_100_000),
        ("2028-08-31", "150", 1_485_000),
    ] {
        units(&mut story, on, to_date);
        story.run(on);
        assert_eq!(story.at(on).recognized, recognized, "{to_date} units");
    }
    let own = Filter::obligation(usd(), obligation_id(0));
    let of_key = story.ledger.balances(day("2028-08-31"), &own).unwrap();
    assert_eq!(
        (of_key.recognized, of_key.backlog),
        (1_485_000, 0),
        "one obligation to its readers"
    );
}

/// Two accounting contracts are never netted: what is billed for the second before it is served is a
/// liability although the first has an asset, and what is billed goes to what was promised first.
#[test]
fn balances_of_each_contract() {
    let mut story = half_transferred();
    story.fact(&Fact::Amended(thirty_more(285_000, 285_000)));
    story.fact(&Fact::Invoiced(invoice_of(0, day("2028-04-02"), 1_250_000)));
    let at = story.at("2028-04-02");
    assert_eq!((at.deferred_revenue, at.contract_asset), (650_000, 0));
    let (first, second) = (0, 1);
    let deferred = |part| {
        let id = accounting_contract_of(contract_id(), part);
        let of = story.ledger.movements().iter().filter(|movement| {
            movement.accounting_contract == id && movement.measure == Measure::DeferredRevenue
        });
        of.map(|movement| movement.amount.minor()).sum::<i128>()
    };
    assert_eq!((deferred(first), deferred(second)), (600_000, 50_000));
    let mut apart = half_transferred();
    let own = obligation(1, Some(100_000), None);
    apart.fact(&Fact::Amended(AmendmentFact {
        changes: Vec::new(),
        added: vec![own],
        ..thirty_more(0, 0)
    }));
    apart.fact(&Fact::Invoiced(invoice_of(1, day("2028-04-02"), 100_000)));
    let at = apart.at("2028-04-02");
    assert_eq!((at.deferred_revenue, at.contract_asset), (100_000, 600_000), "not netted");
}

/// A year more of a service at the same price is a contract of its own; its days earn its price, and a
/// later change of the whole gives up the second year before it touches the first.
#[test]
fn another_year() {
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut story = Story::sign(signed, policy(Convention::EvenMonths, Rounding::Cumulative));
    let change = |to: &str, price| ObligationChange {
        obligation: obligation_id(0),
        price: Some(price),
        total: None,
        term: Some(term("2026-01-01", to)),
        ssp: None,
        remove: false,
        distinct: None,
        meter: MeterChange::default(),
    };
    let amended = |on: &str, changes, treatment| {
        let (contract, on) = (contract_id(), day(on));
        Fact::Amended(AmendmentFact {
            contract,
            on,
            changes,
            added: Vec::new(),
            treatment,
            clauses: None,
        })
    };
    let longer = amended("2026-07-01", vec![change("2027-12-31", 240_000)], None);
    story.fact(&longer);
    assert_eq!(story.state.accounting.len(), 2, "365 days more for the price of 365 days");
    story.run("2026-12-31");
    assert_eq!((story.at("2026-12-31").recognized, story.at("2026-12-31").tcv), (120_000, 240_000));
    story.run("2027-01-31");
    assert_eq!(story.at("2027-01-31").recognized, 130_000);
    // Dearer by 60.00 from April on: a change of the second year alone.
    let dearer = ObligationChange { term: None, ..change("2027-12-31", 246_000) };
    story.fact(&amended("2027-04-01", vec![dearer], Some(Treatment::Prospective)));
    story.run("2027-04-30");
    assert_eq!(story.at("2027-04-30").recognized, 160_667);
    story.run("2027-12-31");
    let at = story.at("2027-12-31");
    assert_eq!((at.recognized, at.backlog), (246_000, 0));
}

/// A stated treatment that the change does not admit gives way to the one proposed: a mere change of
/// price is never a contract of its own.
#[test]
fn what_adds_nothing_is_not_separate() {
    let mut story = half_transferred();
    let mut dearer = thirty_more(285_000, 285_000);
    dearer.changes[0].total = None;
    dearer.treatment = Some(Treatment::Separate);
    story.fact(&Fact::Amended(dearer));
    assert_eq!(story.state.accounting.len(), 1);
    assert_eq!(story.at("2028-04-01").tcv, 1_485_000);
}
