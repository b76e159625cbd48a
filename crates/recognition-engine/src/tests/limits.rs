//! The largest amounts, the finest quantities and the longest terms that can be put in: nothing overflows
//! and nothing stays unexplained.

use backlog_money::{MINOR_MAX, Quantity};
use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::{Story, contract, contract_id, day, histories, invoice_of, obligation_id, policy};
use crate::{
    AdjustmentFact, AmendmentFact, Clause, Concession, Convention, CreditFact, Estimate,
    EstimateFact, Explainer, Fact, InvoiceLine, Method, Milestone, MilestoneWeight,
    ObligationChange, PaymentFact, Periods, ProgressFact, Reading, Refund, Rounding,
    SignedContract, Term, TerminationFact, Treatment, Variable,
};
use histories::BEGIN;

/// Units of the last place of the largest quantity.
const QUANTITY_MAX: i128 = 1_000_000_000_000_000_000_000_000_000;

fn amount() -> impl Strategy<Value = i128> {
    prop_oneof![0_i128..10, 0..=MINOR_MAX, Just(MINOR_MAX)]
}

fn quantity() -> impl Strategy<Value = Quantity> {
    prop_oneof![1_i128..100, 1..=QUANTITY_MAX, Just(QUANTITY_MAX)].prop_map(Quantity::from_scaled)
}

fn share() -> impl Strategy<Value = Quantity> {
    let one = Quantity::ONE.scaled();
    prop_oneof![Just(1), 1..=one, Just(one - 1)].prop_map(Quantity::from_scaled)
}

fn method() -> impl Strategy<Value = Method> {
    let milestones = share().prop_map(|first| {
        let rest = Quantity::from_scaled(Quantity::ONE.scaled() - first.scaled());
        let of = [first, rest].into_iter().enumerate();
        let milestone = |(n, share): (usize, Quantity)| Milestone {
            id: n.to_string(),
            weight: MilestoneWeight::Share(share),
        };
        Method::Milestones(of.map(milestone).collect())
    });
    prop_oneof![
        3 => prop::sample::select(Convention::ALL.to_vec())
            .prop_map(|of| Method::StraightLine { convention: Some(of) }),
        1 => Just(Method::PercentComplete),
        1 => quantity().prop_map(|total| Method::Units { total }),
        1 => quantity().prop_map(|total| Method::LaborHours { total }),
        1 => (1..=MINOR_MAX).prop_map(|estimate| Method::CostToCost { estimate }),
        1 => quantity().prop_map(|quantity| Method::PointInTime { quantity, gates: Vec::new() }),
        1 => milestones,
        1 => (share(), amount()).prop_map(|(expected_share, exercise_price)| {
            Method::MaterialRight { expected_share, exercise_price, expires_on: day("2030-06-30") }
        }),
    ]
}

/// Up to three promises of 10^15 minor units together, over as much as a hundred years.
fn signed() -> impl Strategy<Value = SignedContract> {
    let promises = prop::collection::vec((method(), amount(), amount()), 1..4);
    let clause = (0_u32..36_500, amount());
    (
        promises,
        0_u64..36_500,
        amount(),
        prop::option::of(clause),
        prop::option::weighted(0.2, share()),
    )
        .prop_map(|(promises, days, bonus, clause, financing)| {
            let from = day(BEGIN);
            // Interest is by day.
            let days = if financing.is_some() { days / 40 } else { days };
            let term = Term::new(from, from + Days::new(days)).unwrap();
            let prices: Vec<i128> = promises.iter().map(|(_, price, _)| price / 3).collect();
            let mut made = contract(term, &prices);
            for (obligation, (method, _, ssp)) in made.obligations.iter_mut().zip(promises) {
                obligation.ssp = Some(ssp.max(1));
                obligation.method = method;
            }
            let (id, applies_to) = ("bonus".to_owned(), Vec::new());
            made.variables.push(Variable {
                id,
                estimate: bonus,
                included: bonus / 2,
                applies_to,
                period: None,
                of: None,
            });
            let clause = clause.map(|(notice_days, penalty)| Clause {
                notice_days,
                penalty,
                from: None,
                to: None,
                mutual: false,
            });
            made.clauses = clause.into_iter().collect();
            made.financing = financing;
            made
        })
}

/// Something with numbers at their limits.
#[derive(Debug, Clone)]
struct Wild {
    after: u64,
    kind: u8,
    place: u128,
    amounts: (i128, i128),
    quantity: Quantity,
    share: Quantity,
    days: u64,
}

fn wild() -> impl Strategy<Value = Wild> {
    (0_u64..900, 0_u8..12, 0_u128..3, (amount(), amount()), quantity(), share(), 0_u64..36_500)
        .prop_map(|(after, kind, place, amounts, quantity, share, days)| Wild {
            after,
            kind,
            place,
            amounts,
            quantity,
            share,
            days,
        })
}

