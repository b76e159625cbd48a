//! The roll-forward of one currency: pure.

use std::collections::BTreeMap;

/// Backlog over a span of days, in minor units of one currency, as read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RollForward {
    /// Backlog at the end of the day before.
    pub(crate) opening: i128,
    /// What each cause did, by its number on the wire, signed as it changes backlog.
    pub(crate) changes: BTreeMap<i32, i128>,
    /// Backlog at the end of the last day, read by itself.
    pub(crate) closing: i128,
}

impl RollForward {
    /// Closing - opening - changes: zero unless something is broken. None when it leaves its range.
    pub(crate) fn unexplained(&self) -> Option<i128> {
        let explained = self.changes.values().try_fold(self.opening, |sum, c| sum.checked_add(*c));
        self.closing.checked_sub(explained?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that what is unexplained is worked out, not assumed: a closing balance that does not follow
    // from the causes shows with its sign.
    #[test]
    fn unexplained_is_computed() {
        let mut roll =
            RollForward { opening: 1_000, changes: [(1, 500), (2, -300)].into(), closing: 1_200 };
        assert_eq!(roll.unexplained(), Some(0));
        roll.closing = 1_150;
        assert_eq!(roll.unexplained(), Some(-50));
        roll.changes.insert(3, i128::MAX);
        assert_eq!(roll.unexplained(), None);
    }
}
