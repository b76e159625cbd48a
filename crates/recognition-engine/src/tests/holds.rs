//! Revenue that is withheld, on worked examples.

use super::{Story, contract, contract_id, day, obligation_id, policy, term};
use crate::{Convention, Fact, Filter, HoldFact, Rounding};

fn fact(on: &str, obligation: Option<u128>) -> HoldFact {
    HoldFact { contract: contract_id(), obligation: obligation.map(obligation_id), on: day(on) }
}

/// From the day of the hold on nothing is posted, and the release posts it on its own day: months before
/// it stay as they are. The plan keeps it all the while.
#[test]
fn withheld_and_released() {
    let made = contract(term("2026-01-01", "2026-12-31"), &[120_000, 12_000]);
    let mut story = Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative));
    let of = |story: &Story, on: &str, n| {
        let filter = Filter::obligation(super::usd(), obligation_id(n));
        story.ledger.balances(day(on), &filter).unwrap().recognized
    };
    story.run("2026-01-31");
    story.fact(&Fact::Held(fact("2026-03-01", Some(0))));
    story.run("2026-04-30");
    assert_eq!((of(&story, "2026-04-30", 0), of(&story, "2026-04-30", 1)), (20_000, 4_000));
    story.fact(&Fact::Released(fact("2026-05-15", None)));
    assert_eq!(of(&story, "2026-05-31", 0), 20_000, "a release posts nothing by itself");
    story.run("2026-05-31");
    assert_eq!(of(&story, "2026-04-30", 0), 20_000);
    assert_eq!(of(&story, "2026-05-15", 0), 40_000);
    assert_eq!((of(&story, "2026-05-31", 0), of(&story, "2026-05-31", 1)), (50_000, 5_000));
    story.run("2026-12-31");
    assert_eq!(story.at("2026-12-31").backlog, 0);
}

/// A hold of days that are posted takes nothing back, and runs have nothing to do while it lasts.
#[test]
fn what_is_posted_stays() {
    let made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut story = Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative));
    story.run("2026-03-31");
    story.fact(&Fact::Held(fact("2026-02-10", None)));
    assert_eq!(story.state.obligations[0].due_from().unwrap(), None);
    story.run("2026-06-30");
    assert_eq!(story.at("2026-06-30").recognized, 30_000);
}
