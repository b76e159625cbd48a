//! Random histories of two contracts that become one: the identities hold for each and for both, nothing is
//! unexplained, and combined at once they are what one contract with all of it would be.

use backlog_ids::{ContractId, ObligationId};
use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::{
    Story,
    combining::{as_other, other_id, other_obligation},
    contract_id, day,
    histories::{self, BEGIN, Happening},
    obligation_id, policy, usd,
};
use crate::{
    Combination, Convention, EngineError, Explainer, Fact, Filter, Measure, Periods, Rounding,
    SignedContract,
};

/// The fact, of the contract that joins.
fn of_other(fact: Fact) -> Fact {
    let contract = other_id();
    let id = |id: ObligationId| {
        let place = (0..100).find(|n| obligation_id(*n) == id);
        place.map_or(id, other_obligation)
    };
    match fact {
        Fact::Invoiced(mut fact) => {
            fact.contract = contract;
            fact.lines.iter_mut().for_each(|line| line.obligation = id(line.obligation));
            Fact::Invoiced(fact)
        }
        Fact::Credited(mut fact) => {
            fact.contract = contract;
            fact.lines.iter_mut().for_each(|line| line.obligation = id(line.obligation));
            Fact::Credited(fact)
        }
        Fact::Paid(fact) => Fact::Paid(crate::PaymentFact { contract, ..fact }),
        Fact::Progressed(fact) => {
            let obligation = id(fact.obligation);
            Fact::Progressed(crate::ProgressFact { contract, obligation, ..fact })
        }
        Fact::Reestimated(mut fact) => {
            fact.contract = contract;
            if let crate::Estimate::Cost { obligation, .. }
            | crate::Estimate::Exercise { obligation, .. } = &mut fact.estimate
            {
                *obligation = id(*obligation);
            }
            Fact::Reestimated(fact)
        }
        Fact::Amended(mut fact) => {
            fact.contract = contract;
            fact.changes.iter_mut().for_each(|change| change.obligation = id(change.obligation));
            fact.added.iter_mut().for_each(|added| added.id = id(added.id));
            Fact::Amended(fact)
        }
        Fact::Terminated(fact) => Fact::Terminated(crate::TerminationFact { contract, ..fact }),
        Fact::Adjusted(fact) => {
            let obligation = id(fact.obligation);
            Fact::Adjusted(crate::AdjustmentFact { contract, obligation, ..fact })
        }
        Fact::Held(fact) => {
            let obligation = fact.obligation.map(id);
            Fact::Held(crate::HoldFact { contract, obligation, ..fact })
        }
        Fact::Released(fact) => Fact::Released(crate::HoldFact { contract, ..fact }),
        other => other,
    }
}

/// Something that happens to one of the two.
type Event = (bool, Happening);

fn happened() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((any::<bool>(), histories::happening_under_terms()), 0..14)
}

/// Two contracts, neither of which bears interest.
fn pair() -> impl Strategy<Value = (SignedContract, SignedContract)> {
    let made = || {
        histories::signed_under_terms().prop_map(|made| SignedContract { financing: None, ..made })
    };
    (made(), made()).prop_map(|(one, other)| (one, as_other(&other)))
}

/// What is played: each fact on its day, and when the contracts become one.
enum Played {
    Fact(bool, Box<Fact>),
    Combined(NaiveDate),
    Run(NaiveDate),
}

fn played(
    (one, other): (&SignedContract, &SignedContract),
    happened: &[Event],
    (joins, every): (usize, u64),
) -> Vec<Played> {
    let mut all = Vec::new();
    let (mut on, mut ran) = (day(BEGIN), day(BEGIN));
    for (n, (of_one, of)) in happened.iter().enumerate() {
        on = on + Days::new(of.after);
        while ran + Days::new(every) < on {
            ran = ran + Days::new(every);
            all.push(Played::Run(ran));
        }
        if n == joins.min(happened.len().saturating_sub(1)) {
            all.push(Played::Combined(on));
        }
        let fact = histories::fact(of, on, if *of_one { one } else { other });
        let fact = if *of_one { fact } else { of_other(fact) };
        all.push(Played::Fact(*of_one, Box::new(fact)));
    }
    all.push(Played::Run(on.max(day("2028-01-31"))));
    all
}

