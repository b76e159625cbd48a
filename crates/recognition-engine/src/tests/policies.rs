//! Versions of the policy: the past stays, what remains is spread anew, and it does not matter when a
//! contract gets to know.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::{
    Story, contract, contract_id, day, histories, invoice_of, obligation_id, policy, term, usd,
};
use crate::{
    AdjustmentFact, AmendmentFact, Cause, Convention, EngineError, Explainer, Fact, Filter,
    HoldFact, Measure, Method, Policies, Policy, PolicyVersion, ReceivableOn, Rounding, Rule,
    Treatment, policies_due,
};
use histories::{BEGIN, Happening, fact, happening, identities, no_change, signed};

/// 1,200.00 over 2026, by service day at first.
fn subscription() -> Story {
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    Story::sign(signed, policy(Convention::ActualDays, Rounding::Cumulative))
}

/// Revenue by effective month.
fn by_month(story: &Story, cause: Cause) -> Vec<(String, i128)> {
    let mut months = BTreeMap::new();
    let of = |m: &&crate::Movement| (m.cause, m.measure) == (cause, Measure::Recognized);
    for moved in story.ledger.movements().iter().filter(of) {
        *months.entry(moved.effective_date.format("%Y-%m").to_string()).or_insert(0) +=
            moved.amount.minor();
    }
    months.into_iter().collect()
}

fn amounts(months: &[(String, i128)]) -> Vec<i128> {
    months.iter().map(|(_, amount)| *amount).collect()
}

