//! Splitting a total so that the parts sum to it.

use std::cmp::Reverse;

use thiserror::Error;

use crate::wide::{mul_div_rem, signed};

/// A total could not be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AllocateError {
    /// A weight is below zero.
    #[error("weights must not be negative")]
    NegativeWeight,
    /// There are no weights above zero.
    #[error("at least one weight must be positive")]
    NoWeight,
    /// The weights do not add up within range.
    #[error("the weights are too large to be summed")]
    Overflow,
}

/// Splits `total` in proportion to `weights` by largest remainder: every part is rounded down, and
/// the units left over go one each to the parts that lost most; of equal ones, to the first. The
/// parts sum to `total` exactly, and each is within one unit of its exact share. A negative total
/// is split as its positive mirror image. Needs weights of at least zero, not all zero.
pub fn allocate(total: i128, weights: &[i128]) -> Result<Vec<i128>, AllocateError> {
    let weights = weights
        .iter()
        .map(|weight| u128::try_from(*weight).map_err(|_| AllocateError::NegativeWeight))
        .collect::<Result<Vec<_>, _>>()?;
    let sum = weights.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight));
    let sum = sum.ok_or(AllocateError::Overflow)?;
    if sum == 0 {
        return Err(AllocateError::NoWeight);
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut lost = Vec::with_capacity(weights.len());
    let mut left = total.unsigned_abs();
    for (index, weight) in weights.iter().enumerate() {
        let (part, rest) =
            mul_div_rem(total.unsigned_abs(), *weight, sum).ok_or(AllocateError::Overflow)?;
        left = left.checked_sub(part).ok_or(AllocateError::Overflow)?;
        parts.push(part);
        lost.push((Reverse(rest), index));
    }
    lost.sort_unstable();
    // Fewer units are left than parts lost something: each loses less than one.
    for (_, index) in lost {
        if left == 0 {
            break;
        }
        if let Some(part) = parts.get_mut(index) {
            *part = part.checked_add(1).ok_or(AllocateError::Overflow)?;
            left = left.checked_sub(1).ok_or(AllocateError::Overflow)?;
        }
    }
    parts.into_iter().map(|part| signed(total < 0, part).ok_or(AllocateError::Overflow)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AllocateError, allocate};

    /// The odd unit goes to the largest remainder, ties to the first; negative totals mirror.
    #[test]
    fn splits_by_largest_remainder() {
        let table: [(i128, &[i128], &[i128]); 8] = [
            (10_000, &[1, 1, 1], &[3334, 3333, 3333]),
            (-1, &[1, 1], &[-1, 0]),
            (10_000, &[50, 25, 75], &[3333, 1667, 5000]),
            (-10_000, &[50, 25, 75], &[-3333, -1667, -5000]),
            (7, &[0, 1, 0], &[0, 7, 0]),
            (0, &[3, 4], &[0, 0]),
            (5, &[1], &[5]),
            (i128::MIN, &[1, 0], &[i128::MIN, 0]),
        ];
        for (total, weights, parts) in table {
            assert_eq!(allocate(total, weights).unwrap(), parts, "{total} over {weights:?}");
        }
    }

    /// Weights that give no proportion are refused.
    #[test]
    fn refuses_useless_weights() {
        assert_eq!(allocate(1, &[]), Err(AllocateError::NoWeight));
        assert_eq!(allocate(1, &[0, 0]), Err(AllocateError::NoWeight));
        assert_eq!(allocate(1, &[2, -1]), Err(AllocateError::NegativeWeight));
        assert_eq!(allocate(1, &[i128::MAX; 3]), Err(AllocateError::Overflow));
    }

    proptest! {
        /// Parts sum to the total, each within one unit of exact, and zero weights get nothing.
        #[test]
        fn sums_exactly(
            total in -1_000_000_000_000_000_i128..=1_000_000_000_000_000,
            weights in prop::collection::vec(0_i128..=1_000_000_000, 1..60),
        ) {
            let sum: i128 = weights.iter().sum();
            prop_assume!(sum > 0);
            let parts = allocate(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i128>(), total);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!((part * sum - total * weight).abs() < sum);
                prop_assert!(*weight > 0 || *part == 0);
            }
            prop_assert_eq!(allocate(total, &weights).unwrap(), parts.clone());
            let mirror: Vec<i128> = parts.iter().map(|part| -part).collect();
            prop_assert_eq!(allocate(-total, &weights).unwrap(), mirror);
        }

        /// Any numbers: no panic, and what succeeds sums.
        #[test]
        fn any_numbers(total: i128, weights in prop::collection::vec(any::<i128>(), 0..5)) {
            if let Ok(parts) = allocate(total, &weights) {
                let sum = parts.iter().try_fold(0_i128, |sum, part| sum.checked_add(*part));
                prop_assert_eq!(sum, Some(total));
            }
        }
    }
}
