//! Checked sums of minor units.

use crate::error::EngineError;

pub(crate) fn add(a: i128, b: i128) -> Result<i128, EngineError> {
    a.checked_add(b).ok_or(EngineError::Overflow)
}

pub(crate) fn sub(a: i128, b: i128) -> Result<i128, EngineError> {
    a.checked_sub(b).ok_or(EngineError::Overflow)
}

pub(crate) fn sum(parts: impl IntoIterator<Item = i128>) -> Result<i128, EngineError> {
    parts.into_iter().try_fold(0, add)
}
