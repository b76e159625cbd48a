//! Sums of what was posted, by accounting period: what a close keeps, and checks.

use std::collections::BTreeMap;

use backlog_money::Currency;
use backlog_recognition_engine::{Cause, Effects, Measure};
use chrono::NaiveDate;

/// What a sum is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotalKey {
    /// First day of the accounting period posted in.
    pub period: NaiveDate,
    /// Why.
    pub cause: Cause,
    /// What.
    pub measure: Measure,
    /// In what.
    pub currency: Currency,
}

/// Sums of movements, in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeriodTotals(BTreeMap<TotalKey, i128>);

impl PeriodTotals {
    /// The sums of what a fact did.
    #[must_use]
    pub fn of(effects: &Effects) -> Self {
        let mut totals = Self::default();
        for movement in &effects.movements {
            let key = TotalKey {
                period: movement.posting_period,
                cause: movement.cause,
                measure: movement.measure,
                currency: movement.amount.currency(),
            };
            totals.put(key, movement.amount.minor());
        }
        totals
    }

    /// Adds a sum. Amounts are far below what an `i128` holds.
    pub(crate) fn put(&mut self, key: TotalKey, amount: i128) {
        let sum = self.0.entry(key).or_default();
        *sum = sum.saturating_add(amount);
    }

    /// Adds other sums.
    pub(crate) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(key, amount)| self.put(*key, *amount));
    }

    /// All sums, in order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TotalKey, i128)> {
        self.0.iter().map(|(key, amount)| (key, *amount))
    }

    /// Each measure and currency at the end of the period that begins on this day; zeros left out.
    #[must_use]
    pub fn balances(&self, period: NaiveDate) -> BTreeMap<(Measure, Currency), i128> {
        let until = self.iter().filter(|(key, _)| key.period <= period);
        sums(until.map(|(key, amount)| ((key.measure, key.currency), amount)))
    }

    /// What moved in the period that begins on this day; zeros left out.
    #[must_use]
    pub fn movements(&self, period: NaiveDate) -> BTreeMap<(Cause, Measure, Currency), i128> {
        let within = self.iter().filter(|(key, _)| key.period == period);
        sums(within.map(|(key, amount)| ((key.cause, key.measure, key.currency), amount)))
    }
}

fn sums<K: Ord>(rows: impl Iterator<Item = (K, i128)>) -> BTreeMap<K, i128> {
    let mut sums = BTreeMap::new();
    for (key, amount) in rows {
        let sum: &mut i128 = sums.entry(key).or_default();
        *sum = sum.saturating_add(amount);
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}
