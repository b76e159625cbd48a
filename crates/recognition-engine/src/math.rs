//! Checked sums of minor units.

use crate::error::EngineError;

pub(crate) fn add(a: i128, b: i128) -> Result<i128, EngineError> {
    in_range(a.checked_add(b))
}

pub(crate) fn sub(a: i128, b: i128) -> Result<i128, EngineError> {
    in_range(a.checked_sub(b))
}

/// As `ok_or`, which would make the error and drop it again for each amount of each month.
pub(crate) fn in_range<T>(value: Option<T>) -> Result<T, EngineError> {
    match value {
        Some(value) => Ok(value),
        None => Err(EngineError::Overflow),
    }
}

pub(crate) fn sum(parts: impl IntoIterator<Item = i128>) -> Result<i128, EngineError> {
    parts.into_iter().try_fold(0, add)
}
