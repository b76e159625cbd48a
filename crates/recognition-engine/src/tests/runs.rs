//! Recognition runs: what they post, and that repeating them posts nothing.

use super::{Story, contract, day, policy, term, usd};
use crate::{Cause, Convention, Fact, Filter, Measure, Periods, Rounding, ServiceDays, fold, plan};

fn year() -> Story {
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    Story::sign(contract(term("2026-01-15", "2026-12-31"), &[120_000]), even)
}

/// A run posts one entry per service month, effective on the last day covered, and takes as much out
/// of the month's plan.
#[test]
fn posts_entries_by_service_month() {
    let mut story = year();
    let (state, effects) = fold(
        Some(story.state.clone()),
        &Fact::Run { through: day("2026-03-10") },
        Periods::default(),
    )
    .unwrap();
    let entries: Vec<_> = effects
        .movements
        .iter()
        .filter(|movement| movement.measure == Measure::Recognized)
        .map(|m| (m.service_month.unwrap(), m.effective_date, m.posting_period, m.amount.minor()))
        .collect();
    // March: 10,000 x 10 / 31 = 3,225.81.
    assert_eq!(
        entries,
        [
            (day("2026-01-01"), day("2026-01-31"), day("2026-01-01"), 10_000),
            (day("2026-02-01"), day("2026-02-28"), day("2026-02-01"), 10_000),
            (day("2026-03-01"), day("2026-03-10"), day("2026-03-01"), 3_226),
        ]
    );
    assert_eq!(effects.plan_changes.len(), 3);
    for (change, entry) in effects.plan_changes.iter().zip(&entries) {
        assert_eq!((change.month, change.effective_date), (entry.0, entry.1));
        assert_eq!(change.amount.minor(), -entry.3);
    }
    assert_eq!(
        effects.plan_changes[0].service,
        Some(ServiceDays { from: day("2026-01-31"), to: day("2026-01-31") })
    );
    // What March still holds accrues by the days that are left of it.
    let left = ServiceDays { from: day("2026-03-11"), to: day("2026-03-31") };
    assert_eq!(effects.plan_changes[2].service, Some(left));
    assert_eq!(state.obligations[0].recognized, 23_226);
    assert_eq!(state.obligations[0].posted_through, Some(day("2026-03-10")));
    let planned = plan(&state.obligations[0]).unwrap();
    assert_eq!((planned[0].month, planned[0].amount), (day("2026-03-01"), 10_000 - 3_226));
    assert_eq!(planned.iter().map(|month| month.amount).sum::<i128>(), 120_000 - 23_226);
    // The next run takes what March still lacks.
    story.state = state;
    story.run("2026-03-31");
    assert_eq!(story.state.obligations[0].recognized, 30_000);
}

/// A run again through the same day, or through an earlier one, posts nothing and changes nothing;
/// so does one before the term or after its end.
#[test]
fn repeating_posts_nothing() {
    let mut story = year();
    for through in ["2026-01-14", "2025-06-30"] {
        let before = story.state.clone();
        let (state, effects) = fold(
            Some(story.state.clone()),
            &Fact::Run { through: day(through) },
            Periods::default(),
        )
        .unwrap();
        assert!(effects.is_empty(), "nothing before the start");
        assert_eq!(state, before);
    }
    for through in ["2026-02-10", "2026-12-31"] {
        story.run(through);
        for again in [through, "2026-01-31", "2026-02-01"] {
            let (state, effects) = fold(
                Some(story.state.clone()),
                &Fact::Run { through: day(again) },
                Periods::default(),
            )
            .unwrap();
            assert!(effects.is_empty());
            assert_eq!(state, story.state);
        }
    }
    let (state, effects) = fold(
        Some(story.state.clone()),
        &Fact::Run { through: day("2030-01-01") },
        Periods::default(),
    )
    .unwrap();
    assert!(effects.is_empty(), "nothing after the end");
    assert_eq!(state, story.state);
}

/// Daily, monthly and a single run post the same by service month, to the minor unit.
#[test]
fn frequency_does_not_matter() {
    for convention in Convention::ALL {
        for rounding in Rounding::ALL {
            let signed = contract(term("2024-01-31", "2024-05-13"), &[10_007]);
            let once = || Story::sign(signed.clone(), policy(*convention, *rounding));
            let (mut daily, mut monthly, mut single) = (once(), once(), once());
            for through in day("2024-01-25").iter_days().take_while(|d| *d <= day("2024-05-20")) {
                daily.fact(&Fact::Run { through });
            }
            for through in ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"] {
                monthly.run(through);
            }
            single.run("2024-05-31");
            let entries = |story: &Story| {
                story.ledger.entries(day("2024-05-31"), &Filter::all(usd())).unwrap()
            };
            assert_eq!(entries(&daily), entries(&single), "{convention:?} {rounding:?}");
            assert_eq!(entries(&monthly), entries(&single), "{convention:?} {rounding:?}");
            assert_eq!(daily.state.obligations, single.state.obligations);
            assert_eq!(monthly.state.obligations, single.state.obligations);
        }
    }
}

/// No movement and no plan change is ever zero, and only recognition moves revenue.
#[test]
fn nothing_of_zero() {
    let even = policy(Convention::EvenMonths, Rounding::FloorLast);
    // Two units over a year: eleven months plan nothing.
    let mut story = Story::sign(contract(term("2026-01-01", "2026-12-31"), &[2, 0]), even);
    story.invoice("2026-01-01", 2);
    for through in ["2026-01-31", "2026-06-30", "2026-12-31"] {
        story.run(through);
    }
    assert!(story.ledger.movements().iter().all(|movement| movement.amount.minor() != 0));
    assert!(story.ledger.plan_changes().iter().all(|change| change.amount.minor() != 0));
    let revenue = story.ledger.movements().iter().filter(|m| m.measure == Measure::Recognized);
    let causes: Vec<_> = revenue.map(|movement| movement.cause).collect();
    assert_eq!(causes, [Cause::Recognition]);
}
