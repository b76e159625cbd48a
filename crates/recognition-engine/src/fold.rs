//! The fold: one fact into the state of its contract.

use chrono::NaiveDate;

use crate::{
    adjust::adjust,
    amend::{AmendmentFact, amend},
    book::book,
    cash::pay,
    combine::combine,
    effects::Effects,
    error::EngineError,
    facts::{Concession, CreditFact, Fact},
    hold::{hold, release},
    invoice::{credit, invoice},
    periods::Periods,
    policy::{Policies, PolicyVersion},
    policy_change::change_policy,
    recognize::recognize,
    report::{progress, reestimate},
    standing,
    state::{ContractState, ObligationState},
    terminate::{TerminationFact, terminate},
};

/// The state after `fact`, and what it did, in these periods. The first fact of a contract is its
/// signature. All accounting goes through here, live and on replay.
pub fn fold(
    state: Option<ContractState>,
    fact: &Fact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    periods.admit(fact)?;
    let state = match (state, fact) {
        (Some(state), Fact::Signed { .. }) => {
            return Err(EngineError::AlreadySigned(state.contract));
        }
        (None, Fact::Signed { contract, policy }) => return book(contract, policy, periods),
        (None, _) => return Err(EngineError::NotSigned),
        (Some(state), _) => state,
    };
    let (state, arisen) = standing::before(state, fact, periods)?;
    let (state, done) = apply(state, fact, periods)?;
    let (state, became) = standing::after(state, fact, periods)?;
    Ok((state, arisen.then(done).then(became)))
}

/// Takes a fact about a signed contract in, whose standing it leaves as it is unless it ends it.
pub(crate) fn apply(
    state: ContractState,
    fact: &Fact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let moved = settled(&state, fact);
    match moved.as_ref().unwrap_or(fact) {
        Fact::Signed { .. } => Err(EngineError::AlreadySigned(state.contract)),
        Fact::Invoiced(fact) => invoice(state, fact, periods),
        Fact::Credited(fact) => credit(state, fact, periods),
        Fact::Paid(fact) => pay(state, fact, periods),
        Fact::Progressed(fact) => progress(state, fact, periods),
        Fact::Reestimated(fact) => reestimate(state, fact, periods),
        Fact::Amended(fact) => amend(state, fact, periods),
        Fact::Terminated(fact) => terminate(state, fact, periods),
        Fact::Reassessed(fact) => standing::reassess(state, fact),
        Fact::Adjusted(fact) => adjust(state, fact, periods),
        Fact::Held(fact) => hold(state, fact, periods),
        Fact::Released(fact) => release(state, fact, periods),
        Fact::Combined(fact) => combine(state, fact, periods),
        Fact::PolicyChanged(version) => change_policy(state, version, periods),
        Fact::Run { through } => recognize(state, *through, periods),
    }
}

/// The state after `fact` of a tenant with these policies: versions in force by its day that the contract
/// does not know yet govern it first, so that a change of policy touches no contract before something
/// happens to it, and a replay finds it in the same place.
pub fn account(
    state: Option<ContractState>,
    fact: &Fact,
    policies: &Policies,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let due = state.as_ref().map(|known| policies_due(known, fact, policies)).unwrap_or_default();
    let (mut state, mut before) = (state, Effects::default());
    for version in due {
        let (governed, effects) = fold(state, &Fact::PolicyChanged(version), periods)?;
        (state, before) = (Some(governed), before.then(effects));
    }
    if let Fact::Combined(combination) = fact {
        let (governed, effects) = combination.governed(policies, periods)?;
        let (state, combined) = fold(state, &Fact::Combined(governed), periods)?;
        return Ok((state, before.then(effects).then(combined)));
    }
    let (state, effects) = fold(state, fact, periods)?;
    Ok((state, before.then(effects)))
}

/// Versions of the policy that govern a contract from before `fact` on and that it does not know yet.
#[must_use]
pub fn policies_due(state: &ContractState, fact: &Fact, policies: &Policies) -> Vec<PolicyVersion> {
    let by = settled(state, fact).map_or_else(|| fact.on(), |moved| moved.on());
    let due = policies.newer(state.governing().version, by).copied();
    match fact {
        Fact::PolicyChanged(own) => {
            due.filter(|version| version.policy.version < own.policy.version).collect()
        }
        _ => due.collect(),
    }
}

/// What the parties agreed on cannot be refused for coming after an estimate or adjustment of a later
/// day: it then takes effect on that day. None where the fact's own day stands.
pub(crate) fn settled(state: &ContractState, fact: &Fact) -> Option<Fact> {
    let last: NaiveDate =
        state.obligations.iter().filter_map(ObligationState::last_change).max()?;
    if fact.on() >= last {
        return None;
    }
    match fact {
        Fact::Amended(amended) => {
            Some(Fact::Amended(AmendmentFact { on: last, ..amended.clone() }))
        }
        Fact::Terminated(ended) => Some(Fact::Terminated(TerminationFact { on: last, ..*ended })),
        Fact::Credited(credit) if credit.concession != Concession::None => {
            Some(Fact::Credited(CreditFact { on: last, ..credit.clone() }))
        }
        _ => None,
    }
}
