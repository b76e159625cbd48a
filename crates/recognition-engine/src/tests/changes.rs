//! Changes of contracts and estimates on worked examples: what is caught up, what is left alone.

use super::{
    Story, contract, contract_id, day, invoice_of, obligation, obligation_id, policy, q, take,
    term, usd,
};
use crate::{
    AdjustmentFact, AmendmentFact, Cause, Concession, Convention, CreditFact, EngineError,
    Estimate, EstimateFact, Fact, Filter, InvoiceLine, Measure, MeterChange, Method,
    ObligationChange, PaymentFact, Periods, Policies, ProgressFact, Reading, Refund, Rounding,
    TerminationFact, Treatment, Variable, propose,
};

fn even(convention: Convention) -> crate::Policy {
    policy(convention, Rounding::Cumulative)
}

fn year(price: i128) -> Story {
    Story::sign(contract(term("2026-01-01", "2026-12-31"), &[price]), even(Convention::EvenMonths))
}

fn change(obligation: u128) -> ObligationChange {
    ObligationChange {
        obligation: obligation_id(obligation),
        price: None,
        total: None,
        term: None,
        ssp: None,
        remove: false,
        distinct: None,
        meter: MeterChange::default(),
    }
}

fn amendment(on: &str, treatment: Treatment, changes: Vec<ObligationChange>) -> Fact {
    Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day(on),
        changes,
        added: Vec::new(),
        treatment: Some(treatment),
        clauses: None,
    })
}

fn estimate(on: &str, included: i128) -> Fact {
    let estimate = Estimate::Variable { id: "bonus".to_owned(), estimate: included, included };
    Fact::Reestimated(EstimateFact { contract: contract_id(), on: day(on), estimate })
}

fn with_bonus(price: i128, included: i128) -> Story {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[price]);
    signed.obligations[0].ssp = Some(120_000);
    let bonus = Variable {
        id: "bonus".to_owned(),
        estimate: 120_000,
        included,
        applies_to: Vec::new(),
        period: None,
        of: None,
    };
    signed.variables.push(bonus);
    Story::sign(signed, even(Convention::EvenMonths))
}

/// R and backlog at the end of a day.
fn at(story: &Story, on: &str) -> (i128, i128) {
    let balances = story.at(on);
    (balances.recognized, balances.backlog)
}

/// The same change under both treatments ends alike and differs in July only (case 59); June stays.
#[test]
fn prospective_and_catch_up() {
    let price = ObligationChange { price: Some(180_000), ..change(0) };
    for (treatment, july) in
        [(Treatment::Prospective, (80_000, 100_000)), (Treatment::CatchUp, (105_000, 75_000))]
    {
        for runs in [&["2026-06-30"][..], &[]] {
            let mut story = year(120_000);
            runs.iter().for_each(|through| story.run(through));
            story.fact(&amendment("2026-07-01", treatment, vec![price.clone()]));
            story.run("2026-07-31");
            assert_eq!(at(&story, "2026-06-30"), (60_000, 60_000), "{treatment:?} {runs:?}");
            assert_eq!(at(&story, "2026-07-31"), july, "{treatment:?} {runs:?}");
            story.run("2026-12-31");
            assert_eq!(at(&story, "2026-12-31"), (180_000, 0));
        }
    }
    let mut story = year(120_000);
    story.run("2026-06-30");
    story.fact(&amendment("2026-07-01", Treatment::CatchUp, vec![price]));
    story.run("2026-07-31");
    let caught_up: Vec<_> = story
        .ledger
        .movements()
        .iter()
        .filter(|m| m.prior_performance)
        .map(|m| (m.effective_date, m.amount.minor(), m.measure))
        .collect();
    assert_eq!(caught_up, [(day("2026-07-01"), 30_000, Measure::Recognized)]);
}

