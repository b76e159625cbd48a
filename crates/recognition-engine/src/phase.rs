//! How an obligation is earned from a day on. A change makes a new phase: it leaves the past alone
//! (prospective, 606-10-25-13a), measures it anew (cumulative catch-up, 25-13b), or both in part.

use backlog_money::{Quantity, mul_div_half_away};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    error::EngineError,
    math::{add, sub},
    method::Method,
    policy::{Convention, Rounding},
    schedule::Schedule,
    share::Share,
    state::ObligationState,
    term::Term,
};

/// Before any term.
pub const BEGINNING: NaiveDate = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// How an obligation is earned from a day on, until the next phase begins. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// The first day; of the first phase, [`BEGINNING`].
    pub from: NaiveDate,
    /// Transaction price T while it lasts.
    pub price: i128,
    /// The part of T earned before, which this phase leaves alone.
    pub carved: i128,
    /// The share of the promise that the carved part satisfied.
    pub satisfied: Share,
    /// How the rest is earned.
    pub spread: Spread,
    /// Revenue of its first day that was posted with the fact itself, as an adjustment is.
    pub posted_ahead: i128,
    /// Whether it begins because another version of the tenant's policy does: facts of earlier days then
    /// go before it, and it is worked out again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_policy: bool,
}

/// How the part of a price that is not carved out is earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spread {
    /// By time elapsed.
    Time {
        /// The whole term.
        term: Term,
        /// How months are weighted.
        convention: Convention,
        /// Last day of the term left to earlier phases.
        since: Option<NaiveDate>,
        /// How its months are rounded; as the obligation was promised where none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rounding: Option<Rounding>,
    },
    /// By what was done beyond `before`, of `total` less `before`; units as [`crate::Point::done`].
    Measured {
        /// Done and left to earlier phases.
        before: i128,
        /// To do in all; 0 where reports say it.
        total: i128,
        /// Cost of uninstalled materials that the carved part holds already.
        at_cost: i128,
    },
    /// By the value of what was used.
    Metered,
    /// All of it on the first day.
    AtOnce,
}

/// What progress is taken of: the fields of [`Spread::Measured`].
#[derive(Clone, Copy)]
pub(crate) struct Measure {
    before: i128,
    total: i128,
    at_cost: i128,
}

/// Revenue that a phase has earned at the end of days, worked out once.
pub(crate) enum Earning<'a> {
    Time(i128, Schedule),
    Measured { obligation: &'a ObligationState, phase: &'a Phase, measure: Measure },
    Metered { obligation: &'a ObligationState, terms: usize, carved: i128 },
    AtOnce(i128),
}

impl Phase {
    /// Whether reports, not time, say what is earned.
    pub(crate) const fn is_measured(&self) -> bool {
        matches!(self.spread, Spread::Measured { .. } | Spread::Metered)
    }

    /// What was done of what is to do by the end of a day, and the cost of uninstalled materials; none
    /// where reports do not say it.
    pub(crate) fn progress(
        &self,
        obligation: &ObligationState,
        day: NaiveDate,
    ) -> Option<(i128, i128, i128)> {
        match self.spread {
            Spread::Measured { before, total, at_cost } => {
                Some(progress(obligation, Measure { before, total, at_cost }, day))
            }
            Spread::Time { .. } | Spread::Metered | Spread::AtOnce => None,
        }
    }

    /// Prepares to tell what is earned of `obligation` while this phase lasts.
    pub(crate) fn earning<'a>(
        &'a self,
        obligation: &'a ObligationState,
    ) -> Result<Earning<'a>, EngineError> {
        Ok(match self.spread {
            Spread::Time { term, convention, since, rounding } => {
                let rest = sub(self.price, self.carved)?;
                let rounding = rounding.unwrap_or(obligation.rounding);
                let schedule = Schedule::new(term, convention, rounding, rest, since)?;
                Earning::Time(self.carved, schedule)
            }
            Spread::Measured { before, total, at_cost } => {
                let measure = Measure { before, total, at_cost };
                Earning::Measured { obligation, phase: self, measure }
            }
            Spread::Metered => {
                let terms = obligation.meter_on(self.from);
                Earning::Metered { obligation, terms, carved: self.carved }
            }
            Spread::AtOnce => Earning::AtOnce(self.price),
        })
    }
}

impl Earning<'_> {
    /// Revenue earned to date at the end of `day`, in minor units.
    pub(crate) fn through(&self, day: NaiveDate) -> Result<i128, EngineError> {
        match self {
            Self::Time(carved, schedule) => add(*carved, schedule.target(day)?),
            Self::AtOnce(price) => Ok(*price),
            // A variable amount of metered use is for what was used: nothing before the first.
            Self::Metered { obligation, terms, .. } if obligation.point(day).is_none() => {
                obligation.metered(*terms, day)
            }
            Self::Metered { obligation, terms, carved } => {
                add(*carved, obligation.metered(*terms, day)?)
            }
            Self::Measured { obligation, phase, measure } => {
                measured(obligation, phase, *measure, day)
            }
        }
    }

    /// The share of what is not carved out that is earned at the end of `day`.
    pub(crate) fn share(&self, day: NaiveDate) -> Share {
        match self {
            Self::Time(_, schedule) => schedule.share(day),
            Self::AtOnce(_) | Self::Metered { .. } => Share::WHOLE,
            Self::Measured { obligation, measure, .. } => {
                let (done, of, _) = progress(obligation, *measure, day);
                Share::new(done, of)
            }
        }
    }
}

