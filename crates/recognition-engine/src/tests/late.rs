//! Reports that come late count as of the runs that would have posted them.

use std::collections::BTreeMap;

use backlog_ids::ObligationId;
use backlog_money::Quantity;
use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::{Story, contract, contract_id, day, histories, obligation_id, policy, q, term, usd};
use crate::{
    Convention, Fact, Filter, HoldFact, Measure, Method, ProgressFact, Reading, Rounding,
    SignedContract,
};
use histories::{BEGIN, happening, signed};

fn one(method: Method) -> Story {
    let price = if method.is_metered() { None } else { Some(100_000) };
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[0]);
    (made.obligations[0].price, made.obligations[0].method) = (price, method);
    Story::sign(made, policy(Convention::ActualDays, Rounding::Cumulative))
}

fn report(on: &str, reading: Reading) -> Fact {
    let (contract, obligation) = (contract_id(), obligation_id(0));
    Fact::Progressed(ProgressFact { contract, obligation, on: day(on), reading })
}

fn percent(on: &str, done: &str) -> Fact {
    report(on, Reading::Percent(q(done)))
}

fn used(on: &str, quantity: &str) -> Fact {
    report(on, Reading::Usage { quantity: q(quantity), amount: None })
}

/// Runs of the 10th and 25th: a report of the 7th that comes after both changes what the first has, and
/// nothing at the second, which the report of the 20th decides. Days without a run stay as they are.
#[test]
fn within_a_month() {
    let mut story = one(Method::PercentComplete);
    for (run, fact) in
        [("2026-01-10", percent("2026-01-05", "50")), ("2026-01-25", percent("2026-01-20", "80"))]
    {
        story.fact(&fact);
        story.run(run);
    }
    story.run("2026-02-28");
    story.fact(&percent("2026-01-07", "70"));
    story.run("2026-02-28");
    let r = |on: &str| story.at(on).recognized;
    assert_eq!((r("2026-01-09"), r("2026-01-10")), (0, 70_000));
    assert_eq!((r("2026-01-24"), r("2026-01-25"), r("2026-01-31")), (70_000, 80_000, 80_000));
}

/// Progress that fell before the runs knew of it is never taken back before it was posted, also where a
/// hold, released since and followed by another one, had posted it later.
#[test]
fn never_less_than_nothing() {
    let mut story = one(Method::PercentComplete);
    let hold = |on: &str| HoldFact { contract: contract_id(), obligation: None, on: day(on) };
    story.fact(&percent("2026-01-15", "60"));
    story.fact(&Fact::Held(hold("2026-01-10")));
    story.run("2026-01-31");
    story.fact(&Fact::Released(hold("2026-02-20")));
    story.run("2026-02-28");
    story.fact(&Fact::Held(hold("2026-03-10")));
    story.fact(&percent("2026-01-16", "0"));
    story.fact(&Fact::Released(hold("2026-03-20")));
    story.run("2026-03-31");
    for on in day("2026-01-01").iter_days().take(100) {
        assert_eq!(story.on(on).recognized, 0, "{on}");
    }
}

/// Use of a day before a cap was reached leaves less for later use, and use below a minimum moves no price:
/// T of each day is that of what was used by then, so that R stays within it.
#[test]
fn price_of_late_use() {
    let mut story = one(Method::RightToInvoice { unit_price: q("1"), cap: Some(10_000) });
    story.fact(&used("2026-02-10", "80"));
    story.run("2026-02-28");
    story.fact(&used("2026-01-10", "50"));
    story.run("2026-02-28");
    let at = |on: &str| (story.at(on).transaction_price, story.at(on).recognized);
    assert_eq!((at("2026-01-31"), at("2026-02-28")), ((5_000, 5_000), (10_000, 10_000)));

    let usage = Method::Usage { unit_price: q("1"), minimum: 6_000, cap: None };
    let mut story = one(usage);
    story.fact(&used("2026-02-10", "80"));
    story.fact(&used("2026-01-10", "50"));
    assert_eq!(story.at("2026-01-31").transaction_price, 6_000, "still what is committed");
    assert_eq!(story.at("2026-02-28").transaction_price, 13_000);
}

/// A run before anything was reported posted nothing; what was done by then counts from it all the same.
#[test]
fn a_first_report_that_comes_late() {
    let one_unit = Method::PointInTime { quantity: Quantity::ONE, gates: Vec::new() };
    let mut story = one(one_unit);
    story.run("2026-01-10");
    story.run("2026-01-20");
    story.fact(&report("2026-01-07", Reading::Delivered { quantity: None, gate: None }));
    story.run("2026-02-28");
    let r = |on: &str| story.at(on).recognized;
    assert_eq!((r("2026-01-09"), r("2026-01-10")), (0, 100_000));
}