/// In the middle of a month, progress counts through the day before (case 61).
#[test]
fn in_the_middle_of_a_month() {
    let signed = contract(term("2026-01-01", "2026-01-31"), &[31_000]);
    let mut story = Story::sign(signed, even(Convention::ActualDays));
    story.run("2026-01-15");
    assert_eq!(at(&story, "2026-01-15"), (15_000, 16_000));
    let price = ObligationChange { price: Some(47_000), ..change(0) };
    story.fact(&amendment("2026-01-16", Treatment::Prospective, vec![price]));
    story.run("2026-01-16");
    assert_eq!(at(&story, "2026-01-16"), (17_000, 30_000));
    story.run("2026-01-31");
    assert_eq!(at(&story, "2026-01-31"), (47_000, 0));
}

/// Units delivered with defects: the credit is against what was delivered, what remains of old and new
/// units shares one price (case 53), also without a run in between.
#[test]
fn units_with_a_defect_credit() {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[1_200_000]);
    signed.obligations[0].method = Method::Units { total: q("120") };
    let mut story = Story::sign(signed, even(Convention::ActualDays));
    story.fact(&Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-03-31"),
        reading: Reading::Units(q("60")),
    }));
    story.fact(&Fact::Invoiced(invoice_of(0, day("2026-03-31"), 600_000)));
    story.run("2026-03-31");
    story.fact(&Fact::Credited(CreditFact {
        contract: contract_id(),
        on: day("2026-04-01"),
        lines: vec![InvoiceLine { obligation: obligation_id(0), amount: 90_000 }],
        tax: 0,
        concession: Concession::Transferred,
    }));
    let more = ObligationChange { price: Some(1_440_000), total: Some(q("150")), ..change(0) };
    story.fact(&amendment("2026-04-01", Treatment::Prospective, vec![more]));
    story.run("2026-04-01");
    assert_eq!(at(&story, "2026-04-01"), (510_000, 840_000));
    story.fact(&Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-05-31"),
        reading: Reading::Units(q("61")),
    }));
    story.run("2026-05-31");
    // 8,400 / 90, of one unit.
    assert_eq!(at(&story, "2026-05-31"), (519_333, 830_667));
}

/// Blend and extend (case 55): what remains of the price and the new price over all years that remain.
#[test]
fn blend_and_extend() {
    let signed = contract(term("2026-01-01", "2028-12-31"), &[30_000_000]);
    let mut story = Story::sign(signed, even(Convention::EvenMonths));
    story.run("2027-12-31");
    let extended = ObligationChange {
        price: Some(48_000_000),
        term: Some(term("2026-01-01", "2031-12-31")),
        ..change(0)
    };
    story.fact(&amendment("2028-01-01", Treatment::Prospective, vec![extended]));
    assert_eq!(at(&story, "2028-01-01"), (20_000_000, 28_000_000));
    for (through, figures) in [
        ("2028-12-31", (27_000_000, 21_000_000)),
        ("2029-12-31", (34_000_000, 14_000_000)),
        ("2031-12-31", (48_000_000, 0)),
    ] {
        story.run(through);
        assert_eq!(at(&story, through), figures);
    }
}

