//! Changes of a contract (606-10-25-10 to 25-13): what they are, and what they do.

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId};
use backlog_money::Quantity;
use chrono::NaiveDate;

use crate::{
    allocation::split,
    effects::{Cause, ChangeOutcome, Effects, PooledPart, Working},
    error::EngineError,
    facts::{Clause, SignedObligation},
    math::{add, sub},
    meter::{MeterChange, remeter},
    method::Method,
    periods::Periods,
    phase::{BEGINNING, Phase, Spread},
    separate::{can_be_separate, is_separate, separate},
    settle::Settlement,
    share::Share,
    state::{ContractState, ObligationState},
    term::Term,
};

/// A change that the parties approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendmentFact {
    /// The contract.
    pub contract: ContractId,
    /// First day on which it holds.
    pub on: NaiveDate,
    /// Obligations that change.
    pub changes: Vec<ObligationChange>,
    /// Promises that are added.
    pub added: Vec<SignedObligation>,
    /// How it is accounted for; as proposed where none is given.
    pub treatment: Option<Treatment>,
    /// On what terms it can be ended early from then on; as before where none are given.
    pub clauses: Option<Vec<Clause>>,
}

/// A change of one obligation: new totals over its whole life. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObligationChange {
    /// The obligation.
    pub obligation: ObligationId,
    /// New stated price.
    pub price: Option<i128>,
    /// New total of units or hours.
    pub total: Option<Quantity>,
    /// New term.
    pub term: Option<Term>,
    /// New stand-alone selling price of the whole.
    pub ssp: Option<i128>,
    /// Whether what remains of it is given up; the price is then what stays owed for it.
    pub remove: bool,
    /// Whether what remains is distinct from what was transferred; by its method where none is given.
    pub distinct: Option<bool>,
    /// New terms of metered use, for what is metered only.
    pub meter: MeterChange,
}

/// How a change is accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// As a contract of its own (25-12).
    Separate,
    /// As if the old contract ended and a new one began (25-13a).
    Prospective,
    /// As part of the contract, measured anew (25-13b).
    CatchUp,
    /// Distinct obligations as the first, others as the second (25-13c).
    Mixed,
}

impl Treatment {
    /// Its name in lower snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Separate => "separate",
            Self::Prospective => "prospective",
            Self::CatchUp => "catch_up",
            Self::Mixed => "mixed",
        }
    }
}

/// What a change makes of an obligation.
struct Changed {
    place: usize,
    distinct: bool,
    /// By how much the stated price changes.
    price: i128,
    removed: bool,
}

impl Changed {
    const fn outcome(&self) -> ChangeOutcome {
        match (self.removed, self.distinct) {
            (true, _) => ChangeOutcome::GivenUp,
            (false, true) => ChangeOutcome::Pooled,
            (false, false) => ChangeOutcome::CaughtUp,
        }
    }
}

/// How a change is to be accounted for by the standard: it only adds what is distinct at its
/// stand-alone selling price; else what remains of each obligation that it touches is distinct from
/// the past, is not, or both.
pub fn propose(state: &ContractState, fact: &AmendmentFact) -> Result<Treatment, EngineError> {
    if is_separate(state, fact)? {
        return Ok(Treatment::Separate);
    }
    let mut distinct = !fact.added.is_empty();
    let mut same = false;
    for change in &fact.changes {
        let place = state.place(change.obligation)?;
        let obligation = state.obligations.get(place).ok_or(EngineError::Overflow)?;
        match change.distinct.unwrap_or(obligation.method.remains_distinct()) {
            true => distinct = true,
            false => same = true,
        }
    }
    Ok(match (distinct, same) {
        (true, true) => Treatment::Mixed,
        (false, true) => Treatment::CatchUp,
        (_, false) => Treatment::Prospective,
    })
}