/// Runs on days on end are remembered as one stretch; others one by one, a repeated one not at all.
#[test]
fn runs_in_stretches() {
    let mut story = one(Method::PercentComplete);
    for run in ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-07", "2026-01-03", "2026-01-31"]
    {
        story.run(run);
    }
    let stretches = [term("2026-01-05", "2026-01-07"), term("2026-01-31", "2026-01-31")];
    assert_eq!(story.state.obligations[0].runs, stretches);
    let mut time = Story::sign(
        contract(term("2026-01-01", "2026-12-31"), &[100]),
        policy(Convention::ActualDays, Rounding::Cumulative),
    );
    time.run("2026-01-31");
    assert!(time.state.obligations[0].runs.is_empty(), "time is never late");
}

/// What a measure moves by, by obligation and day.
fn moved(story: &Story, measure: Measure) -> BTreeMap<(Option<ObligationId>, NaiveDate), i128> {
    let mut sums = BTreeMap::new();
    for of in story.ledger.movements().iter().filter(|of| of.measure == measure) {
        *sums.entry((of.obligation, of.effective_date)).or_insert(0) += of.amount.minor();
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// Plays reports, each on the day on which it comes, with runs between; answers those that were taken in.
fn late(
    made: &SignedContract,
    reports: &[histories::Happening],
    runs: &[NaiveDate],
) -> (Story, Vec<Fact>) {
    let mut story = Story::sign(made.clone(), policy(Convention::ActualDays, Rounding::Cumulative));
    let (mut on, mut left, mut taken) = (day(BEGIN), runs, Vec::new());
    for of in reports {
        on = on + Days::new(of.after);
        while let Some((run, rest)) = left.split_first().filter(|(run, _)| **run < on) {
            story.fact(&Fact::Run { through: *run });
            left = rest;
        }
        let fact = histories::fact(of, on, made);
        match story.try_fact(&fact) {
            Ok(_) => taken.push(fact),
            Err(error) => histories::refused_for_a_reason(&error),
        }
    }
    left.iter().for_each(|run| story.fact(&Fact::Run { through: *run }));
    (story, taken)
}

/// Plays the same reports in the order of their days.
fn in_time(made: &SignedContract, mut reports: Vec<Fact>, runs: &[NaiveDate]) -> Story {
    let mut story = Story::sign(made.clone(), policy(Convention::ActualDays, Rounding::Cumulative));
    reports.sort_by_key(Fact::on);
    let mut reports = reports.into_iter().peekable();
    for run in runs {
        while let Some(fact) = reports.next_if(|fact| fact.on() <= *run) {
            story.fact(&fact);
        }
        story.fact(&Fact::Run { through: *run });
    }
    story
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Reports that come late end in the revenue and the price that they would have had in time, on every
    /// single day, whenever runs are made; and in the same at each end of a month as with no runs between.
    #[test]
    fn late_is_as_in_time(
        made in signed(),
        reports in prop::collection::vec(happening(), 0..14),
        every in prop::sample::select(vec![1_u64, 2, 7, 10, 31, 45]),
        skipped in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (mut made, mut reports) = (made, reports);
        for of in &mut made.obligations {
            // What exercising costs changes the contract: it cuts the eve of its day too.
            if let Method::MaterialRight { exercise_price, .. } = &mut of.method {
                *exercise_price = 0;
            }
        }
        for of in &mut reports {
            of.kind = 4;
            // A right that ended, found out after it was exercised, is another story.
            of.amount -= i128::from(of.amount % 100 == 99);
        }
        let mut runs: Vec<NaiveDate> = (1..60)
            .filter(|n| !skipped[usize::try_from(*n).unwrap()])
            .map(|n| day(BEGIN) + Days::new(n * every))
            .collect();
        let end = day("2034-01-31");
        runs.push(end);
        let (late_story, taken) = late(&made, &reports, &runs);
        let ordered = in_time(&made, taken, &runs);
        for measure in [Measure::Recognized, Measure::TransactionPrice] {
            prop_assert_eq!(moved(&late_story, measure), moved(&ordered, measure));
        }
        let (once, _) = late(&made, &reports, &[end]);
        for month in 2..12 {
            let on = NaiveDate::from_ymd_opt(2026, month, 1).unwrap() - Days::new(1);
            let all = Filter::all(usd());
            let at = |story: &Story| story.ledger.balances(on, &all).unwrap().recognized;
            prop_assert_eq!(at(&late_story), at(&once), "{}", on);
        }
    }
}