/// A change order, a higher estimate of cost and a freed bonus on one day are one catch-up (case 56).
#[test]
fn change_order_on_a_construction_contract() {
    let mut signed = contract(term("2026-01-01", "2027-12-31"), &[100_000_000]);
    signed.obligations[0].method = Method::CostToCost { estimate: 70_000_000 };
    signed.variables.push(Variable {
        id: "bonus".to_owned(),
        estimate: 20_000_000,
        included: 0,
        applies_to: Vec::new(),
        period: None,
        of: None,
    });
    let mut story = Story::sign(signed, even(Convention::ActualDays));
    story.fact(&Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-12-31"),
        reading: Reading::Cost { cost: 42_000_000, estimate: None, uninstalled: 0 },
    }));
    story.run("2026-12-31");
    assert_eq!(at(&story, "2026-12-31"), (60_000_000, 40_000_000));
    let price = ObligationChange { price: Some(115_000_000), ..change(0) };
    let amended = AmendmentFact {
        contract: contract_id(),
        on: day("2027-02-15"),
        changes: vec![price],
        added: Vec::new(),
        treatment: None,
        clauses: None,
    };
    assert_eq!(propose(&story.state, &amended).unwrap(), Treatment::CatchUp);
    let cost = Estimate::Cost { obligation: obligation_id(0), estimate: 82_000_000 };
    let facts = [
        Fact::Amended(amended),
        Fact::Reestimated(EstimateFact {
            contract: contract_id(),
            on: day("2027-02-15"),
            estimate: cost,
        }),
        estimate("2027-02-15", 20_000_000),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let (state, ledger) = (story.state.clone(), story.ledger.clone());
        let policies = Policies::default();
        let mut copy = Story { state, ledger, periods: Periods::default(), policies };
        order.iter().for_each(|&fact| copy.fact(&facts[fact]));
        copy.run("2027-02-15");
        assert_eq!(at(&copy, "2027-02-15"), (69_146_341, 65_853_659), "{order:?}");
    }
}

/// A bonus freed in July is caught up for six months, and June stays (case 50, both ways).
#[test]
fn variable_amounts_up_and_down() {
    let mut up = with_bonus(120_000, 0);
    up.run("2026-06-30");
    up.fact(&estimate("2026-07-01", 120_000));
    up.run("2026-07-31");
    assert_eq!(at(&up, "2026-06-30"), (60_000, 60_000));
    assert_eq!(at(&up, "2026-07-31"), (140_000, 100_000));
    let mut down = with_bonus(0, 120_000);
    down.run("2026-06-30");
    down.fact(&estimate("2026-07-01", 60_000));
    down.run("2026-07-31");
    assert_eq!(at(&down, "2026-07-31"), (35_000, 25_000));
    let unknown = Estimate::Variable { id: "other".to_owned(), estimate: 1, included: 1 };
    let fact = EstimateFact { contract: contract_id(), on: day("2026-08-01"), estimate: unknown };
    let refused = take(&mut down.state, &Fact::Reestimated(fact)).unwrap_err();
    assert_eq!(refused, EngineError::UnknownVariable("other".to_owned()));
    let back = take(&mut down.state, &estimate("2026-06-30", 1)).unwrap_err();
    assert!(matches!(back, EngineError::ChangeBeforeLast { .. }));
}

/// A re-estimate after a prospective change goes to the promise it was made for: the part satisfied
/// before the change takes its share at once.
#[test]
fn estimates_after_a_change() {
    let mut story = with_bonus(120_000, 0);
    story.run("2026-06-30");
    let price = ObligationChange { price: Some(180_000), ..change(0) };
    story.fact(&amendment("2026-07-01", Treatment::Prospective, vec![price]));
    story.run("2026-09-30");
    assert_eq!(at(&story, "2026-09-30"), (120_000, 60_000));
    story.fact(&estimate("2026-10-01", 12_000));
    story.run("2026-10-01");
    // Three quarters of the promise are satisfied.
    let caught_up = story.ledger.movements().iter().filter(|m| m.prior_performance);
    assert_eq!(caught_up.map(|m| m.amount.minor()).sum::<i128>(), 9_000);
    story.fact(&estimate("2026-10-01", 0));
    story.run("2026-12-31");
    assert_eq!(at(&story, "2026-12-31"), (180_000, 0), "a change and its inverse leave nothing");
}

