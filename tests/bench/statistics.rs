//! Medians, ranges and percentiles. The only floating point of the repository besides telemetry.

/// Rates of two sides, measured one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// What the figure is about, a second.
    pub(crate) measured: f64,
    /// What it is compared with, a second.
    pub(crate) against: f64,
}

/// A ratio over pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    /// Median of the pairs' ratios.
    pub(crate) median: f64,
    /// The lowest ratio of a pair.
    pub(crate) low: f64,
    /// The highest ratio of a pair.
    pub(crate) high: f64,
    /// Median rate of what the figure is about.
    pub(crate) measured: f64,
    /// Median rate of what it is compared with.
    pub(crate) against: f64,
}

impl Ratio {
    /// Sums pairs up; `None` without pairs.
    pub(crate) fn of(pairs: &[Pair]) -> Option<Self> {
        let ratios = sorted(pairs.iter().map(|pair| pair.measured / pair.against));
        Some(Self {
            median: median(&ratios)?,
            low: *ratios.first()?,
            high: *ratios.last()?,
            measured: median(&sorted(pairs.iter().map(|pair| pair.measured)))?,
            against: median(&sorted(pairs.iter().map(|pair| pair.against)))?,
        })
    }
}

/// Values in ascending order.
pub(crate) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle of ascending values, or the mean of the two in the middle.
pub(crate) fn median(ascending: &[f64]) -> Option<f64> {
    let middle = ascending.len() / 2;
    let upper = *ascending.get(middle)?;
    if ascending.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*ascending.get(middle.checked_sub(1)?)?, upper))
}

/// The smallest value that `per_cent` of the ascending values do not exceed (nearest rank).
pub(crate) fn percentile(ascending: &[f64], per_cent: usize) -> Option<f64> {
    let rank = (ascending.len() * per_cent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows the median of odd and even counts, and that no values have none.
    #[test]
    fn medians() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    // Shows nearest-rank percentiles: of 300 samples the 297th is the p99, never the largest.
    #[test]
    fn percentiles() {
        let values: Vec<f64> = (1..=300).map(f64::from).collect();
        assert_eq!(percentile(&values, 99), Some(297.0));
        assert_eq!(percentile(&values, 50), Some(150.0));
        assert_eq!(percentile(&values[..1], 99), Some(1.0));
        assert_eq!(percentile(&[], 99), None);
    }

    // Shows that the ratio is the median of the pairs' ratios, not a ratio of medians.
    #[test]
    fn ratios_are_of_pairs() {
        let pair = |measured, against| Pair { measured, against };
        let ratio = Ratio::of(&[pair(10.0, 5.0), pair(30.0, 10.0), pair(8.0, 8.0)]).unwrap();
        assert_eq!((ratio.low, ratio.median, ratio.high), (1.0, 2.0, 3.0));
        assert!(Ratio::of(&[]).is_none());
    }
}
