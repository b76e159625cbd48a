//! Contracts that are accounted for as one (606-10-25-9): their prices together are shared by all their
//! obligations as if they had been one at inception, and they have one net position from then on.

use backlog_ids::{ContractId, ObligationId};
use chrono::NaiveDate;

use crate::{
    allocation::Allocation,
    effects::{Cause, Effects, PooledPart, Working},
    error::EngineError,
    facts::Fact,
    fold::fold,
    math::{add, sub},
    named::named_enum,
    periods::Periods,
    policy::Policies,
    report::reprice,
    settle::Settlement,
    standing::Standing,
    state::{ContractState, ObligationState},
};

named_enum! {
    /// Why contracts are one (606-10-25-9): one of them is enough.
    pub enum CombinationCriterion {
        /// They were negotiated as a package with a single commercial objective (a).
        SingleObjective = "single_objective",
        /// What is paid under one depends on the price or performance of another (b).
        DependentConsideration = "dependent_consideration",
        /// What they promise is a single performance obligation (c).
        SingleObligation = "single_obligation",
    }
}

named_enum! {
    /// Why a contract cannot be combined with others.
    pub enum NotCombinable {
        /// Its amounts are in another currency.
        OtherCurrency = "other_currency",
        /// It is no contract yet (606-10-25-1).
        NoContract = "not_a_contract",
        /// It was terminated.
        Ended = "terminated",
        /// It was combined with others before: those can be joined, but do not join others.
        CombinedBefore = "combined_before",
        /// A later addition to it is a contract of its own (606-10-25-12).
        HasAdditions = "has_separate_additions",
        /// Interest on advances is accrued for it.
        Financed = "financed",
        /// It is signed later.
        SignedLater = "signed_later",
        /// It is named twice.
        NamedTwice = "named_twice",
    }
}

/// Contracts that a person decided to account for as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// Those that join the one whose fact it is, as accounted for so far.
    pub joining: Vec<ContractState>,
    /// First day on which they are one.
    pub on: NaiveDate,
}

/// Lets contracts join one. What their obligations earned is measured anew by the price that they have now,
/// from the beginning on; the next run posts it.
pub(crate) fn combine(
    state: ContractState,
    fact: &Combination,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    check(&state, fact)?;
    let first = periods.effective(fact.on);
    let mut before = shares(&state.allocation)?;
    for joined in &fact.joining {
        before.extend(shares(&joined.allocation)?);
    }
    let state = joined(state, fact, periods)?;
    let after = shares(&state.allocation)?;
    let mut settlement = Settlement::of(state, periods);
    settlement.note(working(&settlement.state, &before, &after)?);
    for ((id, then), (_, now)) in before.into_iter().zip(after) {
        let change = sub(now, then)?;
        if change != 0 {
            let place = settlement.state.place(id)?;
            reprice(&mut settlement, place, fact.on, change, Cause::Reallocation)?;
        }
    }
    settlement.touch_joined(first)?;
    settlement.finish(fact.on)
}

/// The contracts as one, at the prices that each has.
pub(crate) fn joined(
    mut state: ContractState,
    fact: &Combination,
    periods: Periods,
) -> Result<ContractState, EngineError> {
    for joined in &fact.joining {
        join(&mut state, joined, periods.effective(fact.on))?;
    }
    Ok(state)
}

/// What an allocation gives each obligation, amounts for parts of a series aside: those stay with it.
fn shares(allocation: &Allocation) -> Result<Vec<(ObligationId, i128)>, EngineError> {
    let ids = allocation.weights.iter().map(|(id, _)| *id);
    Ok(ids.zip(allocation.shares_of_whole()?).collect())
}

fn working(
    state: &ContractState,
    before: &[(ObligationId, i128)],
    after: &[(ObligationId, i128)],
) -> Result<Working, EngineError> {
    let mut parts = Vec::with_capacity(after.len());
    let mut pool = 0;
    for (((id, earned), (_, own)), (_, weight)) in
        before.iter().zip(after).zip(&state.allocation.weights)
    {
        pool = add(pool, *own)?;
        let place = state.place(*id)?;
        parts.push(PooledPart {
            place,
            earned: *earned,
            own: sub(*own, *earned)?,
            weight: *weight,
        });
    }
    Ok(Working::Combined { pool, parts })
}

