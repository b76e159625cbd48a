//! Other terms of metered use on worked examples: what was used before keeps the rate of its day.

use super::{Story, contract, contract_id, day, obligation_id, policy, q, take, term, usd};
use crate::{
    AmendmentFact, Convention, EngineError, Fact, Filter, MeterChange, Method, ObligationChange,
    Preview, ProgressFact, Reading, Rounding, Treatment, preview,
};

fn metered(method: Method) -> Story {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[0]);
    (made.obligations[0].price, made.obligations[0].method) = (None, method);
    Story::sign(made, policy(Convention::ActualDays, Rounding::Cumulative))
}

fn usage(rate: &str, minimum: i128, cap: Option<i128>) -> Story {
    metered(Method::Usage { unit_price: q(rate), minimum, cap })
}

fn report(on: &str, reading: Reading) -> Fact {
    let (contract, obligation) = (contract_id(), obligation_id(0));
    Fact::Progressed(ProgressFact { contract, obligation, on: day(on), reading })
}

fn used(on: &str, quantity: &str) -> Fact {
    report(on, Reading::Usage { quantity: q(quantity), amount: None })
}

const NOTHING: MeterChange = MeterChange { unit_price: None, minimum: None, cap: None };

fn change() -> ObligationChange {
    super::histories::no_change(0)
}

fn amended(on: &str, change: ObligationChange) -> Fact {
    Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day(on),
        changes: vec![change],
        added: Vec::new(),
        treatment: None,
        clauses: None,
    })
}

fn terms(on: &str, meter: MeterChange) -> Fact {
    amended(on, ObligationChange { meter, ..change() })
}

fn rate(on: &str, rate: &str) -> Fact {
    terms(on, MeterChange { unit_price: Some(q(rate)), ..NOTHING })
}

/// T and R at the end of a day.
fn at(story: &Story, on: &str) -> (i128, i128) {
    let balances = story.at(on);
    (balances.transaction_price, balances.recognized)
}

/// 100 units at 1.00, then 100 at 0.80; 10 of a January day that are reported in March are at 1.00, and
/// what has an amount of its own keeps it.
#[test]
fn units_keep_the_rate_of_their_day() {
    let mut story = usage("1", 0, None);
    story.fact(&used("2026-01-20", "100"));
    story.run("2026-01-31");
    story.fact(&rate("2026-02-01", "0.8"));
    assert_eq!(at(&story, "2026-02-01"), (10_000, 10_000), "the past stays");
    story.fact(&used("2026-02-10", "100"));
    story.fact(&report("2026-02-11", Reading::Usage { quantity: q("50"), amount: Some(700) }));
    story.run("2026-02-28");
    assert_eq!(at(&story, "2026-02-28"), (18_700, 18_700));
    story.fact(&used("2026-01-25", "10"));
    story.run("2026-03-31");
    assert_eq!(at(&story, "2026-01-31"), (11_000, 11_000));
    assert_eq!(at(&story, "2026-03-31"), (19_700, 19_700));
}

/// A change that is agreed on late holds from its day on: the 50 units of February that are posted at 1.00
/// are worth 40.00, those of January stay, and so does what had an amount of its own.
#[test]
fn a_late_change_rates_anew() {
    let mut story = usage("1", 0, None);
    story.fact(&used("2026-01-20", "100"));
    story.fact(&used("2026-02-10", "50"));
    story.fact(&report("2026-02-10", Reading::Usage { quantity: q("9"), amount: Some(300) }));
    story.run("2026-02-28");
    assert_eq!(at(&story, "2026-02-28"), (15_300, 15_300));
    story.fact(&rate("2026-02-01", "0.8"));
    story.run("2026-02-28");
    assert_eq!(at(&story, "2026-01-31"), (10_000, 10_000));
    assert_eq!(at(&story, "2026-02-09"), (10_000, 10_000));
    assert_eq!(at(&story, "2026-02-28"), (14_300, 14_300));
}

/// Hours to date are 10 at 150.00 and then 20 more at 180.00. A late report of the first month moves hours
/// from the second rate to the first.
#[test]
fn hours_to_date() {
    let mut story = metered(Method::RightToInvoice { unit_price: q("150"), cap: None });
    story.fact(&report("2026-01-31", Reading::Hours(q("10"))));
    story.fact(&rate("2026-02-01", "180"));
    story.fact(&report("2026-02-28", Reading::Hours(q("30"))));
    story.run("2026-02-28");
    assert_eq!(at(&story, "2026-01-31"), (150_000, 150_000));
    assert_eq!(at(&story, "2026-02-28"), (510_000, 510_000));
    story.fact(&report("2026-01-31", Reading::Hours(q("12"))));
    story.run("2026-02-28");
    assert_eq!(at(&story, "2026-01-31"), (180_000, 180_000));
    // 12 x 150.00 + 18 x 180.00
    assert_eq!(at(&story, "2026-02-28"), (504_000, 504_000));
}

