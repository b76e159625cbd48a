//! Multiply and divide exactly, then round once, as stated.

use crate::wide::{mul_div_rem, signed};

/// `amount * num / den`, exact, then rounded to the nearest whole number, halves away from zero.
/// The product may be as wide as 256 bits. `None` when `den` is zero or the result does not fit.
#[must_use]
#[inline]
pub fn mul_div_half_away(amount: i128, num: i128, den: i128) -> Option<i128> {
    let (negative, quotient, rest) = split(amount, num, den)?;
    // rest >= den - rest says 2 * rest >= den, without overflow.
    let up = rest >= den.unsigned_abs().checked_sub(rest)?;
    signed(negative, quotient.checked_add(u128::from(up))?)
}

/// `amount * num / den`, exact, then rounded **toward zero**: the magnitude is rounded down, for
/// negative amounts too, so that a credit mirrors the charge it takes back. `None` as above.
#[must_use]
pub fn mul_div_floor(amount: i128, num: i128, den: i128) -> Option<i128> {
    let (negative, quotient, _) = split(amount, num, den)?;
    signed(negative, quotient)
}

/// Sign of the result, quotient and remainder of the magnitudes.
#[inline]
fn split(amount: i128, num: i128, den: i128) -> Option<(bool, u128, u128)> {
    let negative = (amount < 0) ^ (num < 0) ^ (den < 0);
    let (quotient, rest) =
        mul_div_rem(amount.unsigned_abs(), num.unsigned_abs(), den.unsigned_abs())?;
    Some((negative, quotient, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{mul_div_floor, mul_div_half_away};

    /// Halves go away from zero, and the floor goes toward it, on both sides of zero.
    #[test]
    fn rounds_as_stated() {
        // amount, num, den, half away, floor
        let table = [
            (5, 1, 2, 3, 2),
            (-5, 1, 2, -3, -2),
            (5, -1, 2, -3, -2),
            (5, 1, -2, -3, -2),
            (-5, -1, 2, 3, 2),
            (4, 1, 3, 1, 1),
            (5, 1, 3, 2, 1),
            (0, 7, 9, 0, 0),
            (10_000, 2, 3, 6667, 6666),
            (1, 1, i128::MIN, 0, 0),
            (i128::MAX, 3, 3, i128::MAX, i128::MAX),
            (i128::MIN, 3, 3, i128::MIN, i128::MIN),
        ];
        for (amount, num, den, half_away, floor) in table {
            assert_eq!(
                mul_div_half_away(amount, num, den),
                Some(half_away),
                "{amount} {num} {den}"
            );
            assert_eq!(mul_div_floor(amount, num, den), Some(floor), "{amount} {num} {den}");
        }
    }

    /// A zero divisor and a result that does not fit are told, not panicked over or wrapped.
    #[test]
    fn overflow_is_none() {
        for (amount, num, den) in [(1, 1, 0), (i128::MAX, 2, 1), (i128::MIN, -1, 1)] {
            assert_eq!(mul_div_half_away(amount, num, den), None);
            assert_eq!(mul_div_floor(amount, num, den), None);
        }
        // 2 * i128::MAX / 2 needs more than 128 bits in between, and is exact all the same.
        assert_eq!(mul_div_half_away(i128::MAX, 2, 2), Some(i128::MAX));
        assert_eq!(mul_div_floor(i128::MAX, i128::MAX - 1, i128::MAX), Some(i128::MAX - 1));
    }

    proptest! {
        /// The rounded value is the nearest one: |q * den - amount * num| * 2 <= den.
        #[test]
        fn half_away_is_nearest(
            amount in -1_000_000_000_000_000_i128..=1_000_000_000_000_000,
            num in -1_000_000_000_000_i128..=1_000_000_000_000,
            den in 1_i128..=1_000_000_000_000,
        ) {
            let near = mul_div_half_away(amount, num, den).unwrap();
            let distance = near * den - amount * num;
            prop_assert!(distance.abs() * 2 <= den);
            let floor = mul_div_floor(amount, num, den).unwrap();
            prop_assert_eq!(floor, (amount * num) / den);
            prop_assert!((near - floor).abs() <= 1);
        }

        /// Any operands: no panic, and signs mirror.
        #[test]
        fn any_operands(amount: i64, num: i128, den: i128) {
            let amount = i128::from(amount);
            let mirrored = mul_div_half_away(-amount, num, den);
            let value = mul_div_half_away(amount, num, den);
            let floor = mul_div_floor(amount, num, den);
            if let (Some(value), Some(mirrored), Some(floor)) = (value, mirrored, floor) {
                prop_assert_eq!(Some(mirrored), value.checked_neg());
                prop_assert!(value.unsigned_abs() - floor.unsigned_abs() <= 1);
            }
        }
    }
}
