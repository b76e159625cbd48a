//! Changes and terminations explained.

use chrono::NaiveDate;

use super::{
    formula::{Formula, Unit},
    label::Label,
    price::by_use,
    rule::Rule,
    statement::{Draft, Of, Treated},
};
use crate::{
    amend::{AmendmentFact, Treatment},
    effects::{Cause, ChangeOutcome, Effects, Measure, PooledPart, Working},
    error::EngineError,
    math::{add, sub, sum},
    state::{ContractState, ObligationState},
    terminate::{
        self, GivenBack, Refund, TerminationFact, kept_without_contract, weights_without_contract,
    },
};

/// A contract as it was and as it is.
struct Pair<'a> {
    before: &'a ContractState,
    after: &'a ContractState,
}

impl Pair<'_> {
    fn key(&self, place: usize) -> &str {
        self.after.obligations.get(place).map_or("", |obligation| obligation.key.as_str())
    }

    /// T before; none for what is added.
    fn price(&self, place: usize) -> Option<i128> {
        self.before.obligations.get(place).map(|obligation| obligation.transaction_price)
    }

    /// The change of an obligation's own stated price, from what was stated, or T where the contract
    /// states one for all.
    fn own(&self, place: usize, by: i128) -> Result<Formula, EngineError> {
        let Some(obligation) = self.before.obligations.get(place) else {
            return Ok(Formula::figure(Label::AddedPrice, by));
        };
        let before = obligation.stated.unwrap_or(obligation.transaction_price);
        Ok(Formula::figure(Label::StatedPrice, add(before, by)?)
            .less(Formula::figure(Label::StatedPriceBefore, before)))
    }
}

/// A change of the contract, as its workings say it was made.
pub(super) fn amend(
    draft: &mut Draft<'_>,
    before: &ContractState,
    after: &ContractState,
    (fact, effects): (&AmendmentFact, &Effects),
) -> Result<(), EngineError> {
    let pair = Pair { before, after };
    for working in &effects.workings {
        match working {
            Working::Treated { proposed, used } => {
                draft.treatment = Some(Treated { proposed: *proposed, used: *used });
            }
            Working::Changed { place, outcome, own } => {
                changed(draft, &pair, (*place, fact.on), (*outcome, *own))?;
            }
            Working::Pooled { pool, parts } => pooled(draft, &pair, fact.on, (*pool, parts))?,
            Working::Separate { pool, parts } => {
                separate(draft, &pair, fact.on, (*pool, parts))?;
            }
            // Said by explanations of their own, whatever the fact.
            Working::Bound { .. }
            | Working::Conditional { .. }
            | Working::Interest { .. }
            | Working::Combined { .. }
            | Working::Potential { .. } => {}
        }
    }
    let used = draft.treatment.map(|treated| treated.used);
    let first = before.obligations.len();
    for (place, added) in after.obligations.iter().enumerate().skip(first) {
        if added.method.is_metered() && used != Some(Treatment::Separate) {
            let moved = (Cause::Amendment, Measure::TransactionPrice, fact.on);
            let formula = Formula::figure(Label::Minimum, added.metered_price()?);
            draft.expect(Of::Place(place), moved, Rule::MeteredPrice, formula);
        }
    }
    Ok(())
}

/// What a change makes of an obligation whose price is not pooled.
fn changed(
    draft: &mut Draft<'_>,
    pair: &Pair<'_>,
    (place, on): (usize, NaiveDate),
    (outcome, own): (ChangeOutcome, i128),
) -> Result<(), EngineError> {
    let (rule, formula) = match outcome {
        ChangeOutcome::Pooled => return Ok(()),
        ChangeOutcome::Rated => {
            let (old, new) = (pair.before.at(place)?, pair.after.at(place)?);
            let given_up = new.meters.last().is_some_and(|meter| meter.ended);
            let rule = if given_up { Rule::PartialTermination } else { Rule::Prospective };
            return by_use(draft, (place, on), (Cause::Amendment, rule), (old, new));
        }
        ChangeOutcome::GivenUp => {
            let before = pair.price(place).unwrap_or(0);
            let left = add(before, own)?;
            let earned = pair.before.at(place)?.earned_before(on)?;
            let label = if left == earned { Label::EarnedBefore } else { Label::StillOwed };
            let before = Formula::figure(Label::TransactionPriceBefore, before);
            (Rule::PartialTermination, Formula::figure(label, left).less(before))
        }
        ChangeOutcome::CaughtUp => (Rule::CatchUp, pair.own(place, own)?),
    };
    let moved = (Cause::Amendment, Measure::TransactionPrice, on);
    draft.expect(Of::Place(place), moved, rule, formula);
    Ok(())
}

