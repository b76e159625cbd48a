//! Additions at their stand-alone selling price: contracts of their own (606-10-25-12).

use backlog_money::Quantity;
use chrono::NaiveDate;

use crate::{
    allocation::split,
    amend::{AmendmentFact, ObligationChange},
    effects::{Cause, PooledPart, Working},
    error::EngineError,
    facts::SignedObligation,
    legal::{AccountingContract, Portion},
    math::{add, sub, sum},
    method::Method,
    settle::Settlement,
    share::Share,
    state::ContractState,
    term::Term,
};

/// Whether a change only adds what is distinct, at its stand-alone selling price. What is added of an
/// obligation is judged by its increase.
pub(crate) fn is_separate(
    state: &ContractState,
    fact: &AmendmentFact,
) -> Result<bool, EngineError> {
    for change in &fact.changes {
        let method = &state.at(state.place(change.obligation)?)?.method;
        let distinct = change.distinct.unwrap_or(method.remains_distinct());
        let at_ssp = increase(state, change)?.is_some_and(|more| more.price == more.ssp);
        if !distinct || !at_ssp {
            return Ok(false);
        }
    }
    Ok(fact.added.iter().all(is_at_ssp) && can_be_separate(state, fact)?)
}

/// Whether a change only adds something, so that it can be a contract of its own. Errors when it names
/// what the contract does not have.
pub fn can_be_separate(state: &ContractState, fact: &AmendmentFact) -> Result<bool, EngineError> {
    for change in &fact.changes {
        if increase(state, change)?.is_none() {
            return Ok(false);
        }
    }
    Ok(!(fact.changes.is_empty() && fact.added.is_empty()))
}

fn is_at_ssp(added: &SignedObligation) -> bool {
    match (added.price, added.ssp) {
        (Some(price), ssp) => price > 0 && ssp.is_none_or(|ssp| ssp == price),
        (None, _) => added.method.is_metered(),
    }
}

/// Books what a change adds as a contract of its own, whose price its promises share; the contract
/// before it stays as it is.
pub(crate) fn separate(
    settlement: &mut Settlement,
    fact: &AmendmentFact,
) -> Result<(), EngineError> {
    let mut promises = Vec::with_capacity(fact.changes.len().saturating_add(fact.added.len()));
    for change in &fact.changes {
        promises.extend(increase(&settlement.state, change)?);
    }
    let own = settlement.state.legal_of(fact.contract)?.term;
    for added in &fact.added {
        let (price, term) = (added.price.unwrap_or(0), added.term.unwrap_or(own));
        let ssp = added.ssp.unwrap_or(price);
        promises.push(Promise { promised: added.clone(), term, price, ssp });
    }
    let pool = sum(promises.iter().map(|promise| promise.price))?;
    let mut weights: Vec<i128> = promises.iter().map(|promise| promise.ssp.max(0)).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights = vec![1; weights.len()];
    }
    let shares = split(pool, &weights)?;
    let first = settlement.state.obligations.len();
    let of = |(n, (promise, weight)): (usize, (&Promise, &i128))| PooledPart {
        place: first.saturating_add(n),
        earned: 0,
        own: promise.price,
        weight: *weight,
    };
    let parts = promises.iter().zip(&weights).enumerate().map(of).collect();
    settlement.note(Working::Separate { pool, parts });
    let place = settlement.state.accounting.len();
    let part = u32::try_from(place).map_err(|_| EngineError::Overflow)?;
    let own = AccountingContract::of(Portion::new(fact.contract, place));
    settlement.state.accounting.push(own);
    for (promise, share) in promises.into_iter().zip(shares) {
        settlement.state.cover(fact.contract, promise.term)?;
        let promised = (fact.contract, &promise.promised, fact.on);
        let place = settlement.state.promise(promised, promise.term, (part, share))?;
        let price = settlement.state.price_of(place)?;
        settlement.price(place, price, Cause::Amendment, fact.on)?;
        settlement.option(place, Cause::Amendment, fact.on)?;
    }
    Ok(())
}

/// What a separate contract promises. Amounts in minor units.
struct Promise {
    promised: SignedObligation,
    term: Term,
    price: i128,
    ssp: i128,
}

/// What a change adds to an obligation: units, hours or days beyond those promised so far, for more
/// money. None where it does anything else.
fn increase(
    state: &ContractState,
    change: &ObligationChange,
) -> Result<Option<Promise>, EngineError> {
    let places = state.promised_places(change.obligation)?;
    let (mut stated, mut ssp) = (0, 0);
    for place in &places {
        let known = state.at(*place)?;
        stated = add(stated, known.stated.unwrap_or(known.transaction_price))?;
        ssp = add(ssp, known.ssp)?;
    }
    let last = state.at(places.last().copied().ok_or(EngineError::Overflow)?)?;
    let first = state.at(places.first().copied().ok_or(EngineError::Overflow)?)?;
    let Some(price) = change.price.map(|price| sub(price, stated)).transpose()? else {
        return Ok(None);
    };
    if change.remove || price <= 0 || last.ended_on.is_some() {
        return Ok(None);
    }
    let (method, term, scaled) = match (change.total, change.term) {
        (Some(total), term) if term.is_none_or(|term| term == last.term) => {
            let mut before = Quantity::ZERO;
            for place in &places {
                let of = state.at(*place)?.method.total().unwrap_or(Quantity::ZERO);
                before = before.checked_add(of).ok_or(EngineError::Overflow)?;
            }
            let more = total.checked_sub(before).ok_or(EngineError::Overflow)?;
            let Some(method) = last.method.of_total(more) else { return Ok(None) };
            let scaled = Share::scale(ssp, total.scaled(), before.scaled());
            (method, last.term, scaled)
        }
        (None, Some(term)) if matches!(last.method, Method::StraightLine { .. }) => {
            let Some(more) = days_after(last.term.to(), term.to()) else { return Ok(None) };
            if term.from() != first.term.from() {
                return Ok(None);
            }
            let days = |term: Term| i128::from(term.days());
            let before =
                Term::new(first.term.from(), last.term.to()).map_err(|_| EngineError::Overflow)?;
            (last.method.clone(), more, Share::scale(ssp, days(term), days(before)))
        }
        _ => return Ok(None),
    };
    let ssp = sub(change.ssp.unwrap_or(scaled), ssp)?;
    let promised = SignedObligation {
        id: last.id,
        key: last.key.clone(),
        price: Some(price),
        ssp: Some(ssp),
        ssp_range: None,
        residual: false,
        term: Some(term),
        method,
        renewal: None,
    };
    Ok(Some(Promise { promised, term, price, ssp }))
}

fn days_after(last: NaiveDate, to: NaiveDate) -> Option<Term> {
    Term::new(last.succ_opt()?, to).ok()
}

impl Method {
    /// The same method for a number of units or hours; none where nothing is counted or nothing is left.
    fn of_total(&self, of: Quantity) -> Option<Self> {
        if of <= Quantity::ZERO {
            return None;
        }
        match self {
            Self::Units { .. } => Some(Self::Units { total: of }),
            Self::LaborHours { .. } => Some(Self::LaborHours { total: of }),
            Self::PointInTime { gates, .. } => {
                Some(Self::PointInTime { quantity: of, gates: gates.clone() })
            }
            _ => None,
        }
    }
}
