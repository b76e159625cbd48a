//! Explanations: every movement of any history is recomputed by its formula, and the words of single
//! ones read as an accountant would write them.

use backlog_money::Quantity;
use chrono::Days;
use proptest::prelude::*;

use super::{
    contract, contract_id, day, histories, obligation, obligation_id, policy, q, term, usd,
};
use crate::{
    AmendmentFact, Convention, EngineError, Explained, Explainer, Fact, Formula, Method,
    ObligationChange, Periods, Policy, ProgressFact, Reading, Rounding, SignedContract, Term,
    Treatment, preview, render,
};

/// A change that adds a promise, or gives one up.
fn addition(of: &histories::Happening, made: &SignedContract, on: chrono::NaiveDate) -> Fact {
    let next = made.obligations.len();
    let adds = of.amount % 3 != 0;
    let method = match of.amount % 4 {
        0 => Method::Usage { unit_price: histories::q(2), minimum: of.amount, cap: None },
        1 => Method::PercentComplete,
        _ => Method::StraightLine { convention: None },
    };
    let mut added = obligation(50 + u128::try_from(next).unwrap(), Some(of.amount), None);
    added.key = format!("added {on} {}", of.amount);
    added.id = obligation_id(1_000 + of.after as u128 + of.amount.unsigned_abs());
    // Long histories go beyond the day on which it would end.
    added.term = Term::new(on, on.max(day("2027-03-31"))).ok();
    added.ssp = Some(of.amount / 2 + 1);
    added.method = method;
    if added.method.is_metered() {
        (added.price, added.ssp) = (None, None);
    }
    let removed = ObligationChange { remove: true, ..histories::no_change(of.place) };
    Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on,
        changes: if adds { Vec::new() } else { vec![removed] },
        added: if adds { vec![added] } else { Vec::new() },
        treatment: [None, Some(Treatment::Mixed), Some(Treatment::Prospective)]
            [usize::try_from(of.amount % 3).unwrap()],
        clauses: None,
    })
}

/// Plays a history and explains every fact that is not refused.
fn explained(
    made: &SignedContract,
    how: Policy,
    happened: &[histories::Happening],
    (every, closes): (u64, bool),
) -> Vec<Explained> {
    let mut explainer = Explainer::default();
    let mut periods = Periods::default();
    let signed = Fact::Signed { contract: made.clone(), policy: how };
    let mut all = vec![explainer.take(&signed, periods).unwrap().0];
    let mut on = day(histories::BEGIN);
    let mut ran = on;
    for (n, of) in happened.iter().enumerate() {
        on = on + Days::new(of.after);
        while ran + Days::new(every) < on {
            ran = ran + Days::new(every);
            all.push(explainer.take(&Fact::Run { through: ran }, periods).unwrap().0);
            periods.closed_through = Some(ran).filter(|_| closes && of.amount % 3 == 0);
            if periods.is_closed(on) {
                on = ran + Days::new(1);
            }
        }
        let fact = match of.kind {
            5 | 9 if of.amount % 2 == 0 => addition(of, made, on),
            _ => histories::fact(of, on, made),
        };
        for fact in histories::assessed(n, on).into_iter().chain([fact]) {
            match explainer.take(&fact, periods) {
                Ok((explained, _)) => all.push(explained),
                Err(EngineError::UnknownObligation(_) | EngineError::PeriodClosed { .. }) => {}
                Err(error) => histories::refused_for_a_reason(&error),
            }
        }
    }
    let last = Fact::Run { through: on.max(day("2028-01-31")) };
    all.push(explainer.take(&last, periods).unwrap().0);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Of every movement of any history, under every convention and rounding, with rights to leave, interest on
    /// advances, options to renew, and where there is no contract yet, nothing is unexplained: each has a rule, and a formula that comes to its amount. Steps come to what they say.
    #[test]
    fn nothing_is_unexplained(
        made in prop_oneof![
            histories::signed_under_terms(),
            histories::signed_maybe_no_contract(),
        ],
        happened in prop::collection::vec(histories::happening_under_terms(), 0..14),
        every in 1_u64..200,
        closes in any::<bool>(),
        convention in prop::sample::select(Convention::ALL.to_vec()),
        rounding in prop::sample::select(Rounding::ALL.to_vec()),
    ) {
        for explained in explained(&made, policy(convention, rounding), &happened, (every, closes)) {
            for line in &explained.lines {
                let amount = line.formula.as_ref().map(|f| f.amount().unwrap());
                prop_assert_eq!(
                    (amount, line.unexplained), (Some(line.movement.amount.minor()), 0),
                    "{:#?} of {:#?}", line, explained
                );
            }
            for step in &explained.steps {
                prop_assert_eq!(step.formula.amount(), Ok(step.amount));
            }
            let rendered = render(&explained, usd()).unwrap();
            prop_assert_eq!(rendered.lines.len(), explained.lines.len());
        }
    }
}

