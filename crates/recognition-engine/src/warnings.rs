//! What a person should look at in a contract, though the fold takes it as it is.

use backlog_ids::ObligationId;
use chrono::NaiveDate;

use crate::{method::Method, named::named_enum, phase::Spread, state::ContractState};

named_enum! {
    /// Why a person should look at it.
    pub enum WarningReason {
        /// More was done than is promised: what is beyond earns nothing.
        ProgressOutOfRange = "PROGRESS_OUT_OF_RANGE",
        /// Completing it is expected to cost more than it earns.
        OnerousEstimate = "ONEROUS_ESTIMATE",
    }
}

/// Something that a person should look at. What is compared is in the unit of the obligation's
/// progress: 10^-12, or minor units for costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// The obligation.
    pub obligation: ObligationId,
    /// Why.
    pub reason: WarningReason,
    /// What was reported: done to date, or expected cost.
    pub found: i128,
    /// What it is beyond: promised in all, or the transaction price.
    pub limit: i128,
}

/// The warnings of a contract as of the end of a day, in the order of its obligations.
#[must_use]
pub fn warnings(state: &ContractState, as_of: NaiveDate) -> Vec<Warning> {
    let mut all = Vec::new();
    for obligation in &state.obligations {
        let Some(point) = obligation.point(as_of) else { continue };
        let total = match obligation.phases.last().map(|phase| phase.spread) {
            Some(Spread::Measured { total, .. }) => total,
            _ => 0,
        };
        let (reason, found, limit) = match obligation.method {
            Method::Units { .. } | Method::LaborHours { .. } if total > 0 => {
                (WarningReason::ProgressOutOfRange, point.done, total)
            }
            Method::CostToCost { .. } => {
                let expected = point.of.saturating_add(point.at_cost);
                (WarningReason::OnerousEstimate, expected, obligation.transaction_price)
            }
            _ => continue,
        };
        if found > limit {
            all.push(Warning { obligation: obligation.id, reason, found, limit });
        }
    }
    all
}