/// Accounts for a change. T changes at once; revenue that it catches up is posted by the next run, on
/// the day of the change. Errors when it does not fit the contract.
pub(crate) fn amend(
    state: ContractState,
    fact: &AmendmentFact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let (proposed, treatment) = (propose(&state, fact)?, treatment_of(&state, fact)?);
    let mut settlement = Settlement::of(state, periods);
    settlement.note(Working::Treated { proposed, used: treatment });
    if let Some(clauses) = &fact.clauses {
        settlement.state.legal_mut(fact.contract)?.clauses.clone_from(clauses);
    }
    if treatment == Treatment::Separate {
        separate(&mut settlement, fact)?;
        return settlement.finish(fact.on);
    }
    let mut changed = Vec::with_capacity(fact.changes.len());
    for change in &fact.changes {
        for (place, change) in settlement.state.of_change(change)? {
            // With a price that stays owed, what is given up is no matter of the meter any more.
            if settlement.state.at(place)?.method.is_metered() && change.price.is_none() {
                let own = remeter(&mut settlement, (place, fact.on), &change)?;
                settlement.note(Working::Changed { place, outcome: ChangeOutcome::Rated, own });
                continue;
            }
            changed.push(restate(&mut settlement.state, (place, fact.on), &change, treatment)?);
        }
    }
    for change in &mut changed {
        let obligation = settlement.state.obligations.get(change.place);
        // Where nothing remains, only the past is left to measure.
        let remains = obligation.map(|o| o.takes_part(fact.on)).transpose()?.unwrap_or(false);
        change.distinct &= remains;
    }
    // Each accounting contract that the change touches has a price of its own to share again.
    let mut pools: BTreeMap<usize, i128> = BTreeMap::new();
    for change in &changed {
        let part = settlement.state.part_of(Some(change.place));
        let (place, outcome, own) = (change.place, change.outcome(), change.price);
        settlement.note(Working::Changed { place, outcome, own });
        match (change.removed, change.distinct) {
            (true, _) => give_up(&mut settlement, fact.on, change)?,
            (false, true) => {
                let pool = pools.entry(part).or_default();
                *pool = add(*pool, change.price)?;
            }
            (false, false) => catch_up(&mut settlement, fact.on, change)?,
        }
    }
    if !fact.added.is_empty() {
        let first = changed.first().map(|change| change.place);
        let part = settlement.state.part_of(first);
        let pool = pools.entry(part).or_default();
        *pool = add(*pool, promise_all(&mut settlement, fact, part)?)?;
    }
    for pool in pools {
        prospective(&mut settlement, fact, &changed, pool)?;
    }
    settlement.finish(fact.on)
}

/// The treatment stated, where it is possible, or proposed.
fn treatment_of(state: &ContractState, fact: &AmendmentFact) -> Result<Treatment, EngineError> {
    match fact.treatment {
        Some(Treatment::Separate) if !can_be_separate(state, fact)? => propose(state, fact),
        Some(treatment) => Ok(treatment),
        None => propose(state, fact),
    }
}

/// Takes in what is added to an accounting contract, at no share of its price yet; answers the price
/// that it brings.
fn promise_all(
    settlement: &mut Settlement,
    fact: &AmendmentFact,
    part: usize,
) -> Result<i128, EngineError> {
    let part = u32::try_from(part).map_err(|_| EngineError::Overflow)?;
    let mut pool = 0;
    let own = settlement.state.legal_of(fact.contract)?.term;
    for promised in &fact.added {
        pool = add(pool, promised.price.unwrap_or(0))?;
        let term = promised.term.unwrap_or(own);
        let promise = (fact.contract, promised, fact.on);
        let place = settlement.state.promise(promise, term, (part, 0))?;
        settlement.option(place, Cause::Amendment, fact.on)?;
        if promised.method.is_metered() {
            let committed = settlement.state.price_of(place)?;
            settlement.price(place, committed, Cause::Amendment, fact.on)?;
        }
    }
    Ok(pool)
}