/// The committed minimum, as changed, is in T while it is not used, and earned at the end of the term, as
/// changed. No price was reduced that something of what is billed must be given back for.
#[test]
fn minimum_and_term() {
    let mut story = usage("1", 60_000, None);
    story.invoice("2026-01-01", 60_000);
    story.fact(&used("2026-01-20", "100"));
    story.run("2026-01-31");
    assert_eq!(at(&story, "2026-01-31"), (60_000, 10_000));
    story.fact(&terms("2026-02-01", MeterChange { minimum: Some(90_000), ..NOTHING }));
    assert_eq!(at(&story, "2026-02-01"), (90_000, 10_000));
    let meter = MeterChange { minimum: Some(50_000), ..NOTHING };
    let shorter = Some(term("2026-01-01", "2026-03-31"));
    story.fact(&amended("2026-03-15", ObligationChange { term: shorter, meter, ..change() }));
    assert_eq!(at(&story, "2026-03-15"), (50_000, 10_000));
    assert_eq!(story.at("2026-03-15").refund_liability, 0);
    story.fact(&used("2026-03-20", "50"));
    story.run("2026-03-30");
    assert_eq!(at(&story, "2026-03-30"), (50_000, 15_000), "not over yet");
    story.run("2026-04-30");
    assert_eq!(at(&story, "2026-03-31"), (50_000, 50_000));
    assert_eq!(story.at("2026-12-31").backlog, 0);
}

/// A term that is cut to days before the change ends metering with it: what is committed is earned on its
/// day. Use of earlier days that comes later still counts.
#[test]
fn a_term_that_is_over() {
    let mut story = usage("1", 30_000, None);
    story.fact(&used("2026-01-20", "100"));
    story.run("2026-02-28");
    let over = ObligationChange { term: Some(term("2026-01-01", "2026-01-31")), ..change() };
    story.fact(&amended("2026-02-15", over));
    story.run("2026-02-28");
    assert_eq!(at(&story, "2026-02-14"), (30_000, 10_000));
    assert_eq!(at(&story, "2026-02-15"), (30_000, 30_000));
    story.fact(&used("2026-01-25", "300"));
    story.run("2026-03-31");
    assert_eq!(at(&story, "2026-03-31"), (40_000, 40_000));
}

/// A lower cap takes back what was earned beyond it, on its day; a higher one opens what is used from then
/// on, and not what was used beyond the cap before.
#[test]
fn caps() {
    let cap = |on, cap| terms(on, MeterChange { cap: Some(cap), ..NOTHING });
    let mut story = usage("1", 0, Some(10_000));
    story.fact(&used("2026-01-20", "120"));
    story.run("2026-01-31");
    assert_eq!(at(&story, "2026-01-31"), (10_000, 10_000));
    story.fact(&cap("2026-02-01", 15_000));
    story.fact(&used("2026-02-10", "30"));
    story.run("2026-02-28");
    assert_eq!(at(&story, "2026-02-01"), (10_000, 10_000), "what was free stays free");
    assert_eq!(at(&story, "2026-02-28"), (13_000, 13_000));
    story.fact(&cap("2026-03-01", 12_000));
    story.run("2026-03-31");
    assert_eq!(at(&story, "2026-02-28"), (13_000, 13_000));
    assert_eq!(at(&story, "2026-03-01"), (12_000, 12_000));
}

/// Given up, it is worth what was used before, late reports of those days too; nothing can be used on later
/// ones. With a price that stays owed it is worth that, whatever comes.
#[test]
fn given_up() {
    let removed = ObligationChange { remove: true, ..change() };
    let mut story = usage("1", 60_000, None);
    story.fact(&used("2026-01-20", "100"));
    story.run("2026-01-31");
    story.fact(&amended("2026-02-01", removed.clone()));
    assert_eq!(at(&story, "2026-02-01"), (10_000, 10_000));
    let late = take(&mut story.state, &used("2026-02-01", "1")).unwrap_err();
    assert_eq!(late, EngineError::ProgressOutOfRange("o0".to_owned()));
    story.fact(&used("2026-01-31", "20"));
    story.run("2026-12-31");
    assert_eq!(at(&story, "2026-12-31"), (12_000, 12_000));
    let again = take(&mut story.state, &rate("2026-03-01", "2")).unwrap_err();
    assert_eq!(again, EngineError::UnfitChange("o0".to_owned()));

    let mut story = usage("1", 60_000, None);
    story.fact(&used("2026-01-20", "100"));
    story.fact(&amended("2026-02-01", ObligationChange { price: Some(25_000), ..removed }));
    story.run("2026-02-28");
    assert_eq!(
        (at(&story, "2026-01-31"), at(&story, "2026-02-01")),
        ((60_000, 10_000), (25_000, 25_000))
    );
}