/// The three ways to end the design's example: T 1,200, R 300, B 1,200.
#[test]
fn terminations() {
    for (refund, recognized, canceled, refundable) in [
        (Refund::Amount(0), 120_000, 0, 0),
        (Refund::Amount(60_000), 60_000, 60_000, 60_000),
        (Refund::Unearned, 30_000, 90_000, 90_000),
        (Refund::All, 30_000, 90_000, 90_000),
    ] {
        let mut story = year(120_000);
        story.invoice("2026-01-01", 120_000);
        story.run("2026-03-31");
        let fact = TerminationFact {
            contract: contract_id(),
            on: day("2026-04-01"),
            refund,
            penalty: 0,
            keep_earned: true,
            wind_down_to: None,
        };
        story.fact(&Fact::Terminated(fact));
        story.run("2026-04-30");
        let balances = story.at("2026-04-30");
        assert_eq!((balances.recognized, balances.backlog), (recognized, 0), "{refund:?}");
        assert_eq!((balances.refund_liability, balances.deferred_revenue), (refundable, 0));
        let roll = story
            .ledger
            .roll_forward(day("2026-04-01"), day("2026-04-30"), &Filter::all(usd()))
            .unwrap();
        let change = roll.changes.get(&Cause::Termination).copied().unwrap_or(0);
        assert_eq!((change, roll.unexplained), (-canceled, 0), "{refund:?}");
        if refundable > 0 {
            let refund =
                PaymentFact { contract: contract_id(), on: day("2026-04-30"), amount: 120_000 };
            story.fact(&Fact::Paid(refund));
            story.fact(&Fact::Paid(PaymentFact { amount: -refundable, ..refund }));
            let balances = story.at("2026-04-30");
            assert_eq!((balances.refund_liability, balances.receivable), (0, 0));
            assert_eq!((balances.billed, balances.cash), (recognized, recognized));
        }
        let again = take(&mut story.state, &Fact::Terminated(fact)).unwrap_err();
        assert_eq!(again, EngineError::Terminated);
    }
}

/// What is owed after the end is earned while winding down; with earned parts given up, all comes back.
#[test]
fn winding_down_and_giving_up() {
    let end = |keep_earned, wind_down_to| {
        Fact::Terminated(TerminationFact {
            contract: contract_id(),
            on: day("2026-04-01"),
            refund: Refund::Unearned,
            penalty: 6_100,
            keep_earned,
            wind_down_to,
        })
    };
    let mut story = year(120_000);
    story.run("2026-03-31");
    story.fact(&end(true, Some(day("2026-05-31"))));
    story.run("2026-04-30");
    assert_eq!(at(&story, "2026-04-30"), (33_000, 3_100));
    story.run("2026-06-30");
    assert_eq!(at(&story, "2026-06-30"), (36_100, 0));
    let mut all = year(120_000);
    all.run("2026-03-31");
    all.fact(&end(false, None));
    all.run("2026-04-30");
    assert_eq!(at(&all, "2026-04-30"), (6_100, 0));
    assert_eq!(at(&all, "2026-03-31"), (30_000, 90_000), "the past stays");
}

/// An adjustment posts at once, on its day; the rest of the price spreads over what remains. The runs
/// before it may come after it.
#[test]
fn adjustments() {
    let adjust = Fact::Adjusted(AdjustmentFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-07-01"),
        amount: 6_000,
    });
    let mut story = year(120_000);
    story.run("2026-06-30");
    story.fact(&adjust);
    assert_eq!(at(&story, "2026-07-01"), (66_000, 54_000));
    story.run("2026-07-31");
    assert_eq!(at(&story, "2026-07-31"), (75_000, 45_000));
    let mut before = year(120_000);
    before.fact(&adjust);
    assert_eq!(at(&before, "2026-07-01"), (6_000, 114_000), "it alone is posted");
    before.run("2026-07-31");
    for on in ["2026-06-30", "2026-07-31"] {
        assert_eq!(at(&before, on), at(&story, on), "{on}");
    }
    let planned = before.ledger.schedule(day("2026-07-31"), &Filter::all(usd())).unwrap();
    assert_eq!(planned.values().sum::<i128>(), 45_000);
}

