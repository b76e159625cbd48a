//! Contracts that become one, and the explanation of what several were.

use backlog_recognition_engine::{Combination, Explained, Explainer, Fact};
use chrono::NaiveDate;

use crate::failure::Failure;
use crate::scenario::model::Combine;

use super::EnginePlayer;
use super::refusal::{not_found, refusal, unfit};

impl EnginePlayer {
    pub(super) fn combine(&mut self, on: NaiveDate, of: &Combine) -> Result<(), Failure> {
        let mut handles: Vec<String> = Vec::with_capacity(of.contracts.len());
        for handle in &of.contracts {
            self.accounted(handle)?;
            handles.push(self.accounted_as(handle).to_owned());
        }
        let Some((first, others)) = handles.split_first() else {
            return Err(unfit("there must be 2 contracts or more"));
        };
        let mut joining = Vec::with_capacity(others.len());
        for handle in others {
            // What governs those that join before is of each of them.
            self.govern(on, handle)?;
            joining.push(self.accounted(handle)?.clone());
        }
        self.fold(on, first, &Fact::Combined(Combination { joining, on }))?;
        for handle in others {
            self.states.remove(handle);
            self.joined.insert(handle.clone(), first.clone());
        }
        let known = self.contracts.get_mut(first).ok_or_else(|| not_found(first))?;
        known.joining.push((known.facts.len().saturating_sub(1), others.to_vec()));
        Ok(())
    }

    /// Takes up the versions of the policy that are in force by a day.
    fn govern(&mut self, on: NaiveDate, handle: &str) -> Result<(), Failure> {
        let version = self.accounted(handle)?.governing().version;
        let due: Vec<_> = self.policies.newer(version, on).copied().collect();
        due.into_iter().try_for_each(|set| self.fold(on, handle, &Fact::PolicyChanged(set)))
    }

    /// Folds a contract's facts again and explains each, and those of contracts that joined it.
    pub(super) fn explained(&self, handle: &str) -> Result<(Explainer, Vec<Explained>), Failure> {
        let known = self.known(handle)?;
        let mut explainer = Explainer::default();
        let mut all = Vec::new();
        for (place, (fact, periods)) in known.facts.iter().enumerate() {
            let joins = known.joining.iter().find(|(at, _)| *at == place);
            let explained = match (fact, joins) {
                (Fact::Combined(of), Some((_, handles))) => {
                    let mut joining = Vec::with_capacity(handles.len());
                    for handle in handles {
                        let (other, explained) = self.explained(handle)?;
                        all.extend(explained);
                        joining.push(other);
                    }
                    explainer.combine(&joining, of.on, *periods)
                }
                _ => explainer.take(fact, *periods),
            };
            all.push(explained.map_err(refusal)?.0);
        }
        Ok((explainer, all))
    }
}
