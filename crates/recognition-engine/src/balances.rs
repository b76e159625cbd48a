//! The split of an accounting contract's net position into liability, refund liability and asset
//! (606-10-45-1 to 45-3, 32-10).
//!
//! At the end of every day max(0, U - R) is RefundLiability as far as the estimate of what must be
//! given back reaches, and DeferredRevenue beyond; ContractAsset is max(0, R - U). They are never
//! netted with another contract's; contracts that were combined are one. The split is written as movements, so a fact that lands before
//! later ones corrects each later day on that day.

use std::collections::BTreeMap;

use backlog_ids::ContractId;
use chrono::NaiveDate;

use crate::{
    effects::{Cause, Effects, Measure},
    error::EngineError,
    legal::Portion,
    math::{add, sub, sum},
    state::{BalancePoint, ContractState},
};

/// Changes on one day. Minor units.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    unconditional: i128,
    recognized: i128,
    refundable: i128,
}

impl Change {
    fn plus(self, more: Self) -> Result<Self, EngineError> {
        Ok(Self {
            unconditional: add(self.unconditional, more.unconditional)?,
            recognized: add(self.recognized, more.recognized)?,
            refundable: add(self.refundable, more.refundable)?,
        })
    }
}

/// Changes of U, of R and of the estimate of what must be given back, by effective date.
#[derive(Debug, Default)]
pub(crate) struct NetChanges(BTreeMap<NaiveDate, Change>);

impl NetChanges {
    /// Notes that U changes by `amount` on that day.
    pub(crate) fn unconditional(&mut self, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        let change = self.0.entry(on).or_default();
        change.unconditional = add(change.unconditional, amount)?;
        Ok(())
    }

    /// Notes that R changes by `amount` on that day.
    pub(crate) fn recognized(&mut self, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        let change = self.0.entry(on).or_default();
        change.recognized = add(change.recognized, amount)?;
        Ok(())
    }

    /// Notes that the net position is to be split on that day although nothing of it changes.
    pub(crate) fn touch(&mut self, on: NaiveDate) {
        self.0.entry(on).or_default();
    }

    /// Notes that the estimate of what must be given back changes by `amount` on that day.
    pub(crate) fn refundable(&mut self, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        if amount != 0 {
            let change = self.0.entry(on).or_default();
            change.refundable = add(change.refundable, amount)?;
        }
        Ok(())
    }
}

/// Works changes by portion into the points of all accounting contracts, and appends the movements of the
/// split to `effects`.
pub(crate) fn balance(
    state: &mut ContractState,
    changes: &[NetChanges],
    effects: &mut Effects,
) -> Result<(), EngineError> {
    let mut changes = changes.iter();
    for part in 0..state.accounting.len() {
        let Some(known) = state.accounting.get(part) else { continue };
        let none = NetChanges::default();
        let portions = known.portions.iter().map(|portion| (portion, changes.next()));
        let portions: Vec<_> =
            portions.map(|(portion, changes)| (portion, changes.unwrap_or(&none))).collect();
        let firsts = portions.iter().filter_map(|(_, changes)| changes.0.keys().next());
        let Some(first) = firsts.min().copied() else { continue };
        effects.balances_from = Some(effects.balances_from.map_or(first, |from| from.min(first)));
        let split = split(state, part, (&portions, first), effects)?;
        let Some(known) = state.accounting.get_mut(part) else { continue };
        for (portion, (kept, points)) in known.portions.iter_mut().zip(split) {
            portion.balances.truncate(kept);
            portion.balances.extend(points);
        }
    }
    Ok(())
}

/// The new points of each portion of an accounting contract, from the first day of a change on, each with
/// how many of the old ones before stay.
fn split(
    state: &ContractState,
    part: usize,
    (portions, first): (&[(&Portion, &NetChanges)], NaiveDate),
    effects: &mut Effects,
) -> Result<Vec<(usize, Vec<BalancePoint>)>, EngineError> {
    let mut running = Vec::with_capacity(portions.len());
    let mut days: Vec<NaiveDate> = Vec::new();
    for (portion, changes) in portions {
        let one = Running::before(portion, first)?;
        days.extend(one.later.iter().map(|point| point.on).chain(changes.0.keys().copied()));
        running.push(one);
    }
    days.sort_unstable();
    days.dedup();
    for on in days {
        for (one, (_, changes)) in running.iter_mut().zip(portions) {
            one.through(on, changes.0.get(&on).copied())?;
        }
        let nets: Vec<(i128, i128)> = running.iter().map(|one| (one.net, one.estimate)).collect();
        for (one, target) in running.iter_mut().zip(targets(&nets, portions, on)?) {
            for (measure, amount) in MEASURES.into_iter().zip(one.missing(target)?) {
                if amount != 0 {
                    let what = (Cause::ContractBalance, measure);
                    let of = (one.contract, part);
                    effects.movements.push(state.movement_of(of, what, amount, on));
                }
            }
            one.post(on, target)?;
        }
    }
    Ok(running.into_iter().map(|one| (one.kept, one.points)).collect())
}

/// A portion while its days are gone through.
struct Running<'a> {
    contract: ContractId,
    /// How many points are of days before the first.
    kept: usize,
    /// The known points not gone through yet.
    later: &'a [BalancePoint],
    net: i128,
    estimate: i128,
    /// Liability, refund liability and asset as posted before, at the end of the day.
    posted: [i128; 3],
    /// By how much they are corrected now.
    corrected: [i128; 3],
    /// What the day itself changes; none where nothing of the portion is of that day.
    change: Option<Change>,
    points: Vec<BalancePoint>,
}

