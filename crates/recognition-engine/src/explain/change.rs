//! Changes and terminations explained.

use backlog_ids::ObligationId;

use super::{
    formula::{Formula, Unit},
    label::Label,
    rule::Rule,
    statement::{Draft, Treated},
};
use crate::{
    amend::{AmendmentFact, ObligationChange},
    effects::{Cause, ChangeOutcome, Effects, Measure, PooledPart, Working},
    error::EngineError,
    math::{add, sub, sum},
    state::{ContractState, ObligationState},
    terminate::{Refund, TerminationFact},
};

/// A contract as it was and as it is.
struct Pair<'a> {
    before: &'a ContractState,
    after: &'a ContractState,
}

impl Pair<'_> {
    fn key(&self, id: ObligationId) -> &str {
        let found = self.after.obligations.iter().find(|o| o.id == id);
        found.map_or("", |obligation| obligation.key.as_str())
    }

    /// T before; none for what is added.
    fn price(&self, id: ObligationId) -> Option<i128> {
        let found = self.before.obligations.iter().find(|o| o.id == id);
        found.map(|obligation| obligation.transaction_price)
    }

    /// The stated price before, or T where the contract states one for all.
    fn stated(&self, id: ObligationId) -> i128 {
        let found = self.before.obligations.iter().find(|o| o.id == id);
        found.map_or(0, |obligation| obligation.stated.unwrap_or(obligation.transaction_price))
    }
}

/// A change of the contract, as its workings say it was made.
pub(super) fn amend(
    draft: &mut Draft,
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
            Working::Changed { obligation, outcome } => {
                let change = fact.changes.iter().find(|change| change.obligation == *obligation);
                if let Some(change) = change {
                    changed(draft, &pair, (fact, change), *outcome)?;
                }
            }
            Working::Pooled { pool, parts } => pooled(draft, &pair, fact, (*pool, parts))?,
        }
    }
    for added in fact.added.iter().filter(|added| added.method.is_metered()) {
        let price = after.obligations.iter().find(|o| o.id == added.id);
        let price = price.map_or(Ok(0), ObligationState::metered_price)?;
        let moved = (Cause::Amendment, Measure::TransactionPrice, fact.on);
        let formula = Formula::figure(Label::Minimum, price);
        draft.expect(Some(added.id), moved, Rule::MeteredPrice, formula);
    }
    Ok(())
}

/// What a change makes of an obligation whose price is not pooled.
fn changed(
    draft: &mut Draft,
    pair: &Pair<'_>,
    (fact, change): (&AmendmentFact, &ObligationChange),
    outcome: ChangeOutcome,
) -> Result<(), EngineError> {
    let id = change.obligation;
    let (rule, formula) = match outcome {
        ChangeOutcome::Pooled => return Ok(()),
        ChangeOutcome::GivenUp => {
            let left = match change.price {
                Some(owed) => Formula::figure(Label::StillOwed, owed),
                None => {
                    let obligation = pair.before.obligations.iter().find(|o| o.id == id);
                    let earned = obligation.map_or(Ok(0), |o| o.earned_before(fact.on))?;
                    Formula::figure(Label::EarnedBefore, earned)
                }
            };
            let before = pair.price(id).unwrap_or(0);
            let before = Formula::figure(Label::TransactionPriceBefore, before);
            (Rule::PartialTermination, left.less(before))
        }
        ChangeOutcome::CaughtUp => match own(pair, change) {
            Some(formula) => (Rule::CatchUp, formula),
            None => return Ok(()),
        },
    };
    let moved = (Cause::Amendment, Measure::TransactionPrice, fact.on);
    draft.expect(Some(id), moved, rule, formula);
    Ok(())
}

/// The change of an obligation's own stated price.
fn own(pair: &Pair<'_>, change: &ObligationChange) -> Option<Formula> {
    let price = change.price?;
    let before = Formula::figure(Label::StatedPriceBefore, pair.stated(change.obligation));
    Some(Formula::figure(Label::StatedPrice, price).less(before))
}