/// The half year before the change is by day (181 of 365 days earn 595.07), the rest, 604.93, is shared
/// evenly by month; the price stays, and each movement names the version of its own day, whether runs
/// are monthly or one covers all.
#[test]
fn an_old_period_keeps_its_policy() {
    for monthly in [true, false] {
        let mut story = subscription();
        story.policy("2026-07-01", Convention::EvenMonths, Rounding::Cumulative);
        for (month, last) in (1..=12).zip([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            if monthly || month == 12 {
                story.run(&format!("2026-{month:02}-{last}"));
            }
        }
        let revenue = by_month(&story, Cause::Recognition);
        assert_eq!(
            amounts(&revenue),
            [
                10_192, 9_205, 10_192, 9_863, 10_192, 9_863, 10_082, 10_082, 10_083, 10_082,
                10_082, 10_082
            ]
        );
        assert_eq!(by_month(&story, Cause::PolicyChange), []);
        let at = story.at("2026-12-31");
        assert_eq!((at.transaction_price, at.recognized, at.backlog), (120_000, 120_000, 0));
        for moved in story.ledger.movements() {
            let version = if moved.effective_date < day("2026-07-01") { 1 } else { 2 };
            assert_eq!(moved.policy_version, version, "{moved:?}");
        }
    }
}

/// Posted through September by day, then changed as of July: each posted month is corrected on its own
/// last day, cause `policy_change`, and what was posted before stays as it is.
#[test]
fn what_was_posted_beyond_its_first_day_is_corrected() {
    let mut story = subscription();
    story.run("2026-09-30");
    let before = story.at("2026-06-30");
    story.policy("2026-07-01", Convention::EvenMonths, Rounding::Cumulative);
    assert!(story.state.is_due(day("2026-09-30"), &story.policies).unwrap());
    story.run("2026-09-30");
    // By day 101.92, 101.91 and 98.63 or so; evenly 100.82, 100.82 and 100.83.
    let corrected = by_month(&story, Cause::PolicyChange);
    let posted = by_month(&story, Cause::Recognition);
    let sums = |months: &[(String, i128)]| amounts(&months[months.len() - 3..]);
    let both: Vec<i128> =
        sums(&posted).iter().zip(sums(&corrected)).map(|(one, two)| one + two).collect();
    assert_eq!(both, [10_082, 10_082, 10_083]);
    assert_eq!(corrected.len(), 3);
    assert_eq!(story.at("2026-06-30").recognized, before.recognized);
    let roll = story.ledger.roll_forward(day("2026-07-01"), day("2026-09-30"), &Filter::all(usd()));
    let roll = roll.unwrap();
    assert_eq!(roll.changes[&Cause::PolicyChange], -amounts(&corrected).iter().sum::<i128>());
    assert_eq!(roll.unexplained, 0);
    assert!(!story.state.is_due(day("2026-09-30"), &story.policies).unwrap());
}

/// A contract that states its own convention keeps it, one signed under the newer version has that from
/// the beginning, and no other method knows of a convention.
#[test]
fn what_has_a_convention_of_its_own_is_left_alone() {
    let stated = Method::StraightLine { convention: Some(Convention::ActualDays) };
    for method in [stated, Method::PercentComplete] {
        let mut signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
        signed.obligations[0].method = method;
        let mut story = Story::sign(signed, Policy::default());
        story.policy("2026-07-01", Convention::EvenMonths, Rounding::Cumulative);
        story.run("2026-12-31");
        assert_eq!(story.state.obligations[0].phases.len(), 1);
        assert_eq!(story.state.governing().version, 2);
    }
}

/// Rounding changes too: from the day on months are rounded down, the remainder in the last.
#[test]
fn months_are_rounded_by_the_policy_of_their_day() {
    let signed = contract(term("2026-01-01", "2026-12-31"), &[1_000]);
    let mut story = Story::sign(signed, policy(Convention::EvenMonths, Rounding::Cumulative));
    story.policy("2026-07-01", Convention::EvenMonths, Rounding::FloorLast);
    story.run("2026-12-31");
    let revenue = by_month(&story, Cause::Recognition);
    assert_eq!(amounts(&revenue), [83, 84, 83, 83, 84, 83, 83, 83, 83, 83, 83, 85]);
}

/// An invoice is a right on the day that the policy of its day of issue says, however late it comes.
#[test]
fn invoices_keep_the_policy_of_their_day() {
    let mut story = subscription();
    let due = Policy { version: 2, receivable_on: ReceivableOn::Due, ..story.policies.first };
    story.policies.later.push(PolicyVersion { from: day("2026-07-01"), policy: due });
    story.run("2026-07-31");
    story.fact(&Fact::Invoiced(invoice_of(0, day("2026-07-02"), 700)));
    story.fact(&Fact::Invoiced(invoice_of(0, day("2026-06-30"), 500)));
    assert_eq!(story.at("2026-06-30").receivable, 500);
    assert_eq!(story.at("2026-07-31").receivable, 500);
    assert_eq!(story.at("2026-08-01").receivable, 1_200);
    let of = |version| {
        let mut movements = story.ledger.movements().iter();
        movements.any(|m| m.cause == Cause::Invoice && m.policy_version == version)
    };
    assert!(of(1) && of(2));
}

/// An estimate or adjustment of a day before a change of policy that the contract knows is taken, and
/// the rest is spread by the policy again; before another fact it is still refused.
#[test]
fn facts_of_earlier_days_go_before_the_policy() {
    let adjust = |on: &str| {
        let (contract, obligation) = (contract_id(), obligation_id(0));
        Fact::Adjusted(AdjustmentFact { contract, obligation, on: day(on), amount: 10_000 })
    };
    let mut late = subscription();
    late.policy("2026-07-01", Convention::EvenMonths, Rounding::Cumulative);
    late.run("2026-08-31");
    late.fact(&adjust("2026-06-15"));
    late.run("2026-12-31");
    let mut early = subscription();
    early.fact(&adjust("2026-06-15"));
    early.policy("2026-07-01", Convention::EvenMonths, Rounding::Cumulative);
    early.run("2026-12-31");
    assert_eq!(late.state.obligations[0].phases, early.state.obligations[0].phases);
    for on in ["2026-06-30", "2026-07-31", "2026-08-31", "2026-12-31"] {
        assert_eq!(late.at(on).recognized, early.at(on).recognized, "{on}");
    }
    let refused = late.try_fact(&adjust("2026-06-14"));
    assert!(matches!(refused, Err(EngineError::ChangeBeforeLast { .. })), "{refused:?}");
}

/// A price measured anew after a change of policy is caught up over both parts: 1,200.00 becomes
/// 1,800.00 in October, so the half year before July earns half as much again.
#[test]
fn a_catch_up_reaches_before_the_change_of_policy() {
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut story = Story::sign(signed, policy(Convention::EvenMonths, Rounding::Cumulative));
    story.policy("2026-07-01", Convention::ProratedMonths, Rounding::Cumulative);
    story.run("2026-09-30");
    story.fact(&Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day("2026-10-01"),
        changes: vec![crate::ObligationChange { price: Some(180_000), ..no_change(0) }],
        added: Vec::new(),
        treatment: Some(Treatment::CatchUp),
        clauses: None,
    }));
    story.run("2026-10-01");
    // Nine of twelve months of 1,800.00, and a day of October: 150.00 / 31.
    assert_eq!(story.at("2026-10-01").recognized, 135_000 + 484);
}

