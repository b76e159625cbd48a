//! What an obligation has done by a day, as reported.

use backlog_ids::{ContractId, ObligationId};
use backlog_money::Quantity;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    error::EngineError,
    math::{add, sub},
    method::{Method, MilestoneWeight},
    state::ObligationState,
};

/// One share, in units of the last place of a quantity.
const WHOLE: i128 = Quantity::ONE.scaled();

/// One hundred percent, in the same.
const HUNDRED: i128 = 100 * WHOLE;

/// Progress was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressFact {
    /// The contract.
    pub contract: ContractId,
    /// The obligation.
    pub obligation: ObligationId,
    /// The day by whose end it was so.
    pub on: NaiveDate,
    /// What was reported.
    pub reading: Reading,
}

/// What was reported. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Percent complete, to date, 0 to 100.
    Percent(Quantity),
    /// Units transferred, to date.
    Units(Quantity),
    /// Hours worked, to date.
    Hours(Quantity),
    /// Cost incurred, to date.
    Cost {
        /// Cost to date, uninstalled materials included.
        cost: i128,
        /// Cost expected at completion, the same included; the last one where none is given.
        estimate: Option<i128>,
        /// Materials that control passed of and that are not installed yet (606-10-55-21).
        uninstalled: i128,
    },
    /// Units used on the day, on top of those before.
    Usage {
        /// The units.
        quantity: Quantity,
        /// Their price, where it is not quantity x unit price.
        amount: Option<i128>,
    },
    /// A milestone was reached.
    Milestone(String),
    /// Units passed a gate, on top of those before; all that are missing where none are given.
    Delivered {
        /// How many.
        quantity: Option<Quantity>,
        /// Which gate; none where the obligation has none.
        gate: Option<String>,
    },
    /// The share of all rights that was exercised, to date.
    Exercised(Quantity),
    /// The right ended before its last day: what is left is earned.
    Expired,
}

/// Progress as of the end of a day, until the next point. Its unit is the method's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The day.
    pub on: NaiveDate,
    /// Done to date: units, hours, shares and percents in 10^-12; costs in minor units; the value of
    /// metered use in 10^-24 of the major unit.
    pub done: i128,
    /// Of how much, where that is reported along; of metered use, the units to date that have no amount of
    /// their own; 0 where the promise says it.
    pub of: i128,
    /// Cost of uninstalled materials, earned without margin, in minor units.
    pub at_cost: i128,
}

/// Something that happens once to a part of an obligation: a milestone, units at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Milestone or gate.
    pub name: String,
    /// The day.
    pub on: NaiveDate,
    /// Units, in 10^-12; for a milestone its weight.
    pub amount: i128,
}

impl ObligationState {
    /// Takes a report in. Errors when it does not fit the method or leaves its range; the obligation
    /// is then not to be used.
    pub(crate) fn report(&mut self, on: NaiveDate, reading: &Reading) -> Result<(), EngineError> {
        if self.ended_on.is_some_and(|ended| on >= ended) {
            return Err(EngineError::Terminated);
        }
        if self.renewal.is_some() && self.option_reading(on, reading)? {
            return Ok(());
        }
        match (&self.method.clone(), reading) {
            (Method::PercentComplete, Reading::Percent(percent)) => {
                self.done_by(on, percent.scaled(), HUNDRED)
            }
            (Method::Units { .. }, Reading::Units(done))
            | (Method::LaborHours { .. }, Reading::Hours(done)) => {
                self.done_by(on, done.scaled(), i128::MAX)
            }
            (Method::RightToInvoice { .. }, Reading::Units(units) | Reading::Hours(units)) => {
                self.use_units_to(on, *units)
            }
            (Method::CostToCost { .. }, Reading::Cost { cost, estimate, uninstalled }) => {
                self.cost(on, *cost, *estimate, *uninstalled)
            }
            (
                Method::Usage { .. } | Method::RightToInvoice { .. },
                Reading::Usage { quantity, amount },
            ) => self.use_units(on, *quantity, *amount),
            (Method::Milestones(_), Reading::Milestone(id)) => self.milestone(on, id),
            (Method::PointInTime { quantity, gates }, Reading::Delivered { .. }) => {
                self.deliver(on, *quantity, gates, reading)
            }
            (Method::MaterialRight { expires_on, .. }, Reading::Exercised(share)) => {
                if on > *expires_on {
                    return Err(EngineError::ProgressOutOfRange(self.key.clone()));
                }
                let expected = self.expected_share(on);
                self.done_by(on, share.scaled(), WHOLE)?;
                self.expect_share(on, expected)
            }
            (Method::MaterialRight { expires_on: last, .. }, Reading::Expired) => {
                if on > *last {
                    return Err(EngineError::ProgressOutOfRange(self.key.clone()));
                }
                if let Method::MaterialRight { expires_on, .. } = &mut self.method {
                    *expires_on = on;
                }
                Ok(())
            }
            _ => Err(EngineError::OtherMethod(self.key.clone())),
        }
    }