/// The price not yet earned and the new price, over what remains, by stand-alone selling prices.
fn pooled(
    draft: &mut Draft,
    pair: &Pair<'_>,
    fact: &AmendmentFact,
    (pool, parts): (i128, &[PooledPart]),
) -> Result<(), EngineError> {
    let mut sum_of: Option<Formula> = None;
    let mut collect = |formula: Formula| {
        sum_of = Some(match sum_of.take() {
            Some(sum) => sum.plus(formula),
            None => formula,
        });
    };
    for part in parts {
        let key = pair.key(part.obligation);
        if let Some(price) = pair.price(part.obligation) {
            let open = Formula::figure(Label::TransactionPriceBefore, price)
                .less(Formula::figure(Label::EarnedBefore, part.earned));
            let open = draft.step((Label::Unearned, Some(key)), Rule::Prospective, open)?;
            collect(Formula::figure_of(Label::Unearned, key, open));
        }
        if part.own != 0 {
            let label = match pair.price(part.obligation) {
                Some(_) => Label::PriceChange,
                None => Label::AddedPrice,
            };
            collect(Formula::figure_of(label, key, part.own));
        }
        weight(draft, pair, part)?;
    }
    let formula = sum_of.unwrap_or_else(|| Formula::figure(Label::Pool, 0));
    // What an addition brings in without taking part, such as a price beside a meter.
    let rest = sub(pool, formula.amount()?)?;
    let formula = formula.plus_figure(Label::AddedPrice, rest);
    draft.step((Label::Pool, None), Rule::Prospective, formula)?;
    let weights: Vec<i128> = parts.iter().map(|part| part.weight).collect();
    for (place, part) in parts.iter().enumerate() {
        let id = Some(part.obligation);
        let moved = (Cause::Amendment, Measure::TransactionPrice, fact.on);
        let change = fact.changes.iter().find(|change| change.obligation == part.obligation);
        let added = || Formula::figure(Label::AddedPrice, part.own);
        let formula = change.and_then(|change| own(pair, change)).unwrap_or_else(added);
        draft.expect(id, moved, Rule::Prospective, formula);
        let share = Formula::figure(Label::Pool, pool);
        let share = if parts.len() == 1 { share } else { share.split(&weights, place) };
        let stated = add(pair.price(part.obligation).unwrap_or(0), part.own)?;
        let formula = match part.earned {
            0 => share,
            earned => Formula::figure(Label::EarnedBefore, earned).plus(share),
        };
        let formula = formula.less(Formula::figure(Label::TransactionPriceStated, stated));
        let moved = (Cause::Reallocation, Measure::TransactionPrice, fact.on);
        draft.expect(id, moved, Rule::Prospective, formula);
    }
    Ok(())
}

/// What an obligation weighs in a pool: the stand-alone selling price of what remains of it.
fn weight(draft: &mut Draft, pair: &Pair<'_>, part: &PooledPart) -> Result<(), EngineError> {
    let obligation = pair.after.obligations.iter().find(|o| o.id == part.obligation);
    let Some(obligation) = obligation else { return Ok(()) };
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
    draft: &mut Draft,
    before: &ContractState,
    fact: &TerminationFact,
) -> Result<(), EngineError> {
    let mut earned = Vec::with_capacity(before.obligations.len());
    let mut weights = Vec::with_capacity(before.obligations.len());
    for obligation in &before.obligations {
        let own = if fact.keep_earned { obligation.earned_before(fact.on)? } else { 0 };
        weights.push(sub(obligation.transaction_price, own)?.max(0));
        earned.push(own);
    }
    if weights.iter().all(|weight| *weight == 0) {
        weights = (0..earned.len()).map(|place| i128::from(place == 0)).collect();
    }
    let total = sum(earned.iter().copied())?;
    let billed = sum(before.obligations.iter().map(|o| o.billed))?;
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
    for (place, (obligation, earned)) in before.obligations.iter().zip(&earned).enumerate() {
        let price = Formula::figure(Label::EarnedBefore, *earned);
        let share = Formula::figure(Label::OwedBeyond, beyond);
        let price = match (beyond, before.obligations.len()) {
            (0, _) => price,
            (_, 1) => price.plus(share),
            _ => price.plus(share.split(&weights, place)),
        };
        let price_before = obligation.transaction_price;
        let formula = price.less(Formula::figure(Label::TransactionPriceBefore, price_before));
        let moved = (Cause::Termination, Measure::TransactionPrice, fact.on);
        draft.expect(Some(obligation.id), moved, Rule::Termination, formula);
    }
    Ok(())
}
