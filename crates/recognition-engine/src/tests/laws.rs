//! Laws of any history: months and quarters, changes undone, what each treatment may move, what no method
//! earns.

use chrono::{Days, Months, NaiveDate};
use proptest::prelude::*;

use super::{Story, contract_id, day, histories, obligation_id, policy, usd};
use crate::{
    AmendmentFact, Cause, ChangeOutcome, Convention, EngineError, Fact, Filter, HoldFact, Measure,
    Method, ObligationChange, Rounding, SignedContract, Treatment, Working,
};
use histories::{BEGIN, Happening, happening, signed, signed_under_terms};

/// The history as far as it goes, nothing held at its end; and its last day.
fn begun(made: &SignedContract, happened: &[Happening]) -> (Story, NaiveDate) {
    let how = policy(Convention::ActualDays, Rounding::Cumulative);
    let mut story = Story::sign(made.clone(), how);
    let mut on = day(BEGIN);
    for of in happened {
        on = on + Days::new(of.after);
        if let Err(error) = story.try_fact(&histories::fact(of, on, made)) {
            histories::refused_for_a_reason(&error);
        }
    }
    story.fact(&Fact::Released(HoldFact { contract: contract_id(), obligation: None, on }));
    (story, on)
}

/// A change of one price.
fn priced(place: u128, on: NaiveDate, price: i128, treatment: Treatment) -> Fact {
    Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on,
        changes: vec![ObligationChange { price: Some(price), ..histories::no_change(place) }],
        added: Vec::new(),
        treatment: Some(treatment),
        clauses: None,
    })
}

/// T, and T - R, of each accounting contract.
fn totals(story: &Story) -> Vec<(i128, i128)> {
    let mut totals = vec![(0, 0); story.state.accounting.len()];
    for obligation in &story.state.obligations {
        let total = &mut totals[usize::try_from(obligation.part).unwrap()];
        total.0 += obligation.transaction_price;
        total.1 += obligation.transaction_price - obligation.recognized;
    }
    totals
}

/// What every obligation earned before a day, by the phase in force on it.
fn earned_before(story: &Story, on: NaiveDate) -> Option<i128> {
    let all = story.state.obligations.iter().map(|o| o.earned_before(on).ok());
    all.sum::<Option<i128>>()
}

/// What a run posts: the revenue, and of it what is for performance before the change.
fn posted(story: &mut Story, through: NaiveDate) -> Vec<(NaiveDate, i128, bool)> {
    let effects = story.try_fact(&Fact::Run { through }).unwrap();
    let revenue = effects.movements.iter().filter(|moved| moved.measure == Measure::Recognized);
    revenue.map(|m| (m.effective_date, m.amount.minor(), m.prior_performance)).collect()
}