/// The price of what is added as a contract of its own, by stand-alone selling prices.
fn separate(
    draft: &mut Draft<'_>,
    pair: &Pair<'_>,
    on: NaiveDate,
    (pool, parts): (i128, &[PooledPart]),
) -> Result<(), EngineError> {
    let weights: Vec<i128> = parts.iter().map(|part| part.weight).collect();
    for (n, part) in parts.iter().enumerate() {
        let share = Formula::figure(Label::AddedPrice, pool);
        let share = if parts.len() == 1 { share } else { share.split(&weights, n) };
        let added = pair.after.at(part.place)?;
        let formula = match added.method.is_metered() {
            true => share.plus(Formula::figure(Label::Minimum, added.metered_price()?)),
            false => share,
        };
        let moved = (Cause::Amendment, Measure::TransactionPrice, on);
        draft.expect(Of::Place(part.place), moved, Rule::SeparateContract, formula);
    }
    Ok(())
}

/// The price not yet earned and the new price, over what remains, by stand-alone selling prices.
fn pooled(
    draft: &mut Draft<'_>,
    pair: &Pair<'_>,
    on: NaiveDate,
    (pool, parts): (i128, &[PooledPart]),
) -> Result<(), EngineError> {
    let formula = pool_of(draft, pair, parts)?;
    // What an addition brings in without taking part, such as a price beside a meter.
    let rest = sub(pool, formula.amount()?)?;
    let formula = formula.plus_figure(Label::AddedPrice, rest);
    draft.step((Label::Pool, None), Rule::Prospective, formula)?;
    let weights: Vec<i128> = parts.iter().map(|part| part.weight).collect();
    for (n, part) in parts.iter().enumerate() {
        let of = Of::Place(part.place);
        let moved = (Cause::Amendment, Measure::TransactionPrice, on);
        draft.expect(of, moved, Rule::Prospective, pair.own(part.place, part.own)?);
        let share = Formula::figure(Label::Pool, pool);
        let share = if parts.len() == 1 { share } else { share.split(&weights, n) };
        let stated = add(pair.price(part.place).unwrap_or(0), part.own)?;
        let formula = match part.earned {
            0 => share,
            earned => Formula::figure(Label::EarnedBefore, earned).plus(share),
        };
        let formula = formula.less(Formula::figure(Label::TransactionPriceStated, stated));
        let moved = (Cause::Reallocation, Measure::TransactionPrice, on);
        draft.expect(of, moved, Rule::Prospective, formula);
    }
    Ok(())
}

/// What the parts of a pool bring in, and what each weighs.
fn pool_of(
    draft: &mut Draft<'_>,
    pair: &Pair<'_>,
    parts: &[PooledPart],
) -> Result<Formula, EngineError> {
    let mut terms = Vec::new();
    for part in parts {
        let key = pair.key(part.place);
        if let Some(price) = pair.price(part.place) {
            let open = Formula::figure(Label::TransactionPriceBefore, price)
                .less(Formula::figure(Label::EarnedBefore, part.earned));
            let open = draft.step((Label::Unearned, Some(key)), Rule::Prospective, open)?;
            terms.push((false, Formula::figure_of(Label::Unearned, key, open)));
        }
        if part.own != 0 {
            let label = match pair.price(part.place) {
                Some(_) => Label::PriceChange,
                None => Label::AddedPrice,
            };
            terms.push((false, Formula::figure_of(label, key, part.own)));
        }
        weight(draft, pair, part)?;
    }
    Ok(Formula::Sum(terms))
}

/// What an obligation weighs in a pool: the stand-alone selling price of what remains of it.
fn weight(draft: &mut Draft<'_>, pair: &Pair<'_>, part: &PooledPart) -> Result<(), EngineError> {
    let obligation = pair.after.at(part.place)?;
    let phase = obligation.phases.last();
    let (done, of) = phase.map_or((0, 1), |phase| phase.satisfied.parts());
    let rest = (sub(of, done)?, of);
    let formula = Formula::figure(Label::StandAlonePrice, obligation.ssp).share(rest, Unit::Parts);
    // Where nothing that remains has a price of its own, all weigh alike.
    if formula.amount()?.max(0) == part.weight {
        let what = (Label::RemainingStandAlone, Some(obligation.key.as_str()));
        draft.step(what, Rule::Prospective, formula)?;
    }
    Ok(())
}