    /// The last point on or before a day.
    pub(crate) fn point(&self, day: NaiveDate) -> Option<&Point> {
        let after = self.points.partition_point(|point| point.on <= day);
        after.checked_sub(1).and_then(|index| self.points.get(index))
    }

    /// A new expectation of the whole cost, from `on` on (a change of estimate, 250-10-45-17).
    pub(crate) fn expect_cost(&mut self, on: NaiveDate, estimate: i128) -> Result<(), EngineError> {
        let last = self.point(on).copied();
        let (done, at_cost) = last.map_or((0, 0), |point| (point.done, point.at_cost));
        self.cost(on, add(done, at_cost)?, Some(estimate), at_cost)
    }

    /// The share of all rights that is expected to be exercised, as of a day.
    fn expected_share(&self, on: NaiveDate) -> i128 {
        match (self.point(on), &self.method) {
            (Some(point), _) => point.of,
            (None, Method::MaterialRight { expected_share, .. }) => expected_share.scaled(),
            (None, _) => 0,
        }
    }

    /// Another expectation, from `on` on (606-10-55-48).
    pub(crate) fn expect_share(&mut self, on: NaiveDate, share: i128) -> Result<(), EngineError> {
        if !matches!(self.method, Method::MaterialRight { .. }) {
            return Err(EngineError::OtherMethod(self.key.clone()));
        }
        if !(1..=WHOLE).contains(&share) {
            return Err(EngineError::ProgressOutOfRange(self.key.clone()));
        }
        let done = self.point(on).map_or(0, |point| point.done);
        self.place(Point { on, done, of: share, at_cost: 0 });
        for point in self.points.iter_mut().filter(|point| point.on > on) {
            point.of = share;
        }
        Ok(())
    }

    /// `done` to date, of at most `most`.
    fn done_by(&mut self, on: NaiveDate, done: i128, most: i128) -> Result<(), EngineError> {
        if !(0..=most).contains(&done) {
            return Err(EngineError::ProgressOutOfRange(self.key.clone()));
        }
        self.place(Point { on, done, of: 0, at_cost: 0 });
        Ok(())
    }

    fn place(&mut self, point: Point) {
        let at = self.points.partition_point(|known| known.on < point.on);
        match self.points.get_mut(at).filter(|known| known.on == point.on) {
            Some(known) => *known = point,
            None => self.points.insert(at, point),
        }
    }

    /// Adds to what was done from `on` on, and to the units that are rated, later points included.
    pub(crate) fn increase(
        &mut self,
        on: NaiveDate,
        by: i128,
        units: i128,
    ) -> Result<(), EngineError> {
        let (done, of) = self.point(on).map_or((0, 0), |point| (point.done, point.of));
        self.set_used(on, (add(done, by)?, add(of, units)?), by)?;
        for point in self.points.iter_mut().filter(|point| point.on > on) {
            point.of = add(point.of, units)?;
        }
        Ok(())
    }

    /// Sets what was done and used by the end of a day; what was done by later points changes by `later`.
    pub(crate) fn set_used(
        &mut self,
        on: NaiveDate,
        (done, of): (i128, i128),
        later: i128,
    ) -> Result<(), EngineError> {
        self.place(Point { on, done, of, at_cost: 0 });
        for point in self.points.iter_mut().filter(|point| point.on > on) {
            point.done = add(point.done, later)?;
        }
        Ok(())
    }

    fn cost(
        &mut self,
        on: NaiveDate,
        cost: i128,
        estimate: Option<i128>,
        uninstalled: i128,
    ) -> Result<(), EngineError> {
        let out_of_range = || EngineError::ProgressOutOfRange(self.key.clone());
        let Method::CostToCost { estimate: first } = self.method else {
            return Err(EngineError::OtherMethod(self.key.clone()));
        };
        let last = match self.point(on) {
            Some(point) => add(point.of, point.at_cost)?,
            None => first,
        };
        let estimate = estimate.unwrap_or(last);
        if cost < 0 || uninstalled < 0 || uninstalled > cost || estimate < cost || estimate == 0 {
            return Err(out_of_range());
        }
        let of = sub(estimate, uninstalled)?;
        self.place(Point { on, done: sub(cost, uninstalled)?, of, at_cost: uninstalled });
        Ok(())
    }

