//! What each calendar month of a straight-line term weighs.

use chrono::{Datelike, Months, NaiveDate};

use crate::{
    policy::Convention,
    schedule::ScheduledMonth,
    term::{Term, days_in_month, last_of_month},
};

/// Least common multiple of 28, 29, 30 and 31: makes all parts of months whole numbers.
const DAYS_MULTIPLE: i128 = 377_580;

/// Weighs each of the term's `months`: whole numbers, at least zero, not all zero. Only their
/// proportion means something. Below 10^10 each for terms within the limit.
pub(crate) fn weigh(term: Term, months: &mut [ScheduledMonth], convention: Convention) {
    match convention {
        Convention::ActualDays => each(months, days),
        Convention::ProratedMonths => each(months, |month| {
            days(month) * (DAYS_MULTIPLE / i128::from(days_in_month(month.month)))
        }),
        Convention::EvenMonths => each(months, |_| 1),
        Convention::ServiceMonths => service_months(term, months),
        Convention::Thirty360 => {
            each(months, thirty_360_days);
            if months.iter().all(|month| month.weight == 0) {
                each(months, days);
            }
        }
        Convention::HalfMonth => each(months, |month| if is_whole(month) { 2 } else { 1 }),
        Convention::EndsByDay => ends_by_day(months),
    }
}

fn each(months: &mut [ScheduledMonth], weight: impl Fn(&ScheduledMonth) -> i128) {
    for month in months {
        month.weight = weight(month);
    }
}

fn days(month: &ScheduledMonth) -> i128 {
    i128::from(month.service_days)
}

/// Whether every day of the calendar month is a service day.
fn is_whole(month: &ScheduledMonth) -> bool {
    month.service_days == days_in_month(month.month)
}

/// One where a service month begins. The nth begins n months after the start, on its day of the
/// month or the last there is, so that each calendar month but the last has one.
fn service_months(term: Term, months: &mut [ScheduledMonth]) {
    let begins = |nth: u32| term.from().checked_add_months(Months::new(nth));
    for (nth, month) in (0..).zip(months) {
        month.weight = i128::from(begins(nth).is_some_and(|day| day <= term.to()));
    }
}

fn thirty_360_days(month: &ScheduledMonth) -> i128 {
    let before = month.service_from.day().saturating_sub(1).min(30);
    i128::from(thirty_360_day(month.service_to).saturating_sub(before))
}

/// The day of the month as 30/360 counts it: the last of any month is the 30th.
fn thirty_360_day(day: NaiveDate) -> u32 {
    if day == last_of_month(day) { 30 } else { day.day().min(30) }
}

/// With n whole months of D days in all, a part month of d days weighs d / D' (D' days of the term)
/// and a whole one (D / D') / n; times n D', that is d n and D.
fn ends_by_day(months: &mut [ScheduledMonth]) {
    let whole = || months.iter().filter(|month| is_whole(month));
    let whole_days: i128 = whole().map(days).sum();
    let count = whole().map(|_| 1_i128).sum::<i128>().max(1);
    each(months, |month| if is_whole(month) { whole_days } else { days(month) * count });
}