/// What was done of what is to do, beyond what earlier phases had, never more than all, and the cost
/// of uninstalled materials.
fn progress(
    obligation: &ObligationState,
    Measure { before, total, .. }: Measure,
    day: NaiveDate,
) -> (i128, i128, i128) {
    if obligation.expires_on().is_some_and(|last| day >= last) {
        return (1, 1, 0);
    }
    let Some(point) = obligation.point(day) else { return (0, 1, 0) };
    let total = if point.of == 0 { total } else { point.of };
    let of = total.saturating_sub(before).max(0);
    if of == 0 {
        // Nothing is left to do.
        return (1, 1, point.at_cost);
    }
    (point.done.saturating_sub(before).clamp(0, of), of, point.at_cost)
}

fn measured(
    obligation: &ObligationState,
    phase: &Phase,
    measure: Measure,
    day: NaiveDate,
) -> Result<i128, EngineError> {
    let (done, of, at_cost) = progress(obligation, measure, day);
    let at_cost = sub(at_cost, measure.at_cost)?;
    // Materials not installed yet earn what they cost and leave both sides (606-10-55-21).
    let rest = sub(sub(phase.price, phase.carved)?, at_cost)?;
    let earned = mul_div_half_away(rest, done, of).ok_or(EngineError::Overflow)?;
    add(add(phase.carved, at_cost)?, earned)
}

impl ObligationState {
    /// The day at whose end a right is earned, exercised or not, and an option that was not exercised.
    pub(crate) fn expires_on(&self) -> Option<NaiveDate> {
        match (&self.method, self.renewal) {
            (_, Some(option)) if self.exercised == Quantity::ZERO => Some(option.expires_on),
            (Method::MaterialRight { expires_on, .. }, None) => Some(*expires_on),
            _ => None,
        }
    }

    /// Revenue earned to date at the end of a day, by the phase in force on it.
    pub(crate) fn earned(&self, day: NaiveDate) -> Result<i128, EngineError> {
        let begun = self.phases.partition_point(|phase| phase.from <= day);
        match begun.checked_sub(1).and_then(|index| self.phases.get(index)) {
            Some(phase) => phase.earning(self)?.through(day),
            None => Ok(0),
        }
    }

    /// The phase that a change on `on` starts from. Changes go forward: one before the last is refused,
    /// but for phases that another policy began.
    pub(crate) fn last_phase(&self, on: NaiveDate) -> Result<&Phase, EngineError> {
        let governs = |phase: &&Phase| phase.from <= on || !phase.by_policy;
        let last = self.phases.iter().rev().find(governs).ok_or(EngineError::Overflow)?;
        if on < last.from {
            return Err(EngineError::ChangeBeforeLast { on, last: last.from });
        }
        Ok(last)
    }

    /// The first day of the last phase that a fact began: changes go forward from there.
    pub(crate) fn last_change(&self) -> Option<NaiveDate> {
        self.phases.iter().rev().find(|phase| !phase.by_policy).map(|phase| phase.from)
    }

    /// Revenue earned to date before `on`, as what is in force on `on` measures it.
    pub(crate) fn earned_before(&self, on: NaiveDate) -> Result<i128, EngineError> {
        let Some(day) = on.pred_opt() else { return Ok(0) };
        self.last_phase(on)?.earning(self)?.through(day)
    }

    /// What a phase that begins on `on` leaves alone: what was earned before; of metered use, whose
    /// value counts from the beginning, what is beside it.
    pub(crate) fn carved_before(&self, on: NaiveDate) -> Result<i128, EngineError> {
        match self.last_phase(on)? {
            Phase { spread: Spread::Metered, carved, .. } => Ok(*carved),
            _ => self.earned_before(on),
        }
    }

    /// The share of the whole promise that is satisfied before `on`.
    pub(crate) fn satisfied_before(&self, on: NaiveDate) -> Result<Share, EngineError> {
        let Some(day) = on.pred_opt() else { return Ok(Share::NONE) };
        let phase = self.last_phase(on)?;
        Ok(phase.satisfied.then(phase.earning(self)?.share(day)))
    }

    /// Begins a phase; one that began on the same day gives way to it. Phases that another policy begins
    /// on later days are worked out again.
    pub(crate) fn begin(&mut self, mut phase: Phase) -> Result<(), EngineError> {
        self.last_phase(phase.from)?;
        let later = self.phases.iter().position(|known| known.from > phase.from);
        let later = later.map_or_else(Vec::new, |first| self.phases.split_off(first));
        if let Some(known) = self.phases.pop_if(|known| known.from == phase.from) {
            phase.posted_ahead = add(phase.posted_ahead, known.posted_ahead)?;
        }
        phase.by_policy = false;
        self.phases.push(phase);
        for known in later {
            self.spread_again(known.from, known.spread)?;
        }
        Ok(())
    }

    /// What remains of a spread on `on`, where what was done before is left to earlier phases.
    pub(crate) fn left(&self, spread: Spread, on: NaiveDate) -> Spread {
        match spread {
            Spread::Time { term, convention, since, rounding } => {
                Spread::Time { term, convention, since: on.pred_opt().max(since), rounding }
            }
            Spread::Measured { total, .. } => {
                let point = on.pred_opt().and_then(|day| self.point(day));
                let (before, at_cost) = point.map_or((0, 0), |p| (p.done, p.at_cost));
                Spread::Measured { before, total, at_cost }
            }
            Spread::Metered | Spread::AtOnce => spread,
        }
    }
}
