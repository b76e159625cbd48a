//! Recognition: revenue is posted for time that has passed.

use backlog_money::Money;
use chrono::NaiveDate;

use crate::{
    balances::{NetChanges, split},
    effects::{Cause, Effects, Measure, Movement, PlanChange},
    error::EngineError,
    schedule::ScheduledMonth,
    state::{ContractState, ObligationState},
};

/// Posts what is earned through the end of `through` and not posted yet (606-10-25-31): an entry per
/// obligation and service month, effective on the last day that it covers, but not before the
/// contract was signed, when performance before it is caught up. Each entry takes the same amount
/// out of the month's plan. Repeating a run posts nothing, nor does one through a day before
/// signature. On an error the state is unchanged.
pub fn recognize(state: &mut ContractState, through: NaiveDate) -> Result<Effects, EngineError> {
    let mut effects = Effects::default();
    if through < state.signed_on {
        return Ok(effects);
    }
    let mut changes = NetChanges::default();
    let mut posted = Vec::new();
    for (place, obligation) in state.obligations.iter().enumerate() {
        if let Some(covered) = newly_covered(obligation, through) {
            let mut poster = Poster { state, obligation, changes: &mut changes };
            let recognized = poster.post(covered, &mut effects)?;
            posted.push((place, covered, recognized));
        }
    }
    let balances = split(state, &changes, &mut effects)?;
    balances.save(state);
    for (place, covered, recognized) in posted {
        if let Some(obligation) = state.obligations.get_mut(place) {
            obligation.recognized = recognized;
            obligation.posted_through = Some(covered);
        }
    }
    Ok(effects)
}

/// The last day of the obligation's term that a run through `through` covers, if that is news.
fn newly_covered(obligation: &ObligationState, through: NaiveDate) -> Option<NaiveDate> {
    let covered = through.min(obligation.term.to());
    let news = obligation.posted_through.is_none_or(|posted| covered > posted);
    (covered >= obligation.term.from() && news).then_some(covered)
}

struct Poster<'a> {
    state: &'a ContractState,
    obligation: &'a ObligationState,
    changes: &'a mut NetChanges,
}

impl Poster<'_> {
    /// Posts each month up to `covered`; answers what is then recognized.
    fn post(&mut self, covered: NaiveDate, effects: &mut Effects) -> Result<i128, EngineError> {
        let schedule = self.obligation.schedule()?;
        let mut recognized = self.obligation.recognized;
        for month in schedule.months() {
            let done = self.obligation.posted_through.is_some_and(|day| day >= month.service_to);
            if done || month.service_from > covered {
                continue;
            }
            let last_day = covered.min(month.service_to);
            let target = schedule.target(last_day)?;
            let amount = target.checked_sub(recognized).ok_or(EngineError::Overflow)?;
            if amount != 0 {
                self.entry(month, last_day, amount, effects)?;
            }
            recognized = target;
        }
        Ok(recognized)
    }

    fn entry(
        &mut self,
        month: &ScheduledMonth,
        last_day: NaiveDate,
        amount: i128,
        effects: &mut Effects,
    ) -> Result<(), EngineError> {
        let effective_date = last_day.max(self.state.signed_on);
        let less = amount.checked_neg().ok_or(EngineError::Overflow)?;
        let (cause, measure) = (Cause::Recognition, Measure::Recognized);
        effects.movements.push(Movement {
            obligation: Some(self.obligation.id),
            service_month: Some(month.month),
            ..self.state.movement(cause, measure, amount, effective_date)
        });
        effects.plan_changes.push(PlanChange {
            contract: self.state.contract,
            obligation: self.obligation.id,
            month: month.month,
            amount: Money::from_minor(less, self.state.currency),
            effective_date,
            service_from: month.service_from,
            service_to: month.service_to,
        });
        self.changes.recognized(effective_date, amount)
    }
}
