//! The accounting calendar of a tenant: which period a day belongs to.

use std::fmt;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use crate::{
    named::named_enum,
    term::{first_of_month, last_of_month},
};

/// A 53rd comes on top in some years.
const WEEKS_OF_YEAR: u64 = 52;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

named_enum! {
    /// How the thirteen weeks of a quarter fall into its three periods.
    pub enum WeekPattern {
        /// 4, 4 and 5 weeks.
        FourFourFive = "4-4-5",
        /// 4, 5 and 4 weeks.
        FourFiveFour = "4-5-4",
        /// 5, 4 and 4 weeks.
        FiveFourFour = "5-4-4",
    }
}

named_enum! {
    /// Which day of its weekday ends a year of weeks.
    pub enum YearEndRule {
        /// The last one in the month.
        Last = "last",
        /// The one nearest to the last day of the month, up to three days into the next.
        Nearest = "nearest",
    }
}

/// When a year of weeks ends. A year has 52 weeks, or 53 where the rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearEnd {
    month: u8,
    weekday: u8,
    rule: YearEndRule,
}

/// A tenant's accounting calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calendar {
    /// Calendar months. A year is named after the calendar year in which it ends.
    Months {
        /// The month that begins a year, 1 to 12.
        year_starts: u8,
    },
    /// Weeks in quarters of thirteen. A 53rd week belongs to the last period. A year is named after
    /// the calendar year of the month that its end is counted from.
    Weeks {
        /// How a quarter is cut.
        pattern: WeekPattern,
        /// When the year ends.
        year_ends: YearEnd,
    },
}

/// An accounting period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// First day.
    pub first: NaiveDate,
    /// Last day, inclusive.
    pub last: NaiveDate,
    /// The accounting year, by its name.
    pub year: i32,
    /// Place in the year, 1 to 12.
    pub number: u8,
    /// Whether it is a calendar month, which gives it its name.
    pub is_month: bool,
}

impl Default for Calendar {
    fn default() -> Self {
        Self::Months { year_starts: 1 }
    }
}

impl Period {
    /// The quarter of the year, 1 to 4.
    #[must_use]
    pub const fn quarter(&self) -> u8 {
        self.number.saturating_sub(1) / 3 + 1
    }

    /// Number of days.
    #[must_use]
    pub fn days(&self) -> i64 {
        self.last.signed_duration_since(self.first).num_days().saturating_add(1)
    }
}

/// `2026-01`, or `2026-P01` where a period is no calendar month.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_month {
            return write!(f, "{:04}-{:02}", self.first.year(), self.first.month());
        }
        write!(f, "{:04}-P{:02}", self.year, self.number)
    }
}

impl Calendar {
    /// Years of calendar months that begin in a month, 1 to 12.
    #[must_use]
    pub fn months(year_starts: u32) -> Option<Self> {
        let year_starts = u8::try_from(year_starts).ok()?;
        (1..=12).contains(&year_starts).then_some(Self::Months { year_starts })
    }

    /// Years of weeks that end on a weekday in or around the end of a month, 1 to 12.
    #[must_use]
    pub fn weeks(
        pattern: WeekPattern,
        month: u32,
        weekday: Weekday,
        rule: YearEndRule,
    ) -> Option<Self> {
        let month = u8::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
        let weekday = u8::try_from(weekday.num_days_from_monday()).ok()?;
        Some(Self::Weeks { pattern, year_ends: YearEnd { month, weekday, rule } })
    }

    /// The period of a day.
    #[must_use]
    pub fn period_of(self, day: NaiveDate) -> Period {
        match self {
            Self::Months { year_starts } => month_of(day, u32::from(year_starts)),
            // At the ends of time there is no year before or after.
            Self::Weeks { pattern, year_ends } => {
                weeks_of(day, pattern, year_ends).unwrap_or_else(|| month_of(day, 1))
            }
        }
    }

    /// The period that follows.
    #[must_use]
    pub fn next(self, period: &Period) -> Period {
        self.period_of(period.last.succ_opt().unwrap_or(period.last))
    }

    /// The twelve periods of the year of this name, in order.
    #[must_use]
    pub fn year(self, year: i32) -> Vec<Period> {
        let first = match self {
            Self::Months { year_starts } => {
                let begins = if year_starts == 1 { Some(year) } else { year.checked_sub(1) };
                begins.and_then(|year| NaiveDate::from_ymd_opt(year, u32::from(year_starts), 1))
            }
            Self::Weeks { year_ends, .. } => {
                let before = year.checked_sub(1).and_then(|year| year_ends.of(year));
                before.and_then(|last| last.succ_opt())
            }
        };
        let first = first.map(|day| self.period_of(day));
        std::iter::successors(first, |period| Some(self.next(period))).take(12).collect()
    }