impl<'a> Running<'a> {
    /// As at the end of the day before the first.
    fn before(portion: &'a Portion, first: NaiveDate) -> Result<Self, EngineError> {
        let known = &portion.balances;
        let kept = known.partition_point(|point| point.on < first);
        let (before, later) = known.split_at(kept);
        let posted = before.last().map_or([0; 3], posted_at);
        let [liability, refund, asset] = posted;
        Ok(Self {
            contract: portion.contract,
            kept,
            later,
            net: sub(add(liability, refund)?, asset)?,
            estimate: before.last().map_or(0, |point| point.refund_estimate),
            posted,
            corrected: [0; 3],
            change: None,
            points: Vec::new(),
        })
    }

    /// Takes in what is known of a day, and what changes on it.
    fn through(&mut self, on: NaiveDate, new: Option<Change>) -> Result<(), EngineError> {
        let old = self.later.split_first().filter(|(point, _)| point.on == on);
        let known = old.map(|(point, later)| {
            self.later = later;
            self.posted = posted_at(point);
            Change {
                unconditional: point.unconditional,
                recognized: point.recognized,
                refundable: point.refundable,
            }
        });
        self.change = match (known, new) {
            (Some(known), Some(new)) => Some(known.plus(new)?),
            (known, new) => known.or(new),
        };
        if let Some(change) = self.change {
            self.net = add(self.net, sub(change.unconditional, change.recognized)?)?;
            self.estimate = add(self.estimate, change.refundable)?;
        }
        Ok(())
    }

    /// What is missing at the end of the day, less what was corrected on days before.
    fn missing(&self, target: [i128; 3]) -> Result<[i128; 3], EngineError> {
        let mut missing = target;
        for ((amount, was), corrected) in missing.iter_mut().zip(self.posted).zip(self.corrected) {
            *amount = sub(sub(*amount, was)?, corrected)?;
        }
        Ok(missing)
    }

    /// Notes the end of the day, where something is of it or is posted on it.
    fn post(&mut self, on: NaiveDate, target: [i128; 3]) -> Result<(), EngineError> {
        let moved = self.missing(target)? != [0; 3];
        for ((corrected, now), was) in self.corrected.iter_mut().zip(target).zip(self.posted) {
            *corrected = sub(now, was)?;
        }
        if self.change.is_none() && !moved {
            return Ok(());
        }
        let change = self.change.unwrap_or_default();
        let [deferred_revenue, refund_liability, contract_asset] = target;
        self.points.push(BalancePoint {
            on,
            unconditional: change.unconditional,
            recognized: change.recognized,
            refundable: change.refundable,
            deferred_revenue,
            refund_liability,
            contract_asset,
            refund_estimate: self.estimate,
        });
        Ok(())
    }
}

/// Liability, refund liability and asset of each portion at the end of a day, by net position and estimate
/// of each: of those combined by then as of one, each with its own part.
fn targets(
    nets: &[(i128, i128)],
    portions: &[(&Portion, &NetChanges)],
    on: NaiveDate,
) -> Result<Vec<[i128; 3]>, EngineError> {
    let joined = |place: usize| portions.get(place).is_some_and(|(known, _)| known.is_joined(on));
    let together = nets.iter().enumerate().filter(|(place, _)| joined(*place));
    let together = sum(together.map(|(_, (net, _))| *net))?;
    let mut owed = together.max(0);
    let mut all = Vec::with_capacity(nets.len());
    for (place, (net, estimate)) in nets.iter().enumerate() {
        let (is_owed, most) = match joined(place) {
            true => (together >= 0, owed),
            false => (*net >= 0, (*net).max(0)),
        };
        let refund = (*estimate).clamp(0, most);
        if joined(place) {
            owed = sub(owed, refund)?;
        }
        all.push(if is_owed { [sub(*net, refund)?, refund, 0] } else { [0, 0, sub(0, *net)?] });
    }
    Ok(all)
}

/// What the net position is split into, in the order of amounts.
const MEASURES: [Measure; 3] =
    [Measure::DeferredRevenue, Measure::RefundLiability, Measure::ContractAsset];

const fn posted_at(point: &BalancePoint) -> [i128; 3] {
    [point.deferred_revenue, point.refund_liability, point.contract_asset]
}

impl ContractState {
    /// What a portion of an accounting contract must give back as far as it was received or is receivable:
    /// rebates expected, and what is billed beyond a price that was reduced (606-10-32-10).
    pub(crate) fn refund_estimate(
        &self,
        part: usize,
        portion: &Portion,
    ) -> Result<i128, EngineError> {
        if self.standing.not_yet().is_some() {
            // All that is received is a liability until it is a contract (606-10-25-8).
            return Ok(0);
        }
        // Variable amounts are of the contract as signed.
        let rebates = if part == 0 { self.rebates_of(portion.contract)? } else { 0 };
        if !portion.reduced {
            return Ok(rebates);
        }
        // Price that was moved to or from other legal contracts is not what is billed.
        let (mut price, mut billed) = (sub(0, portion.moved)?, 0);
        for (place, obligation) in self.obligations.iter().enumerate() {
            let own = obligation.contract == portion.contract;
            if obligation.follows_use() || !own || self.part_of(Some(place)) != part {
                continue;
            }
            price = add(price, obligation.transaction_price)?;
            billed = add(billed, obligation.billed)?;
        }
        Ok(rebates.max(sub(billed, price)?))
    }

    /// What is expected to be given back under a legal contract: its variable amounts below zero, as a
    /// positive amount.
    fn rebates_of(&self, contract: ContractId) -> Result<i128, EngineError> {
        let own = self.allocation.variables.iter().filter(|of| self.is_of(of, contract));
        sub(0, sum(own.map(|variable| variable.included.min(0)))?)
    }
}
