//! Versions of the policy, as the recognition service decides them.

use std::collections::BTreeSet;

use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{Policy, PolicyVersion};

use crate::failure::Failure;
use crate::policy::{Expedient, Standard};
use crate::scenario::model::PolicyStep;

use super::{EnginePlayer, refusal::unfit};

/// What a policy shows in reports and measures nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    standard: Standard,
    expedients: BTreeSet<Expedient>,
}

impl Default for Shown {
    fn default() -> Self {
        Self { standard: Standard::Asc606, expedients: BTreeSet::new() }
    }
}

impl EnginePlayer {
    pub(super) fn set_policy(&mut self, step: &PolicyStep) -> Result<(), Failure> {
        let last = self.policies.later.last();
        let before = last.map_or(self.policies.first, |last| last.policy);
        let policy = Policy {
            version: before.version,
            convention: step.convention.unwrap_or(before.convention),
            rounding: step.rounding.unwrap_or(before.rounding),
            receivable_on: step.receivable_on.unwrap_or(before.receivable_on),
        };
        let shown = Shown {
            standard: step.standard.unwrap_or(self.shown.standard),
            expedients: step.expedients.clone().unwrap_or_else(|| self.shown.expedients.clone()),
        };
        if (policy, &shown) == (before, &self.shown) {
            return Err(unfit("the policy is in force already"));
        }
        let from = step.effective;
        if self.periods.is_closed(from) {
            let message = format!("{from} lies in a closed period");
            return Err(Failure::refused(ErrorReason::PeriodClosed, message));
        }
        if last.is_some_and(|last| last.from >= from) {
            let message = format!("another version begins after {from} or on it");
            return Err(Failure::refused(ErrorReason::PolicyOutOfOrder, message));
        }
        let policy = Policy { version: before.version.saturating_add(1), ..policy };
        self.policies.later.push(PolicyVersion { from, policy });
        self.shown = shown;
        Ok(())
    }
}
