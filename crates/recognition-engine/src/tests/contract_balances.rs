//! Liability and asset of a contract, day by day, also when facts come late.

use super::{Story, contract, day, invoice_of, policy, term};
use crate::{Cause, Convention, Fact, Measure, Rounding};

fn year() -> Story {
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    Story::sign(contract(term("2026-01-01", "2026-12-31"), &[120_000]), even)
}

/// Asset and liability by the end of each date given.
fn split(story: &Story, dates: &[&str]) -> Vec<(i128, i128)> {
    let at = |date: &&str| story.at(date);
    dates.iter().map(at).map(|b| (b.deferred_revenue, b.contract_asset)).collect()
}

const DATES: [&str; 5] = ["2026-01-15", "2026-01-31", "2026-02-27", "2026-02-28", "2026-03-31"];

/// An invoice recorded after later runs corrects each later day, with movements on those days; the
/// balances are those of date order.
#[test]
fn a_late_invoice_corrects_later_days() {
    let mut story = year();
    for through in ["2026-01-31", "2026-02-28", "2026-03-31"] {
        story.run(through);
    }
    let asset = [(0, 0), (0, 10_000), (0, 10_000), (0, 20_000), (0, 30_000)];
    assert_eq!(split(&story, &DATES), asset);

    let before = story.ledger.movements().len();
    story.invoice("2026-01-15", 15_000);
    let corrected = [(15_000, 0), (5_000, 0), (5_000, 0), (0, 5_000), (0, 15_000)];
    assert_eq!(split(&story, &DATES), corrected);
    let written: Vec<_> = story.ledger.movements()[before..]
        .iter()
        .filter(|movement| movement.cause == Cause::ContractBalance)
        .map(|m| (m.measure, m.effective_date.to_string(), m.amount.minor()))
        .collect();
    // By hand: liability 15,000, then less 10,000 on 31 January, less 5,000 on 28 February; the
    // asset loses 10,000 in January and 5,000 more in February, and March needs no correction.
    let row = |measure, on: &str, amount| (measure, on.to_owned(), amount);
    assert_eq!(
        written,
        [
            row(Measure::DeferredRevenue, "2026-01-15", 15_000),
            row(Measure::DeferredRevenue, "2026-01-31", -10_000),
            row(Measure::ContractAsset, "2026-01-31", -10_000),
            row(Measure::DeferredRevenue, "2026-02-28", -5_000),
            row(Measure::ContractAsset, "2026-02-28", -5_000),
        ]
    );

    let mut in_order = year();
    in_order.invoice("2026-01-15", 15_000);
    for through in ["2026-01-31", "2026-02-28", "2026-03-31"] {
        in_order.run(through);
    }
    assert_eq!(split(&in_order, &DATES), corrected);
    assert_eq!(in_order.state, story.state);
}

/// Liability and asset on one day are never both positive, though both movements fall on it.
#[test]
fn one_invoice_clears_the_asset_and_opens_a_liability() {
    let mut story = year();
    story.run("2026-02-28");
    story.invoice("2026-03-01", 120_000);
    assert_eq!(split(&story, &["2026-02-28", "2026-03-01"]), [(0, 20_000), (100_000, 0)]);
    story.run("2026-03-31");
    assert_eq!(split(&story, &["2026-03-31"]), [(90_000, 0)]);
}

/// The obligations of a contract are one position: one's asset meets another's liability.
#[test]
fn a_contract_is_one_position() {
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    let signed = contract(term("2026-01-01", "2026-12-31"), &[60_000, 60_000]);
    let mut story = Story::sign(signed, even);
    story.fact(&Fact::Invoiced(invoice_of(0, day("2026-01-01"), 10_000)));
    story.run("2026-01-31");
    assert_eq!(split(&story, &["2026-01-31"]), [(0, 0)], "10,000 billed, 5,000 + 5,000 earned");
}

/// A state loaded with the points from a fact's date on and one before gives the same movements.
#[test]
fn earlier_points_may_be_left_out() {
    let mut whole = year();
    whole.invoice("2026-01-05", 30_000);
    whole.run("2026-01-31");
    whole.run("2026-02-28");
    whole.run("2026-03-31");
    let mut part = Story {
        state: whole.state.clone(),
        ledger: whole.ledger.clone(),
        periods: whole.periods,
        policies: whole.policies.clone(),
    };
    part.state.accounting[0].portions.first_mut().balances.drain(..2);
    assert_eq!(part.state.accounting[0].portions.first().balances[0].on, day("2026-02-28"));
    whole.invoice("2026-03-10", 20_000);
    part.invoice("2026-03-10", 20_000);
    assert_eq!(part.ledger, whole.ledger);
    assert_eq!(
        part.state.accounting[0].portions.first().balances[..],
        whole.state.accounting[0].portions.first().balances[2..]
    );
}

/// Effects say from which day balance points have to be saved.
#[test]
fn tells_which_points_changed() {
    let mut story = year();
    story.run("2026-02-28");
    let before = story.state.clone();
    let late = invoice_of(0, day("2026-01-31"), 1_000);
    let effects = super::invoice(&mut story.state, &late).unwrap();
    assert_eq!(effects.balances_from, Some(day("2026-01-31")));
    assert_eq!(
        before.accounting[0].portions.first().balances.len(),
        story.state.accounting[0].portions.first().balances.len()
    );
    let effects = super::take(&mut story.state, &Fact::Run { through: day("2026-02-28") }).unwrap();
    assert_eq!(effects.balances_from, None);
}