/// Writes new totals into the obligation at a place, its phases aside.
fn restate(
    state: &mut ContractState,
    (place, on): (usize, NaiveDate),
    change: &ObligationChange,
    treatment: Treatment,
) -> Result<Changed, EngineError> {
    let obligation = state.obligations.get_mut(place).ok_or(EngineError::Overflow)?;
    let metered = obligation.method.is_metered() && !change.remove;
    if metered || obligation.ended_on.is_some() || change.meter != MeterChange::default() {
        return Err(EngineError::UnfitChange(obligation.key.clone()));
    }
    obligation.last_phase(on)?;
    let own = change.distinct.unwrap_or(obligation.method.remains_distinct());
    let distinct = match treatment {
        Treatment::Prospective | Treatment::Separate => true,
        Treatment::CatchUp => false,
        Treatment::Mixed => own,
    };
    let stated = obligation.stated.unwrap_or(obligation.transaction_price);
    let price = match (change.remove, change.price) {
        (true, None) => sub(obligation.earned_before(on)?, obligation.transaction_price)?,
        (true, Some(owed)) => sub(owed, obligation.transaction_price)?,
        (false, Some(price)) => sub(price, stated)?,
        (false, None) => 0,
    };
    if change.price.is_some() {
        obligation.stated = change.price;
    }
    obligation.resize(change)?;
    if let Some(term) = change.term {
        obligation.term = term;
    }
    let (contract, term) = (obligation.contract, obligation.term);
    state.cover(contract, term)?;
    Ok(Changed { place, distinct, price, removed: change.remove })
}

impl ObligationState {
    /// Sets a new total of units or hours; the price of all of them follows where none is given.
    fn resize(&mut self, change: &ObligationChange) -> Result<(), EngineError> {
        let before = self.promised()?;
        if let Some(new) = change.total {
            match &mut self.method {
                Method::Units { total } | Method::LaborHours { total } => *total = new,
                Method::PointInTime { quantity, .. } => *quantity = new,
                _ => return Err(EngineError::UnfitChange(self.key.clone())),
            }
            if new <= Quantity::ZERO {
                return Err(EngineError::UnfitChange(self.key.clone()));
            }
        }
        match change.ssp {
            Some(ssp) => self.ssp = ssp,
            None if change.total.is_some() => {
                self.ssp = Share::scale(self.ssp, self.promised()?, before);
            }
            None => {
                if let Some(term) = change.term {
                    let days = |term: Term| i128::from(term.days());
                    self.ssp = Share::scale(self.ssp, days(term), days(self.term));
                }
            }
        }
        Ok(())
    }

    /// How the whole promise is earned, by its totals as they now are.
    fn spread_anew(&self, spread: Spread) -> Result<Spread, EngineError> {
        Ok(match spread {
            Spread::Time { convention, since, rounding, .. } => {
                Spread::Time { term: self.term, convention, since, rounding }
            }
            Spread::Measured { before, at_cost, .. } => {
                Spread::Measured { before, total: self.promised()?, at_cost }
            }
            Spread::Metered | Spread::AtOnce => spread,
        })
    }
}

/// Measures an obligation anew over its whole life (25-13b): earlier changes that left the past alone
/// still do.
fn catch_up(
    settlement: &mut Settlement,
    on: NaiveDate,
    changed: &Changed,
) -> Result<(), EngineError> {
    let place = changed.place;
    settlement.begin(place, (on, Cause::Amendment), |obligation| {
        let last = obligation.last_phase(on)?.clone();
        let spread = obligation.spread_anew(last.spread)?;
        let price = add(last.price, changed.price)?;
        // What another policy left to the one before is no earlier change: its price is measured too.
        let carved = match last.by_policy {
            true => add(last.carved, last.satisfied.apply(changed.price)?)?,
            false => last.carved,
        };
        Ok(Phase { from: on, price, carved, spread, posted_ahead: 0, ..last })
    })
}

/// Gives up what remains of an obligation: its price becomes what is earned, or what stays owed for it,
/// which is then earned at once.
fn give_up(
    settlement: &mut Settlement,
    on: NaiveDate,
    changed: &Changed,
) -> Result<(), EngineError> {
    let place = changed.place;
    settlement.begin(place, (on, Cause::Amendment), |obligation| {
        let price = add(obligation.transaction_price, changed.price)?;
        let carved = obligation.earned_before(on)?;
        let (satisfied, spread) = (Share::WHOLE, Spread::AtOnce);
        Ok(Phase { from: on, price, carved, satisfied, spread, posted_ahead: 0, by_policy: false })
    })
}

/// What an obligation brings into the pool of a prospective change.
struct Remaining {
    place: usize,
    earned: i128,
    satisfied: Share,
    spread: Spread,
    /// Stand-alone selling price of what remains.
    weight: i128,
    /// What the change of its own stated price is.
    own: i128,
}