fn reading(of: &Wild, method: &Method) -> Reading {
    let (one, two) = of.amounts;
    match method {
        Method::CostToCost { .. } => {
            Reading::Cost { cost: one, estimate: Some(one.max(two).max(1)), uninstalled: one / 9 }
        }
        Method::Units { .. } => Reading::Units(of.quantity),
        Method::LaborHours { .. } => Reading::Hours(of.quantity),
        Method::PointInTime { .. } => {
            Reading::Delivered { quantity: Some(of.quantity), gate: None }
        }
        Method::Milestones(_) => Reading::Milestone((one % 2).to_string()),
        Method::MaterialRight { .. } => Reading::Exercised(of.share),
        _ => Reading::Percent(Quantity::from_scaled(of.share.scaled() * 100)),
    }
}

fn fact(of: &Wild, on: NaiveDate, made: &SignedContract) -> Fact {
    let (contract, obligation) = (contract_id(), obligation_id(of.place));
    let (one, two) = of.amounts;
    let method = made.obligations.get(usize::try_from(of.place).unwrap()).map(|o| &o.method);
    match of.kind {
        0 => {
            let mut bill = invoice_of(of.place, on, one);
            bill.tax = two;
            Fact::Invoiced(bill)
        }
        1 => Fact::Paid(PaymentFact { contract, on, amount: one - two }),
        2 => Fact::Credited(CreditFact {
            contract,
            on,
            lines: vec![InvoiceLine { obligation, amount: one }],
            tax: 0,
            concession: [Concession::Whole, Concession::Transferred][usize::from(two % 2 == 0)],
        }),
        3 => {
            let (id, estimate, included) = ("bonus".to_owned(), one, one - two);
            let estimate = Estimate::Variable { id, estimate, included };
            Fact::Reestimated(EstimateFact { contract, on, estimate })
        }
        4 | 5 => {
            let total = matches!(method, Some(Method::Units { .. } | Method::LaborHours { .. }));
            let longer = Term::new(day(BEGIN), day(BEGIN) + Days::new(of.days)).unwrap();
            let change = ObligationChange {
                price: Some(one),
                total: total.then_some(of.quantity),
                term: (two % 3 == 0 && made.financing.is_none()).then_some(longer),
                ssp: (two % 2 == 0).then_some(two.max(1)),
                ..histories::no_change(of.place)
            };
            Fact::Amended(AmendmentFact {
                contract,
                on,
                changes: vec![change],
                added: Vec::new(),
                treatment: [None, Some(Treatment::Prospective), Some(Treatment::CatchUp)]
                    [usize::try_from(two % 3).unwrap()],
                clauses: None,
            })
        }
        6 => Fact::Adjusted(AdjustmentFact { contract, obligation, on, amount: one - two }),
        7 if two % 3 == 0 => Fact::Terminated(TerminationFact {
            contract,
            on,
            refund: [Refund::Unearned, Refund::Amount(one), Refund::All]
                [usize::try_from(one % 3).unwrap()],
            penalty: two,
            keep_earned: one % 5 != 0,
            wind_down_to: (one % 2 == 0).then(|| on + Days::new(of.days % 800)),
        }),
        8 => Fact::Run { through: on },
        _ => {
            let reading = reading(of, method.unwrap_or(&Method::PercentComplete));
            Fact::Progressed(ProgressFact { contract, obligation, on, reading })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever is put in within its limits: no panic, no overflow, a journal in balance, identities that
    /// hold, and every movement explained to the last minor unit.
    #[test]
    fn nothing_overflows(
        made in signed(),
        happened in prop::collection::vec(wild(), 0..10),
        rounding in prop::sample::select(Rounding::ALL.to_vec()),
    ) {
        let how = policy(Convention::ActualDays, rounding);
        let mut story = Story::sign(made.clone(), how);
        let mut explainer = Explainer::default();
        let signed = Fact::Signed { contract: made.clone(), policy: how };
        explainer.take(&signed, Periods::default()).unwrap();
        let mut on = day(BEGIN);
        let mut facts = Vec::new();
        for of in &happened {
            on = on + Days::new(of.after);
            facts.push(fact(of, on, &made));
        }
        facts.push(Fact::Run { through: on + Days::new(400) });
        for fact in &facts {
            match story.try_fact(fact) {
                Ok(effects) => {
                    let (explained, made) = explainer.take(fact, Periods::default()).unwrap();
                    prop_assert_eq!(effects, made);
                    prop_assert!(explained.lines.iter().all(|line| line.unexplained == 0));
                }
                Err(error) => histories::refused_for_a_reason(&error),
            }
        }
        for as_of in [day(BEGIN), day("2026-03-31"), on, on + Days::new(400)] {
            histories::identities(&story, as_of)?;
        }
    }
}
