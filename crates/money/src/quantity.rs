//! Quantities, unit prices, shares and rates: exact decimals with up to twelve places.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::rounding::mul_div_half_away;

/// Decimal places kept.
pub const QUANTITY_PLACES: u32 = 12;

/// One, in units of the last place.
const ONE: i128 = 1_000_000_000_000;

/// The largest whole part: a quantity times a unit price then fits in 128 bits.
const WHOLE_MAX: i128 = 1_000_000_000_000_000;

/// An exact decimal: units, hours, prices of one unit, shares. Not an amount of money.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Quantity(i128);

/// A text is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not digits with at most one point between them, and a minus before them at most.
    #[error("must be a decimal number such as 12 or 0.015")]
    Malformed,
    /// More than twelve decimal places.
    #[error("must have at most 12 decimal places")]
    TooFine,
    /// Beyond 10^15.
    #[error("must not exceed 10^15")]
    TooLarge,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(ONE);

    /// A whole number. `None` beyond 10^15.
    #[must_use]
    pub fn whole(number: i64) -> Option<Self> {
        let number = i128::from(number);
        (number.abs() <= WHOLE_MAX).then_some(Self(number.saturating_mul(ONE)))
    }

    /// From units of the last place.
    #[must_use]
    pub const fn from_scaled(scaled: i128) -> Self {
        Self(scaled)
    }

    /// In units of the last place.
    #[must_use]
    pub const fn scaled(self) -> i128 {
        self.0
    }

    /// Reads the strict grammar `-?digits(.digits)?`: no sign plus, no exponent, no empty part.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, places) = match magnitude.split_once('.') {
            Some((whole, places)) => (whole, Some(places)),
            None => (magnitude, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || places.is_some_and(|places| !digits(places)) {
            return Err(QuantityError::Malformed);
        }
        let places = places.unwrap_or_default();
        if places.len() > 12 {
            return Err(QuantityError::TooFine);
        }
        let whole: i128 = whole.parse().map_err(|_| QuantityError::TooLarge)?;
        if whole > WHOLE_MAX {
            return Err(QuantityError::TooLarge);
        }
        let fraction: i128 =
            format!("{places:0<12}").parse().map_err(|_| QuantityError::Malformed)?;
        let scaled = whole.saturating_mul(ONE).saturating_add(fraction);
        if scaled > WHOLE_MAX.saturating_mul(ONE) {
            return Err(QuantityError::TooLarge);
        }
        Ok(Self(if negative { scaled.saturating_neg() } else { scaled }))
    }

    /// The sum. `None` when it leaves the range.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference. `None` when it leaves the range.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// This many units at `unit_price` in units of 10^-24 of the currency's major unit: exact, so
    /// that sums are rounded once. `None` when it does not fit.
    #[must_use]
    pub fn exact_value(self, unit_price: Self) -> Option<i128> {
        self.0.checked_mul(unit_price.0)
    }
}

/// A value from [`Quantity::exact_value`], or a sum of such, in minor units of a currency with this
/// many minor digits; halves away from zero. `None` when it does not fit.
#[must_use]
pub fn exact_to_minor(exact: i128, minor_digits: u32) -> Option<i128> {
    let minor_unit = 10_i128.checked_pow(24_u32.checked_sub(minor_digits)?)?;
    mul_div_half_away(exact, 1, minor_unit)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (magnitude / one, magnitude % one);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{fraction:012}");
        write!(f, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One spelling in, one spelling out; anything else is refused by what is wrong with it.
    #[test]
    fn reads_and_writes_decimals() {
        for (text, written) in
            [("0", "0"), ("12", "12"), ("0.015", "0.015"), ("-3.50", "-3.5"), ("007.0", "7")]
        {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), written, "{text}");
        }
        for text in ["", "-", ".5", "1.", "+1", "1e3", "1,000", " 1", "1.2.3", "--1"] {
            assert_eq!(Quantity::parse(text), Err(QuantityError::Malformed), "{text}");
        }
        assert_eq!(Quantity::parse("0.0000000000001"), Err(QuantityError::TooFine));
        assert_eq!(Quantity::parse("1000000000000001"), Err(QuantityError::TooLarge));
        assert_eq!(Quantity::parse("1000000000000000.1"), Err(QuantityError::TooLarge));
        assert!(Quantity::parse("1000000000000000").is_ok());
    }

    /// Sub-cents are kept until the sum is rounded: 10, 1,000 and 1 calls at 0.015 each come to 15.17.
    #[test]
    fn values_are_exact_until_rounded_once() {
        let price = Quantity::parse("0.015").unwrap();
        let value = |units: i64| Quantity::whole(units).unwrap().exact_value(price).unwrap();
        assert_eq!(exact_to_minor(value(10) + value(1000), 2), Some(1515));
        assert_eq!(exact_to_minor(value(10) + value(1000) + value(1), 2), Some(1517));
        assert_eq!(exact_to_minor(value(1), 2), Some(2));
        assert_eq!(exact_to_minor(-value(1), 0), Some(0));
        assert_eq!(exact_to_minor(value(100), 0), Some(2), "1.5 is rounded away from zero");
        assert_eq!(exact_to_minor(1, 25), None);
    }
}