/// Ends the old contract and begins a new one (25-13a): the price not yet earned and the new price,
/// over all distinct goods and services that remain, by their stand-alone selling prices.
fn prospective(
    settlement: &mut Settlement,
    fact: &AmendmentFact,
    changed: &[Changed],
    (part, mut pool): (usize, i128),
) -> Result<(), EngineError> {
    let first_added = settlement.state.obligations.len().saturating_sub(fact.added.len());
    let mut remaining = Vec::new();
    for (place, obligation) in settlement.state.obligations.iter().enumerate() {
        let own = changed.iter().find(|change| change.place == place);
        let apart = own.is_some_and(|change| change.removed || !change.distinct);
        // What is added brings its price into the pool, so it takes part even if its term is over.
        let added = place >= first_added && !obligation.method.is_metered();
        let elsewhere = settlement.state.part_of(Some(place)) != part;
        if elsewhere || apart || !(added || obligation.takes_part(fact.on)?) {
            continue;
        }
        let rest = obligation.remaining(place, fact.on)?;
        pool = add(pool, sub(obligation.transaction_price, rest.earned)?)?;
        let price = match own {
            Some(change) => change.price,
            None if place >= first_added => obligation.stated.unwrap_or(0),
            None => 0,
        };
        remaining.push(Remaining { own: price, ..rest });
    }
    let mut weights: Vec<i128> = remaining.iter().map(|part| part.weight).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights = vec![1; weights.len()];
    }
    let shares = split(pool, &weights)?;
    let parts = remaining.iter().zip(&weights).map(|(part, weight)| PooledPart {
        place: part.place,
        earned: part.earned,
        own: part.own,
        weight: *weight,
    });
    settlement.note(Working::Pooled { pool, parts: parts.collect() });
    for (part, share) in remaining.iter().zip(shares) {
        let price = add(part.earned, share)?;
        settlement.change(part.place, fact.on, |obligation| {
            obligation.begin(Phase {
                from: if part.place >= first_added { BEGINNING } else { fact.on },
                price,
                carved: part.earned,
                satisfied: part.satisfied,
                spread: part.spread,
                posted_ahead: 0,
                by_policy: false,
            })
        })?;
        let before = settlement.state.obligations.get(part.place);
        let before = before.map_or(0, |obligation| obligation.transaction_price);
        settlement.price(part.place, add(before, part.own)?, Cause::Amendment, fact.on)?;
        settlement.price(part.place, price, Cause::Reallocation, fact.on)?;
    }
    Ok(())
}

impl ObligationState {
    /// Whether a prospective change of its contract shares the price over what remains of it: what is
    /// satisfied and was not raised again takes no part.
    pub(crate) fn takes_part(&self, on: NaiveDate) -> Result<bool, EngineError> {
        // What is for a part of a series stays with it (606-10-32-45).
        let apart = self.method.is_metered() || self.of_variable.is_some();
        if apart || self.ended_on.is_some() {
            return Ok(false);
        }
        let last = self.last_phase(on)?;
        let raised = self.spread_anew(last.spread)? != last.spread;
        Ok(raised || self.satisfied_before(on)? != Share::WHOLE)
    }

    fn remaining(&self, place: usize, on: NaiveDate) -> Result<Remaining, EngineError> {
        let last = self.last_phase(on)?;
        let earned = self.earned_before(on)?;
        let whole = self.spread_anew(last.spread)?;
        let rest = self.left(whole, on);
        // The share that remains of the whole promise as it now is.
        let probe = Phase {
            from: on,
            price: self.transaction_price,
            carved: 0,
            satisfied: Share::NONE,
            spread: whole_of(whole),
            posted_ahead: 0,
            by_policy: false,
        };
        let day = on.pred_opt().unwrap_or(on);
        let done = probe.earning(self)?.share(day);
        let weight = done.rest().apply(self.ssp)?.max(0);
        Ok(Remaining { place, earned, satisfied: done, spread: rest, weight, own: 0 })
    }
}

/// The spread over the whole life, whatever earlier phases took.
const fn whole_of(spread: Spread) -> Spread {
    match spread {
        Spread::Time { term, convention, rounding, .. } => {
            Spread::Time { term, convention, since: None, rounding }
        }
        Spread::Measured { total, .. } => Spread::Measured { before: 0, total, at_cost: 0 },
        Spread::Metered | Spread::AtOnce => spread,
    }
}
