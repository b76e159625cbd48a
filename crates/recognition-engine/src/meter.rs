//! What metered use is worth: units at the rate of their day, within the terms of metering that hold on a
//! day (606-10-55-18). A change of those terms leaves what was used before as it was (25-13a).

use backlog_money::{Quantity, exact_to_minor};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    amend::ObligationChange,
    effects::Cause,
    error::EngineError,
    math::{add, sub, sum},
    method::Method,
    phase::{BEGINNING, Phase, Spread},
    progress::Point,
    settle::Settlement,
    state::ObligationState,
    term::Term,
};

/// Terms of metered use from a day on. Amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// The first day; of the first terms, [`BEGINNING`].
    pub from: NaiveDate,
    /// Price of a unit.
    pub unit_price: Quantity,
    /// Committed over the whole life.
    pub minimum: i128,
    /// Beyond which nothing is owed over the whole life.
    pub cap: Option<i128>,
    /// The day on which what is committed and was not used is earned.
    pub to: NaiveDate,
    /// Whether nothing more is metered: the rest was given up.
    pub ended: bool,
}

/// A change of the terms of metered use: new totals over the whole life, and the price of units used from
/// then on. Amounts in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeterChange {
    /// New price of a unit.
    pub unit_price: Option<Quantity>,
    /// New committed minimum.
    pub minimum: Option<i128>,
    /// New cap.
    pub cap: Option<i128>,
}

impl ObligationState {
    /// The terms at a place in order of time; those of its method while they never changed.
    fn meter(&self, place: usize) -> Result<Meter, EngineError> {
        if let Some(known) = self.meters.get(place) {
            return Ok(*known);
        }
        let (unit_price, minimum, cap) = match self.method {
            Method::Usage { unit_price, minimum, cap } => (unit_price, minimum, cap),
            Method::RightToInvoice { unit_price, cap } => (unit_price, 0, cap),
            _ => return Err(EngineError::OtherMethod(self.key.clone())),
        };
        let to = self.term.to();
        Ok(Meter { from: BEGINNING, unit_price, minimum, cap, to, ended: false })
    }

    /// The place of the terms that hold on a day.
    pub(crate) fn meter_on(&self, day: NaiveDate) -> usize {
        self.meters.partition_point(|meter| meter.from <= day).saturating_sub(1)
    }

    /// The price of a unit used on a day.
    fn rate_on(&self, day: NaiveDate) -> Result<Quantity, EngineError> {
        self.meter(self.meter_on(day)).map(|meter| meter.unit_price)
    }

    /// The same, where use of that day is still owed.
    fn open_rate_on(&self, day: NaiveDate) -> Result<Quantity, EngineError> {
        if self.meter(self.meter_on(day))?.ended {
            return Err(EngineError::ProgressOutOfRange(self.key.clone()));
        }
        self.rate_on(day)
    }

    /// The last days of metering, in order of the terms that set them.
    pub(crate) fn metering_ends(&self) -> impl Iterator<Item = NaiveDate> {
        self.meters.iter().map(|meter| meter.to).chain([self.term.to()])
    }

    /// What was used by the end of a day comes to by the terms at a place; from their last day on, at
    /// least the committed minimum.
    pub(crate) fn metered(&self, place: usize, day: NaiveDate) -> Result<i128, EngineError> {
        exact_to_minor(self.metered_exact(place, day)?, self.minor_digits)
            .ok_or(EngineError::Overflow)
    }

    /// The same in 10^-24 of the major unit.
    fn metered_exact(&self, place: usize, day: NaiveDate) -> Result<i128, EngineError> {
        let meter = self.meter(place)?;
        let used = add(self.metered_before(place)?, self.used_since(place, day)?)?;
        let used = match meter.cap {
            Some(cap) => used.min(self.exact(cap)?),
            None => used,
        };
        if day >= meter.to { Ok(used.max(self.exact(meter.minimum)?)) } else { Ok(used) }
    }

    /// What was earned by the terms before those at a place, which leave it alone, in 10^-24 of the major
    /// unit.
    pub(crate) fn metered_before(&self, place: usize) -> Result<i128, EngineError> {
        let before = place.checked_sub(1).zip(self.meter(place)?.from.pred_opt());
        before.map_or(Ok(0), |(before, eve)| self.metered_exact(before, eve))
    }

    /// The value of units used by the end of a day since the terms at a place hold, in 10^-24 of the major
    /// unit; nothing where nothing more is metered.
    pub(crate) fn used_since(&self, place: usize, day: NaiveDate) -> Result<i128, EngineError> {
        if self.meter(place)?.ended {
            return Ok(0);
        }
        let value = |day| self.point(day).map_or(0, |point| point.done);
        let begun = match place {
            0 => 0,
            _ => self.meter(place)?.from.pred_opt().map_or(0, value),
        };
        sub(value(day), begun)
    }