/// Takes facts, and answers the words of the last one.
fn words(facts: &[Fact]) -> String {
    let mut explainer = Explainer::default();
    let mut last = String::new();
    for fact in facts {
        let (explained, _) = explainer.take(fact, Periods::default()).unwrap();
        last = render(&explained, usd()).unwrap().text().join("\n");
    }
    last
}

fn signed(made: SignedContract) -> Fact {
    Fact::Signed { contract: made, policy: policy(Convention::ActualDays, Rounding::Cumulative) }
}

/// A month of a year is explained by its days, with what was posted before.
#[test]
fn a_month_by_days() {
    let made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let runs = ["2026-01-31", "2026-02-28"].map(|through| Fact::Run { through: day(through) });
    let told = words(&[signed(made), runs[0].clone(), runs[1].clone()]);
    assert!(
        told.contains(
            "(1,200.00 price x 59 / 365 days = 193.97) less 101.92 posted before = 92.05"
        ),
        "{told}"
    );
    assert!(told.contains("606-10-25-31"), "{told}");
}

/// A change of distinct services shows its pool, and its paragraph.
#[test]
fn a_prospective_change_by_its_pool() {
    let made = contract(term("2026-01-01", "2026-12-31"), &[120_000, 60_000]);
    let change = ObligationChange { price: Some(180_000), ..histories::no_change(0) };
    let amended = Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day("2026-07-01"),
        changes: vec![change],
        added: Vec::new(),
        treatment: None,
        clauses: None,
    });
    let told = words(&[signed(made), Fact::Run { through: day("2026-06-30") }, amended]);
    for part in [
        "606-10-25-13(a)",
        "as proposed",
        "1,200.00 transaction price before less 595.07 earned before = 604.93",
        "Price to be shared over what remains  1,507.40",
    ] {
        assert!(told.contains(part), "{part:?} in {told}");
    }
    assert!(!told.contains("not explained"), "{told}");
}

/// Units beyond what is promised earn nothing, and the words say of how many.
#[test]
fn units_are_capped_in_words() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[100_000]);
    made.obligations[0].method = Method::Units { total: q("100") };
    let done = Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-03-31"),
        reading: Reading::Units(q("120")),
    });
    let told = words(&[signed(made), done, Fact::Run { through: day("2026-03-31") }]);
    assert!(told.contains("units to date 120"), "{told}");
    assert!(told.contains("1,000.00 price x 100 / 100"), "{told}");
}

/// A formula evaluates to what its parts make, whatever their signs: parts by weights sum to the whole.
#[test]
fn formulas_evaluate() {
    let whole = Formula::figure(crate::Label::FixedPrice, -1_000);
    let parts: Vec<i128> =
        (0..3).map(|n| whole.clone().split(&[1, 1, 1], n).amount().unwrap()).collect();
    assert_eq!(parts.iter().sum::<i128>(), -1_000);
    let share = whole.share((1, 3), crate::Unit::Days).amount().unwrap();
    assert_eq!(share, -333);
    assert_eq!(Quantity::ONE.scaled(), 1_000_000_000_000);
}

/// A preview shows each treatment that is possible, the proposed one first, with the catch-up that only
/// one of them has; the contract stays as it is.
#[test]
fn a_preview_by_treatment() {
    let made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut explainer = Explainer::default();
    explainer.take(&signed(made), Periods::default()).unwrap();
    explainer.take(&Fact::Run { through: day("2026-06-30") }, Periods::default()).unwrap();
    let before = explainer.state().cloned();
    let change = ObligationChange { price: Some(180_000), ..histories::no_change(0) };
    let amended = Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day("2026-07-01"),
        changes: vec![change],
        added: Vec::new(),
        clauses: None,
        treatment: None,
    });
    let through = Some(day("2026-07-31"));
    let previews = preview(&explainer, &amended, through, Periods::default()).unwrap();
    let told: Vec<_> = previews.iter().map(|p| (p.treatment.unwrap(), p.proposed)).collect();
    assert_eq!(told, [(Treatment::Prospective, true), (Treatment::CatchUp, false)]);
    // 600 more x 181 / 365.
    assert_eq!((previews[0].catch_up, previews[1].catch_up), (0, 29_753));
    for preview in &previews {
        assert_eq!((preview.price_before, preview.price_after), (120_000, 180_000));
        assert_eq!(preview.backlog_before, 120_000 - 59_507);
        let posted: i128 = preview.run.iter().flat_map(|run| &run.lines).fold(0, |sum, line| {
            assert_eq!(line.unexplained, 0);
            let revenue = line.movement.measure == crate::Measure::Recognized;
            sum + if revenue { line.movement.amount.minor() } else { 0 }
        });
        assert_eq!(preview.backlog_after, 180_000 - 59_507 - posted);
    }
    assert_eq!(explainer.state().cloned(), before);
}
