//! ISO 4217 currencies that have a minor unit.

use std::{borrow::Cow, cmp::Ordering, fmt, hash::Hash, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// A currency of ISO 4217 with a defined minor unit; ordered by code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    minor_digits: u16,
}

/// The text does not name a currency in which amounts can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CurrencyError {
    /// Not three upper-case letters that ISO 4217 assigns.
    #[error("expected an ISO 4217 currency code in upper case, such as USD")]
    Unknown,
    /// A code such as XAU or XXX: ISO 4217 defines no minor unit for it.
    #[error("the currency {0} has no minor unit, so no amount can be kept in it")]
    NoMinorUnit(&'static str),
}

impl Currency {
    /// Reads a code of three upper-case letters, such as `USD`. Codes unknown to ISO 4217 and those
    /// without a minor unit (metals, test codes) are errors.
    pub fn parse(code: &str) -> Result<Self, CurrencyError> {
        let strict = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
        if !strict {
            return Err(CurrencyError::Unknown);
        }
        let iso = iso_currency::Currency::from_code(code).ok_or(CurrencyError::Unknown)?;
        let minor_digits = iso.exponent().ok_or(CurrencyError::NoMinorUnit(iso.code()))?;
        Ok(Self { iso, minor_digits })
    }

    /// The code, such as `USD`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals the minor unit has: 2 for USD, 0 for JPY, 3 for BHD.
    #[must_use]
    pub fn minor_digits(self) -> u32 {
        u32::from(self.minor_digits)
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Self, CurrencyError> {
        Self::parse(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&code).map_err(D::Error::custom)
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.code().cmp(other.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::{Currency, CurrencyError};

    /// Minor digits come from ISO 4217, not from a default of two.
    #[test]
    fn knows_minor_digits() {
        for (code, digits) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("BHD", 3), ("CLF", 4)] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!((currency.code(), currency.minor_digits()), (code, digits));
        }
    }

    /// Anything but an assigned upper-case code with a minor unit is refused.
    #[test]
    fn refuses_what_cannot_hold_amounts() {
        for code in ["", "usd", "Usd", "US", "USDX", " USD", "ABQ", "ÄÖÜ", "U\0D"] {
            assert_eq!(Currency::parse(code), Err(CurrencyError::Unknown), "{code:?}");
        }
        for code in ["XAU", "XXX", "XDR", "XTS"] {
            assert_eq!(Currency::parse(code), Err(CurrencyError::NoMinorUnit(code)));
        }
    }

    /// The order is that of the codes.
    #[test]
    fn orders_by_code() {
        let mut sorted = ["USD", "CHF", "EUR"].map(|code| Currency::parse(code).unwrap());
        sorted.sort();
        assert_eq!(sorted.map(Currency::code), ["CHF", "EUR", "USD"]);
    }
}
