//! 256-bit products, divided: amounts of 10^15 times weights of a century of days exceed 128 bits
//! once weights are brought to a common denominator.

const HALF_BITS: u32 = 64;
const HALF_MASK: u128 = (1 << HALF_BITS) - 1;

/// Quotient and remainder of `a * b / d`. `None` when `d` is zero or the quotient does not fit.
#[inline]
pub(crate) fn mul_div_rem(a: u128, b: u128, d: u128) -> Option<(u128, u128)> {
    // Dividing one word is several times as fast as dividing two, and most amounts need no more.
    if let (Ok(a), Ok(b), Ok(d)) = (u64::try_from(a), u64::try_from(b), u64::try_from(d))
        && let Some(product) = a.checked_mul(b)
    {
        return Some((product.checked_div(d)?.into(), product.checked_rem(d)?.into()));
    }
    match a.checked_mul(b) {
        Some(product) => Some((product.checked_div(d)?, product.checked_rem(d)?)),
        None => divide(multiply(a, b), d),
    }
}

/// The number with this sign and magnitude, if it fits.
#[inline]
pub(crate) fn signed(negative: bool, magnitude: u128) -> Option<i128> {
    if negative { 0_i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

/// The product as (high, low) words.
fn multiply(a: u128, b: u128) -> (u128, u128) {
    let (a_high, a_low) = (a >> HALF_BITS, a & HALF_MASK);
    let (b_high, b_low) = (b >> HALF_BITS, b & HALF_MASK);
    // No partial product of 64-bit halves, with the carry of another added, exceeds 128 bits.
    let low = a_low * b_low;
    let cross = a_high * b_low + (low >> HALF_BITS);
    let middle = a_low * b_high + (cross & HALF_MASK);
    let high = a_high * b_high + (cross >> HALF_BITS) + (middle >> HALF_BITS);
    (high, (middle << HALF_BITS) | (low & HALF_MASK))
}

/// Long division of (high, low) by `d`, bit by bit: rare, so simple rather than fast.
fn divide((high, low): (u128, u128), d: u128) -> Option<(u128, u128)> {
    // The quotient fits into one word exactly if the high word is below the divisor.
    if high >= d {
        return None;
    }
    let (mut rest, mut quotient) = (high, 0_u128);
    for bit in (0..u128::BITS).rev() {
        let carry = rest >> (u128::BITS - 1) == 1;
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carry || rest >= d {
            // With a carry the true rest is 2^128 + rest, and wrapping gives the true difference.
            rest = rest.wrapping_sub(d);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{divide, mul_div_rem, multiply};

    /// The widest operands come out right, and what does not fit is told.
    #[test]
    fn extremes() {
        assert_eq!(multiply(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(mul_div_rem(u128::MAX, u128::MAX, u128::MAX), Some((u128::MAX, 0)));
        assert_eq!(mul_div_rem(u128::MAX, 2, u128::MAX - 1), Some((2, 2)));
        assert_eq!(mul_div_rem(u128::MAX, 2, 1), None);
        assert_eq!(mul_div_rem(1, 1, 0), None);
        assert_eq!(mul_div_rem(u128::MAX, u128::MAX, 0), None);
    }

    proptest! {
        /// q * d + r is the product again, and r < d.
        #[test]
        fn inverts(a: u128, b: u128, d in 1_u128..) {
            let product = multiply(a, b);
            if let Some((quotient, rest)) = divide(product, d) {
                prop_assert!(rest < d);
                let (high, low) = multiply(quotient, d);
                let (low, carry) = low.overflowing_add(rest);
                prop_assert_eq!((high + u128::from(carry), low), product);
            } else {
                prop_assert!(product.0 >= d);
            }
        }

        /// The long way gives what the machine's own division gives where both apply.
        #[test]
        fn agrees_with_narrow(a: u64, b: u64, d in 1_u128..) {
            let product = u128::from(a) * u128::from(b);
            prop_assert_eq!(multiply(a.into(), b.into()), (0, product));
            prop_assert_eq!(divide((0, product), d), Some((product / d, product % d)));
        }
    }
}
