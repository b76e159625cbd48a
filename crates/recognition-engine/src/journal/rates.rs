//! Exchange rates into the functional currency, as people state them.

use std::collections::BTreeMap;

use backlog_money::{Currency, Quantity, mul_div_half_away};
use chrono::NaiveDate;

use super::translate::TranslationError;
use crate::named::named_enum;

named_enum! {
    /// What a rate is for.
    pub enum RateKind {
        /// What happens on its day and after it, until the next one.
        Spot = "spot",
        /// The mean of a period: kept for reports, which the journal has no use for.
        Average = "average",
        /// What is owed and receivable at the end of its day.
        Closing = "closing",
    }
}

/// Rates by currency, kind and day; a later word on the same day replaces the earlier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates(BTreeMap<(Currency, RateKind), BTreeMap<NaiveDate, Quantity>>);

impl Rates {
    /// Takes a rate in: units of the functional currency for one of `from`.
    pub fn set(&mut self, from: Currency, kind: RateKind, on: NaiveDate, rate: Quantity) {
        self.0.entry((from, kind)).or_default().insert(on, rate);
    }

    /// The last spot rate known on a day.
    pub(super) fn spot(&self, from: Currency, on: NaiveDate) -> Result<Quantity, TranslationError> {
        let rates = self.0.get(&(from, RateKind::Spot));
        let last = rates.and_then(|rates| rates.range(..=on).next_back());
        last.map(|(_, rate)| *rate).ok_or(TranslationError::RateMissing { from, on })
    }

    /// Closing rates in order of their days.
    pub(super) fn closing(&self, from: Currency) -> Vec<(NaiveDate, Quantity)> {
        let rates = self.0.get(&(from, RateKind::Closing));
        rates.into_iter().flatten().map(|(on, rate)| (*on, *rate)).collect()
    }
}

/// An amount of minor units at a rate, in minor units of another currency; halves away from zero.
pub(super) fn convert(
    amount: i128,
    rate: Quantity,
    (from, to): (Currency, Currency),
) -> Result<i128, TranslationError> {
    let scale = |digits: u32| 10_i128.checked_pow(digits).ok_or(TranslationError::Overflow);
    let up = rate.scaled().checked_mul(scale(to.minor_digits())?);
    let down = Quantity::ONE.scaled().checked_mul(scale(from.minor_digits())?);
    let (up, down) = up.zip(down).ok_or(TranslationError::Overflow)?;
    mul_div_half_away(amount, up, down).ok_or(TranslationError::Overflow)
}
