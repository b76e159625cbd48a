//! Each convention against months worked out by hand.

use chrono::Days;

use super::{day, months, term};
use crate::{Convention, Rounding, Schedule, TERM_MONTHS_MAX, Term, TermError};

/// From, to, price, amounts by month.
type Row = (&'static str, &'static str, i128, &'static [i128]);

fn check(convention: Convention, table: &[Row]) {
    for (from, to, price, expected) in table {
        let actual = months(term(from, to), convention, Rounding::Cumulative, *price);
        assert_eq!(actual, *expected, "{} {from} to {to}", convention.name());
    }
}

/// Both end days count, leap days count, and no month is longer than it is.
#[test]
fn actual_days() {
    check(
        Convention::ActualDays,
        &[
            // Stripe: 17 and 14 of 31 days.
            ("2019-01-15", "2019-02-14", 3_100, &[1_700, 1_400]),
            // Stripe, granularity by day: 120 days.
            ("2026-06-15", "2026-10-12", 12_000, &[1_600, 3_100, 3_100, 3_000, 1_200]),
            // OpenRevRec: 1, 29 and 30 of 60 days, in a leap year.
            ("2024-01-31", "2024-03-30", 60_000, &[1_000, 29_000, 30_000]),
            // ERPNext, by day: 16, 28 and 31 of 75.
            ("2019-01-16", "2019-03-31", 5_000_000, &[1_066_667, 1_866_666, 2_066_667]),
            // ERPNext's end date taken as inclusive: 1 of 93 days falls in August.
            ("2021-05-01", "2021-08-01", 30_000, &[10_000, 9_677, 10_000, 323]),
            // 1900 was no leap year, 2000 was.
            ("1900-02-28", "1900-03-01", 200, &[100, 100]),
            ("2000-02-28", "2000-03-01", 300, &[200, 100]),
            // A single day, the leap day.
            ("2024-02-29", "2024-02-29", 12_345, &[12_345]),
        ],
    );
}

/// Each month's part is of that month's own length; whole months are alike.
#[test]
fn prorated_months() {
    check(
        Convention::ProratedMonths,
        &[
            // OpenRevRec: 12/31, 1, 2/31.
            ("2026-01-20", "2026-03-02", 30_000, &[8_000, 20_667, 1_333]),
            // ERPNext, for contrast: 16/31, 1, 1.
            ("2019-01-16", "2019-03-31", 5_000_000, &[1_025_641, 1_987_180, 1_987_179]),
            // 15/29 and 15/31 are as 31 to 29.
            ("2024-02-15", "2024-03-15", 60_000, &[31_000, 29_000]),
            ("2026-01-01", "2026-03-31", 30_000, &[10_000, 10_000, 10_000]),
            ("2026-04-30", "2026-04-30", 5, &[5]),
        ],
    );
}

/// Every calendar month touched counts one, however little of it.
#[test]
fn even_months() {
    check(
        Convention::EvenMonths,
        &[
            // OpenRevRec.
            ("2026-01-20", "2026-03-02", 30_000, &[10_000, 10_000, 10_000]),
            // A month cut off on its first day counts whole: 75 a month, not 100.
            ("2021-05-01", "2021-08-01", 30_000, &[7_500, 7_500, 7_500, 7_500]),
            ("2026-01-31", "2026-02-01", 10_000, &[5_000, 5_000]),
            ("2026-07-09", "2026-07-09", 1, &[1]),
        ],
    );
}

/// Months count from the start day and fall where they begin; the last partial one is whole.
#[test]
fn service_months() {
    check(
        Convention::ServiceMonths,
        &[
            // Stripe, granularity by month: four months from 15 June, none begins in October.
            ("2026-06-15", "2026-10-12", 12_000, &[3_000, 3_000, 3_000, 3_000, 0]),
            ("2026-06-15", "2026-10-14", 12_000, &[3_000, 3_000, 3_000, 3_000, 0]),
            // One day more begins a fifth month, which counts whole.
            ("2026-06-15", "2026-10-15", 12_000, &[2_400, 2_400, 2_400, 2_400, 2_400]),
            // ERPNext with 31 July as the last day: three months.
            ("2021-05-01", "2021-07-31", 30_000, &[10_000, 10_000, 10_000]),
            // From the 31st: months begin on 31 January, 28 February, 31 March, 30 April.
            ("2026-01-31", "2026-04-29", 30_000, &[10_000, 10_000, 10_000, 0]),
            ("2026-01-31", "2026-04-30", 40_000, &[10_000, 10_000, 10_000, 10_000]),
            // In a leap year February's begins on the 29th.
            ("2024-01-31", "2024-02-28", 500, &[500, 0]),
            ("2024-01-31", "2024-02-29", 500, &[250, 250]),
            ("2026-03-05", "2026-03-05", 3, &[3]),
        ],
    );
}

/// Every month has 30 days: the 31st counts nothing, February's last day counts through the 30th.
#[test]
fn thirty_360() {
    check(
        Convention::Thirty360,
        &[
            // ERPNext: 15, 30 and 30 of 75 days.
            ("2019-01-16", "2019-03-31", 5_000_000, &[1_000_000, 2_000_000, 2_000_000]),
            // From a 31st: nothing in January, 30 in February, 15 in March.
            ("2026-01-31", "2026-03-15", 45_000, &[0, 30_000, 15_000]),
            // To a 30th or a 31st is the same.
            ("2026-02-01", "2026-03-30", 60_000, &[30_000, 30_000]),
            ("2026-02-01", "2026-03-31", 60_000, &[30_000, 30_000]),
            // From 28 February, the last day: the 28th, 29th and 30th, so three days.
            ("2026-02-28", "2026-03-27", 30_000, &[3_000, 27_000]),
            // In a leap year the 28th is not the last day; the 29th counts through the 30th.
            ("2024-01-01", "2024-02-28", 58_000, &[30_000, 28_000]),
            ("2024-02-29", "2024-03-28", 30_000, &[2_000, 28_000]),
            // Only a 31st: no 30/360 day at all, so by actual days.
            ("2026-01-31", "2026-01-31", 777, &[777]),
        ],
    );
}

/// A partial first or last month counts one half, whatever its days.
#[test]
fn half_month() {
    check(
        Convention::HalfMonth,
        &[
            // ERPNext: 1/2, 1, 1.
            ("2019-01-16", "2019-03-31", 5_000_000, &[1_000_000, 2_000_000, 2_000_000]),
            ("2026-01-20", "2026-03-02", 40_000, &[10_000, 20_000, 10_000]),
            ("2026-01-01", "2026-03-15", 50_000, &[20_000, 20_000, 10_000]),
            // February is whole with 29 days in a leap year, and with 28 it is not.
            ("2024-02-01", "2024-03-10", 30_000, &[20_000, 10_000]),
            ("2024-01-01", "2024-02-28", 30_000, &[20_000, 10_000]),
            ("2026-01-31", "2026-02-01", 10_000, &[5_000, 5_000]),
            ("2026-01-02", "2026-01-30", 99, &[99]),
        ],
    );
}

/// Part months take their days of the whole term, whole months share the rest equally.
#[test]
fn ends_by_day() {
    check(
        Convention::EndsByDay,
        &[
            // 12 and 2 of 73 days; the other 59 in two equal months.
            ("2026-01-20", "2026-04-02", 73_000, &[12_000, 29_500, 29_500, 2_000]),
            // Only the first month is partial: 15 of 74 days, then 59 in two.
            ("2026-01-17", "2026-03-31", 74_000, &[15_000, 29_500, 29_500]),
            // No whole month: by day.
            ("2026-01-20", "2026-02-10", 22_000, &[12_000, 10_000]),
            // Whole months only: equal, though February is shorter.
            ("2026-01-01", "2026-03-31", 30_000, &[10_000, 10_000, 10_000]),
            ("2026-05-10", "2026-05-20", 11, &[11]),
        ],
    );
}

/// Within a month the share accrues by service day, in every convention; a month without weight
/// accrues nothing.
#[test]
fn accrues_by_service_day_within_a_month() {
    let target = |convention, from: &str, to: &str, price, on: &str| {
        Schedule::new(term(from, to), convention, Rounding::Cumulative, price, None)
            .unwrap()
            .target(day(on))
            .unwrap()
    };
    let year = ("2026-01-01", "2026-12-31", 120_000);
    // 10,000 x 15 / 31 = 4,838.71; by actual days 120,000 x 15 / 365 = 4,931.51.
    assert_eq!(target(Convention::EvenMonths, year.0, year.1, year.2, "2026-01-15"), 4_839);
    assert_eq!(target(Convention::ActualDays, year.0, year.1, year.2, "2026-01-15"), 4_932);
    // A service month falls in June and is earned by 30 June: 8 of its 16 days are half.
    let june = |on| target(Convention::ServiceMonths, "2026-06-15", "2026-10-12", 12_000, on);
    assert_eq!(june("2026-06-22"), 1_500);
    assert_eq!(june("2026-06-30"), 3_000);
    assert_eq!(june("2026-09-30"), 12_000);
    assert_eq!(june("2026-10-05"), 12_000);
    // The 31st of January has no 30/360 day.
    let from_31st = |on| target(Convention::Thirty360, "2026-01-31", "2026-03-15", 45_000, on);
    assert_eq!(from_31st("2026-01-31"), 0);
    assert_eq!(from_31st("2026-02-14"), 15_000);
    // Nothing before, everything after.
    assert_eq!(from_31st("2026-01-30"), 0);
    assert_eq!(from_31st("2026-03-15"), 45_000);
    assert_eq!(from_31st("9999-12-31"), 45_000);
}

/// A century of the largest price: 1,200 months that sum, in every convention and rounding.
#[test]
fn a_hundred_years() {
    let price = 1_000_000_000_000_000;
    for (from, to) in [("1926-01-01", "2025-12-31"), ("1926-01-31", "2026-01-30")] {
        for convention in Convention::ALL {
            for rounding in Rounding::ALL {
                let amounts = months(term(from, to), *convention, *rounding, price);
                assert!(amounts.len() >= 1200);
                assert!(amounts.iter().all(|amount| *amount >= 0));
                assert_eq!(amounts.iter().sum::<i128>(), price, "{convention:?} {rounding:?}");
            }
        }
    }
    let amounts = months(
        term("1926-01-01", "2025-12-31"),
        Convention::EvenMonths,
        Rounding::FloorLast,
        price,
    );
    assert_eq!(amounts.first(), Some(&833_333_333_333));
    assert_eq!(amounts.last(), Some(&833_333_333_733));
}

/// A term is in order, inside the calendar, and at most a century long.
#[test]
fn terms_are_checked() {
    let (from, to) = (day("2026-02-01"), day("2026-01-31"));
    assert_eq!(Term::new(from, to), Err(TermError::EndsBeforeItBegins { from, to }));
    let last = day("2126-01-31");
    assert!(Term::new(from, last).is_ok());
    assert_eq!(Term::new(from, last + Days::new(1)), Err(TermError::TooLong));
    assert_eq!(TERM_MONTHS_MAX, 1200);
    let outside = Err(TermError::OutsideCalendar);
    assert_eq!(Term::new(day("9999-12-01"), day("+10000-01-01")), outside);
    assert_eq!(Term::new(day("0000-12-31"), day("0001-01-01")), outside);
    assert_eq!(Term::new(chrono::NaiveDate::MIN, chrono::NaiveDate::MAX), outside);
}
