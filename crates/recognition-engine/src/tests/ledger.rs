//! What the ledger answers: roll-forward, months, plan, accrued figures, filters.

use super::{Story, contract, contract_id, day, obligation_id, policy, term, usd};
use crate::{Cause, Convention, Filter, Rounding, accrued_part};

fn year() -> Story {
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    signed.signed_on = day("2025-12-15");
    Story::sign(signed, even)
}

/// The roll-forward explains backlog by cause with nothing left; invoices are no cause of it.
#[test]
fn rolls_forward() {
    let mut story = year();
    story.invoice("2026-01-01", 50_000);
    story.run("2026-02-28");
    let roll =
        |from, to| story.ledger.roll_forward(day(from), day(to), &Filter::all(usd())).unwrap();
    let first = roll("2025-12-01", "2026-01-31");
    assert_eq!((first.opening, first.closing, first.unexplained), (0, 110_000, 0));
    let causes: Vec<_> = first.changes.into_iter().collect();
    assert_eq!(causes, [(Cause::Booking, 120_000), (Cause::Recognition, -10_000)]);
    let second = roll("2026-02-01", "2026-02-28");
    assert_eq!((second.opening, second.closing, second.unexplained), (110_000, 100_000, 0));
    let causes: Vec<_> = second.changes.into_iter().collect();
    assert_eq!(causes, [(Cause::Recognition, -10_000)]);
    assert!(roll("2026-03-01", "2026-03-31").changes.is_empty());
}

/// Months, plan and entries are told as of a day, without what comes later.
#[test]
fn tells_months_and_plan() {
    let mut story = year();
    story.run("2026-02-28");
    let all = Filter::all(usd());
    let by_month = story.ledger.by_month(day("2026-02-27"), &all).unwrap();
    assert_eq!(by_month.into_iter().collect::<Vec<_>>(), [(day("2026-01-01"), 10_000)]);
    let schedule = story.ledger.schedule(day("2026-02-28"), &all).unwrap();
    assert_eq!(schedule.len(), 10);
    assert_eq!(schedule.get(&day("2026-02-01")), None, "posted, so no longer planned");
    assert_eq!(schedule.get(&day("2026-12-01")), Some(&10_000));
    assert_eq!(story.ledger.schedule(day("2026-02-27"), &all).unwrap().len(), 11);
    assert!(story.ledger.schedule(day("2025-12-14"), &all).unwrap().is_empty());
    assert_eq!(story.ledger.entries(day("2026-02-28"), &all).unwrap().len(), 2);
}

/// Accrued figures carry posted ones on along the plan, whatever is posted, and back at dates
/// before a run.
#[test]
fn accrues_between_runs() {
    let mut story = year();
    let accrued = |story: &Story, as_of| {
        let balances = story.at(as_of);
        assert_eq!(balances.backlog_accrued, balances.tcv - balances.recognized_accrued);
        (balances.recognized, balances.recognized_accrued)
    };
    // February: 10,000 x 14 / 28.
    assert_eq!(accrued(&story, "2026-02-14"), (0, 15_000));
    story.run("2026-01-31");
    assert_eq!(accrued(&story, "2026-02-14"), (10_000, 15_000));
    assert_eq!(accrued(&story, "2026-01-31"), (10_000, 10_000));
    // Before the run took effect, January stands in the plan: 10,000 x 15 / 31.
    assert_eq!(accrued(&story, "2026-01-15"), (0, 4_839));
    story.run("2026-02-07");
    assert_eq!(accrued(&story, "2026-02-14"), (12_500, 15_000));
    assert_eq!(accrued(&story, "2027-06-30"), (12_500, 120_000));
    assert_eq!(accrued(&story, "2025-12-31"), (0, 0));
}

/// The part accrued of what a month still holds, half away from zero; what is to be taken back accrues
/// alike.
#[test]
fn accrued_parts() {
    // remaining, elapsed, days, part
    let table = [
        (100, 15, 30, 50),
        (70, 5, 20, 18),
        (5, 15, 30, 3),
        (-5, 15, 30, -3),
        (90, 30, 30, 90),
        (90, 99, 30, 90),
        (100, 0, 30, 0),
        (100, 5, 0, 0),
        (i128::MAX, 1, 1, i128::MAX),
    ];
    for (remaining, elapsed, days, part) in table {
        assert_eq!(accrued_part(remaining, elapsed, days), part, "{remaining} {elapsed} {days}");
    }
    let edge = accrued_part(i128::MIN, 1, 2);
    assert!(edge < 0, "no panic at the edge");
}

/// Filters narrow to contract, obligation and currency; contract-wide measures have no obligation.
#[test]
fn filters() {
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000, 60_000]);
    let mut story = Story::sign(signed, even);
    story.invoice("2026-01-01", 60_000);
    story.run("2026-01-31");
    let at = |filter: &Filter| story.ledger.balances(day("2026-01-31"), filter).unwrap();
    let of = at(&Filter::contract(usd(), contract_id()));
    assert_eq!((of.tcv, of.recognized, of.deferred_revenue), (180_000, 15_000, 45_000));
    let other = backlog_ids::ContractId::from_uuid(uuid::Uuid::nil());
    assert_eq!(at(&Filter::contract(usd(), other)), crate::Balances::default());
    let eur = backlog_money::Currency::parse("EUR").unwrap();
    assert_eq!(at(&Filter::all(eur)), crate::Balances::default());
    let one = at(&Filter::obligation(usd(), obligation_id(0)));
    assert_eq!((one.tcv, one.recognized, one.billed), (120_000, 10_000, 60_000));
    assert_eq!((one.conditional_billing, one.deferred_revenue), (0, 0));
    let two = at(&Filter::obligation(usd(), obligation_id(1)));
    assert_eq!((two.tcv, two.recognized, two.recognized_accrued), (60_000, 5_000, 5_000));
}