/// The end of a contract: what is earned, kept and owed, and the rest that leaves.
pub(super) fn terminate(
    draft: &mut Draft<'_>,
    before: &ContractState,
    fact: &TerminationFact,
) -> Result<(), EngineError> {
    if before.standing.not_yet().is_some() {
        return ended_without_contract(draft, before, fact);
    }
    let contract = fact.contract;
    let earned = |of: &ObligationState| {
        if fact.keep_earned { of.earned_before(fact.on) } else { Ok(0) }
    };
    let weights =
        before.weights_of(contract, |of| Ok(sub(of.transaction_price, earned(of)?)?.max(0)))?;
    let earned = before.each_of(contract, earned)?;
    let total = sum(earned.iter().copied())?;
    let billed = sum(before.each_of(contract, |of| Ok(of.billed))?)?;
    let earned_all = || Formula::figure(Label::EarnedBefore, total);
    let kept = match fact.refund {
        Refund::Amount(amount) if fact.keep_earned => {
            let kept = Formula::figure(Label::Billed, billed)
                .less(Formula::figure(Label::Refunded, amount));
            earned_all().at_least(kept)
        }
        Refund::Amount(_) | Refund::All | Refund::Unearned => earned_all(),
    };
    let kept = kept.plus_figure(Label::Penalty, fact.penalty);
    let kept = draft.step((Label::KeptPrice, None), Rule::Termination, kept)?;
    let beyond = Formula::figure(Label::KeptPrice, kept).less(earned_all());
    let beyond = draft.step((Label::OwedBeyond, None), Rule::Termination, beyond)?;
    let own: Vec<usize> = before.places_of(contract).collect();
    for place in own.iter().copied() {
        let obligation = before.at(place)?;
        let price = Formula::figure(Label::EarnedBefore, earned.get(place).copied().unwrap_or(0));
        let share = Formula::figure(Label::OwedBeyond, beyond);
        let price = match (beyond, own.len()) {
            (0, _) => price,
            (_, 1) => price.plus(share),
            _ => price.plus(share.split(&weights, place)),
        };
        let price_before = obligation.transaction_price;
        let formula = price.less(Formula::figure(Label::TransactionPriceBefore, price_before));
        let moved = (Cause::Termination, Measure::TransactionPrice, fact.on);
        draft.expect(Of::Place(place), moved, Rule::Termination, formula);
    }
    given_back(draft, before, fact)
}

/// Price that comes back to the contracts that it was combined with, by what of each is not earned.
fn given_back(
    draft: &mut Draft<'_>,
    before: &ContractState,
    fact: &TerminationFact,
) -> Result<(), EngineError> {
    let GivenBack { moved, open, amount, weights } = terminate::given_back(before, fact)?;
    if amount == 0 {
        return Ok(());
    }
    let back = Formula::figure(Label::MovedPrice, moved).share(open.parts(), Unit::Parts);
    draft.step((Label::GivenBack, None), Rule::Prospective, back)?;
    for place in 0..before.obligations.len() {
        let share = Formula::figure(Label::GivenBack, amount).split(&weights, place);
        let moved = (Cause::Termination, Measure::TransactionPrice, fact.on);
        draft.expect(Of::Place(place), moved, Rule::Prospective, share);
    }
    Ok(())
}

/// The end of what never became a contract: what is kept of what was received, and the penalty.
fn ended_without_contract(
    draft: &mut Draft<'_>,
    before: &ContractState,
    fact: &TerminationFact,
) -> Result<(), EngineError> {
    let kept = match fact.refund {
        Refund::Amount(amount) => Formula::figure(Label::Cash, before.received()?)
            .less(Formula::figure(Label::Refunded, amount))
            .at_least(Formula::figure(Label::Zero, 0)),
        Refund::All | Refund::Unearned => {
            Formula::figure(Label::Zero, kept_without_contract(before, fact)?)
        }
    };
    let kept = kept.plus_figure(Label::Penalty, fact.penalty);
    let kept = draft.step((Label::KeptPrice, None), Rule::EndsWithoutContract, kept)?;
    let weights = weights_without_contract(before);
    for place in 0..before.obligations.len() {
        let share = Formula::figure(Label::KeptPrice, kept);
        let share = match before.obligations.len() {
            1 => share,
            _ => share.split(&weights, place),
        };
        let moved = (Cause::Booking, Measure::TransactionPrice, fact.on);
        draft.expect(Of::Place(place), moved, Rule::EndsWithoutContract, share);
    }
    Ok(())
}