/// Plays both into stories; what joined is then in the first.
fn play(one: &SignedContract, other: &SignedContract, all: &[Played]) -> (Story, Option<Story>) {
    let how = policy(Convention::ActualDays, Rounding::Cumulative);
    let mut first = Story::sign(one.clone(), how);
    let mut second = Some(Story::sign(other.clone(), how));
    for step in all {
        let outcome = match step {
            Played::Run(through) => {
                let run = Fact::Run { through: *through };
                second.iter_mut().for_each(|story| story.fact(&run));
                first.try_fact(&run).map(drop)
            }
            Played::Combined(on) => match second.take() {
                Some(story) => {
                    let joined = first.try_join(&story, &on.to_string());
                    second = joined.is_err().then_some(story);
                    joined
                }
                None => Ok(()),
            },
            Played::Fact(true, fact) => first.try_fact(fact).map(drop),
            Played::Fact(false, fact) => {
                second.as_mut().unwrap_or(&mut first).try_fact(fact).map(drop)
            }
        };
        if let Err(error) = outcome {
            histories::refused_for_a_reason(&error);
        }
    }
    (first, second)
}

fn is_one(contract: ContractId, story: &Story, on: NaiveDate) -> Result<(), TestCaseError> {
    let at = story.ledger.balances(on, &Filter::contract(usd(), contract)).unwrap();
    let liabilities = at.deferred_revenue + at.refund_liability - at.contract_asset;
    let parts = at.unbilled_backlog + at.conditional_billing + liabilities;
    prop_assert_eq!(at.backlog, parts, "of {} on {}", contract, on);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_global_rejects: 100_000,
        ..ProptestConfig::with_cases(600)
    })]

    /// On every day: backlog of each contract splits without rest, of both together liabilities and asset are
    /// not below zero, and from the day on which they are one never there at once; plans are T - R; the journal
    /// is balanced for each.
    #[test]
    fn identities_hold_for_each_and_for_both(
        (one, other) in pair(),
        happened in happened(),
        joins in 0_usize..10,
        every in 1_u64..120,
    ) {
        let all = played((&one, &other), &happened, (joins, every));
        let (story, apart) = play(&one, &other, &all);
        if apart.is_none() {
            for on in day(BEGIN).iter_days().step_by(17).take(50) {
                is_one(contract_id(), &story, on)?;
                is_one(other_id(), &story, on)?;
            }
            let joined = story.state.accounting[0].portions.more()[0].joined_on.unwrap();
            for on in joined.iter_days().step_by(23).take(40) {
                let parts = story.state.accounting.len();
                let at = story.on(on);
                prop_assert!(at.deferred_revenue >= 0 && at.refund_liability >= 0);
                let both = at.deferred_revenue + at.refund_liability == 0 || at.contract_asset == 0;
                prop_assert!(both || parts > 1, "liability and asset at once on {}", on);
                for obligation in &story.state.obligations {
                    let filter = Filter::obligation(usd(), obligation.id);
                    let own = story.ledger.balances(on, &filter).unwrap();
                    let planned: i128 = story.ledger.schedule(on, &filter).unwrap().values().sum();
                    prop_assert_eq!(planned, own.backlog, "{} on {}", &obligation.key, on);
                }
            }
            let moved: i128 = story.state.portions().map(|(_, of)| of.moved).sum();
            prop_assert_eq!(moved, 0, "price that came from nowhere");
        }
    }

    /// Of every movement nothing is unexplained, and explaining makes the same movements.
    #[test]
    fn nothing_is_unexplained_of_both(
        (one, other) in pair(),
        happened in happened(),
        joins in 0_usize..10,
        every in 1_u64..200,
    ) {
        let how = policy(Convention::ActualDays, Rounding::Cumulative);
        let periods = Periods::default();
        let signed = |contract: &SignedContract| {
            let mut explainer = Explainer::default();
            let fact = Fact::Signed { contract: contract.clone(), policy: how };
            explainer.take(&fact, periods).unwrap();
            explainer
        };
        let (mut first, mut second) = (signed(&one), Some(signed(&other)));
        for step in played((&one, &other), &happened, (joins, every)) {
            let mut taken = Vec::new();
            match step {
                Played::Run(through) => {
                    let run = Fact::Run { through };
                    taken.extend(second.as_mut().map(|of| of.take(&run, periods)));
                    taken.push(first.take(&run, periods));
                }
                Played::Combined(on) => {
                    let joining = second.take().unwrap();
                    let state = first.state().cloned();
                    let joined = first.combine(std::slice::from_ref(&joining), on, periods);
                    if let Ok((_, effects)) = &joined {
                        let states = vec![joining.state().cloned().unwrap()];
                        let fact = Fact::Combined(Combination { joining: states, on });
                        let (_, folded) = crate::fold(state, &fact, periods).unwrap();
                        prop_assert_eq!(&folded, effects);
                    } else {
                        second = Some(joining);
                    }
                    taken.push(joined);
                }
                Played::Fact(true, fact) => taken.push(first.take(&fact, periods)),
                Played::Fact(false, fact) => {
                    taken.push(second.as_mut().unwrap_or(&mut first).take(&fact, periods));
                }
            }
            for taken in taken {
                match taken {
                    Ok((explained, _)) => {
                        for line in &explained.lines {
                            let amount = line.formula.as_ref().map(|f| f.amount().unwrap());
                            prop_assert_eq!(
                                (amount, line.unexplained),
                                (Some(line.movement.amount.minor()), 0),
                                "{:#?} of {:#?}", line, explained
                            );
                        }
                    }
                    Err(EngineError::UnknownObligation(_)) => {}
                    Err(error) => histories::refused_for_a_reason(&error),
                }
            }
        }
    }

    /// Combined on the day on which they are signed, two contracts are what one with all of their obligations
    /// would be: the same price and revenue of each, and the same net position.
    #[test]
    fn combined_at_once_they_are_one(
        made in histories::signed(),
        split in 1_usize..3,
        happened in prop::collection::vec(histories::happening(), 0..12),
        every in 1_u64..90,
    ) {
        prop_assume!(made.obligations.len() > split);
        let how = policy(Convention::ActualDays, Rounding::Cumulative);
        let mut whole = Story::sign(made.clone(), how);
        let (mut one, mut other) = (made.clone(), made.clone());
        other.contract = other_id();
        other.obligations = one.obligations.split_off(split);
        other.variables.clear();
        let own = |id: &ObligationId| one.obligations.iter().any(|known| known.id == *id);
        prop_assume!(one.variables.iter().all(|of| of.applies_to.iter().all(own)));
        let mut two = Story::sign(one.clone(), how);
        two.join(&Story::sign(other, how), BEGIN);
        let (mut on, mut ran) = (day(BEGIN), day(BEGIN));
        for of in &happened {
            on = on + Days::new(of.after);
            while ran + Days::new(every) < on {
                ran = ran + Days::new(every);
                whole.fact(&Fact::Run { through: ran });
                two.fact(&Fact::Run { through: ran });
            }
            // What is done, billed and estimated; prices that change, and adjustments.
            if !matches!(of.kind, 0 | 1 | 4..=9 | 11) {
                continue;
            }
            let fact = histories::fact(of, on, &made);
            let to_other = usize::try_from(of.place).unwrap() >= split && of.kind != 7;
            let same = whole.try_fact(&fact).is_ok();
            let fact = if to_other { named(fact, other_id()) } else { fact };
            prop_assert_eq!(two.try_fact(&fact).is_ok(), same, "{:?}", fact);
        }
        let last = on.max(day("2028-01-31"));
        whole.fact(&Fact::Run { through: last });
        two.fact(&Fact::Run { through: last });
        for on in day(BEGIN).iter_days().step_by(19).take(45) {
            let (all, both) = (whole.on(on), two.on(on));
            prop_assert_eq!((all.tcv, all.recognized), (both.tcv, both.recognized), "{}", on);
            let net = |of: &crate::Balances| of.deferred_revenue + of.refund_liability - of.contract_asset;
            prop_assert_eq!(net(&all), net(&both), "{}", on);
            for obligation in &made.obligations {
                let own = |story: &Story| {
                    let filter = Filter::obligation(usd(), obligation.id);
                    let at = story.ledger.balances(on, &filter).unwrap();
                    (at.transaction_price, at.recognized, at.billed)
                };
                prop_assert_eq!(own(&whole), own(&two), "{} on {}", &obligation.key, on);
            }
        }
        prop_assert!(two.ledger.movements().iter().all(|m| m.measure != Measure::Potential || m.amount.minor() != 0));
    }
}

/// The fact, as it names its contract there.
fn named(fact: Fact, contract: ContractId) -> Fact {
    match fact {
        Fact::Invoiced(fact) => Fact::Invoiced(crate::InvoiceFact { contract, ..fact }),
        Fact::Progressed(fact) => Fact::Progressed(crate::ProgressFact { contract, ..fact }),
        Fact::Reestimated(fact) => Fact::Reestimated(crate::EstimateFact { contract, ..fact }),
        Fact::Amended(fact) => Fact::Amended(crate::AmendmentFact { contract, ..fact }),
        Fact::Adjusted(fact) => Fact::Adjusted(crate::AdjustmentFact { contract, ..fact }),
        other => other,
    }
}