    fn milestone(&mut self, on: NaiveDate, id: &str) -> Result<(), EngineError> {
        let Method::Milestones(milestones) = &self.method else {
            return Err(EngineError::OtherMethod(self.key.clone()));
        };
        let known = milestones.iter().find(|milestone| milestone.id == id);
        let milestone = known.ok_or_else(|| EngineError::UnknownMilestone(id.to_owned()))?;
        let weight = self.weight(milestone.weight)?;
        if self.marks.iter().any(|mark| mark.name == id) {
            return Err(EngineError::AlreadyReached(id.to_owned()));
        }
        self.marks.push(Mark { name: id.to_owned(), on, amount: weight });
        self.increase(on, weight, 0)
    }

    /// A milestone's part of [`Self::promised`].
    fn weight(&self, weight: MilestoneWeight) -> Result<i128, EngineError> {
        let weight = match weight {
            // Beside amounts, a share is one of the stated price.
            MilestoneWeight::Share(share) => match self.stated.filter(|_| self.in_amounts()) {
                Some(price) => share.scaled().checked_mul(price),
                None => Some(share.scaled()),
            },
            MilestoneWeight::Amount(amount) => amount.checked_mul(WHOLE),
        };
        weight.ok_or(EngineError::Overflow)
    }

    fn in_amounts(&self) -> bool {
        let Method::Milestones(milestones) = &self.method else { return false };
        milestones.iter().any(|m| matches!(m.weight, MilestoneWeight::Amount(_)))
    }

    /// What there is to do in all, in the unit of [`Point::done`]; 0 where reports say it.
    pub(crate) fn promised(&self) -> Result<i128, EngineError> {
        match &self.method {
            Method::PointInTime { quantity, .. } => Ok(quantity.scaled()),
            Method::Units { total } | Method::LaborHours { total } => Ok(total.scaled()),
            Method::PercentComplete => Ok(HUNDRED),
            Method::MaterialRight { expected_share, .. } => Ok(expected_share.scaled()),
            Method::Milestones(milestones) => {
                milestones.iter().try_fold(0, |sum, m| add(sum, self.weight(m.weight)?))
            }
            Method::CostToCost { .. }
            | Method::StraightLine { .. }
            | Method::RightToInvoice { .. }
            | Method::Usage { .. } => Ok(0),
        }
    }

    fn deliver(
        &mut self,
        on: NaiveDate,
        promised: Quantity,
        gates: &[String],
        reading: &Reading,
    ) -> Result<(), EngineError> {
        let Reading::Delivered { quantity, gate } = reading else {
            return Err(EngineError::OtherMethod(self.key.clone()));
        };
        let name = match gate {
            Some(gate) if gates.contains(gate) => gate.clone(),
            None if gates.is_empty() => String::new(),
            Some(gate) => return Err(EngineError::UnknownGate(gate.clone())),
            None => return Err(EngineError::UnknownGate(String::new())),
        };
        let passed = self.passed(&name, NaiveDate::MAX)?;
        let missing = sub(promised.scaled(), passed)?;
        let amount = quantity.map_or(missing, Quantity::scaled);
        if amount <= 0 || amount > missing {
            return Err(EngineError::ProgressOutOfRange(self.key.clone()));
        }
        self.marks.push(Mark { name, on, amount });
        self.after_gates(on, gates)
    }

    /// Units that passed a gate by the end of a day.
    pub(crate) fn passed(&self, gate: &str, day: NaiveDate) -> Result<i128, EngineError> {
        let marks = self.marks.iter().filter(|mark| mark.name == gate && mark.on <= day);
        marks.map(|mark| mark.amount).try_fold(0, add)
    }

    /// Points anew from `on`: a unit is transferred once it passed every gate.
    fn after_gates(&mut self, on: NaiveDate, gates: &[String]) -> Result<(), EngineError> {
        let mut days: Vec<NaiveDate> =
            self.marks.iter().map(|mark| mark.on).filter(|day| *day >= on).collect();
        days.sort_unstable();
        days.dedup();
        for day in days {
            let unnamed = [String::new()];
            let gates = if gates.is_empty() { &unnamed[..] } else { gates };
            let passed = gates.iter().map(|gate| self.passed(gate, day));
            let done = passed.collect::<Result<Vec<_>, _>>()?.into_iter().min().unwrap_or(0);
            self.place(Point { on: day, done, of: 0, at_cost: 0 });
        }
        Ok(())
    }
}
