//! Closed periods: they never change, what comes late takes effect on the first open day.

use backlog_money::Quantity;
use chrono::{Datelike, Days, NaiveDate};
use proptest::prelude::*;

use super::histories::{
    BEGIN, Happening, fact, happening, identities, refused_for_a_reason, signed,
};
use super::{Story, contract, contract_id, day, invoice_of, obligation_id, policy, term, usd};
use crate::{
    AdjustmentFact, Cause, Convention, Effects, EngineError, Fact, Filter, Measure, Method,
    Movement, Periods, Policy, ProgressFact, Reading, Rounding, SignedContract,
};

/// 1,200.00 over 2026, even months, January recognized and closed.
fn january_closed() -> Story {
    let made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut story = Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative));
    story.run("2026-01-31");
    story.close("2026-01-31");
    story
}

fn moved(effects: &Effects, measure: Measure) -> Vec<(&Movement, i128)> {
    let of = effects.movements.iter().filter(|moved| moved.measure == measure);
    of.map(|moved| (moved, moved.amount.minor())).collect()
}

/// Shows that an invoice of a closed month takes effect on the first open day, names its own day, and
/// leaves the closed month's figures as they were; one due later keeps its due date.
#[test]
fn a_late_invoice_posts_into_the_first_open_period() {
    let mut story = january_closed();
    let before = story.at("2026-01-31");
    let late = Fact::Invoiced(invoice_of(0, day("2026-01-15"), 30_000));
    let effects = story.try_fact(&late).unwrap();
    for (moved, amount) in moved(&effects, Measure::Billed) {
        assert_eq!(
            (moved.effective_date, moved.posting_period),
            (day("2026-02-01"), day("2026-02-01"))
        );
        assert_eq!((moved.late_of, amount), (Some(day("2026-01-15")), 30_000));
    }
    assert_eq!(story.at("2026-01-31"), before);
    let after = story.at("2026-02-01");
    // U 300 less R 100.
    assert_eq!((after.billed, after.deferred_revenue, after.contract_asset), (30_000, 20_000, 0));
    let in_time = story.try_fact(&Fact::Invoiced(invoice_of(0, day("2026-02-01"), 100))).unwrap();
    assert!(in_time.movements.iter().all(|moved| moved.late_of.is_none()));
}

/// Shows that revenue for work in a closed month that is reported late posts into the open one, under
/// its own month of service, marked late.
#[test]
fn late_progress_keeps_its_service_month() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[100_000]);
    made.obligations[0].method = Method::PercentComplete;
    let mut story = Story::sign(made, Policy::default());
    story.run("2026-01-31");
    story.close("2026-01-31");
    let (contract, obligation) = (contract_id(), obligation_id(0));
    let reading = Reading::Percent(Quantity::whole(25).unwrap());
    let on = day("2026-01-20");
    story.fact(&Fact::Progressed(ProgressFact { contract, obligation, on, reading }));
    assert_eq!(story.at("2026-02-28").recognized, 0);
    let run = story.try_fact(&Fact::Run { through: day("2026-02-28") }).unwrap();
    let [(entry, 25_000)] = moved(&run, Measure::Recognized)[..] else { panic!("{run:?}") };
    assert_eq!(entry.service_month, Some(day("2026-01-01")));
    assert_eq!(
        (entry.effective_date, entry.posting_period),
        (day("2026-02-01"), day("2026-02-01"))
    );
    assert!(entry.late_of.is_some_and(|late| late <= day("2026-01-31")));
    assert_eq!(story.at("2026-01-31").recognized, 0);
}

/// Shows that a contract signed in a closed month enters backlog on the first open day, and that no
/// revenue precedes it even when the month is opened again.
#[test]
fn a_late_signature_books_on_the_first_open_day() {
    let made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let periods = Periods { closed_through: Some(day("2026-01-31")), ..Periods::default() };
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    let mut story = Story::sign_in(made, even, periods);
    assert_eq!((story.at("2026-01-31").backlog, story.at("2026-02-01").backlog), (0, 120_000));
    story.periods = Periods::default();
    story.run("2026-02-28");
    assert_eq!((story.at("2026-01-31").recognized, story.at("2026-02-01").recognized), (0, 10_000));
    assert_eq!(story.at("2026-02-28").recognized, 20_000);
}

/// Shows that what a person dates is refused in a closed month with the first open day, and that
/// nothing changes by it.
#[test]
fn runs_and_adjustments_into_a_closed_period_are_refused() {
    let mut story = january_closed();
    let (contract, obligation) = (contract_id(), obligation_id(0));
    let on = day("2026-01-31");
    let adjusted = Fact::Adjusted(AdjustmentFact { contract, obligation, on, amount: 5 });
    let known = (story.state.clone(), story.ledger.clone());
    for refused in [Fact::Run { through: on }, adjusted] {
        let open_from = day("2026-02-01");
        assert_eq!(story.try_fact(&refused), Err(EngineError::PeriodClosed { on, open_from }));
    }
    assert_eq!((&story.state, &story.ledger), (&known.0, &known.1));
    story.run("2026-02-01");
}