    /// What is committed, where anything can be, and the cap, by the terms at a place.
    pub(crate) fn bounds(&self, place: usize) -> Result<(Option<i128>, Option<i128>), EngineError> {
        let commits = matches!(self.method, Method::Usage { .. });
        self.meter(place).map(|meter| (Some(meter.minimum).filter(|_| commits), meter.cap))
    }

    /// The last day of metering by the terms at a place.
    pub(crate) fn metered_to(&self, place: usize) -> Result<NaiveDate, EngineError> {
        self.meter(place).map(|meter| meter.to)
    }

    /// T of a metered obligation: what is earned to date, at least the committed minimum.
    pub(crate) fn metered_price(&self) -> Result<i128, EngineError> {
        self.metered_price_by(NaiveDate::MAX)
    }

    /// The same by the end of a day.
    pub(crate) fn metered_price_by(&self, day: NaiveDate) -> Result<i128, EngineError> {
        let place = self.meter_on(day);
        Ok(self.metered(place, day)?.max(self.meter(place)?.minimum))
    }

    /// An amount in 10^-24 of the major unit.
    pub(crate) fn exact(&self, minor: i128) -> Result<i128, EngineError> {
        let digits = 24_u32.checked_sub(self.minor_digits);
        let unit = digits.and_then(|digits| 10_i128.checked_pow(digits));
        unit.and_then(|unit| minor.checked_mul(unit)).ok_or(EngineError::Overflow)
    }

    /// Whether what it is worth follows what is used, so that more can be used yet.
    pub(crate) fn follows_use(&self) -> bool {
        let metered = self.phases.last().is_some_and(|phase| phase.spread == Spread::Metered);
        metered && !self.meters.last().is_some_and(|meter| meter.ended)
    }

    /// Takes in new terms of metering from a day on. Units used on later days that are known already are
    /// rated anew; those with an amount of their own keep it.
    fn remeter(&mut self, on: NaiveDate, change: &ObligationChange) -> Result<(), EngineError> {
        let unfit = || EngineError::UnfitChange(self.key.clone());
        let last = self.meter(self.meters.len().saturating_sub(1))?;
        let MeterChange { unit_price, minimum, cap } = change.meter;
        let uncommitted = matches!(self.method, Method::RightToInvoice { .. });
        let other = change.price.is_some() || change.total.is_some() || change.ssp.is_some();
        if other || last.ended || on < last.from || (uncommitted && minimum.is_some()) {
            return Err(unfit());
        }
        let changed = Meter {
            from: on,
            unit_price: unit_price.unwrap_or(last.unit_price),
            minimum: minimum.unwrap_or(last.minimum),
            cap: cap.or(last.cap),
            to: change.term.map_or(last.to, Term::to),
            ended: false,
        };
        let bounded = changed.cap.is_none_or(|cap| cap >= changed.minimum && cap >= 0);
        if !bounded || changed.minimum < 0 || changed.unit_price < Quantity::ZERO {
            return Err(unfit());
        }
        let changed = match change.remove {
            true => Meter { minimum: 0, cap: None, ended: true, ..changed },
            false => changed,
        };
        if !change.remove {
            self.rate_anew(on, (last.unit_price, changed.unit_price))?;
        }
        if self.meters.is_empty() {
            self.meters.push(last);
        }
        self.meters.pop_if(|known| known.from == on);
        self.meters.push(changed);
        match &mut self.method {
            Method::Usage { unit_price, minimum, cap } => {
                (*unit_price, *minimum, *cap) = (changed.unit_price, changed.minimum, changed.cap);
            }
            Method::RightToInvoice { unit_price, cap } => {
                (*unit_price, *cap) = (changed.unit_price, changed.cap);
            }
            _ => {}
        }
        self.term = change.term.unwrap_or(self.term);
        Ok(())
    }

    /// Rates units of known days from one on by other terms.
    fn rate_anew(
        &mut self,
        on: NaiveDate,
        (old, new): (Quantity, Quantity),
    ) -> Result<(), EngineError> {
        let more = new.checked_sub(old).ok_or(EngineError::Overflow)?;
        let mut units = on.pred_opt().and_then(|eve| self.point(eve)).map_or(0, |point| point.of);
        let mut all = 0;
        for point in self.points.iter_mut().filter(|point| point.on >= on) {
            let used = Quantity::from_scaled(sub(point.of, units)?);
            units = point.of;
            all = add(all, used.exact_value(more).ok_or(EngineError::Overflow)?)?;
            point.done = add(point.done, all)?;
        }
        Ok(())
    }

