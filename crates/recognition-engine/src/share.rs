//! Shares of a promise, as exact fractions while they are small.

use backlog_money::{MINOR_MAX, mul_div_half_away};
use serde::{Deserialize, Serialize};

use crate::error::EngineError;

/// Denominators beyond this are rounded to it: far finer than a minor unit of any price allowed.
const DENOMINATOR_MAX: i128 = 1_000_000_000_000_000_000;

/// A share from none to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    part: i128,
    of: i128,
}

impl Share {
    /// Nothing.
    pub const NONE: Self = Self { part: 0, of: 1 };
    /// Everything.
    pub const WHOLE: Self = Self { part: 1, of: 1 };

    /// `part` of `of`, brought into range: everything where there is nothing to do.
    #[must_use]
    pub fn new(part: i128, of: i128) -> Self {
        if of <= 0 {
            return Self::WHOLE;
        }
        let part = part.clamp(0, of);
        let divisor = gcd(part, of);
        let (part, of) = (part.checked_div(divisor), of.checked_div(divisor));
        match (part, of) {
            (Some(part), Some(of)) if of <= DENOMINATOR_MAX => Self { part, of },
            (Some(part), Some(of)) => Self {
                part: mul_div_half_away(DENOMINATOR_MAX, part, of).unwrap_or(0),
                of: DENOMINATOR_MAX,
            },
            _ => Self::NONE,
        }
    }

    /// Its parts.
    #[must_use]
    pub const fn parts(self) -> (i128, i128) {
        (self.part, self.of)
    }

    /// This share, and then `share` of what it leaves.
    pub(crate) fn then(self, share: Self) -> Self {
        // 1 - (1 - a)(1 - b), with denominators of 10^18 at most in each factor.
        let left = self.of.saturating_sub(self.part);
        let left_then = share.of.saturating_sub(share.part);
        let of = self.of.saturating_mul(share.of);
        Self::new(of.saturating_sub(left.saturating_mul(left_then)), of)
    }

    /// A price in proportion to a total that changed, half away from zero; never more than an amount can
    /// be, however many times as much is promised.
    pub(crate) fn scale(price: i128, new: i128, old: i128) -> i128 {
        let scaled = mul_div_half_away(price, new, old.max(1));
        scaled.map_or(MINOR_MAX, |scaled| scaled.min(MINOR_MAX))
    }

    /// What is left of it.
    pub(crate) fn rest(self) -> Self {
        Self { part: self.of.saturating_sub(self.part), of: self.of }
    }

    /// This share of an amount, half away from zero.
    pub(crate) fn apply(self, amount: i128) -> Result<i128, EngineError> {
        mul_div_half_away(amount, self.part, self.of).ok_or(EngineError::Overflow)
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    a.max(1)
}
