//! The split of an accounting contract's net position into liability, refund liability and asset
//! (606-10-45-1 to 45-3, 32-10).
//!
//! At the end of every day max(0, U - R) is RefundLiability as far as the estimate of what must be
//! given back reaches, and DeferredRevenue beyond; ContractAsset is max(0, R - U). They are never
//! netted with another contract's. The split is written as movements, so a fact that lands before
//! later ones corrects each later day on that day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{
    effects::{Cause, Effects, Measure},
    error::EngineError,
    math::{add, sub},
    state::{AccountingContract, BalancePoint, ContractState},
};

/// Changes on one day. Minor units.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    unconditional: i128,
    recognized: i128,
    refundable: i128,
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

    /// Notes that the estimate of what must be given back changes by `amount` on that day.
    pub(crate) fn refundable(&mut self, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        if amount != 0 {
            let change = self.0.entry(on).or_default();
            change.refundable = add(change.refundable, amount)?;
        }
        Ok(())
    }
}

/// The new points, to be put in place once nothing can fail any more.
#[derive(Debug)]
pub(crate) struct NewBalances {
    kept: usize,
    points: Vec<BalancePoint>,
}

impl NewBalances {
    /// Puts the points in place of those from the first changed day on.
    pub(crate) fn save(self, part: &mut AccountingContract) {
        part.balances.truncate(self.kept);
        part.balances.extend(self.points);
    }
}

/// Works `changes` into the points of an accounting contract and appends the movements of the split
/// to `effects`.
pub(crate) fn split(
    state: &ContractState,
    part: usize,
    changes: &NetChanges,
    effects: &mut Effects,
) -> Result<NewBalances, EngineError> {
    let known = state.accounting.get(part).map_or(&[][..], |part| &part.balances);
    let Some(first) = changes.0.keys().next() else {
        return Ok(NewBalances { kept: known.len(), points: Vec::new() });
    };
    effects.balances_from = Some(effects.balances_from.map_or(*first, |from| from.min(*first)));
    let kept = known.partition_point(|point| point.on < *first);
    let (before, after) = known.split_at(kept);
    let last = before.last();
    let mut posted = last.map_or([0; 3], posted_at);
    let mut net = sub(add(posted[0], posted[1])?, posted[2])?;
    let mut estimate = last.map_or(0, |point| point.refund_estimate);
    let mut corrected = [0_i128; 3];
    let mut points = Vec::new();
    for (on, old, change) in days(after, &changes.0) {
        let old_change = old.map_or_else(Change::default, |point| Change {
            unconditional: point.unconditional,
            recognized: point.recognized,
            refundable: point.refundable,
        });
        let unconditional = add(old_change.unconditional, change.unconditional)?;
        let recognized = add(old_change.recognized, change.recognized)?;
        let refundable = add(old_change.refundable, change.refundable)?;
        net = add(net, sub(unconditional, recognized)?)?;
        estimate = add(estimate, refundable)?;
        let owed = net.max(0);
        let refund = estimate.clamp(0, owed);
        let targets = [sub(owed, refund)?, refund, sub(0, net)?.max(0)];
        if let Some(point) = old {
            posted = posted_at(point);
        }
        for (index, measure) in MEASURES.into_iter().enumerate() {
            let [Some(target), Some(was), Some(corrected)] =
                [targets.get(index), posted.get(index), corrected.get(index)]
            else {
                continue;
            };
            // What is missing at the end of the day, less what was corrected on days before.
            let amount = sub(sub(*target, *was)?, *corrected)?;
            if amount != 0 {
                let what = (Cause::ContractBalance, measure);
                effects.movements.push(state.movement_of_part(part, what, amount, on));
            }
        }
        corrected =
            [sub(targets[0], posted[0])?, sub(targets[1], posted[1])?, sub(targets[2], posted[2])?];
        points.push(BalancePoint {
            on,
            unconditional,
            recognized,
            refundable,
            deferred_revenue: targets[0],
            refund_liability: targets[1],
            contract_asset: targets[2],
            refund_estimate: estimate,
        });
    }
    Ok(NewBalances { kept, points })
}

/// What the net position is split into, in the order of amounts.
const MEASURES: [Measure; 3] =
    [Measure::DeferredRevenue, Measure::RefundLiability, Measure::ContractAsset];

const fn posted_at(point: &BalancePoint) -> [i128; 3] {
    [point.deferred_revenue, point.refund_liability, point.contract_asset]
}

/// All days of points or changes in order, with the point and the change of each.
fn days<'a>(
    points: &'a [BalancePoint],
    changes: &BTreeMap<NaiveDate, Change>,
) -> Vec<(NaiveDate, Option<&'a BalancePoint>, Change)> {
    let mut days: BTreeMap<NaiveDate, (Option<&BalancePoint>, Change)> =
        changes.iter().map(|(on, change)| (*on, (None, *change))).collect();
    for point in points {
        days.entry(point.on).or_default().0 = Some(point);
    }
    days.into_iter().map(|(on, (point, change))| (on, point, change)).collect()
}

impl ContractState {
    /// What an accounting contract must give back as far as it was received or is receivable: rebates
    /// expected, and what is billed beyond a price that was reduced (606-10-32-10).
    pub(crate) fn refund_estimate(&self, part: usize) -> Result<i128, EngineError> {
        if self.standing.not_yet().is_some() {
            // All that is received is a liability until it is a contract (606-10-25-8).
            return Ok(0);
        }
        // Variable amounts are of the contract as signed.
        let rebates = if part == 0 { self.allocation.rebates()? } else { 0 };
        if !self.accounting.get(part).is_some_and(|part| part.reduced) {
            return Ok(rebates);
        }
        let (mut price, mut billed) = (0, 0);
        for (place, obligation) in self.obligations.iter().enumerate() {
            let metered = obligation.method.is_metered() && obligation.ended_on.is_none();
            if metered || self.part_of(Some(place)) != part {
                continue;
            }
            price = add(price, obligation.transaction_price)?;
            billed = add(billed, obligation.billed)?;
        }
        Ok(rebates.max(sub(billed, price)?))
    }
}