/// The explanation of a change of policy says what is left alone and what is spread anew, and the
/// correction of a posted month has a formula that comes to it.
#[test]
fn a_change_of_policy_explains_itself() {
    let mut explainer = Explainer::default();
    let mut told = Vec::new();
    let mut take = |fact: &Fact| {
        told.push(explainer.take(fact, crate::Periods::default()).unwrap().0);
    };
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    take(&Fact::Signed { contract: signed, policy: Policy::default() });
    take(&Fact::Run { through: day("2026-07-31") });
    let even = Policy { version: 2, convention: Convention::EvenMonths, ..Policy::default() };
    take(&Fact::PolicyChanged(PolicyVersion { from: day("2026-07-01"), policy: even }));
    take(&Fact::Run { through: day("2026-07-31") });
    let (changed, run) = (&told[2], &told[3]);
    assert_eq!(changed.kind.name(), "policy_changed");
    let step = |rule| changed.steps.iter().filter(move |step| step.rule == rule);
    assert_eq!(
        step(Rule::PolicyChange).map(|step| step.amount).collect::<Vec<_>>(),
        [60_493, -110]
    );
    let corrected =
        run.lines.iter().find(|line| line.movement.cause == Cause::PolicyChange).unwrap();
    assert_eq!((corrected.movement.amount.minor(), corrected.unexplained), (-110, 0));
    assert_eq!(corrected.rule, Rule::PolicyChange);
    let text = crate::render(changed, usd()).unwrap().text().join("\n");
    assert!(text.contains("Policy changed") && text.contains("even months"), "{text}");
}

/// A policy set before the nth fact, in force some days before or after that.
type Set = (usize, i64, Convention, Rounding);

fn sets() -> impl Strategy<Value = Vec<Set>> {
    let one = (
        0_usize..10,
        -60_i64..60,
        prop::sample::select(Convention::ALL.to_vec()),
        prop::sample::select(Rounding::ALL.to_vec()),
    );
    prop::collection::vec(one, 1..4)
}

/// The history with its policies; each that comes to govern is looked at by itself.
fn play(
    made: &crate::SignedContract,
    happened: &[Happening],
    sets: &[Set],
    every: Option<u64>,
) -> Result<Story, TestCaseError> {
    let mut story = Story::sign(made.clone(), policy(Convention::ActualDays, Rounding::Cumulative));
    let (mut on, mut ran) = (day(BEGIN), day(BEGIN));
    for (n, of) in happened.iter().enumerate() {
        on = on + Days::new(of.after);
        for (_, after, convention, rounding) in sets.iter().filter(|set| set.0 == n) {
            let from = on + chrono::Duration::days(*after);
            let free = story.policies.later.last().map_or(day(BEGIN), |last| last.from);
            if from > free {
                story.policy(&from.to_string(), *convention, *rounding);
            }
        }
        while let Some(next) = every.map(|every| ran + Days::new(every)).filter(|next| *next < on) {
            governed(&mut story, &Fact::Run { through: next })?.unwrap();
            ran = next;
        }
        if let Err(error) = governed(&mut story, &fact(of, on, made))? {
            histories::refused_for_a_reason(&error);
        }
    }
    // Nothing is held any more before the last run.
    let held = HoldFact { contract: contract_id(), obligation: None, on };
    governed(&mut story, &Fact::Released(held))?.unwrap();
    governed(&mut story, &Fact::Run { through: on.max(day("2028-01-31")) })?.unwrap();
    Ok(story)
}

