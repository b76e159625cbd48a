//! Variable amounts of a part of a series (606-10-25-14b, 32-40b), on worked examples.

use super::{Story, contract, contract_id, day, histories, obligation_id, policy, term};
use crate::{
    AmendmentFact, Convention, EngineError, Estimate, EstimateFact, Fact, Filter, Method,
    ObligationChange, Refund, Rounding, SignedContract, TerminationFact, Treatment, Variable,
    ViolationReason, fold,
};

/// A year for 1,200.00 with 300.00 more expected for its third quarter.
fn year_with_bonus() -> SignedContract {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    made.variables = vec![Variable {
        id: "uptime".to_owned(),
        estimate: 30_000,
        included: 30_000,
        applies_to: vec![obligation_id(0)],
        period: Some(term("2026-07-01", "2026-09-30")),
        of: None,
    }];
    made
}

fn story(made: SignedContract) -> Story {
    Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative))
}

fn estimate(on: &str, included: i128) -> Fact {
    let estimate = Estimate::Variable { id: "uptime".to_owned(), estimate: included, included };
    Fact::Reestimated(EstimateFact { contract: contract_id(), on: day(on), estimate })
}

fn changed(on: &str, change: ObligationChange, treatment: Treatment) -> Fact {
    Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day(on),
        changes: vec![change],
        added: Vec::new(),
        treatment: Some(treatment),
        clauses: None,
    })
}

fn by_month(story: &Story) -> Vec<i128> {
    let months = story.ledger.by_month(day("2027-12-31"), &Filter::all(super::usd())).unwrap();
    months.values().copied().collect()
}

/// It is in T from the start, as its obligation's, and earned in its quarter alone; the plan says so.
#[test]
fn in_its_quarter_alone() {
    let mut story = story(year_with_bonus());
    let at = story.at("2026-01-01");
    assert_eq!((at.transaction_price, at.backlog), (150_000, 150_000));
    let of = Filter::obligation(super::usd(), obligation_id(0));
    assert_eq!(story.ledger.balances(day("2026-01-01"), &of).unwrap().transaction_price, 150_000);
    let planned = story.ledger.schedule(day("2026-01-01"), &of).unwrap();
    let expected = [[10_000; 6].as_slice(), &[20_000; 3], &[10_000; 3]].concat();
    assert_eq!(planned.values().copied().collect::<Vec<_>>(), expected);
    for month in ["2026-06-30", "2026-07-31", "2026-12-31"] {
        story.run(month);
    }
    assert_eq!(story.at("2026-06-30").recognized, 60_000, "nothing of it before");
    assert_eq!(story.at("2026-07-31").recognized, 80_000);
    assert_eq!(story.at("2026-12-31").recognized, 150_000);
}

/// A new estimate within the quarter catches up what of the quarter is over, one before it nothing, one
/// after it all.
#[test]
fn estimates_catch_up_their_part() {
    let runs = ["2026-01-31", "2026-07-31", "2026-08-31", "2026-12-31"];
    for (on, at_july, at_august) in [
        ("2026-03-01", 85_000, 110_000),
        ("2026-08-01", 80_000, 110_000),
        ("2026-11-01", 80_000, 100_000),
    ] {
        let mut story = story(year_with_bonus());
        let mut told = false;
        for run in runs {
            if !told && day(on) <= day(run) {
                story.fact(&estimate(on, 45_000));
                told = true;
            }
            story.run(run);
        }
        assert_eq!(story.at("2026-07-31").recognized, at_july, "{on}");
        assert_eq!(story.at("2026-08-31").recognized, at_august, "{on}");
        assert_eq!(story.at("2026-12-31").recognized, 165_000, "{on}");
        let before = day(on).pred_opt().unwrap();
        assert_eq!(story.on(before).transaction_price, 150_000);
        assert_eq!(story.at(on).transaction_price, 165_000);
    }
}

/// A prospective change of the rest leaves it with its quarter; days that are no longer promised take
/// it with them; what is ended gives up what is not earned.
#[test]
fn changes_and_ends() {
    let dearer = ObligationChange { price: Some(180_000), ..histories::no_change(0) };
    let mut one = story(year_with_bonus());
    one.run("2026-06-30");
    one.fact(&changed("2026-07-01", dearer, Treatment::Prospective));
    one.run("2026-12-31");
    assert_eq!(by_month(&one)[6..], [30_000, 30_000, 30_000, 20_000, 20_000, 20_000]);
    let shorter = ObligationChange {
        term: Some(term("2026-01-01", "2026-06-30")),
        price: Some(60_000),
        ..histories::no_change(0)
    };
    let mut two = story(year_with_bonus());
    two.run("2026-03-31");
    two.fact(&changed("2026-04-01", shorter, Treatment::Prospective));
    assert_eq!(two.at("2026-04-01").transaction_price, 60_000);
    let mut three = story(year_with_bonus());
    three.run("2026-07-31");
    three.fact(&Fact::Terminated(TerminationFact {
        contract: contract_id(),
        on: day("2026-08-01"),
        refund: Refund::Unearned,
        penalty: 0,
        keep_earned: true,
        wind_down_to: None,
    }));
    assert_eq!(
        (three.at("2026-08-01").transaction_price, three.at("2026-08-01").backlog),
        (80_000, 0)
    );
}

/// Beside each other: amounts of two quarters, one of two obligations, by their prices.
#[test]
fn of_several_obligations() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[120_000, 60_000]);
    let of = |id: &str, from: &str, to: &str, amount: i128| Variable {
        id: id.to_owned(),
        estimate: amount,
        included: amount,
        applies_to: vec![obligation_id(0), obligation_id(1)],
        period: Some(term(from, to)),
        of: None,
    };
    made.variables = vec![
        of("first", "2026-01-01", "2026-03-31", 900),
        of("last", "2026-10-01", "2026-12-31", -90),
    ];
    let story = story(made);
    let price = |n| {
        let of = Filter::obligation(super::usd(), obligation_id(n));
        story.ledger.balances(day("2026-01-01"), &of).unwrap().transaction_price
    };
    assert_eq!((price(0), price(1)), (120_000 + 600 - 60, 60_000 + 300 - 30));
}

/// A part of a series needs one: obligations that time earns, named, and days of theirs.
#[test]
fn what_does_not_fit() {
    let wrong: [fn(&mut SignedContract); 3] = [
        |made| made.variables[0].applies_to.clear(),
        |made| made.variables[0].period = Some(term("2026-07-01", "2027-01-01")),
        |made| made.obligations[0].method = Method::PercentComplete,
    ];
    for change in wrong {
        let mut made = year_with_bonus();
        change(&mut made);
        let how = policy(Convention::ActualDays, Rounding::Cumulative);
        let signed = Fact::Signed { contract: made, policy: how };
        let refused = fold(None, &signed, crate::Periods::default()).unwrap_err();
        let EngineError::InvalidContract(violations) = refused else { panic!("{refused}") };
        assert!(violations.iter().any(|v| v.reason == ViolationReason::PeriodUnfit));
    }
}
