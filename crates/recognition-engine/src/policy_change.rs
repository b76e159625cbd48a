//! Another version of the tenant's policy governs a contract: a change of estimate, applied forward.
//!
//! What was earned before its first day stays; what remains of the price is spread over what remains of
//! the term under the new convention and rounding (250-10-45-17). T does not change.

use chrono::NaiveDate;

use crate::{
    effects::Effects,
    error::EngineError,
    periods::Periods,
    phase::{Phase, Spread},
    policy::{Policy, PolicyVersion},
    settle::Settlement,
    state::{ContractState, ObligationState},
};

/// Lets a version govern a contract from its first day on, or from its last change where that is later.
/// Days after it that are posted are corrected by the next run, cause `policy_change`.
pub(crate) fn change_policy(
    state: ContractState,
    version: &PolicyVersion,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let mut settlement = Settlement::of(state, periods);
    settlement.state.policies.push(*version);
    for obligation in &mut settlement.state.obligations {
        obligation.govern(version)?;
    }
    settlement.finish(version.from)
}

impl ContractState {
    /// The policy in force on a day, of those that govern the contract.
    #[must_use]
    pub fn policy_on(&self, day: NaiveDate) -> &Policy {
        let in_force = self.policies.iter().rev().find(|version| version.from <= day);
        in_force.map_or(&self.policy, |version| &version.policy)
    }

    /// The latest version that governs it.
    #[must_use]
    pub fn governing(&self) -> &Policy {
        self.policies.last().map_or(&self.policy, |version| &version.policy)
    }
}

impl ObligationState {
    /// Begins what a version of the policy plans anew, and corrects posted days.
    fn govern(&mut self, version: &PolicyVersion) -> Result<(), EngineError> {
        let before = self.clone();
        let on = self.last_change().map_or(version.from, |last| last.max(version.from));
        self.plan_under(on, &version.policy)?;
        self.correct_by(&before, on, true)
    }

    /// From a day on, what remains is spread under a policy.
    pub(crate) fn plan_under(&mut self, on: NaiveDate, by: &Policy) -> Result<(), EngineError> {
        let Spread::Time { term, since, .. } = self.last_phase(on)?.spread else { return Ok(()) };
        let convention = self.method.convention(by.convention);
        let rounding = (by.rounding != self.rounding).then_some(by.rounding);
        self.spread_again(on, Spread::Time { term, convention, since, rounding })
    }

    /// From a day on, what remains is spread as `like` is. Nothing where time does not earn it, it has
    /// ended, or it is spread like that already.
    pub(crate) fn spread_again(&mut self, on: NaiveDate, like: Spread) -> Result<(), EngineError> {
        let Spread::Time { convention, rounding, .. } = like else { return Ok(()) };
        let last = self.last_phase(on)?.clone();
        let Spread::Time { convention: old, rounding: rounded, .. } = last.spread else {
            return Ok(());
        };
        if self.ended_on.is_some() || (old, rounded) == (convention, rounding) {
            return Ok(());
        }
        let phase = Phase {
            from: on,
            price: last.price,
            carved: self.earned_before(on)?,
            satisfied: self.satisfied_before(on)?,
            spread: match self.left(last.spread, on) {
                Spread::Time { term, since, .. } => {
                    Spread::Time { term, convention, since, rounding }
                }
                other => other,
            },
            posted_ahead: if last.from == on { last.posted_ahead } else { 0 },
            // On the day of a fact it is still that fact's: nothing goes before it.
            by_policy: last.from != on || last.by_policy,
        };
        self.phases.pop_if(|known| known.from == on);
        self.phases.push(phase);
        Ok(())
    }
}
