//! What an obligation earns after one day and through another, as entries by month of service.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::{
    effects::{Cause, ServiceDays},
    error::EngineError,
    math::{add, sub},
    phase::{Earning, Phase},
    schedule::Schedule,
    state::ObligationState,
    term::{first_of_month, last_of_month},
};

/// Revenue of one service month, earned by the end of a day. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// First day of the month of service.
    pub(crate) service_month: NaiveDate,
    /// First day covered.
    pub(crate) from: NaiveDate,
    /// Last day covered, of the same month.
    pub(crate) to: NaiveDate,
    /// Where time earns it, its first day and the last of its month that is earned alike, which a run
    /// may not have reached.
    pub(crate) service: Option<ServiceDays>,
    /// The amount, not zero.
    pub(crate) amount: i128,
    /// Whether a change caught up performance before it (606-10-50-12A).
    pub(crate) prior_performance: bool,
    /// Whether it is there because days that are posted are measured by another policy.
    pub(crate) by_policy: bool,
}

impl Entry {
    /// Why it is posted.
    pub(crate) const fn cause(&self) -> Cause {
        if self.by_policy { Cause::PolicyChange } else { Cause::Recognition }
    }
}

/// Days of one month that an entry covers.
struct Piece {
    month: NaiveDate,
    from: NaiveDate,
    to: NaiveDate,
    service: Option<ServiceDays>,
}

/// Tells entries; keeps what is earned so far.
struct Listing<'a, Tell> {
    obligation: &'a ObligationState,
    so_far: i128,
    tell: Tell,
}

impl ObligationState {
    /// The entries after the day `after` (from the beginning when none is given) through `through`,
    /// where `so_far` was earned before; a phase's catch-up is an entry of its own, on its first day.
    /// Only days on which something can be earned are looked at.
    pub(crate) fn entries(
        &self,
        after: Option<NaiveDate>,
        so_far: i128,
        through: NaiveDate,
    ) -> Result<Vec<Entry>, EngineError> {
        let mut entries = Vec::new();
        self.each_entry(after, so_far, through, |entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    /// As [`Self::entries`], telling one after the other.
    pub(crate) fn each_entry(
        &self,
        after: Option<NaiveDate>,
        so_far: i128,
        through: NaiveDate,
        tell: impl FnMut(Entry) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let begin = match after {
            Some(after) => after.succ_opt().unwrap_or(NaiveDate::MAX),
            None => NaiveDate::MIN,
        };
        let mut listing = Listing { obligation: self, so_far, tell };
        let nexts = self.phases.iter().skip(1).map(|phase| phase.from.pred_opt());
        let ends = nexts.chain([Some(NaiveDate::MAX)]);
        for (phase, end) in self.phases.iter().zip(ends) {
            let Some(end) = end else { continue };
            let from = phase.from.max(begin);
            if from <= end.min(through) {
                listing.phase(phase, from, (end, through))?;
            }
        }
        Ok(())
    }
}

impl<Tell: FnMut(Entry) -> Result<(), EngineError>> Listing<'_, Tell> {
    /// The entries of a phase from `from` on, to its own end or the last day asked for.
    fn phase(
        &mut self,
        phase: &Phase,
        from: NaiveDate,
        (end, through): (NaiveDate, NaiveDate),
    ) -> Result<(), EngineError> {
        let earning = phase.earning(self.obligation)?;
        if let Some(before) = phase.from.pred_opt().filter(|_| phase.from == from) {
            let caught_up = earning.through(before)?;
            let rest = sub(sub(caught_up, self.so_far)?, phase.posted_ahead)?;
            self.so_far = add(self.so_far, phase.posted_ahead)?;
            let service = self.obligation.service_on(from);
            self.entry(Piece { month: first_of_month(from), from, to: from, service }, rest, true)?;
        }
        if let Earning::Time(carved, schedule) = &earning {
            return self.months((*carved, schedule), from, (end, through));
        }
        for piece in self.pieces(&earning, from, end.min(through)) {
            let earned = sub(earning.through(piece.to)?, self.so_far)?;
            self.entry(piece, earned, false)?;
        }
        Ok(())
    }

    /// The entries of a phase that time earns.
    fn months(
        &mut self,
        (carved, schedule): (i128, &Schedule),
        from: NaiveDate,
        (end, through): (NaiveDate, NaiveDate),
    ) -> Result<(), EngineError> {
        for month in schedule.months() {
            let service =
                ServiceDays { from: month.service_from.max(from), to: month.service_to.min(end) };
            let to = service.to.min(through);
            if service.from <= to {
                let earned = sub(add(carved, schedule.target_in(month, to)?)?, self.so_far)?;
                let month = month.month;
                let piece = Piece { month, from: service.from, to, service: Some(service) };
                self.entry(piece, earned, false)?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        Piece { month: service_month, from, to, service }: Piece,
        amount: i128,
        prior_performance: bool,
    ) -> Result<(), EngineError> {
        if amount != 0 {
            self.so_far = add(self.so_far, amount)?;
            (self.tell)(Entry {
                service_month,
                from,
                to,
                service,
                amount,
                prior_performance,
                by_policy: false,
            })?;
        }
        Ok(())
    }

    /// The pieces of months in which something can be earned that time does not earn, in order, cut at
    /// the runs that were made.
    fn pieces(&self, earning: &Earning<'_>, from: NaiveDate, to: NaiveDate) -> Vec<Piece> {
        let reported = self.obligation.points.iter().map(|point| point.on);
        let metered = matches!(earning, Earning::Metered { .. });
        let metering = metered.then(|| self.obligation.metering_ends());
        let right = self.obligation.expires_on().filter(|_| !metered);
        let ends = metering.into_iter().flatten().chain(right);
        let days = reported.chain(ends).filter(|day| (from..=to).contains(day));
        let last = |day: NaiveDate| {
            let run = self.obligation.run_of(day).unwrap_or(to);
            run.min(last_of_month(day)).min(to)
        };
        let lasts: BTreeSet<NaiveDate> = days.map(last).collect();
        let mut next = from;
        let mut pieces = Vec::with_capacity(lasts.len());
        for to in lasts {
            let month = first_of_month(to);
            pieces.push(Piece { month, from: month.max(next), to, service: None });
            next = to.succ_opt().unwrap_or(to);
        }
        pieces
    }
}
