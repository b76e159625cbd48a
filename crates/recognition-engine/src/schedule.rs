//! What a straight-line obligation earns, month by month and to any day.

use backlog_money::{mul_div_floor, mul_div_half_away};
use chrono::NaiveDate;

use crate::{
    error::EngineError,
    math::{add, in_range, sum},
    policy::{Convention, Rounding},
    share::Share,
    term::{MonthOfTerm, Term, days_through},
    weights::weigh,
};

/// How a price is earned over a term: a function of term, convention, rounding and price alone, so
/// that what is posted to a day does not depend on when or how often it was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    months: Vec<ScheduledMonth>,
    price: i128,
    rounding: Rounding,
    weight: i128,
}

/// A calendar month of a schedule. Amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledMonth {
    /// First day of the calendar month.
    pub month: NaiveDate,
    /// First service day.
    pub service_from: NaiveDate,
    /// Last service day.
    pub service_to: NaiveDate,
    /// Number of service days.
    pub service_days: u32,
    /// Amount of the month.
    pub amount: i128,
    /// Sum of the amounts of the months before.
    pub before: i128,
    /// Weight of the month; means something in proportion to the others only.
    pub weight: i128,
    /// Sum of the weights of the months before.
    pub weight_before: i128,
}

impl Schedule {
    /// The schedule of `price` minor units over what `term` has left after the day `since`, over all of
    /// it when none is given: each month weighs what it does in the whole term. Errors when an amount
    /// leaves its range, which prices within the limit never do.
    pub fn new(
        term: Term,
        convention: Convention,
        rounding: Rounding,
        price: i128,
        since: Option<NaiveDate>,
    ) -> Result<Self, EngineError> {
        let mut months = Vec::with_capacity(term.count_months());
        months.extend(term.months().map(ScheduledMonth::unweighed));
        weigh(term, &mut months, convention);
        if let Some(since) = since.filter(|since| *since >= term.from()) {
            leave_after(since, &mut months);
        }
        let weight = sum(months.iter().map(|month| month.weight))?;
        let last = months.iter().rposition(|month| month.weight > 0);
        let mut schedule = Self { months: Vec::new(), price, rounding, weight };
        let (mut before, mut weight_before) = (0_i128, 0_i128);
        for (index, month) in months.iter_mut().enumerate() {
            month.before = before;
            month.weight_before = weight_before;
            month.amount = in_range(schedule.amount(month, last == Some(index)))?;
            before = add(before, month.amount)?;
            weight_before = add(weight_before, month.weight)?;
        }
        schedule.months = months;
        Ok(schedule)
    }

    /// The calendar months of the term, in order; those of amount zero too.
    #[must_use]
    pub fn months(&self) -> &[ScheduledMonth] {
        &self.months
    }

    /// What is earned through the end of `day`, in minor units: nothing before the term, the price
    /// from its last day on, and never less than on the day before.
    pub fn target(&self, day: NaiveDate) -> Result<i128, EngineError> {
        let begun = self.months.partition_point(|month| month.service_from <= day);
        let Some(month) = begun.checked_sub(1).and_then(|index| self.months.get(index)) else {
            // Nothing of the term is left: what remains is earned at once.
            return Ok(if self.months.is_empty() { self.price } else { 0 });
        };
        self.target_in(month, day)
    }

    /// As [`Schedule::target`], where the last month begun by `day` is known.
    pub(crate) fn target_in(
        &self,
        month: &ScheduledMonth,
        day: NaiveDate,
    ) -> Result<i128, EngineError> {
        let earned = if day >= month.service_to {
            month.before.checked_add(month.amount)
        } else {
            self.within(month, days_through(month.service_from, day))
        };
        in_range(earned)
    }

    /// The share of the price that is earned through the end of `day`, before rounding.
    pub(crate) fn share(&self, day: NaiveDate) -> Share {
        let begun = self.months.partition_point(|month| month.service_from <= day);
        let Some(month) = begun.checked_sub(1).and_then(|index| self.months.get(index)) else {
            return if self.months.is_empty() { Share::WHOLE } else { Share::NONE };
        };
        let days = i128::from(month.service_days);
        let elapsed = days_through(month.service_from, day).min(month.service_days);
        let done = month.weight_before.saturating_mul(days);
        let done = done.saturating_add(month.weight.saturating_mul(i128::from(elapsed)));
        Share::new(done, self.weight.saturating_mul(days))
    }

    /// The amount of a month, given the months before it.
    fn amount(&self, month: &ScheduledMonth, is_last: bool) -> Option<i128> {
        let remaining = self.price.checked_sub(month.before)?;
        match self.rounding {
            Rounding::Cumulative => {
                let weight = month.weight_before.checked_add(month.weight)?;
                mul_div_half_away(self.price, weight, self.weight)?.checked_sub(month.before)
            }
            Rounding::FloorLast | Rounding::PerPeriod if is_last => Some(remaining),
            Rounding::FloorLast => mul_div_floor(self.price, month.weight, self.weight),
            Rounding::PerPeriod => {
                let rounded = mul_div_half_away(self.price, month.weight, self.weight)?;
                // Many small months rounded up would pass the price, and revenue would be taken back.
                Some(rounded.min(remaining))
            }
        }
    }

    /// What is earned to date when `elapsed` of the service days of an unfinished month are over.
    fn within(&self, month: &ScheduledMonth, elapsed: u32) -> Option<i128> {
        let (elapsed, days) = (i128::from(elapsed), i128::from(month.service_days));
        match self.rounding {
            Rounding::Cumulative => {
                let whole_months = month.weight_before.checked_mul(days)?;
                let weight = whole_months.checked_add(month.weight.checked_mul(elapsed)?)?;
                mul_div_half_away(self.price, weight, self.weight.checked_mul(days)?)
            }
            Rounding::FloorLast | Rounding::PerPeriod => {
                month.before.checked_add(mul_div_half_away(month.amount, elapsed, days)?)
            }
        }
    }
}

/// Keeps the months that are left after a day. A month that is cut weighs in proportion to the days it
/// has left; all weights are then in days of that month.
fn leave_after(since: NaiveDate, months: &mut Vec<ScheduledMonth>) {
    months.retain(|month| month.service_to > since);
    let cut = months.first().filter(|month| month.service_from <= since);
    if let (Some((cut, whole_days)), Some(from)) =
        (cut.map(|cut| (cut.month, cut.service_days)), since.succ_opt())
    {
        for month in months.iter_mut() {
            let days = if month.month == cut {
                month.service_from = from;
                month.service_days = days_through(from, month.service_to);
                month.service_days
            } else {
                whole_days
            };
            month.weight = month.weight.saturating_mul(i128::from(days));
        }
    }
    if months.iter().all(|month| month.weight == 0) {
        // Where the convention gives what is left no weight, days decide.
        for month in months {
            month.weight = i128::from(month.service_days);
        }
    }
}

impl ScheduledMonth {
    /// A month of a term, before it is known what it weighs.
    fn unweighed(days: MonthOfTerm) -> Self {
        Self {
            month: days.first,
            service_from: days.from,
            service_to: days.to,
            service_days: days.days(),
            amount: 0,
            before: 0,
            weight: 0,
            weight_before: 0,
        }
    }
}