/// Shows that a contract is due where a run would post, and only there: not for what is not delivered,
/// nor for a cent that January does not earn, though both are open.
#[test]
fn due_is_what_a_run_would_post() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[50_000, 1]);
    let quantity = Quantity::whole(1).unwrap();
    made.obligations[0].method = Method::PointInTime { quantity, gates: Vec::new() };
    let mut story = Story::sign(made, Policy::default());
    let due =
        |story: &Story, through: &str| story.state.is_due(day(through), &story.policies).unwrap();
    assert_eq!((due(&story, "2026-01-31"), due(&story, "2026-12-31")), (false, true));
    let (contract, obligation) = (contract_id(), obligation_id(0));
    let reading = Reading::Delivered { quantity: None, gate: None };
    let on = day("2026-01-31");
    story.fact(&Fact::Progressed(ProgressFact { contract, obligation, on, reading }));
    assert_eq!((due(&story, "2026-01-30"), due(&story, "2026-01-31")), (false, true));
    story.run("2026-01-31");
    assert!(!due(&story, "2026-01-31"));
}

/// Shows that a reopened month takes what is of it again, on its own days, beside what came late.
#[test]
fn a_reopened_period_takes_its_own_facts() {
    let mut story = january_closed();
    story.fact(&Fact::Invoiced(invoice_of(0, day("2026-01-10"), 1_000)));
    story.periods.closed_through = None;
    story.fact(&Fact::Invoiced(invoice_of(0, day("2026-01-20"), 2_000)));
    assert_eq!((story.at("2026-01-31").billed, story.at("2026-02-01").billed), (2_000, 3_000));
}

/// Shows that movements post in the period of their effective date by the tenant's calendar.
#[test]
fn posting_periods_follow_the_calendar() {
    let mut story = january_closed();
    story.periods = Periods { calendar: super::calendars::retail(), closed_through: None };
    let effects = story.try_fact(&Fact::Invoiced(invoice_of(0, day("2026-02-03"), 500))).unwrap();
    // The year 2026 begins on 1 February: the Sunday after the last Saturday of January.
    assert!(effects.movements.iter().all(|moved| moved.posting_period == day("2026-02-01")));
    let effects = story.try_fact(&Fact::Invoiced(invoice_of(0, day("2026-03-02"), 500))).unwrap();
    let posted = moved(&effects, Measure::Billed);
    assert!(posted.iter().all(|(moved, _)| moved.posting_period == day("2026-03-01")));
    assert!(effects.movements.iter().any(|moved| moved.cause == Cause::ContractBalance));
}

/// The history with months closed on the way, and beside it the same without closes.
fn play(made: &SignedContract, happened: &[Happening]) -> Result<(Story, Story), TestCaseError> {
    let even = policy(Convention::ActualDays, Rounding::Cumulative);
    let (mut closed, mut open) = (Story::sign(made.clone(), even), Story::sign(made.clone(), even));
    let mut today = day(BEGIN);
    for of in happened {
        today = today + Days::new(of.after);
        let month_end = today.with_day(1).unwrap() - Days::new(1);
        if of.amount % 2 == 0 && !closed.periods.is_closed(month_end) {
            let run = Fact::Run { through: month_end };
            closed.fact(&run);
            open.fact(&run);
            closed.periods.closed_through = Some(month_end);
        }
        let on = (today - Days::new(of.late)).max(day(BEGIN));
        let fact = fact(of, on, made);
        match closed.try_fact(&fact) {
            Ok(effects) => {
                let days = effects.movements.iter().map(|moved| moved.effective_date);
                let planned = effects.plan_changes.iter().map(|change| change.effective_date);
                for on in days.chain(planned).chain(effects.balances_from) {
                    prop_assert!(!closed.periods.is_closed(on), "{} changes by {:?}", on, fact);
                }
                prop_assert!(open.try_fact(&fact).is_ok());
            }
            Err(EngineError::PeriodClosed { .. }) => {}
            Err(error) => {
                refused_for_a_reason(&error);
                prop_assert_eq!(open.try_fact(&fact), Err(error));
            }
        }
    }
    let run = Fact::Run { through: today.max(day("2028-01-31")) };
    closed.fact(&run);
    open.fact(&run);
    Ok((closed, open))
}

fn first_open(story: &Story) -> NaiveDate {
    story.periods.effective(
        NaiveDate::from_ymd_opt(story.state.legal.first().term.from().year(), 1, 1).unwrap(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever happens and comes late: nothing takes effect in a closed month, the identities hold on
    /// every day, and from the first open day on all figures are those of books never closed.
    #[test]
    fn closes_move_dates_only(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..12),
    ) {
        let (closed, open) = play(&made, &happened)?;
        for on in day(BEGIN).iter_days().step_by(9).take(60) {
            identities(&closed, on)?;
        }
        let from = first_open(&closed);
        for on in from.iter_days().step_by(7).take(100) {
            prop_assert_eq!(closed.on(on), open.on(on), "{}", on);
            let planned = |story: &Story| story.ledger.schedule(on, &Filter::all(usd())).unwrap();
            prop_assert_eq!(planned(&closed), planned(&open));
        }
        prop_assert_eq!(&closed.state.obligations, &open.state.obligations);
    }
}
