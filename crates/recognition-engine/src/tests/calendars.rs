//! Calendars: which period a day belongs to.

use chrono::{Days, NaiveDate, Weekday};
use proptest::{prelude::*, sample::select};

use super::day;
use crate::{Calendar, Period, WeekPattern, YearEndRule};

/// The calendar of the National Retail Federation's kind: 4-5-4, last Saturday of January.
pub(super) fn retail() -> Calendar {
    weeks(WeekPattern::FourFiveFour, 1, Weekday::Sat, YearEndRule::Last)
}

fn weeks(pattern: WeekPattern, month: u32, on: Weekday, rule: YearEndRule) -> Calendar {
    Calendar::weeks(pattern, month, on, rule).unwrap()
}

fn span(period: &Period) -> (NaiveDate, NaiveDate) {
    (period.first, period.last)
}

/// Shows months of calendar years, and of years that begin in another month and are named after the
/// calendar year in which they end.
#[test]
fn months_and_their_years() {
    let plain = Calendar::default().period_of(day("2026-02-11"));
    assert_eq!(span(&plain), (day("2026-02-01"), day("2026-02-28")));
    assert_eq!((plain.year, plain.number, plain.quarter()), (2026, 2, 1));
    assert_eq!(plain.to_string(), "2026-02");
    let july = Calendar::months(7).unwrap();
    for (on, year, number, quarter) in
        [("2025-06-30", 2025, 12, 4), ("2025-07-01", 2026, 1, 1), ("2026-01-31", 2026, 7, 3)]
    {
        let period = july.period_of(day(on));
        assert_eq!((period.year, period.number, period.quarter()), (year, number, quarter), "{on}");
    }
    assert_eq!(july.period("2026-01").map(|p| p.first), Some(day("2026-01-01")));
    for wrong in ["2026-13", "2026-00", "2026-1", "26-01", "2026-P01", "2026", "+026-01"] {
        assert_eq!(july.period(wrong), None, "{wrong}");
    }
    assert_eq!((Calendar::months(0), Calendar::months(13)), (None, None));
}

/// Shows a year of 52 weeks in quarters of 4, 5 and 4, and one of 53, whose last period has five: the
/// last Saturdays of January are 28 January 2023, 27 January 2024 and 25 January 2025.
#[test]
fn weeks_of_52_and_53() {
    let lengths = |calendar: Calendar, year: i32| -> Vec<i64> {
        (1..=12).map(|n| calendar.period(&format!("{year}-P{n:02}")).unwrap().days() / 7).collect()
    };
    assert_eq!(lengths(retail(), 2024), [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 4]);
    let year = |name| span(&retail().period(name).unwrap());
    assert_eq!(year("2024-P01"), (day("2023-01-29"), day("2023-02-25")));
    assert_eq!(year("2024-P12").1, day("2024-01-27"));
    // The last Saturday of December: 27 December 2025, then 26 December 2026; 31 December 2022 made 53.
    let december = weeks(WeekPattern::FourFourFive, 12, Weekday::Sat, YearEndRule::Last);
    assert_eq!(lengths(december, 2026), [4, 4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5]);
    assert_eq!(lengths(december, 2022), [4, 4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 6]);
    assert_eq!(december.period("2022-P12").unwrap().last, day("2022-12-31"));
    assert_eq!(december.period("2026-01"), None);
}

/// Shows the end nearest to the last of a month, which may lie in the next: the Saturday nearest to
/// 31 December 2026 is 2 January 2027, that of 2025 is 3 January 2026.
#[test]
fn the_nearest_weekday_may_be_in_the_next_month() {
    let near = weeks(WeekPattern::FiveFourFour, 12, Weekday::Sat, YearEndRule::Nearest);
    let first = near.period("2026-P01").unwrap();
    assert_eq!(span(&first), (day("2026-01-04"), day("2026-02-07")));
    assert_eq!(near.period("2026-P12").unwrap().last, day("2027-01-02"));
    assert_eq!(near.period_of(day("2027-01-01")).year, 2026);
    assert_eq!(near.period_of(day("2027-01-03")).to_string(), "2027-P01");
}

/// Shows the words that calendars are written as, and that others are none.
#[test]
fn calendars_have_words() {
    for word in ["months", "months/april", "weeks/4-4-5/nearest-sunday/june"] {
        assert_eq!(Calendar::parse(word).map(Calendar::word), Some(word.to_owned()));
    }
    assert_eq!(Calendar::parse("weeks/4-5-4/last-saturday/january"), Some(retail()));
    let wrong = ["", "month", "months/January", "months/january", "weeks/4-4-4/last-friday/may"];
    for word in wrong.into_iter().chain(["weeks/4-4-5/last-friday", "weeks/4-4-5/friday/may"]) {
        assert_eq!(Calendar::parse(word), None, "{word}");
    }
}

fn calendars() -> impl Strategy<Value = Calendar> {
    let weekday = (0_u8..7).prop_map(|n| Weekday::try_from(n).unwrap());
    prop_oneof![
        (1_u32..=12).prop_map(|starts| Calendar::months(starts).unwrap()),
        (select(WeekPattern::ALL), 1_u32..=12, weekday, select(YearEndRule::ALL))
            .prop_map(|(pattern, month, on, rule)| weeks(pattern, month, on, rule)),
    ]
}

proptest! {
    /// Every day is in one period, periods follow each other without gap, years have twelve, and a
    /// period and a calendar come back from their names.
    #[test]
    fn periods_cover_time(calendar in calendars(), offset in 0_u64..60_000) {
        let on = day("1950-01-01") + Days::new(offset);
        let mut period = calendar.period_of(on);
        prop_assert!(period.first <= on && on <= period.last);
        prop_assert_eq!(Calendar::parse(&calendar.word()), Some(calendar));
        for _ in 0..13 {
            prop_assert_eq!(calendar.period(&period.to_string()), Some(period));
            prop_assert_eq!(calendar.period_of(period.first), period);
            prop_assert_eq!(calendar.period_of(period.last), period);
            let next = calendar.next(&period);
            prop_assert_eq!(period.last.succ_opt(), Some(next.first));
            let expected = if period.number == 12 { (period.year + 1, 1) } else { (period.year, period.number + 1) };
            prop_assert_eq!((next.year, next.number), expected);
            period = next;
        }
        let year = calendar.year(period.year);
        prop_assert_eq!(year.len(), 12);
        prop_assert_eq!(year.iter().position(|of| *of == period), Some(usize::from(period.number - 1)));
    }

    /// No day, however far, makes it panic.
    #[test]
    fn no_day_is_too_far(calendar in calendars()) {
        for on in [NaiveDate::MIN, NaiveDate::MAX] {
            let period = calendar.period_of(on);
            prop_assert!(period.first <= on && on <= period.last);
            prop_assert!(calendar.next(&period).last >= period.last);
        }
    }
}
