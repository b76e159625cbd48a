//! When what remains of an obligation is expected to be recognized.

use backlog_money::allocate;
use chrono::NaiveDate;

use crate::{
    effects::ServiceDays,
    error::EngineError,
    math::{add, sub, sum},
    method::Method,
    state::ObligationState,
    term::{Term, first_of_month, last_of_month},
};

/// What remains to be recognized in a month. Amount in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedMonth {
    /// First day of the calendar month.
    pub month: NaiveDate,
    /// The days not posted by which it accrues; none where time alone earns nothing.
    pub service: Option<ServiceDays>,
    /// The amount, not zero.
    pub amount: i128,
}

/// What remains of an obligation by month, in order, what is earned but not posted included. Sums to
/// T - R.
pub fn plan(obligation: &ObligationState) -> Result<Vec<PlannedMonth>, EngineError> {
    let mut months = Months(Vec::with_capacity(obligation.term.count_months()));
    for pending in &obligation.pending {
        // Within the month of service, as all days of a plan's row.
        let day = pending.on.min(last_of_month(pending.service_month));
        months.add(pending.service_month, pending.amount, obligation.service_on(day))?;
    }
    let so_far = obligation.posted_so_far()?;
    obligation.each_entry(obligation.posted_through, so_far, NaiveDate::MAX, |entry| {
        months.add(entry.service_month, entry.amount, entry.service)
    })?;
    let known = sum(months.0.iter().map(|month| month.amount))?;
    let open = sub(obligation.transaction_price, obligation.recognized)?;
    let rest = sub(open, known)?;
    if rest != 0 {
        for (month, amount) in obligation.expected(rest)? {
            months.add(month, amount, None)?;
        }
    }
    months.0.retain(|month| month.amount != 0);
    Ok(months.0)
}

/// Planned months, in order.
struct Months(Vec<PlannedMonth>);

impl Months {
    fn add(
        &mut self,
        month: NaiveDate,
        amount: i128,
        service: Option<ServiceDays>,
    ) -> Result<(), EngineError> {
        // Most come in order.
        let at = match self.0.last() {
            Some(last) if last.month >= month => self.0.partition_point(|m| m.month < month),
            _ => self.0.len(),
        };
        match self.0.get_mut(at).filter(|known| known.month == month) {
            Some(known) => {
                known.amount = add(known.amount, amount)?;
                known.service = both(known.service, service);
            }
            None => self.0.insert(at, PlannedMonth { month, service, amount }),
        }
        Ok(())
    }
}

/// The days of both, within one month.
fn both(one: Option<ServiceDays>, two: Option<ServiceDays>) -> Option<ServiceDays> {
    match (one, two) {
        (Some(one), Some(two)) => {
            Some(ServiceDays { from: one.from.min(two.from), to: one.to.max(two.to) })
        }
        (one, two) => one.or(two),
    }
}

impl ObligationState {
    /// When an amount that depends on what is yet to be done is expected: a delivery in the last month
    /// of its term, progress by day over what the term has left, all of it in the next month once the
    /// term is over.
    fn expected(&self, amount: i128) -> Result<Vec<(NaiveDate, i128)>, EngineError> {
        let last_point = self.points.last().map(|point| point.on);
        let begun = self.phases.last().and_then(|phase| phase.from.pred_opt());
        let known = last_point.max(self.posted_through).max(begun);
        let from = match known.and_then(|day| day.succ_opt()) {
            Some(next) => next.max(self.term.from()),
            None => self.term.from(),
        };
        if from > self.term.to() {
            let month = known.map_or(self.term.to(), last_of_month);
            return Ok(vec![(month.succ_opt().unwrap_or(month), amount)]);
        }
        if let Some(last) = self.expires_on() {
            return Ok(vec![(first_of_month(last), amount)]);
        }
        if matches!(self.method, Method::PointInTime { .. } | Method::Usage { .. }) {
            return Ok(vec![(first_of_month(self.term.to()), amount)]);
        }
        let term = Term::new(from, self.term.to()).map_err(|_| EngineError::Overflow)?;
        let months: Vec<_> = term.months().collect();
        let days: Vec<i128> = months.iter().map(|month| i128::from(month.days())).collect();
        let parts = allocate(amount, &days).map_err(|_| EngineError::Overflow)?;
        Ok(months.iter().map(|month| month.first).zip(parts).collect())
    }
}
