//! Recognition: revenue is posted for what was done.

use backlog_money::Money;
use chrono::NaiveDate;

use crate::{
    effects::{Effects, Measure, Movement, PlanChange, ServiceDays},
    entries::Entry,
    error::EngineError,
    facts::Fact,
    financing::accrue,
    fold::account,
    math::{add, sub, sum},
    periods::Periods,
    phase::{Phase, Spread},
    policy::Policies,
    settle::Settlement,
    state::{ContractState, ObligationState, Pending},
    term::Term,
};

/// Posts what is earned through the end of `through` and not posted yet (606-10-25-31): an entry per
/// obligation and service month, effective on the last day that it covers, but not before the
/// contract was signed, when performance before it is caught up. Catch-ups of changes take effect on
/// the day of the change. Each entry takes the same amount out of the plan. Repeating a run, or
/// running through an earlier day, posts nothing.
pub(crate) fn recognize(
    state: ContractState,
    through: NaiveDate,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    if through < state.first_signed_on() || state.standing.not_yet().is_some() {
        return Ok((state, Effects::default()));
    }
    // Interest changes prices, and with them plans that are else left alone.
    let mut settlement = match state.financing {
        Some(_) => Settlement::of(state, periods),
        None => Settlement::of_run(state, periods),
    };
    accrue(&mut settlement, through)?;
    for place in 0..settlement.state.obligations.len() {
        obligation(&mut settlement, place, (through, periods))?;
        settlement.expire(place, through)?;
    }
    settlement.finish(through)
}

fn obligation(
    settlement: &mut Settlement,
    place: usize,
    (through, periods): (NaiveDate, Periods),
) -> Result<(), EngineError> {
    let Some(obligation) = settlement.state.obligations.get(place) else { return Ok(()) };
    let signed_on = settlement.state.signed_on(obligation);
    if through < signed_on {
        return Ok(());
    }
    let Some(obligation) = settlement.state.obligations.get_mut(place) else { return Ok(()) };
    obligation.ran(through);
    let Some(obligation) = settlement.state.obligations.get(place) else { return Ok(()) };
    let covered = obligation.covered(through);
    // Corrections of posted days wait for the release too.
    let held = obligation.held_from().is_some_and(|from| through >= from);
    let pending = if held { &[][..] } else { &obligation.pending };
    if covered.is_none() && pending.is_empty() {
        return Ok(());
    }
    let mut entries: Vec<Entry> = pending.iter().map(|p| obligation.entry_of(p)).collect();
    if let Some(covered) = covered {
        entries.extend(obligation.not_posted(covered)?);
    }
    let (id, contract) = (obligation.id, obligation.contract);
    let part = settlement.state.part_of(Some(place));
    let mut recognized = obligation.recognized;
    for entry in entries {
        recognized = add(recognized, entry.amount)?;
        let posted_on = settlement.state.at(place)?.posted_on(entry.to);
        let effective_date = posted_on.max(signed_on);
        let what = (entry.cause(), Measure::Recognized);
        let moved = settlement.state.movement(place, what, entry.amount, effective_date)?;
        settlement.push(
            part,
            Movement {
                service_month: Some(entry.service_month),
                late_of: periods.is_closed(posted_on).then_some(entry.to),
                prior_performance: entry.prior_performance,
                ..moved
            },
        )?;
        let less = sub(0, entry.amount)?;
        let change = PlanChange {
            contract,
            obligation: id,
            month: entry.service_month,
            amount: Money::from_minor(less, settlement.state.currency),
            effective_date,
            service: entry.service.map(|days| rest_of(days, entry.to)),
        };
        settlement.take(place, change)?;
    }
    let Some(obligation) = settlement.state.obligations.get_mut(place) else { return Ok(()) };
    obligation.recognized = recognized;
    if !held {
        obligation.pending.clear();
    }
    obligation.posted_through = covered.or(obligation.posted_through);
    Ok(())
}

