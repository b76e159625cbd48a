//! What the customer can no longer leave before: the enforceable part of the price, day by day.
//!
//! A right to leave shortens the contract to its notice (606-10-25-3): T holds what is planned through
//! the first day on which the customer could be gone, and what leaving would cost; the rest of the stated
//! term is beyond enforceable. Time passing moves it into T. What is billed beyond T is no unconditional
//! right before it is paid (606-10-45-4).

use chrono::{Days, NaiveDate};

use crate::{
    accrual::accrued_part,
    allocation::split,
    effects::{Cause, Measure, Working},
    error::EngineError,
    facts::Clause,
    math::{add, sub, sum},
    plan::{PlannedMonth, plan},
    settle::Settlement,
    standing::Standing,
    state::{ContractState, ObligationState},
    term::{days_through, last_of_month},
};

impl Settlement {
    /// Works out what is enforceable at the end of a day; never for an earlier day than before.
    pub(crate) fn enforce(&mut self, on: NaiveDate) -> Result<(), EngineError> {
        let state = &self.state;
        if state.standing.not_yet().is_some() {
            // Without a contract there is no right to payment.
            for part in 0..state.accounting.len() {
                self.condition(part, on)?;
            }
            return Ok(());
        }
        let bound =
            |obligation: &ObligationState| obligation.beyond == 0 && obligation.conditional == 0;
        if state.clauses.is_empty() && state.obligations.iter().all(bound) {
            return Ok(());
        }
        let day = state.enforced_on.map_or(on, |known| known.max(on));
        let targets = state.beyond_at(day)?;
        self.state.enforced_on = Some(day);
        let booked = self.begins();
        let cause = if booked { Cause::Booking } else { Cause::Renewal };
        for (place, (planned, kept)) in targets.parts.into_iter().enumerate() {
            let Some(obligation) = self.state.obligations.get_mut(place) else { continue };
            let (target, before) = (sub(planned, kept)?, obligation.beyond);
            let more = sub(target, before)?;
            obligation.beyond = target;
            if more != 0 {
                let (on, last) = (day, targets.last);
                self.note(Working::Bound { place, cause, on, last, planned, kept, before });
            }
            self.movement(Some(place), (cause, Measure::BeyondEnforceable), more, day)?;
            let less = sub(0, more)?;
            self.movement(Some(place), (cause, Measure::TransactionPrice), less, day)?;
        }
        for part in 0..self.state.accounting.len() {
            self.condition(part, on)?;
        }
        Ok(())
    }

    /// Bills beyond what is enforceable or paid are no right yet: they are neither receivable nor
    /// liability.
    fn condition(&mut self, part: usize, on: NaiveDate) -> Result<(), EngineError> {
        let of = self.state.conditional_of(part)?;
        let own = |(place, obligation): (usize, &ObligationState)| {
            let own = self.state.part_of(Some(place)) == part;
            if own { obligation.billed.max(0) } else { 0 }
        };
        let weights: Vec<i128> = self.state.obligations.iter().enumerate().map(own).collect();
        let known = |(place, obligation): (usize, &ObligationState)| {
            (self.state.part_of(Some(place)) == part).then_some(obligation.conditional)
        };
        let known = sum(self.state.obligations.iter().enumerate().filter_map(known))?;
        let more = sub(of.amount, known)?;
        let on = if more > 0 { self.unconditional_on.unwrap_or(on) } else { on };
        let mut parts = Vec::new();
        let mut moved = more != 0;
        for (place, target) in split(of.amount, &weights)?.into_iter().enumerate() {
            if self.state.part_of(Some(place)) != part {
                continue;
            }
            let Some(obligation) = self.state.obligations.get_mut(place) else { continue };
            let before = obligation.conditional;
            let more = sub(target, before)?;
            obligation.conditional = target;
            moved |= more != 0;
            parts.push((place, weights.get(place).copied().unwrap_or(0), before));
            let what = (Cause::Invoice, Measure::Unconditional);
            self.movement(Some(place), what, sub(0, more)?, on)?;
        }
        if moved {
            let Conditional { billed, enforceable, paid, amount } = of;
            let before = known;
            self.note(Working::Conditional {
                part,
                on,
                billed,
                enforceable,
                paid,
                amount,
                before,
                parts,
            });
        }
        let what = (Cause::Invoice, Measure::Receivable);
        let moved = self.state.movement_of_part(part, what, sub(0, more)?, on);
        self.push(part, moved)
    }
}