    /// Takes in units used on a day, on top of those before; those without an amount of their own are
    /// rated by the terms of the day.
    pub(crate) fn use_units(
        &mut self,
        on: NaiveDate,
        quantity: Quantity,
        amount: Option<i128>,
    ) -> Result<(), EngineError> {
        let rate = self.open_rate_on(on)?;
        let (value, rated) = match amount {
            Some(minor) => (self.exact(minor)?, 0),
            None => {
                let value = quantity.exact_value(rate).ok_or(EngineError::Overflow)?;
                (value, quantity.scaled())
            }
        };
        self.increase(on, value, rated)?;
        if self.points.iter().any(|point| point.done < 0) {
            return Err(EngineError::ProgressOutOfRange(self.key.clone()));
        }
        Ok(())
    }

    /// Takes in units used to date: those since the report before are rated by the terms of the day, and
    /// the report after it has that many fewer.
    pub(crate) fn use_units_to(
        &mut self,
        on: NaiveDate,
        units: Quantity,
    ) -> Result<(), EngineError> {
        let worth = |units: i128, rate: Quantity| {
            let value = Quantity::from_scaled(units).exact_value(rate);
            value.ok_or(EngineError::Overflow)
        };
        let rate = self.open_rate_on(on)?;
        let at = |point: Option<&Point>| point.map_or((0, 0), |p| (p.done, p.of));
        let (value, counted) = at(on.pred_opt().and_then(|eve| self.point(eve)));
        let (old_value, old_counted) = at(self.point(on));
        let units = units.scaled();
        let new_value = add(value, worth(sub(units, counted)?, rate)?)?;
        let next = self.points.iter().find(|point| point.on > on).map(|point| point.on);
        let fewer = match next {
            Some(next) => worth(sub(old_counted, units)?, self.rate_on(next)?)?,
            None => 0,
        };
        let later = add(sub(new_value, old_value)?, fewer)?;
        self.set_used(on, (new_value, units), later)?;
        if units < 0 || self.points.iter().any(|point| point.done < 0) {
            return Err(EngineError::ProgressOutOfRange(self.key.clone()));
        }
        Ok(())
    }
}

/// Changes the terms of metered use of an obligation from a day on, and T with it.
pub(crate) fn remeter(
    settlement: &mut Settlement,
    (place, on): (usize, NaiveDate),
    change: &ObligationChange,
) -> Result<i128, EngineError> {
    let old = settlement.state.at(place)?.clone();
    if old.ended_on.is_some() || !old.phases.last().is_some_and(|p| p.spread == Spread::Metered) {
        return Err(EngineError::UnfitChange(old.key));
    }
    settlement.change(place, on, |obligation| {
        let last = obligation.last_phase(on)?.clone();
        obligation.remeter(on, change)?;
        obligation.begin(Phase { from: on, posted_ahead: 0, ..last })
    })?;
    if let Some(term) = change.term {
        settlement.state.cover(old.contract, term)?;
    }
    price_by_day(settlement, &old, (place, on, Cause::Amendment))?;
    sub(settlement.state.at(place)?.transaction_price, old.transaction_price)
}

/// Sets T of an obligation whose metered use, or the terms of it, changed on a day: each later day on
/// which that makes a difference has its own.
pub(crate) fn price_by_day(
    settlement: &mut Settlement,
    old: &ObligationState,
    (place, on, cause): (usize, NaiveDate, Cause),
) -> Result<(), EngineError> {
    let later = later_prices(old, settlement.state.at(place)?, on)?;
    let price = settlement.state.price_of(place)?;
    let mut price = sub(price, sum(later.iter().map(|(_, change)| *change))?)?;
    settlement.price(place, price, cause, on)?;
    for (day, change) in later {
        price = add(price, change)?;
        settlement.price(place, price, cause, day)?;
        settlement.plan_more(place, change, day)?;
    }
    Ok(())
}

/// How T changes on days after one, beyond what it does on that day: a minimum that was not reached
/// before, a cap that is now reached earlier, other terms from a later day on.
pub(crate) fn later_prices(
    old: &ObligationState,
    new: &ObligationState,
    on: NaiveDate,
) -> Result<Vec<(NaiveDate, i128)>, EngineError> {
    if !new.phases.last().is_some_and(|phase| phase.spread == Spread::Metered) {
        return Ok(Vec::new());
    }
    let points = new.points.iter().map(|point| point.on);
    let terms = new.meters.iter().map(|meter| meter.from);
    let mut days: Vec<NaiveDate> = points.chain(terms).filter(|day| *day > on).collect();
    days.sort_unstable();
    days.dedup();
    let change = |day| sub(new.metered_price_by(day)?, old.metered_price_by(day)?);
    let mut known = change(on)?;
    let mut later = Vec::new();
    for day in days {
        let all = change(day)?;
        if all != known {
            later.push((day, sub(all, known)?));
        }
        known = all;
    }
    Ok(later)
}