/// A credited invoice leaves backlog and price alone (case 27); an advance is billed when received and
/// pays the next invoice.
#[test]
fn credits_and_advances() {
    let mut story = year(120_000);
    story.invoice("2026-01-01", 120_000);
    story.run("2026-01-31");
    assert_eq!(story.at("2026-01-31").deferred_revenue, 110_000);
    story.fact(&Fact::Credited(CreditFact {
        contract: contract_id(),
        on: day("2026-02-01"),
        lines: vec![InvoiceLine { obligation: obligation_id(0), amount: 120_000 }],
        tax: 0,
        concession: Concession::None,
    }));
    story.run("2026-02-28");
    let balances = story.at("2026-02-28");
    assert_eq!((balances.recognized, balances.backlog, balances.billed), (20_000, 100_000, 0));
    assert_eq!((balances.deferred_revenue, balances.contract_asset), (0, 20_000));
    let pay = |on, amount| Fact::Paid(PaymentFact { contract: contract_id(), on: day(on), amount });
    story.fact(&pay("2026-03-01", 50_000));
    let balances = story.at("2026-03-01");
    assert_eq!((balances.billed, balances.receivable, balances.cash), (50_000, 0, 50_000));
    story.invoice("2026-03-02", 80_000);
    let balances = story.at("2026-03-02");
    assert_eq!((balances.billed, balances.receivable), (80_000, 30_000));
    story.fact(&pay("2026-03-03", 30_000));
    assert_eq!(story.at("2026-03-03").receivable, 0);
    // What may be given back is decided where it is paid; the fold takes it as it comes.
    story.fact(&pay("2026-03-04", -90_000));
    let balances = story.at("2026-03-04");
    assert_eq!((balances.billed, balances.cash), (-10_000, -10_000));
}

/// What the parties agreed on before an adjustment of a later day takes effect on that day; a price that
/// changes when nothing remains is caught up.
#[test]
fn agreements_that_come_late() {
    let mut story = year(120_000);
    story.fact(&Fact::Adjusted(AdjustmentFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-07-01"),
        amount: 0,
    }));
    let price = ObligationChange { price: Some(180_000), ..change(0) };
    story.fact(&amendment("2026-06-15", Treatment::Prospective, vec![price]));
    assert_eq!(story.at("2026-06-30").transaction_price, 120_000);
    assert_eq!(story.at("2026-07-01").transaction_price, 180_000);
    story.run("2026-12-31");
    let price = ObligationChange { price: Some(190_000), ..change(0) };
    story.fact(&amendment("2027-02-01", Treatment::Prospective, vec![price]));
    story.run("2027-02-01");
    assert_eq!(at(&story, "2027-02-01"), (190_000, 0));
}

/// What is added shares the price that remains by its stand-alone price; what is removed leaves what it
/// earned. Price that moves between obligations nets to zero.
#[test]
fn additions_and_removals() {
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000, 60_000]);
    let mut story = Story::sign(signed, even(Convention::EvenMonths));
    story.run("2026-06-30");
    let mut added = obligation(2, Some(40_000), Some(60_000));
    added.term = Some(term("2026-07-01", "2026-12-31"));
    let removed = ObligationChange { remove: true, ..change(1) };
    let fact = AmendmentFact {
        contract: contract_id(),
        on: day("2026-07-01"),
        changes: vec![removed],
        added: vec![added],
        treatment: None,
        clauses: None,
    };
    assert_eq!(propose(&story.state, &fact).unwrap(), Treatment::Prospective);
    story.fact(&Fact::Amended(fact));
    // 60,000 left of the first, 40,000 new; SSP 60,000 each: 50,000 each.
    let price = |place: usize| story.state.obligations[place].transaction_price;
    assert_eq!((price(0), price(1), price(2)), (110_000, 30_000, 50_000));
    let reallocated: i128 = story
        .ledger
        .movements()
        .iter()
        .filter(|m| m.cause == Cause::Reallocation)
        .map(|m| m.amount.minor())
        .sum();
    assert_eq!(reallocated, 0);
    story.run("2026-12-31");
    assert_eq!(at(&story, "2026-12-31"), (190_000, 0));
}

