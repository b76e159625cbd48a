//! The split of an accounting contract's net position into liability and asset
//! (606-10-45-1 to 45-3).
//!
//! At the end of every day DeferredRevenue = max(0, U - R) and ContractAsset = max(0, R - U); they
//! are never netted with another contract's. The split is written as movements, so a fact that lands
//! before later ones corrects each later day on that day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{
    effects::{Cause, Effects, Measure},
    error::EngineError,
    state::{BalancePoint, ContractState},
};

/// Changes of U and R by effective date.
#[derive(Debug, Default)]
pub(crate) struct NetChanges(BTreeMap<NaiveDate, (i128, i128)>);

impl NetChanges {
    /// Notes that U changes by `amount` on that day.
    pub(crate) fn unconditional(&mut self, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        let (unconditional, _) = self.0.entry(on).or_default();
        *unconditional = unconditional.checked_add(amount).ok_or(EngineError::Overflow)?;
        Ok(())
    }

    /// Notes that R changes by `amount` on that day.
    pub(crate) fn recognized(&mut self, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        let (_, recognized) = self.0.entry(on).or_default();
        *recognized = recognized.checked_add(amount).ok_or(EngineError::Overflow)?;
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
    pub(crate) fn save(self, state: &mut ContractState) {
        state.balances.truncate(self.kept);
        state.balances.extend(self.points);
    }
}

/// Works `changes` into the state's points and appends the movements of the split to `effects`.
pub(crate) fn split(
    state: &ContractState,
    changes: &NetChanges,
    effects: &mut Effects,
) -> Result<NewBalances, EngineError> {
    let Some(first) = changes.0.keys().next() else {
        return Ok(NewBalances { kept: state.balances.len(), points: Vec::new() });
    };
    let kept = state.balances.partition_point(|point| point.on < *first);
    let (before, after) = state.balances.split_at(kept);
    let mut posted =
        before.last().map_or((0, 0), |point| (point.deferred_revenue, point.contract_asset));
    let mut net = sub(posted.0, posted.1)?;
    let mut corrected = (0_i128, 0_i128);
    let mut points = Vec::new();
    for (on, old, (unconditional, recognized)) in days(after, &changes.0) {
        let old_change = old.map_or((0, 0), |point| (point.unconditional, point.recognized));
        let unconditional = add(old_change.0, unconditional)?;
        let recognized = add(old_change.1, recognized)?;
        net = add(net, sub(unconditional, recognized)?)?;
        let (liability, asset) = (net.max(0), sub(0, net)?.max(0));
        if let Some(point) = old {
            posted = (point.deferred_revenue, point.contract_asset);
        }
        // What is missing here at the end of the day, less what was corrected on days before.
        let missing = (sub(liability, posted.0)?, sub(asset, posted.1)?);
        for (measure, amount) in [
            (Measure::DeferredRevenue, sub(missing.0, corrected.0)?),
            (Measure::ContractAsset, sub(missing.1, corrected.1)?),
        ] {
            if amount != 0 {
                let movement = state.movement(Cause::ContractBalance, measure, amount, on);
                effects.movements.push(movement);
            }
        }
        corrected = missing;
        points.push(BalancePoint {
            on,
            unconditional,
            recognized,
            deferred_revenue: liability,
            contract_asset: asset,
        });
    }
    Ok(NewBalances { kept, points })
}

/// All days of points or changes in order, with the point and the change of each.
fn days<'a>(
    points: &'a [BalancePoint],
    changes: &BTreeMap<NaiveDate, (i128, i128)>,
) -> Vec<(NaiveDate, Option<&'a BalancePoint>, (i128, i128))> {
    let mut days: BTreeMap<NaiveDate, (Option<&BalancePoint>, (i128, i128))> =
        changes.iter().map(|(on, change)| (*on, (None, *change))).collect();
    for point in points {
        days.entry(point.on).or_default().0 = Some(point);
    }
    days.into_iter().map(|(on, (point, change))| (on, point, change)).collect()
}

fn add(a: i128, b: i128) -> Result<i128, EngineError> {
    a.checked_add(b).ok_or(EngineError::Overflow)
}

fn sub(a: i128, b: i128) -> Result<i128, EngineError> {
    a.checked_sub(b).ok_or(EngineError::Overflow)
}
