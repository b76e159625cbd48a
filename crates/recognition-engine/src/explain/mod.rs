//! Explanations: why every figure of a contract is what it is.
//!
//! The facts of a contract are folded again, one by one, and for each fact and each movement that it
//! makes, the formula is written down with its numbers put in, and the rule with its paragraph. A
//! formula is a value that can be evaluated: what differs from the movement is `unexplained`, and
//! tests show that nothing is, over all histories. Words are in `render` alone.

mod balance;
mod billing;
mod catch_up;
mod change;
mod enforceable;
mod formula;
mod interest;
mod label;
mod option;
mod policy;
mod price;
mod render;
mod revenue;
mod rule;
mod spread;
mod statement;
mod told;

pub use formula::{Formula, Unit};
pub use label::Label;
pub use render::{Rendered, RenderedLine, render, render_formula};
pub use rule::Rule;
pub use statement::{Explained, FactKind, Line, Step, Told, Treated, Value};

use chrono::NaiveDate;

use crate::{
    RULE_VERSION,
    combine::{Combination, joined},
    effects::Effects,
    error::EngineError,
    facts::Fact,
    fold::{fold, settled},
    periods::Periods,
    standing,
    state::ContractState,
};
use catch_up::CatchUps;
use statement::Draft;

/// Explains a contract's facts, in the order in which they were folded.
#[derive(Debug, Clone, Default)]
pub struct Explainer {
    state: Option<ContractState>,
    /// What the next run posts for days that are posted, and why.
    catch_ups: CatchUps,
    /// Last day of the latest closed period when the last fact was folded.
    closed_through: Option<NaiveDate>,
}

impl Explainer {
    /// The contract as folded so far; none before it was signed.
    #[must_use]
    pub const fn state(&self) -> Option<&ContractState> {
        self.state.as_ref()
    }

    /// Explains that other contracts, as folded so far, are accounted for as one with this one from a day
    /// on (606-10-25-9). Errors as [`fold`] does, and then changes nothing.
    pub fn combine(
        &mut self,
        joining: &[Self],
        on: NaiveDate,
        periods: Periods,
    ) -> Result<(Explained, Effects), EngineError> {
        let mut one = self.clone();
        let mut place = self.state.as_ref().map_or(0, |state| state.obligations.len());
        let mut states = Vec::with_capacity(joining.len());
        for of in joining {
            let state = of.state.clone().ok_or(EngineError::NotSigned)?;
            one.catch_ups.append(&of.catch_ups, place);
            place = place.saturating_add(state.obligations.len());
            states.push(state);
        }
        let told = one.take(&Fact::Combined(Combination { joining: states, on }), periods)?;
        *self = one;
        Ok(told)
    }

    /// Folds a fact and explains what it did. Errors as [`fold`] does, and then changes nothing.
    pub fn take(
        &mut self,
        fact: &Fact,
        periods: Periods,
    ) -> Result<(Explained, Effects), EngineError> {
        // What is a contract by the time of the fact is booked by itself.
        let known = self.state.as_ref();
        let (before, arisen) = match known {
            Some(known) => {
                let (arisen, effects) = standing::before(known.clone(), fact, periods)?;
                (Some(arisen), effects)
            }
            None => (None, Effects::default()),
        };
        let (after, effects) = fold(before.clone(), fact, periods)?;
        let moved = before.as_ref().and_then(|state| settled(state, fact));
        let fact = moved.as_ref().unwrap_or(fact);
        let mut draft = Draft::of(&after, periods);
        told::closed(&mut draft, (self.closed_through, periods.closed_through));
        told::tell(&mut draft, before.as_ref().unwrap_or(&after), fact)?;
        if let (Some(known), Some(arisen_as)) = (known, &before) {
            price::arisen(&mut draft, known, arisen_as)?;
            option::potential(&mut draft, &arisen);
            enforceable::enforceable(&mut draft, &arisen)?;
            balance::splits(&mut draft, Some(known), arisen_as, &arisen)?;
        }
        let before = match fact {
            // Each place is then of the same obligation before and after.
            Fact::Combined(fact) => before.map(|state| joined(state, fact, periods)).transpose()?,
            _ => before,
        };
        match (&before, fact) {
            (None, Fact::Signed { contract, .. }) => {
                price::booking(&mut draft, contract, &after)?;
            }
            (Some(before), Fact::Run { through }) => {
                let accrued = interest::accrued(&mut draft, before, &effects)?;
                revenue::run(&mut draft, &accrued, *through, &self.catch_ups)?;
            }
            (Some(before), fact) => {
                changes(&mut draft, before, &after, fact, &effects)?;
                price::arisen(&mut draft, before, &after)?;
            }
            (None, _) => {}
        }
        option::potential(&mut draft, &effects);
        enforceable::enforceable(&mut draft, &effects)?;
        balance::splits(&mut draft, before.as_ref(), &after, &effects)?;
        if let Some(before) = &before {
            self.catch_ups.note(&mut draft, before, &after, fact)?;
        }
        let effects = arisen.then(effects);
        let lines = draft.lines(&effects)?;
        let Draft { told, treatment, steps, .. } = draft;
        let explained = Explained {
            kind: FactKind::of(fact),
            on: fact.on(),
            told,
            treatment,
            steps,
            lines,
            rule_version: RULE_VERSION,
            policy_version: after.policy_on(fact.on()).version,
        };
        self.state = Some(after);
        self.closed_through = periods.closed_through;
        Ok((explained, effects))
    }
}

/// What is expected of a fact about a signed contract, runs aside.
fn changes(
    draft: &mut Draft<'_>,
    before: &ContractState,
    after: &ContractState,
    fact: &Fact,
    effects: &Effects,
) -> Result<(), EngineError> {
    match fact {
        Fact::Invoiced(fact) => billing::invoice(draft, before, fact),
        Fact::Credited(fact) => billing::credit(draft, before, fact),
        Fact::Paid(fact) => billing::pay(draft, before, fact),
        Fact::Progressed(fact) => price::progress(draft, before, after, fact),
        Fact::Reestimated(fact) => price::reestimate(draft, before, after, fact),
        Fact::Amended(fact) => change::amend(draft, before, after, (fact, effects)),
        Fact::Terminated(fact) => change::terminate(draft, before, fact),
        Fact::Adjusted(fact) => billing::adjust(draft, before, fact),
        Fact::Combined(fact) => price::combined(draft, (before, after), fact.on, effects),
        Fact::PolicyChanged(_) => policy::changed(draft, before, after),
        Fact::Signed { .. }
        | Fact::Run { .. }
        | Fact::Reassessed(_)
        | Fact::Held(_)
        | Fact::Released(_) => Ok(()),
    }
}
