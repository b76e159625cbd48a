//! Carrying posted revenue on to a day between runs.

use backlog_money::mul_div_half_away;

/// What a month's plan has earned when `elapsed_days` of the `days` that are not posted are over:
/// round(remaining x elapsed / days). Amounts in minor units. More elapsed days than there are count as
/// all of them, which gives the whole remainder. Zero where there are no days.
#[must_use]
pub fn accrued_part(remaining: i128, elapsed_days: u32, days: u32) -> i128 {
    let elapsed = i128::from(elapsed_days.min(days));
    mul_div_half_away(remaining, elapsed, i128::from(days)).unwrap_or(0)
}