/// What metered use does not have is refused, and so are its terms for anything else; nothing changes.
#[test]
fn unfit_changes() {
    let mut story = usage("1", 5_000, Some(50_000));
    let known = story.state.clone();
    let unfit = [
        ObligationChange { price: Some(1), ..change() },
        ObligationChange { total: Some(q("1")), ..change() },
        ObligationChange { ssp: Some(1), ..change() },
        ObligationChange { meter: MeterChange { cap: Some(4_999), ..NOTHING }, ..change() },
        ObligationChange { meter: MeterChange { minimum: Some(50_001), ..NOTHING }, ..change() },
        ObligationChange { meter: MeterChange { minimum: Some(-1), ..NOTHING }, ..change() },
        ObligationChange {
            meter: MeterChange { unit_price: Some(q("-1")), ..NOTHING },
            ..change()
        },
    ];
    for change in unfit {
        let refused = take(&mut story.state, &amended("2026-02-01", change)).unwrap_err();
        assert_eq!(refused, EngineError::UnfitChange("o0".to_owned()));
    }
    assert_eq!(story.state, known);
    let mut work = metered(Method::RightToInvoice { unit_price: q("1"), cap: None });
    let committed = terms("2026-02-01", MeterChange { minimum: Some(1), ..NOTHING });
    let refused = take(&mut work.state, &committed).unwrap_err();
    assert_eq!(refused, EngineError::UnfitChange("o0".to_owned()));
    let mut time = Story::sign(
        contract(term("2026-01-01", "2026-12-31"), &[100]),
        policy(Convention::ActualDays, Rounding::Cumulative),
    );
    let refused = take(&mut time.state, &rate("2026-02-01", "2")).unwrap_err();
    assert_eq!(refused, EngineError::UnfitChange("o0".to_owned()));
}

/// The treatment of a change of metering is prospective, whatever is asked for, and the only one that a
/// preview shows; the words say what was used under which terms.
#[test]
fn told_and_previewed() {
    let mut explainer = crate::Explainer::default();
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[0]);
    made.obligations[0].price = None;
    made.obligations[0].method = Method::Usage { unit_price: q("1"), minimum: 9_000, cap: None };
    let signed = Fact::Signed {
        contract: made,
        policy: policy(Convention::ActualDays, Rounding::Cumulative),
    };
    for fact in [signed, used("2026-01-20", "100"), Fact::Run { through: day("2026-01-31") }] {
        explainer.take(&fact, crate::Periods::default()).unwrap();
    }
    let dearer = MeterChange { unit_price: Some(q("2")), minimum: Some(15_000), ..NOTHING };
    let change = terms("2026-02-01", dearer);
    let shown = preview(&explainer, &change, None, crate::Periods::default()).unwrap();
    let treatments: Vec<_> = shown.iter().map(|of: &Preview| (of.treatment, of.proposed)).collect();
    assert_eq!(treatments, [(Some(Treatment::Prospective), true)]);
    assert_eq!((shown[0].price_before, shown[0].price_after), (10_000, 15_000));
    assert_eq!(shown[0].catch_up, 0);
    let mut words = String::new();
    for fact in [change, used("2026-02-10", "40")] {
        let (explained, _) = explainer.take(&fact, crate::Periods::default()).unwrap();
        words += &crate::render(&explained, usd()).unwrap().text().join("\n");
    }
    for part in [
        "price of each unit from then on 2",
        "100.00 by the terms of metering before",
        "80.00 value of use since they changed",
        "at least 150.00 committed minimum",
        "606-10-25-13(a)",
        "606-10-55-18",
    ] {
        assert!(words.contains(part), "{part:?} in {words}");
    }
    assert!(!words.contains("not explained"), "{words}");
}

/// The plan holds what is committed and not used, in the last month of the term as changed.
#[test]
fn planned() {
    let mut story = usage("1", 60_000, None);
    story.fact(&used("2026-01-20", "100"));
    let longer = Some(term("2026-01-01", "2027-02-28"));
    story.fact(&amended("2026-02-01", ObligationChange { term: longer, ..change() }));
    story.run("2026-02-28");
    let planned = story.ledger.schedule(day("2026-02-28"), &Filter::all(usd())).unwrap();
    assert_eq!(planned.into_iter().collect::<Vec<_>>(), [(day("2027-02-01"), 50_000)]);
    assert_eq!(story.state.legal.first().term.to(), day("2027-02-28"));
}