    /// The period of this name: `2026-01` is January 2026, `2026-P01` the first period of the year 2026.
    #[must_use]
    pub fn period(self, name: &str) -> Option<Period> {
        let (year, place) = name.split_once('-')?;
        let year: i32 = (year.len() == 4).then(|| year.parse().ok())??;
        let number = |text: &str| -> Option<u8> {
            (text.len() == 2).then(|| text.parse().ok())?.filter(|n| (1..=12).contains(n))
        };
        let found = match (self, place.strip_prefix('P')) {
            (Self::Months { .. }, None) => {
                self.period_of(NaiveDate::from_ymd_opt(year, u32::from(number(place)?), 1)?)
            }
            (Self::Weeks { pattern, year_ends }, Some(place)) => {
                weeks_period(year, number(place)?, pattern, year_ends)?
            }
            _ => return None,
        };
        (found.to_string() == name).then_some(found)
    }

    /// The calendar as one word: `months`, `months/april` where the year begins in another month than
    /// January, `weeks/4-4-5/last-saturday/january`.
    #[must_use]
    pub fn word(self) -> String {
        let named = |month: u8| MONTHS.get(usize::from(month.saturating_sub(1))).map_or("", |m| *m);
        match self {
            Self::Months { year_starts: 1 } => "months".to_owned(),
            Self::Months { year_starts } => format!("months/{}", named(year_starts)),
            Self::Weeks { pattern, year_ends: YearEnd { month, weekday, rule } } => {
                let weekday = WEEKDAYS.get(usize::from(weekday)).map_or("", |day| *day);
                format!("weeks/{}/{}-{weekday}/{}", pattern.name(), rule.name(), named(month))
            }
        }
    }

    /// The calendar of a word as [`Calendar::word`] makes it.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let month = |name: &str| u8::try_from(MONTHS.iter().position(|m| *m == name)? + 1).ok();
        let parts: Vec<&str> = word.split('/').collect();
        let found = match parts.as_slice() {
            ["months"] => Self::default(),
            ["months", starts] => Self::Months { year_starts: month(starts)? },
            ["weeks", pattern, end, of] => {
                let (rule, weekday) = end.split_once('-')?;
                let weekday = WEEKDAYS.iter().position(|day| *day == weekday)?;
                let (weekday, rule) = (u8::try_from(weekday).ok()?, YearEndRule::parse(rule)?);
                let year_ends = YearEnd { month: month(of)?, weekday, rule };
                Self::Weeks { pattern: WeekPattern::parse(pattern)?, year_ends }
            }
            _ => return None,
        };
        (found.word() == word).then_some(found)
    }
}

impl WeekPattern {
    const fn weeks(self) -> [u64; 3] {
        match self {
            Self::FourFourFive => [4, 4, 5],
            Self::FourFiveFour => [4, 5, 4],
            Self::FiveFourFour => [5, 4, 4],
        }
    }
}

impl YearEnd {
    /// The last day of the year of this name.
    fn of(self, year: i32) -> Option<NaiveDate> {
        let month_end = last_of_month(NaiveDate::from_ymd_opt(year, u32::from(self.month), 1)?);
        let weekday = month_end.weekday().num_days_from_monday();
        let back = (weekday.checked_add(7)?.checked_sub(u32::from(self.weekday))?) % 7;
        match self.rule {
            YearEndRule::Nearest if back > 3 => {
                month_end.checked_add_days(Days::new(u64::from(7_u32.checked_sub(back)?)))
            }
            YearEndRule::Nearest | YearEndRule::Last => {
                month_end.checked_sub_days(Days::new(u64::from(back)))
            }
        }
    }
}

fn month_of(day: NaiveDate, year_starts: u32) -> Period {
    let month = day.month();
    let later = u32::from(year_starts > 1 && month >= year_starts);
    let number = (month.saturating_add(12).saturating_sub(year_starts) % 12).saturating_add(1);
    Period {
        first: first_of_month(day),
        last: last_of_month(day),
        year: day.year().saturating_add_unsigned(later),
        number: u8::try_from(number).unwrap_or(12),
        is_month: true,
    }
}

fn weeks_of(day: NaiveDate, pattern: WeekPattern, ends: YearEnd) -> Option<Period> {
    let mut year = day.year().checked_sub(1)?;
    while ends.of(year)? < day {
        year = year.checked_add(1)?;
    }
    (1..=12)
        .filter_map(|number| weeks_period(year, number, pattern, ends))
        .find(|period| period.last >= day)
}

fn weeks_period(year: i32, number: u8, pattern: WeekPattern, ends: YearEnd) -> Option<Period> {
    let last_of_year = ends.of(year)?;
    let first_of_year = ends.of(year.checked_sub(1)?)?.succ_opt()?;
    let weeks = pattern.weeks();
    let before: u64 = weeks.iter().cycle().take(usize::from(number.checked_sub(1)?)).sum();
    let own = *weeks.get(usize::from(number.checked_sub(1)? % 3))?;
    let first = first_of_year.checked_add_days(Days::new(before.checked_mul(7)?))?;
    let ends_year = before.checked_add(own)? >= WEEKS_OF_YEAR;
    let last = match ends_year {
        true => last_of_year,
        false => first.checked_add_days(Days::new(own.checked_mul(7)?.checked_sub(1)?))?,
    };
    Some(Period { first, last, year, number, is_month: false })
}
