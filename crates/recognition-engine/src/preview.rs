//! What a signature, an amendment or a termination would do, under each treatment that is possible.

use chrono::NaiveDate;

use crate::{
    amend::{AmendmentFact, Treatment, propose},
    error::EngineError,
    explain::{Explained, Explainer},
    facts::Fact,
    math::{add, sub, sum},
    periods::Periods,
    separate::can_be_separate,
    state::{ContractState, ObligationState},
};

/// What a change would do under one treatment. Amounts in minor units, sums over the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The treatment; none for a signature or a termination.
    pub treatment: Option<Treatment>,
    /// Whether it is what the standard's rules propose.
    pub proposed: bool,
    /// T before.
    pub price_before: i128,
    /// T after.
    pub price_after: i128,
    /// Revenue for performance before the change that is caught up by it.
    pub catch_up: i128,
    /// T - R before, as posted.
    pub backlog_before: i128,
    /// T - R after the change and the run.
    pub backlog_after: i128,
    /// The contract after the change, before the run.
    pub state: ContractState,
    /// Why.
    pub change: Explained,
    /// What a run would post; none when none was asked for.
    pub run: Option<Explained>,
}

/// Folds a change into a copy of a contract, once for each treatment that is possible, the proposed one
/// first; and a run through a day after it. Errors when the change does not fit the contract.
pub fn preview(
    explainer: &Explainer,
    fact: &Fact,
    run_through: Option<NaiveDate>,
    periods: Periods,
) -> Result<Vec<Preview>, EngineError> {
    let (Fact::Amended(amended), Some(state)) = (fact, explainer.state()) else {
        return Ok(vec![under(explainer, fact, (None, true), run_through, periods)?]);
    };
    let proposed = propose(state, amended)?;
    let mut previews = Vec::new();
    for treatment in treatments(state, amended, proposed)? {
        let amended = AmendmentFact { treatment: Some(treatment), ..amended.clone() };
        let of = (Some(treatment), treatment == proposed);
        previews.push(under(explainer, &Fact::Amended(amended), of, run_through, periods)?);
    }
    Ok(previews)
}

/// The treatments that a change can have: both ways of 25-13 always, as one contract of its own where it
/// only adds, and by obligation where they differ.
fn treatments(
    state: &ContractState,
    fact: &AmendmentFact,
    proposed: Treatment,
) -> Result<Vec<Treatment>, EngineError> {
    let mut others = vec![Treatment::Prospective, Treatment::CatchUp];
    if can_be_separate(state, fact)? {
        others.insert(0, Treatment::Separate);
    }
    // Metered use has one: what was used before stays, whatever a person decides.
    let metered =
        |id| state.place(id).and_then(|place| state.at(place)).map(ObligationState::follows_use);
    let changed = fact.changes.iter().map(|change| metered(change.obligation));
    let all = changed.collect::<Result<Vec<_>, _>>()?.into_iter().all(|metered| metered);
    if all && fact.added.is_empty() && !fact.changes.is_empty() {
        others.clear();
    }
    others.retain(|treatment| *treatment != proposed);
    others.insert(0, proposed);
    Ok(others)
}

fn under(
    explainer: &Explainer,
    fact: &Fact,
    (treatment, proposed): (Option<Treatment>, bool),
    run_through: Option<NaiveDate>,
    periods: Periods,
) -> Result<Preview, EngineError> {
    let mut copy = explainer.clone();
    let (change, _) = copy.take(fact, periods)?;
    let before = explainer.state();
    let state = copy.state().cloned().ok_or(EngineError::NotSigned)?;
    let catch_up = match before {
        Some(before) => sub(earned(&state, change.on)?, earned(before, change.on)?)?,
        None => 0,
    };
    let (price_before, backlog_before) = before.map_or(Ok((0, 0)), open)?;
    let run = match run_through {
        Some(through) => Some(copy.take(&Fact::Run { through }, periods)?.0),
        None => None,
    };
    let (_, backlog_after) = copy.state().map_or(Ok((0, 0)), open)?;
    Ok(Preview {
        treatment,
        proposed,
        price_before,
        price_after: open(&state)?.0,
        catch_up,
        backlog_before,
        backlog_after,
        state,
        change,
        run,
    })
}

/// T, and T - R; nothing of what is no contract.
fn open(state: &ContractState) -> Result<(i128, i128), EngineError> {
    if state.standing.not_yet().is_some() {
        return Ok((0, 0));
    }
    let price = sum(state.obligations.iter().map(|o| o.transaction_price))?;
    let recognized = sum(state.obligations.iter().map(|o| o.recognized))?;
    Ok((price, sub(price, recognized)?))
}

/// What was earned before a day, as what is in force on it measures it.
fn earned(state: &ContractState, on: NaiveDate) -> Result<i128, EngineError> {
    state.obligations.iter().try_fold(0, |sum, obligation| {
        // What begins later has earned nothing.
        let begun = obligation.phases.last().is_some_and(|phase| phase.from <= on);
        if begun { add(sum, obligation.earned_before(on)?) } else { Ok(sum) }
    })
}