/// The history, run through the eve of a day on which a price changes; none where the obligation cannot
/// change, or nothing of it remains that could.
fn changed(
    (made, happened): (&SignedContract, &[Happening]),
    (place, price, after): (u128, i128, u64),
    treatment: Treatment,
) -> Option<(Story, NaiveDate, Option<i128>)> {
    let (mut story, last) = begun(made, happened);
    let on = last + Days::new(after);
    story.fact(&Fact::Run { through: on - Days::new(1) });
    let before = earned_before(&story, on);
    let effects = match story.try_fact(&priced(place, on, price, treatment)) {
        Ok(effects) => effects,
        Err(error) => {
            histories::refused_for_a_reason(&error);
            return None;
        }
    };
    let wanted = match treatment {
        Treatment::CatchUp => ChangeOutcome::CaughtUp,
        _ => ChangeOutcome::Pooled,
    };
    let as_wanted = effects.workings.iter().all(|working| match working {
        Working::Changed { outcome, .. } => *outcome == wanted,
        _ => true,
    });
    as_wanted.then_some((story, on, before))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Each line of the roll-forward of a quarter is the sum of its months', which follow on each other.
    #[test]
    fn months_sum_to_quarters(
        made in signed_under_terms(),
        happened in prop::collection::vec(happening(), 0..12),
        every in prop::option::of(1_u64..40),
    ) {
        let story = histories::play_history(&(made, happened, every));
        let all = Filter::all(usd());
        let roll = |from: NaiveDate, months: u32| {
            let to = from + Months::new(months) - Days::new(1);
            story.ledger.roll_forward(from, to, &all).unwrap()
        };
        for quarter in 0..9 {
            let first = day(BEGIN) + Months::new(quarter * 3);
            let whole = roll(first, 3);
            let months = [0, 1, 2].map(|n| roll(first + Months::new(n), 1));
            prop_assert_eq!((months[0].opening, months[2].closing), (whole.opening, whole.closing));
            prop_assert_eq!(months[0].closing, months[1].opening);
            for cause in Cause::ALL {
                let sum: i128 = months.iter().filter_map(|month| month.changes.get(cause)).sum();
                prop_assert_eq!(sum, whole.changes.get(cause).copied().unwrap_or(0));
            }
            let planned = story.ledger.schedule(first, &all).unwrap();
            let open = story.on(first).backlog;
            prop_assert_eq!(planned.values().sum::<i128>(), open, "months of plan");
        }
    }

    /// A change of a price and its inverse on the same day leave each accounting contract the total that it
    /// had, and as much to be earned, under either treatment.
    #[test]
    fn a_change_undone_restores_the_total(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..8),
        (place, price, after) in (0_u128..3, 0_i128..300_000, 0_u64..60),
        treatment in prop::sample::select(vec![Treatment::Prospective, Treatment::CatchUp]),
    ) {
        let (mut story, last) = begun(&made, &happened);
        let on = last + Days::new(after);
        story.fact(&Fact::Run { through: on - Days::new(1) });
        let own = story.state.obligations.iter().filter(|o| o.id == obligation_id(place));
        let stated: Vec<i128> = own.map(|o| o.stated.unwrap_or(o.transaction_price)).collect();
        let before = totals(&story);
        // What was promised in several parts is given up from the last on: that is no inverse.
        if let [stated] = stated.as_slice()
            && story.try_fact(&priced(place, on, price, treatment)).is_ok()
        {
            let added = price - stated;
            prop_assert_eq!(
                totals(&story).iter().map(|total| total.0).sum::<i128>(),
                before.iter().map(|total| total.0).sum::<i128>() + added
            );
            story.fact(&priced(place, on, *stated, treatment));
            prop_assert_eq!(totals(&story), before);
        }
    }

    /// A prospective change moves nothing of the past: what is posted after it is of days from it on, and
    /// none of it is for performance before.
    #[test]
    fn prospective_never_moves_the_past(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..8),
        change in (0_u128..3, 0_i128..300_000, 1_u64..90),
        runs in prop::collection::vec(0_u64..80, 1..4),
    ) {
        let of = changed((&made, &happened), change, Treatment::Prospective);
        if let Some((mut story, on, before)) = of {
            prop_assert_eq!(earned_before(&story, on), before);
            let mut through = on;
            for run in runs {
                through = through + Days::new(run);
                for (effective, amount, prior) in posted(&mut story, through) {
                    prop_assert!(effective >= on && !prior, "{} on {}", amount, effective);
                }
            }
        }
    }

    /// A catch-up moves the past by exactly what its measure says now less what it said then, all of it on
    /// the day of the change.
    #[test]
    fn a_catch_up_moves_the_past_by_itself(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..8),
        change in (0_u128..3, 0_i128..300_000, 1_u64..90),
    ) {
        let of = changed((&made, &happened), change, Treatment::CatchUp);
        if let Some((mut story, on, Some(before))) = of {
            let now = earned_before(&story, on).unwrap();
            let caught_up = posted(&mut story, on).into_iter().filter(|(_, _, prior)| *prior);
            let caught_up: Vec<_> = caught_up.collect();
            prop_assert!(caught_up.iter().all(|(effective, _, _)| *effective == on));
            let sum: i128 = caught_up.iter().map(|(_, amount, _)| amount).sum();
            prop_assert_eq!(sum, now - before);
        }
    }

    /// No method earns more than its price, less than nothing, or anything before signature; time, nothing
    /// before the term.
    #[test]
    fn no_method_earns_beyond_its_price(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..12),
        every in prop::option::of(1_u64..40),
        (begins, signs) in (0_u64..60, 0_u64..60),
    ) {
        let mut made = made;
        made.variables.clear();
        made.signed_on = day(BEGIN) + Days::new(signs);
        made.term = super::term(&(day(BEGIN) + Days::new(begins)).to_string(), "2026-12-31");
        let mut happened = happened;
        for of in &mut happened {
            // Reports, invoices and cash.
            of.kind = [4, 5, 6, 0, 3][usize::from(of.kind % 5)];
            // Materials that cost more than the whole price are no matter of the method.
            of.amount %= 20_000;
        }
        for obligation in &mut made.obligations {
            obligation.price = obligation.price.map(|price| price + 3_000);
            obligation.ssp = obligation.price;
        }
        let story = histories::play_history(&(made.clone(), happened, every));
        for on in day("2025-12-01").iter_days().step_by(11).take(80) {
            for obligation in &story.state.obligations {
                let filter = Filter::obligation(usd(), obligation.id);
                let own = story.ledger.balances(on, &filter).unwrap();
                let earned = own.recognized;
                prop_assert!((0..=own.transaction_price).contains(&earned), "{} on {}", earned, on);
                let timed = matches!(obligation.method, Method::StraightLine { .. });
                let begins = if timed { made.signed_on.max(made.term.from()) } else { made.signed_on };
                prop_assert!(on >= begins || earned == 0, "{} on {}", earned, on);
            }
        }
    }
}

/// A history refused is a history unchanged: an error leaves state and ledger as they were.
#[test]
fn what_is_refused_changes_nothing() {
    let made = super::contract(super::term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut story = Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative));
    let known = (story.state.clone(), story.ledger.clone());
    let unknown = priced(7, day("2026-02-01"), 1, Treatment::CatchUp);
    let refused = story.try_fact(&unknown);
    assert_eq!(refused, Err(EngineError::UnknownObligation(obligation_id(7))));
    assert_eq!((&story.state, &story.ledger), (&known.0, &known.1));
}
