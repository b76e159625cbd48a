//! Closing periods and opening the latest again, as the recognition service decides it.

use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{ContractState, Period};

use crate::failure::Failure;

use super::{EnginePlayer, refusal::unfit};

impl EnginePlayer {
    pub(super) fn close_period(&mut self, name: &str) -> Result<(), Failure> {
        let period = self.period(name)?;
        if self.periods.is_closed(period.last) {
            let message = format!("period {period} is closed already");
            return Err(Failure::refused(ErrorReason::PeriodClosed, message));
        }
        let turn = self.periods.closed_through.and_then(|closed| closed.succ_opt());
        if turn.is_some_and(|first| first != period.first) {
            return Err(out_of_order(&period));
        }
        let is_due = |state: &ContractState| state.is_due(period.last, &self.policies);
        let due = self.states.values().filter(|state| !matches!(is_due(state), Ok(false)));
        let due = due.count();
        if due > 0 {
            let message = format!("{due} contracts have revenue to be recognized before {period}");
            return Err(Failure::refused(ErrorReason::CloseBlocked, message));
        }
        self.closes.push(period.last);
        self.periods.closed_through = Some(period.last);
        Ok(())
    }

    pub(super) fn reopen_period(&mut self, name: &str) -> Result<(), Failure> {
        let period = self.period(name)?;
        if self.closes.last() != Some(&period.last) {
            return Err(out_of_order(&period));
        }
        self.closes.pop();
        self.periods.closed_through = self.closes.last().copied();
        Ok(())
    }

    fn period(&self, name: &str) -> Result<Period, Failure> {
        let period = self.periods.calendar.period(name);
        period.ok_or_else(|| unfit("the calendar has no such period"))
    }
}

fn out_of_order(period: &Period) -> Failure {
    let message = format!("it is not the turn of period {period}");
    Failure::refused(ErrorReason::PeriodOutOfOrder, message)
}