/// Errors with the first contract that cannot be combined, and why.
fn check(state: &ContractState, fact: &Combination) -> Result<(), EngineError> {
    let mut seen: Vec<ContractId> = state.legal.iter().map(|legal| legal.id).collect();
    fits(state, state, fact.on)?;
    for joined in &fact.joining {
        fits(state, joined, fact.on)?;
        let why = match joined {
            of if seen.contains(&of.contract) => Some(NotCombinable::NamedTwice),
            of if !of.legal.more().is_empty() => Some(NotCombinable::CombinedBefore),
            of if of.accounting.len() > 1 => Some(NotCombinable::HasAdditions),
            _ => None,
        };
        refuse(joined.contract, why)?;
        seen.push(joined.contract);
    }
    Ok(())
}

/// What holds for the one that is joined too.
fn fits(state: &ContractState, of: &ContractState, on: NaiveDate) -> Result<(), EngineError> {
    let why = match of {
        of if of.currency != state.currency => Some(NotCombinable::OtherCurrency),
        of if of.standing.not_yet().is_some() => Some(NotCombinable::NoContract),
        of if of.obligations.iter().all(|o| o.ended_on.is_some()) => Some(NotCombinable::Ended),
        of if of.financing.is_some() => Some(NotCombinable::Financed),
        of if of.legal.iter().any(|legal| legal.signed_on > on) => Some(NotCombinable::SignedLater),
        _ => None,
    };
    refuse(of.contract, why)?;
    match of.obligations.iter().filter_map(ObligationState::last_change).max() {
        Some(last) if last > on => Err(EngineError::ChangeBeforeLast { on, last }),
        _ => Ok(()),
    }
}

fn refuse(contract: ContractId, why: Option<NotCombinable>) -> Result<(), EngineError> {
    why.map_or(Ok(()), |why| Err(EngineError::NotCombinable { contract, why }))
}

/// Takes a contract into the state of another, at the prices that each has.
fn join(
    state: &mut ContractState,
    joined: &ContractState,
    on: NaiveDate,
) -> Result<(), EngineError> {
    let joined = joined.clone();
    let known = &mut state.allocation;
    known.fixed = add(known.fixed, joined.allocation.fixed)?;
    known.weights.extend(joined.allocation.weights);
    known.renewals.extend(joined.allocation.renewals);
    known.variables.extend(joined.allocation.variables.into_iter().map(|mut variable| {
        variable.of = Some(joined.contract);
        variable
    }));
    for mut obligation in joined.obligations {
        let place = state.obligations.len();
        obligation.place = u32::try_from(place).map_err(|_| EngineError::Overflow)?;
        state.obligations.push(obligation);
    }
    state.legal.append(joined.legal);
    for part in joined.accounting {
        let Some(of) = state.accounting.first_mut() else { return Err(EngineError::Overflow) };
        let mut portions = part.portions;
        portions.first_mut().joined_on = Some(on);
        of.portions.append(portions);
    }
    // The versions of the policy that govern either are those of one tenant.
    if joined.policy.version < state.policy.version {
        (state.policy, state.policies) = (joined.policy, joined.policies);
    }
    state.enforced_on = state.enforced_on.max(joined.enforced_on);
    state.standing = match (&state.standing, joined.standing) {
        (Standing::Since(one), Standing::Since(other)) => Standing::Since(other.max(*one)),
        (Standing::Contract, other) => other,
        (known, _) => known.clone(),
    };
    Ok(())
}

impl Combination {
    /// The same, with those that join under the versions of the policy that are in force by then, and what
    /// taking these up did.
    pub(crate) fn governed(
        &self,
        policies: &Policies,
        periods: Periods,
    ) -> Result<(Self, Effects), EngineError> {
        let mut governed = Self { joining: Vec::with_capacity(self.joining.len()), on: self.on };
        let mut done = Effects::default();
        for joined in &self.joining {
            let mut state = joined.clone();
            let due: Vec<_> = policies.newer(state.governing().version, self.on).copied().collect();
            for version in due {
                let (next, effects) = fold(Some(state), &Fact::PolicyChanged(version), periods)?;
                (state, done) = (next, done.then(effects));
            }
            governed.joining.push(state);
        }
        Ok((governed, done))
    }
}