/// The days that a month has left after one of them: what its plan then still accrues by.
fn rest_of(days: ServiceDays, posted: NaiveDate) -> ServiceDays {
    let next = posted.succ_opt().unwrap_or(posted);
    ServiceDays { from: next.min(days.to), to: days.to }
}

impl ContractState {
    /// The first day for which a run has something to do about an obligation; none when nothing is left
    /// to do unless another fact comes.
    pub fn due_from(&self, obligation: &ObligationState) -> Result<Option<NaiveDate>, EngineError> {
        match self.standing.not_yet() {
            Some(_) => Ok(self.arises_by_time()),
            // Interest is the contract's: the first one brings it.
            None if obligation.ordinal == 0 => {
                let days = [obligation.due_from()?, self.interest_due_from()?];
                Ok(days.into_iter().flatten().min())
            }
            None => obligation.due_from(),
        }
    }

    /// Whether a run through a day would post anything, under the tenant's policies.
    pub fn is_due(&self, through: NaiveDate, policies: &Policies) -> Result<bool, EngineError> {
        let run = Fact::Run { through };
        let (_, effects) = account(Some(self.clone()), &run, policies, Periods::default())?;
        Ok(!effects.movements.is_empty())
    }
}

impl ObligationState {
    /// The first day for which a run has something to post or to plan anew; none when nothing is left to
    /// do unless another fact comes.
    pub fn due_from(&self) -> Result<Option<NaiveDate>, EngineError> {
        let held = self.held_from();
        let first = self.pending.iter().map(|pending| pending.on).min();
        if let Some(first) = first.filter(|_| held.is_none()) {
            return Ok(Some(first));
        }
        let open = self.transaction_price != self.recognized;
        // What is open is planned anew, or earned by time: what it is need not be worked out.
        if !open && self.not_posted(NaiveDate::MAX)?.is_empty() {
            return Ok(None);
        }
        let next = match self.posted_through {
            Some(posted) => posted.succ_opt(),
            None => Some(self.begins()),
        };
        Ok(next.filter(|next| held.is_none_or(|held| *next < held)))
    }

    /// What is earned through a day and not posted, corrections of posted days aside.
    pub(crate) fn not_posted(&self, through: NaiveDate) -> Result<Vec<Entry>, EngineError> {
        self.entries(self.posted_through, self.posted_so_far()?, through)
    }

    /// What the days posted have earned, corrections of them included.
    pub(crate) fn posted_so_far(&self) -> Result<i128, EngineError> {
        let after = self.posted_through;
        let ahead = self.phases.iter().filter(|phase| after.is_none_or(|day| phase.from > day));
        let ahead = sum(ahead.map(|phase| phase.posted_ahead))?;
        let pending = sum(self.pending.iter().map(|pending| pending.amount))?;
        sub(add(self.recognized, pending)?, ahead)
    }

    /// The last day that a run through `through` covers, if that is news: days before the obligation
    /// begins are none, nor those after its end when time alone earns it.
    pub(crate) fn covered(&self, through: NaiveDate) -> Option<NaiveDate> {
        let last = match (self.phases.last().map(|phase| phase.spread), self.last_change()) {
            (Some(Spread::Time { term, .. }), Some(from)) => through.min(term.to().max(from)),
            _ => through,
        };
        let before_hold = self.held_from().and_then(|from| from.pred_opt());
        let last = before_hold.map_or(last, |day| last.min(day));
        let news = self.posted_through.is_none_or(|posted| last > posted);
        (last >= self.begins() && news).then_some(last)
    }

    /// The day on which revenue of a day is posted: that day, or the release of what was withheld.
    pub(crate) fn posted_on(&self, day: NaiveDate) -> NaiveDate {
        let holds = self.held.iter().chain(&self.hold).filter(|hold| day >= hold.from);
        holds.filter_map(|hold| hold.released_on).fold(day, NaiveDate::max)
    }

