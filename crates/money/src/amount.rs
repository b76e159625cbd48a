//! Amounts of money: parse, print, add.

use std::fmt;

use thiserror::Error;

use crate::currency::Currency;

/// The largest magnitude of an amount that is taken in, in minor units: 10^15.
pub const MINOR_MAX: i128 = 1_000_000_000_000_000;

/// Longer texts are refused unread: sign, 16 digits, point and four decimals take 22.
const TEXT_MAX: usize = 32;

/// A whole number of minor units of a currency. Sums may exceed [`MINOR_MAX`], input may not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i128,
    currency: Currency,
}

/// An amount could not be read or computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// The text does not follow the grammar.
    #[error("expected a plain decimal number such as 1200.00 or -0.05")]
    Malformed,
    /// More decimals than the currency has.
    #[error("{currency} amounts have at most {minor_digits} decimals")]
    TooManyDecimals {
        /// The currency meant.
        currency: Currency,
        /// How many decimals it has.
        minor_digits: u32,
    },
    /// The magnitude is above [`MINOR_MAX`].
    #[error("the amount exceeds the limit of 10^15 minor units")]
    TooLarge,
    /// Amounts of different currencies do not add.
    #[error("amounts in {0} and {1} cannot be added")]
    MixedCurrencies(Currency, Currency),
    /// The result does not fit.
    #[error("the sum of amounts is too large to be kept")]
    Overflow,
}

impl Money {
    /// An amount of `minor` minor units: `(120000, USD)` is 1,200.00 dollars.
    #[must_use]
    pub const fn from_minor(minor: i128, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in this currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::from_minor(0, currency)
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor(self) -> i128 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Reads `-?[0-9]+(\.[0-9]+)?` in ASCII: no leading zeros but in "0", no "-0" of any length,
    /// at most the currency's decimals (fewer are filled up), magnitude at most [`MINOR_MAX`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        if text.len() > TEXT_MAX {
            return Err(MoneyError::Malformed);
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if leading_zero || !all_digits(whole) || !fraction.is_none_or(all_digits) {
            return Err(MoneyError::Malformed);
        }
        let fraction = fraction.unwrap_or_default();
        let minor_digits = currency.minor_digits();
        let decimals = u32::try_from(fraction.len()).map_err(|_| MoneyError::Malformed)?;
        let missing = minor_digits
            .checked_sub(decimals)
            .ok_or(MoneyError::TooManyDecimals { currency, minor_digits })?;
        let mut magnitude: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            magnitude = shift(magnitude, digit.wrapping_sub(b'0'))?;
        }
        for _ in 0..missing {
            magnitude = shift(magnitude, 0)?;
        }
        if magnitude > MINOR_MAX {
            return Err(MoneyError::TooLarge);
        }
        if negative && magnitude == 0 {
            return Err(MoneyError::Malformed);
        }
        let minor = if negative { magnitude.checked_neg() } else { Some(magnitude) };
        Ok(Self::from_minor(minor.ok_or(MoneyError::Overflow)?, currency))
    }

    /// The number with all minor digits of the currency, without its code: "1200.00", "-0.05".
    #[must_use]
    pub fn amount_string(self) -> String {
        let digits = usize::try_from(self.currency.minor_digits()).unwrap_or_default();
        let sign = if self.minor < 0 { "-" } else { "" };
        let magnitude = self.minor.unsigned_abs();
        if digits == 0 {
            return format!("{sign}{magnitude}");
        }
        let text = format!("{magnitude:0>width$}", width = digits.saturating_add(1));
        let (whole, fraction) = text.split_at(text.len().saturating_sub(digits));
        format!("{sign}{whole}.{fraction}")
    }

    /// The sum. Errors when currencies differ or the result does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i128::checked_add)
    }

    /// The difference. Errors when currencies differ or the result does not fit.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i128::checked_sub)
    }

    /// The amount with the other sign. Errors when it does not fit.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self::from_minor(minor, self.currency))
    }

    /// The sum of all, zero of `currency` when there are none. Errors as [`Money::checked_add`].
    pub fn checked_sum(
        currency: Currency,
        amounts: impl IntoIterator<Item = Self>,
    ) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn combine(
        self,
        other: Self,
        operation: fn(i128, i128) -> Option<i128>,
    ) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies(self.currency, other.currency));
        }
        let minor = operation(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::from_minor(minor, self.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount_string(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn shift(magnitude: i128, digit: u8) -> Result<i128, MoneyError> {
    magnitude
        .checked_mul(10)
        .and_then(|tens| tens.checked_add(i128::from(digit)))
        .ok_or(MoneyError::TooLarge)
}

#[cfg(test)]
mod tests;