/// What is added may be metered, with a minimum that is backlog at once, or have a term that is over: its
/// price is then shared by what remains.
#[test]
fn additions_of_other_kinds() {
    let mut story = year(120_000);
    let mut metered = obligation(1, None, None);
    metered.method = Method::Usage { unit_price: q("1"), minimum: 5_000, cap: None };
    let mut past = obligation(2, Some(3_000), None);
    past.term = Some(term("2026-01-01", "2026-02-28"));
    for added in [metered, past] {
        story.fact(&Fact::Amended(AmendmentFact {
            contract: contract_id(),
            on: day("2026-04-01"),
            changes: Vec::new(),
            added: vec![added],
            treatment: Some(Treatment::Prospective),
            clauses: None,
        }));
    }
    assert_eq!(story.at("2026-04-01").transaction_price, 128_000);
    story.run("2026-12-31");
    assert_eq!(at(&story, "2026-12-31"), (128_000, 0));
    assert_eq!(story.state.obligations[2].transaction_price, 0);
}

/// An adjustment of nothing, and a concession of nothing, change no revenue: what was earned before, the
/// cost of uninstalled materials among it, is earned once.
#[test]
fn what_is_carved_out_is_earned_once() {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[5_000_000]);
    signed.obligations[0].method = Method::CostToCost { estimate: 4_000_000 };
    let cost = |on, cost, uninstalled| {
        Fact::Progressed(ProgressFact {
            contract: contract_id(),
            obligation: obligation_id(0),
            on: day(on),
            reading: Reading::Cost { cost, estimate: None, uninstalled },
        })
    };
    let mut plain = Story::sign(signed, even(Convention::ActualDays));
    plain.fact(&cost("2026-03-31", 2_000_000, 1_500_000));
    plain.run("2026-03-31");
    let mut adjusted = Story {
        state: plain.state.clone(),
        ledger: plain.ledger.clone(),
        periods: plain.periods,
        policies: plain.policies.clone(),
    };
    adjusted.fact(&Fact::Adjusted(AdjustmentFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-04-15"),
        amount: 0,
    }));
    for story in [&mut plain, &mut adjusted] {
        story.run("2026-04-30");
        assert_eq!(at(story, "2026-04-30"), (2_200_000, 2_800_000));
        story.fact(&cost("2026-05-31", 4_000_000, 0));
        story.run("2026-05-31");
        assert_eq!(at(story, "2026-05-31"), (5_000_000, 0));
    }
}

/// An adjustment of metered revenue counts once: what was used before is not earned again beside it.
#[test]
fn an_adjusted_meter_counts_use_once() {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[0]);
    signed.obligations[0].price = None;
    signed.obligations[0].method = Method::RightToInvoice { unit_price: q("3"), cap: None };
    let mut story = Story::sign(signed, even(Convention::EvenMonths));
    let used = |on: &str, units: &str| {
        Fact::Progressed(ProgressFact {
            contract: contract_id(),
            obligation: obligation_id(0),
            on: day(on),
            reading: Reading::Usage { quantity: q(units), amount: None },
        })
    };
    story.fact(&used("2026-01-10", "100"));
    story.run("2026-01-31");
    let adjusted = AdjustmentFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-02-01"),
        amount: 1_000,
    };
    story.fact(&Fact::Adjusted(adjusted));
    story.run("2026-02-28");
    assert_eq!(story.at("2026-02-28").recognized, 31_000);
    story.fact(&used("2026-03-10", "10"));
    story.run("2026-03-31");
    assert_eq!(story.at("2026-03-31").recognized, 34_000);
}
