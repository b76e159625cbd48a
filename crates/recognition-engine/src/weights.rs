//! What each calendar month of a straight-line term weighs.

use chrono::{Datelike, Months, NaiveDate};

use crate::{
    policy::Convention,
    term::{MonthOfTerm, Term, days_in_month, last_of_month},
};

/// Least common multiple of 28, 29, 30 and 31: makes all parts of months whole numbers.
const DAYS_MULTIPLE: i128 = 377_580;

/// The weight of each of the term's `months`: whole numbers, at least zero, not all zero. Only their
/// proportion means something. Below 10^10 each for terms within the limit.
pub(crate) fn weights(term: Term, months: &[MonthOfTerm], convention: Convention) -> Vec<i128> {
    let each =
        |weight: fn(MonthOfTerm) -> i128| months.iter().map(|month| weight(*month)).collect();
    match convention {
        Convention::ActualDays => each(days),
        Convention::ProratedMonths => {
            each(|month| days(month) * (DAYS_MULTIPLE / i128::from(days_in_month(month.from))))
        }
        Convention::EvenMonths => each(|_| 1),
        Convention::ServiceMonths => service_months(term, months),
        Convention::Thirty360 => {
            let weights: Vec<i128> = each(thirty_360_days);
            if weights.iter().all(|weight| *weight == 0) { each(days) } else { weights }
        }
        Convention::HalfMonth => each(|month| if month.is_whole() { 2 } else { 1 }),
        Convention::EndsByDay => ends_by_day(months),
    }
}

fn days(month: MonthOfTerm) -> i128 {
    i128::from(month.days())
}

/// One where a service month begins. The nth begins n months after the start, on its day of the
/// month or the last there is, so that each calendar month but the last has one.
fn service_months(term: Term, months: &[MonthOfTerm]) -> Vec<i128> {
    let begins = |nth: u32| term.from().checked_add_months(Months::new(nth));
    let reached = |nth: u32| begins(nth).is_some_and(|day| day <= term.to());
    (0..).zip(months).map(|(nth, _)| i128::from(reached(nth))).collect()
}

fn thirty_360_days(month: MonthOfTerm) -> i128 {
    let before = month.from.day().saturating_sub(1).min(30);
    i128::from(thirty_360_day(month.to).saturating_sub(before))
}

/// The day of the month as 30/360 counts it: the last of any month is the 30th.
fn thirty_360_day(day: NaiveDate) -> u32 {
    if day == last_of_month(day) { 30 } else { day.day().min(30) }
}

/// With n whole months of D days in all, a part month of d days weighs d / D' (D' days of the term)
/// and a whole one (D / D') / n; times n D', that is d n and D.
fn ends_by_day(months: &[MonthOfTerm]) -> Vec<i128> {
    let whole = || months.iter().filter(|month| month.is_whole());
    let whole_days: i128 = whole().map(|month| days(*month)).sum();
    let count = whole().map(|_| 1_i128).sum::<i128>().max(1);
    let weigh = |month: &MonthOfTerm| match month.is_whole() {
        true => whole_days,
        false => days(*month) * count,
    };
    months.iter().map(weigh).collect()
}
