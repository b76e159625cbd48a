//! The roll-forward of backlog: opening, changes by cause, closing.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Filter, Ledger, sums};
use crate::{
    effects::{Cause, Measure, Movement},
    error::EngineError,
};

/// Backlog over a span of days, in minor units of one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollForward {
    /// Backlog at the end of the day before.
    pub opening: i128,
    /// What each cause did, signed as it changes backlog; causes without change left out.
    pub changes: BTreeMap<Cause, i128>,
    /// Backlog at the end of the last day, read by itself.
    pub closing: i128,
    /// Closing - opening - changes: zero always.
    pub unexplained: i128,
}

impl Ledger {
    /// The roll-forward over `from` to `to`, both inclusive. Errors on overflow.
    pub fn roll_forward(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        filter: &Filter,
    ) -> Result<RollForward, EngineError> {
        let opening = match from.pred_opt() {
            Some(day) => self.balances(day, filter)?.backlog,
            None => 0,
        };
        let closing = self.balances(to, filter)?.backlog;
        let within = |movement: &&Movement| {
            (from..=to).contains(&movement.effective_date) && filter.movement(movement)
        };
        let signed = |movement: &Movement| (movement.cause, change_of_backlog(movement));
        let changes = sums(self.movements.iter().filter(within).map(signed))?;
        let explained = changes.values().try_fold(opening, |sum, change| sum.checked_add(*change));
        let unexplained = explained.and_then(|explained| closing.checked_sub(explained));
        let unexplained = unexplained.ok_or(EngineError::Overflow)?;
        Ok(RollForward { opening, changes, closing, unexplained })
    }
}

/// Backlog is TCV - R; nothing else moves it.
fn change_of_backlog(movement: &Movement) -> i128 {
    match movement.measure {
        Measure::TransactionPrice | Measure::BeyondEnforceable => movement.amount.minor(),
        Measure::Recognized => movement.amount.minor().saturating_neg(),
        Measure::Billed
        | Measure::Unconditional
        | Measure::DeferredRevenue
        | Measure::ContractAsset
        | Measure::RefundLiability
        | Measure::Receivable
        | Measure::Cash
        | Measure::Interest
        | Measure::Potential
        | Measure::Tax => 0,
    }
}