/// What is beyond enforceable: of each obligation what is planned for days after the last one that the
/// customer is bound for, and what of that leaving would cost.
struct Beyond {
    last: Option<NaiveDate>,
    parts: Vec<(i128, i128)>,
}

/// What of an accounting contract's bills is neither paid nor enforceable, and from what.
#[derive(Default)]
struct Conditional {
    billed: i128,
    enforceable: i128,
    paid: i128,
    amount: i128,
}

impl ContractState {
    /// What is beyond enforceable of each obligation at the end of a day, by the clause under which the
    /// customer could leave the most.
    fn beyond_at(&self, day: NaiveDate) -> Result<Beyond, EngineError> {
        let mut most = Beyond { last: None, parts: vec![(0, 0); self.obligations.len()] };
        let mut most_sum = 0;
        let plans: Vec<Vec<PlannedMonth>> = self
            .obligations
            .iter()
            .map(ObligationState::planned_if_open)
            .collect::<Result<_, _>>()?;
        for (last, penalty) in self.clauses.iter().filter_map(|clause| clause.holds_through(day)) {
            let mut beyond = Vec::with_capacity(plans.len());
            for plan in &plans {
                beyond.push(sum(plan.iter().map(|month| month.after(last)))?.max(0));
            }
            let total = sum(beyond.iter().copied())?;
            let kept = split(penalty.clamp(0, total), &beyond)?;
            let total = sub(total, sum(kept.iter().copied())?)?;
            if total > most_sum {
                let parts = beyond.into_iter().zip(kept).collect();
                (most, most_sum) = (Beyond { last: Some(last), parts }, total);
            }
        }
        Ok(most)
    }

    /// What of the bills of an accounting contract is neither paid nor enforceable.
    fn conditional_of(&self, part: usize) -> Result<Conditional, EngineError> {
        if self.clauses.is_empty() && self.standing == Standing::Contract {
            return Ok(Conditional::default());
        }
        let none = self.standing.not_yet().is_some();
        let (mut billed, mut before, mut enforceable, mut known) = (0, 0, 0, 0);
        for (place, obligation) in self.obligations.iter().enumerate() {
            let own = self.part_of(Some(place));
            if own == part {
                billed = add(billed, obligation.billed)?;
                known = add(known, obligation.conditional)?;
                let firm = sub(obligation.transaction_price, obligation.beyond)?;
                enforceable = if none { 0 } else { add(enforceable, firm)? };
            } else if own < part {
                before = add(before, obligation.billed)?;
            }
        }
        // Payments settle what was promised first. Tax, which is no part of B, counts as paid first.
        let all = sum(self.obligations.iter().map(|obligation| obligation.billed))?;
        let paid = sub(sub(all, self.receivable.max(0))?, before)?;
        let amount = sub(billed, enforceable.max(paid))?.clamp(0, billed.max(0));
        // Without a right to leave it is what was billed before there was a contract; nothing more.
        let bound = self.clauses.is_empty() && !none;
        let amount = if bound { amount.min(known) } else { amount };
        Ok(Conditional { billed, enforceable, paid, amount })
    }
}

impl ObligationState {
    fn planned_if_open(&self) -> Result<Vec<PlannedMonth>, EngineError> {
        if self.ended_on.is_some() { Ok(Vec::new()) } else { plan(self) }
    }
}

impl PlannedMonth {
    /// The part planned for days after one.
    fn after(&self, last: NaiveDate) -> i128 {
        match self.service {
            Some(days) => {
                let elapsed = days_through(days.from, last);
                let part = accrued_part(self.amount, elapsed, days_through(days.from, days.to));
                self.amount.saturating_sub(part)
            }
            None if last_of_month(self.month) <= last => 0,
            None => self.amount,
        }
    }
}

impl Clause {
    /// The last day that the customer is bound for at the end of `day`, and what leaving then costs; none
    /// where the clause is over.
    fn holds_through(&self, day: NaiveDate) -> Option<(NaiveDate, i128)> {
        if self.to.is_some_and(|to| day > to) {
            return None;
        }
        let notice = self.from.and_then(|from| from.pred_opt()).map_or(day, |eve| eve.max(day));
        let last = notice.checked_add_days(Days::new(u64::from(self.notice_days)));
        Some((last.unwrap_or(NaiveDate::MAX), self.penalty))
    }
}
