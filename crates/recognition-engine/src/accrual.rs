//! Carrying posted revenue on to a day between runs.

use backlog_money::mul_div_half_away;

/// What a service month has earned beyond what is posted, when `elapsed_days` of its `service_days`
/// are over: round((posted + remaining) x elapsed / service days) - posted, never below zero. Amounts
/// in minor units; `remaining_in_month` is what the plan still holds for it. More elapsed days than
/// the month has count as all of them, which gives the whole remainder. Zero where the month has no
/// service days.
#[must_use]
pub fn accrued_part(
    posted_in_month: i128,
    remaining_in_month: i128,
    elapsed_days: u32,
    service_days: u32,
) -> i128 {
    let amount = posted_in_month.saturating_add(remaining_in_month);
    let elapsed = i128::from(elapsed_days.min(service_days));
    let earned = mul_div_half_away(amount, elapsed, i128::from(service_days)).unwrap_or(0);
    earned.saturating_sub(posted_in_month).max(0)
}
