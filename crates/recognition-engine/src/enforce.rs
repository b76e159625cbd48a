//! What the customer can no longer leave before: the enforceable part of the price, day by day.
//!
//! A right to leave shortens the contract to its notice (606-10-25-3): T holds what is planned through
//! the first day on which the customer could be gone, and what leaving would cost; the rest of the stated
//! term is beyond enforceable. Time passing moves it into T. What is billed beyond T is no unconditional
//! right before it is paid (606-10-45-4).

use backlog_ids::ContractId;
use chrono::{Days, NaiveDate};

use crate::{
    accrual::accrued_part,
    allocation::split,
    effects::{Cause, Measure, Working},
    error::EngineError,
    facts::Clause,
    legal::LegalContract,
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
            return self.conditions(on);
        }
        let bound =
            |obligation: &ObligationState| obligation.beyond == 0 && obligation.conditional == 0;
        let free = state.legal.iter().all(|legal| legal.clauses.is_empty());
        if free && state.obligations.iter().all(bound) {
            return Ok(());
        }
        let day = state.enforced_on.map_or(on, |known| known.max(on));
        let targets = state.beyond_at(day)?;
        self.state.enforced_on = Some(day);
        let booked = self.begins();
        let cause = if booked { Cause::Booking } else { Cause::Renewal };
        for (place, Beyond { last, planned, kept }) in targets.into_iter().enumerate() {
            let Some(obligation) = self.state.obligations.get_mut(place) else { continue };
            let (target, before) = (sub(planned, kept)?, obligation.beyond);
            let more = sub(target, before)?;
            obligation.beyond = target;
            if more != 0 {
                let on = day;
                self.note(Working::Bound { place, cause, on, last, planned, kept, before });
            }
            self.movement(place, (cause, Measure::BeyondEnforceable), more, day)?;
            let less = sub(0, more)?;
            self.movement(place, (cause, Measure::TransactionPrice), less, day)?;
        }
        self.conditions(on)
    }

    /// Works out of each portion of accounting contracts what of its bills is no right yet.
    fn conditions(&mut self, on: NaiveDate) -> Result<(), EngineError> {
        let all: Vec<(usize, ContractId)> =
            self.state.portions().map(|(part, portion)| (part, portion.contract)).collect();
        all.into_iter().try_for_each(|portion| self.condition(portion, on))
    }

    /// Bills beyond what is enforceable or paid are no right yet: they are neither receivable nor
    /// liability.
    fn condition(
        &mut self,
        (part, contract): (usize, ContractId),
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        let of = self.state.conditional_of((part, contract))?;
        let is_own = |obligation: &ObligationState| obligation.is_of(part, contract);
        let own = |obligation: &ObligationState| {
            if is_own(obligation) { obligation.billed.max(0) } else { 0 }
        };
        let weights: Vec<i128> = self.state.obligations.iter().map(own).collect();
        let known = self.state.obligations.iter().filter(|of| is_own(of));
        let known = sum(known.map(|obligation| obligation.conditional))?;
        let more = sub(of.amount, known)?;
        let on = if more > 0 { self.unconditional_on.unwrap_or(on) } else { on };
        let mut parts = Vec::new();
        let mut moved = more != 0;
        for (place, target) in split(of.amount, &weights)?.into_iter().enumerate() {
            let Some(obligation) = self.state.obligations.get_mut(place) else { continue };
            if !is_own(obligation) {
                continue;
            }
            let before = obligation.conditional;
            let more = sub(target, before)?;
            obligation.conditional = target;
            moved |= more != 0;
            parts.push((place, weights.get(place).copied().unwrap_or(0), before));
            let what = (Cause::Invoice, Measure::Unconditional);
            self.movement(place, what, sub(0, more)?, on)?;
        }
        if moved {
            let Conditional { billed, enforceable, paid, amount } = of;
            let before = known;
            self.note(Working::Conditional {
                portion: (part, contract),
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
        let moved = self.state.movement_of((contract, part), what, sub(0, more)?, on);
        self.push(part, moved)
    }
}

/// What of an obligation is beyond enforceable: what is planned for days after the last one that the
/// customer is bound for, and what of that leaving would cost.
#[derive(Clone, Copy, Default)]
struct Beyond {
    last: Option<NaiveDate>,
    planned: i128,
    kept: i128,
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
    /// What is beyond enforceable of each obligation at the end of a day, by the clause of its legal
    /// contract under which the customer could leave the most of that.
    fn beyond_at(&self, day: NaiveDate) -> Result<Vec<Beyond>, EngineError> {
        let mut all = vec![Beyond::default(); self.obligations.len()];
        for legal in self.legal.iter().filter(|legal| !legal.clauses.is_empty()) {
            let most = self.beyond_under(legal, day)?;
            for (place, beyond) in self.places_of(legal.id).zip(most) {
                if let Some(known) = all.get_mut(place) {
                    *known = beyond;
                }
            }
        }
        Ok(all)
    }

    /// The same of the obligations of one legal contract.
    fn beyond_under(
        &self,
        legal: &LegalContract,
        day: NaiveDate,
    ) -> Result<Vec<Beyond>, EngineError> {
        let own = self.obligations.iter().filter(|obligation| obligation.contract == legal.id);
        let plans: Vec<Vec<PlannedMonth>> =
            own.map(ObligationState::planned_if_open).collect::<Result<_, _>>()?;
        let (mut most, mut most_sum) = (vec![Beyond::default(); plans.len()], 0);
        for (last, penalty) in legal.clauses.iter().filter_map(|clause| clause.holds_through(day)) {
            let mut beyond = Vec::with_capacity(plans.len());
            for plan in &plans {
                beyond.push(sum(plan.iter().map(|month| month.after(last)))?.max(0));
            }
            let total = sum(beyond.iter().copied())?;
            let kept = split(penalty.clamp(0, total), &beyond)?;
            let total = sub(total, sum(kept.iter().copied())?)?;
            if total > most_sum {
                let last = Some(last);
                let parts = beyond.into_iter().zip(kept);
                most = parts.map(|(planned, kept)| Beyond { last, planned, kept }).collect();
                most_sum = total;
            }
        }
        Ok(most)
    }

    /// What of the bills of a portion of an accounting contract is neither paid nor enforceable.
    fn conditional_of(
        &self,
        (part, contract): (usize, ContractId),
    ) -> Result<Conditional, EngineError> {
        let legal = self.legal_of(contract)?;
        if legal.clauses.is_empty() && self.standing == Standing::Contract {
            return Ok(Conditional::default());
        }
        let none = self.standing.not_yet().is_some();
        let (mut billed, mut before, mut enforceable, mut known) = (0, 0, 0, 0);
        let own = self.obligations.iter().enumerate().filter(|(_, of)| of.contract == contract);
        for (place, obligation) in own.clone() {
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
        let all = sum(own.map(|(_, obligation)| obligation.billed))?;
        let paid = sub(sub(all, legal.receivable.max(0))?, before)?;
        // Price that was moved to or from other legal contracts is not what is billed.
        let moved = self.portions().find(|(of, known)| *of == part && known.contract == contract);
        let enforceable = sub(enforceable, moved.map_or(0, |(_, portion)| portion.moved))?;
        let amount = sub(billed, enforceable.max(paid))?.clamp(0, billed.max(0));
        // Without a right to leave it is what was billed before there was a contract; nothing more.
        let bound = legal.clauses.is_empty() && !none;
        let amount = if bound { amount.min(known) } else { amount };
        Ok(Conditional { billed, enforceable, paid, amount })
    }
}

impl ObligationState {
    fn is_of(&self, part: usize, contract: ContractId) -> bool {
        self.contract == contract && usize::try_from(self.part).is_ok_and(|own| own == part)
    }

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
