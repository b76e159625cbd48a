//! What the wire may say and what comes back.

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;

use backlog_money::{Currency, Money};

use super::{ConvertError, DateSpan, Position, time, timestamp};
use crate::common::v1 as pb;
use crate::google::r#type::Date;

fn date(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

/// Days that do not exist, and years outside the accepted ones, are refused and never wrapped.
#[test]
fn refuses_days_that_do_not_exist() {
    for bad in [
        date(0, 0, 0),
        date(2026, 0, 1),
        date(2026, 1, 0),
        date(2026, 2, 29),
        date(2024, 2, 30),
        date(2026, 13, 1),
        date(2026, -1, 1),
        date(2026, 1, -1),
        date(1899, 12, 31),
        date(10_000, 1, 1),
        date(i32::MAX, i32::MAX, i32::MAX),
        date(i32::MIN, 1, 1),
    ] {
        assert_eq!(NaiveDate::try_from(&bad), Err(ConvertError::NotADate), "{bad:?}");
    }
    let leap = NaiveDate::try_from(&date(2024, 2, 29)).unwrap();
    assert_eq!(leap.to_string(), "2024-02-29");
}

/// A range needs both ends in order; one day is a range.
#[test]
fn a_range_has_two_ends_in_order() {
    let range = |from, to| pb::DateRange { from, to };
    let (first, last) = (date(2026, 1, 1), date(2026, 1, 31));
    let open = DateSpan::try_from(&range(Some(first), None));
    assert_eq!(open, Err(ConvertError::OpenRange));
    let reversed = DateSpan::try_from(&range(Some(last), Some(first)));
    assert!(matches!(reversed, Err(ConvertError::EndsBeforeStart(_))));
    let day = DateSpan::try_from(&range(Some(first), Some(first))).unwrap();
    assert_eq!(day.from, day.to);
    assert_eq!(pb::DateRange::from(day), range(Some(first), Some(first)));
}

/// Amounts keep their currency's decimals; anything but the strict grammar is refused.
#[test]
fn money_is_strict() {
    let money = |code: &str, amount: &str| pb::Money {
        currency_code: code.to_owned(),
        amount: amount.to_owned(),
    };
    let parsed = Money::try_from(&money("JPY", "1200")).unwrap();
    assert_eq!((parsed.minor(), pb::Money::from(parsed)), (1200, money("JPY", "1200")));
    let filled = Money::try_from(&money("USD", "5.1")).unwrap();
    assert_eq!(pb::Money::from(filled), money("USD", "5.10"));
    for (code, amount) in [
        ("USD", ""),
        ("USD", "1,200.00"),
        ("USD", "1e3"),
        ("USD", "NaN"),
        ("USD", "+1"),
        ("USD", "-0"),
        ("USD", "1.005"),
        ("USD", "１２"),
        ("JPY", "0.5"),
        ("usd", "1.00"),
        ("XXX", "1.00"),
        ("USD", "99999999999999999999999999999"),
    ] {
        assert!(Money::try_from(&money(code, amount)).is_err(), "{code} {amount}");
    }
}

/// A position names a known log and a sequence number that fits.
#[test]
fn positions_name_a_log() {
    let position = |log, seq| pb::LogPosition { log, seq };
    for log in [0, 4, -1, i32::MAX] {
        assert_eq!(Position::try_from(&position(log, 1)), Err(ConvertError::NoLog));
    }
    assert_eq!(Position::try_from(&position(1, u64::MAX)), Err(ConvertError::SeqTooLarge));
    let known = Position::try_from(&position(2, 7)).unwrap();
    assert_eq!(known, Position { log: pb::Log::Recognition, seq: 7 });
}

/// Times that do not exist or are finer than a microsecond are refused; early ones are exact.
#[test]
fn times_are_whole_microseconds() {
    let wire = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
    for bad in [wire(0, -1), wire(0, 1), wire(0, 1_000_000_000), wire(i64::MAX, 0)] {
        assert_eq!(time(&bad), Err(ConvertError::NotATime), "{bad:?}");
    }
    assert_eq!(timestamp(time(&wire(-1, 999_999_000)).unwrap()), wire(-1, 999_999_000));
}

proptest! {
    /// Every accepted date comes back the same.
    #[test]
    fn dates_round_trip(days in 0i64..2_958_000) {
        let start = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
        let day = start.checked_add_signed(chrono::TimeDelta::days(days)).unwrap();
        prop_assert_eq!(NaiveDate::try_from(&Date::from(day)), Ok(day));
    }

    /// Every amount within the limit comes back the same, in currencies of 0, 2, 3 and 4 decimals.
    #[test]
    fn money_round_trips(
        minor in -1_000_000_000_000_000i128..=1_000_000_000_000_000,
        code in prop::sample::select(vec!["JPY", "USD", "BHD", "CLF"]),
    ) {
        let money = Money::from_minor(minor, Currency::parse(code).unwrap());
        prop_assert_eq!(Money::try_from(&pb::Money::from(money)), Ok(money));
    }

    /// Every microsecond comes back the same, before 1970 too.
    #[test]
    fn times_round_trip(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000) {
        let moment: DateTime<Utc> = DateTime::from_timestamp_micros(micros).unwrap();
        prop_assert_eq!(time(&timestamp(moment)), Ok(moment));
    }
}
