//! What a fact changes of days that are posted: noted when it happens, posted by the next run.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    formula::Formula,
    label::Label,
    policy::corrects,
    revenue::{Listed, listed},
    statement::{Draft, Told},
};
use crate::{
    error::EngineError,
    facts::Fact,
    math::add,
    state::{ContractState, ObligationState, Pending},
};

/// Month of service, day of effect, whether it is for performance before the change, whether a change of
/// policy makes it.
type Key = (NaiveDate, NaiveDate, bool, bool);

/// Why the next run posts something for days that are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CatchUp {
    pub(super) formula: Formula,
    pub(super) inputs: Vec<Told>,
}

/// All of a contract's, by place of the obligation.
#[derive(Debug, Clone, Default)]
pub(super) struct CatchUps(BTreeMap<(usize, Key), CatchUp>);

impl CatchUps {
    /// Why this is pending.
    pub(super) fn get(&self, place: usize, pending: &Pending) -> Option<&CatchUp> {
        self.0.get(&(place, key(pending)))
    }

    /// Takes in those of a contract whose obligations come after `places` others.
    pub(super) fn append(&mut self, joined: &Self, places: usize) {
        let moved = joined.0.iter().map(|((place, key), catch_up)| {
            ((place.saturating_add(places), *key), catch_up.clone())
        });
        self.0.extend(moved);
    }

    /// Notes what a fact leaves for the next run; a run leaves nothing.
    pub(super) fn note(
        &mut self,
        draft: &mut Draft<'_>,
        before: &ContractState,
        after: &ContractState,
        fact: &Fact,
    ) -> Result<(), EngineError> {
        for (place, (old, new)) in before.obligations.iter().zip(&after.obligations).enumerate() {
            if new.pending.is_empty() {
                self.0.retain(|(of, _), _| *of != place);
                continue;
            }
            if old.pending == new.pending {
                continue;
            }
            let Some(posted) = old.posted_through.filter(|posted| *posted >= fact.on()) else {
                continue;
            };
            let by_policy = matches!(fact, Fact::PolicyChanged(_));
            for (key, catch_up) in differences((old, new), (fact.on(), by_policy), posted)? {
                let what = (Label::CatchUp, Some(new.key.as_str()));
                let (_, rule) = corrects(by_policy, key.2);
                draft.step(what, rule, catch_up.formula.clone())?;
                let known = self.0.entry((place, key));
                known
                    .and_modify(|known| {
                        known.formula = known.formula.clone().plus(catch_up.formula.clone());
                        known.inputs.clone_from(&catch_up.inputs);
                    })
                    .or_insert(catch_up);
            }
        }
        Ok(())
    }
}

fn key(pending: &Pending) -> Key {
    (pending.service_month, pending.on, pending.prior_performance, pending.by_policy)
}

/// The entries of posted days as they are now, less as they were, where these differ.
fn differences(
    (old, new): (&ObligationState, &ObligationState),
    (on, by_policy): (NaiveDate, bool),
    posted: NaiveDate,
) -> Result<BTreeMap<Key, CatchUp>, EngineError> {
    let after = on.pred_opt();
    let so_far = match after {
        Some(day) => old.earned(day)?,
        None => 0,
    };
    let mut sums: BTreeMap<Key, (i128, CatchUp)> = BTreeMap::new();
    let lists =
        [(false, listed(new, after, so_far, posted)?), (true, listed(old, after, so_far, posted)?)];
    for (minus, list) in lists {
        for Listed { entry, inputs, formula, .. } in list {
            let key = (entry.service_month, entry.to, entry.prior_performance, by_policy);
            let amount = if minus { entry.amount.checked_neg() } else { Some(entry.amount) };
            let amount = amount.ok_or(EngineError::Overflow)?;
            match sums.remove(&key) {
                Some((sum, known)) => {
                    let formula = if minus {
                        known.formula.less(formula)
                    } else {
                        known.formula.plus(formula)
                    };
                    let together = CatchUp { formula, inputs: known.inputs };
                    sums.insert(key, (add(sum, amount)?, together));
                }
                None => {
                    let formula = match minus {
                        true => Formula::figure(Label::Zero, 0).less(formula),
                        false => formula,
                    };
                    sums.insert(key, (amount, CatchUp { formula, inputs }));
                }
            }
        }
    }
    let changed = sums.into_iter().filter(|(_, (amount, _))| *amount != 0);
    Ok(changed.map(|(key, (_, catch_up))| (key, catch_up)).collect())
}