/// Takes a fact in, after what governs it: T stays, and R of the days before too.
fn governed(story: &mut Story, fact: &Fact) -> Result<Result<(), EngineError>, TestCaseError> {
    for version in policies_due(&story.state, fact, &story.policies) {
        let last = day("2099-12-31");
        let earlier = version.from - Days::new(1);
        let (before, past) = (story.on(last), story.on(earlier));
        let effects = story.try_fact(&Fact::PolicyChanged(version)).unwrap();
        prop_assert_eq!(story.on(last).tcv, before.tcv);
        prop_assert_eq!(story.on(earlier).recognized, past.recognized);
        prop_assert!(effects.movements.iter().all(|m| m.measure != Measure::Recognized));
    }
    Ok(story.try_fact(fact).map(drop))
}

/// What is earned to date at the end of the day before one, of the first obligations.
fn earned_before(story: &Story, of: usize, first: NaiveDate) -> Vec<i128> {
    let day = first - Days::new(1);
    let obligations = story.state.obligations.iter().take(of);
    obligations.map(|obligation| obligation.earned(day).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// On every day of any history with changes of policy the identities hold, and all of the price is
    /// earned in the end; what is earned before the first change is what is earned without any.
    #[test]
    fn identities_hold_whatever_the_policies(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..12),
        sets in sets(),
        every in prop::option::of(1_u64..40),
    ) {
        let story = play(&made, &happened, &sets, every)?;
        for on in day(BEGIN).iter_days().step_by(9).take(60) {
            identities(&story, on)?;
        }
        for obligation in &story.state.obligations {
            prop_assert!(obligation.pending.is_empty());
        }
        let without = play(&made, &happened, &[], every)?;
        if let Some(first) = story.policies.later.first().map(|version| version.from) {
            // What is promised later is promised under its own day's policy.
            let of = made.obligations.len();
            prop_assert_eq!(earned_before(&story, of, first), earned_before(&without, of, first));
        }
    }

    /// How often runs are made, and so when a contract gets to know of a policy, does not matter.
    #[test]
    fn runs_do_not_matter_whatever_the_policies(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..12),
        sets in sets(),
        every in 1_u64..40,
    ) {
        let often = play(&made, &happened, &sets, Some(every))?;
        let once = play(&made, &happened, &sets, None)?;
        for (one, two) in often.state.obligations.iter().zip(&once.state.obligations) {
            prop_assert_eq!(&one.phases, &two.phases);
            prop_assert_eq!(
                (one.transaction_price, one.recognized),
                (two.transaction_price, two.recognized)
            );
        }
    }

    /// Nothing of what a change of policy corrects is unexplained.
    #[test]
    fn corrections_by_policy_are_explained(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..12),
        sets in sets(),
        every in prop::option::of(1_u64..40),
    ) {
        let mut explainer = Explainer::default();
        let first = policy(Convention::ActualDays, Rounding::Cumulative);
        let periods = crate::Periods::default();
        let signed = Fact::Signed { contract: made.clone(), policy: first };
        explainer.take(&signed, periods).unwrap();
        let mut policies = Policies { first, later: Vec::new() };
        let mut on = day(BEGIN);
        for (n, of) in happened.iter().enumerate() {
            on = on + Days::new(of.after);
            for (_, after, convention, rounding) in sets.iter().filter(|set| set.0 == n) {
                let from = on + chrono::Duration::days(*after);
                let last = policies.later.last();
                if last.is_none_or(|last| last.from < from) {
                    let version = last.map_or(1, |last| last.policy.version) + 1;
                    let (convention, rounding) = (*convention, *rounding);
                    let policy = Policy { version, convention, rounding, ..first };
                    policies.later.push(PolicyVersion { from, policy });
                }
            }
            let run = every.map(|every| Fact::Run { through: on + Days::new(every) });
            for fact in run.into_iter().chain([fact(of, on, &made)]) {
                let Some(state) = explainer.state() else { continue };
                let due = policies_due(state, &fact, &policies);
                for fact in due.into_iter().map(Fact::PolicyChanged).chain([fact]) {
                    let Ok((explained, _)) = explainer.take(&fact, periods) else { continue };
                    for line in &explained.lines {
                        prop_assert_eq!(line.unexplained, 0, "{:?} of {:?}", line, fact);
                    }
                }
            }
        }
    }
}