    /// Remembers a run through a day, but for days that are withheld.
    fn ran(&mut self, through: NaiveDate) {
        if !self.phases.last().is_some_and(Phase::is_measured) {
            return;
        }
        let eve = self.held_from().and_then(|from| from.pred_opt());
        let day = eve.map_or(through, |eve| eve.min(through));
        if self.runs.last().map(|run| run.to()).max(self.posted_through) >= Some(day) {
            return;
        }
        let last = self.runs.pop_if(|run| run.to().succ_opt() == Some(day));
        let from = last.map_or(day, Term::from);
        // A run beyond the calendar posts nothing that could be late.
        self.runs.extend(Term::new(from, day).ok().or(last));
    }

    /// The day through which the run that posts what is done on a day was made; none before it.
    pub(crate) fn run_of(&self, day: NaiveDate) -> Option<NaiveDate> {
        let first = self.runs.partition_point(|run| run.to() < day);
        self.runs.get(first).map(|run| run.from().max(day))
    }

    /// The first day of which nothing is posted while it is withheld.
    pub(crate) fn held_from(&self) -> Option<NaiveDate> {
        self.hold.filter(|hold| hold.released_on.is_none()).map(|hold| hold.from)
    }

    /// The first day on which something can be earned.
    fn begins(&self) -> NaiveDate {
        let first_point = self.points.first().map(|point| point.on);
        let mut later = self.phases.iter().skip(1).filter(|phase| !phase.by_policy);
        let second_phase = later.next().map(|phase| phase.from);
        let earliest = first_point.into_iter().chain(second_phase).chain(self.expires_on()).min();
        earliest.map_or(self.term.from(), |day| day.min(self.term.from()))
    }

    /// What a change of days already posted adds to or takes from them: for the next run. `before` is
    /// the obligation without the change, `on` its day.
    pub(crate) fn correct(&mut self, before: &Self, on: NaiveDate) -> Result<(), EngineError> {
        self.correct_by(before, on, false)
    }

    /// As [`ObligationState::correct`], for a fact or for a change of policy.
    pub(crate) fn correct_by(
        &mut self,
        before: &Self,
        on: NaiveDate,
        by_policy: bool,
    ) -> Result<(), EngineError> {
        let Some(posted) = self.posted_through.filter(|posted| *posted >= on) else {
            return Ok(());
        };
        let after = on.pred_opt();
        let so_far = match after {
            Some(day) => before.earned(day)?,
            None => 0,
        };
        let old = before.entries(after, so_far, posted)?;
        let new = self.entries(after, so_far, posted)?;
        for (entries, sign) in [(old, -1), (new, 1)] {
            for entry in entries {
                let amount = entry.amount.checked_mul(sign).ok_or(EngineError::Overflow)?;
                self.pend(Pending {
                    service_month: entry.service_month,
                    on: entry.to,
                    amount,
                    prior_performance: entry.prior_performance,
                    by_policy,
                })?;
            }
        }
        self.pending.retain(|pending| pending.amount != 0);
        Ok(())
    }

    fn entry_of(&self, pending: &Pending) -> Entry {
        Entry {
            service_month: pending.service_month,
            from: pending.on,
            to: pending.on,
            service: self.service_on(pending.on),
            amount: pending.amount,
            prior_performance: pending.prior_performance,
            by_policy: pending.by_policy,
        }
    }

    /// What accrues on one day: that day, where time alone earns.
    pub(crate) fn service_on(&self, day: NaiveDate) -> Option<ServiceDays> {
        let measured = self.phases.last().is_some_and(Phase::is_measured);
        (!measured).then_some(ServiceDays { from: day, to: day })
    }

    fn pend(&mut self, pending: Pending) -> Result<(), EngineError> {
        let same = |known: &&mut Pending| {
            (known.service_month, known.on, known.prior_performance, known.by_policy)
                == (pending.service_month, pending.on, pending.prior_performance, pending.by_policy)
        };
        match self.pending.iter_mut().find(same) {
            Some(known) => known.amount = add(known.amount, pending.amount)?,
            None => self.pending.push(pending),
        }
        Ok(())
    }
}
