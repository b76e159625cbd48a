//! Terms and the calendar months they touch.

use std::iter;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest term in months: 100 years.
pub const TERM_MONTHS_MAX: u32 = 1200;

/// A span of civil dates, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(NaiveDate, NaiveDate)", into = "(NaiveDate, NaiveDate)")]
pub struct Term {
    from: NaiveDate,
    to: NaiveDate,
}

/// Two dates do not make a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TermError {
    /// The last day is before the first.
    #[error("the term ends on {to}, before it begins on {from}")]
    EndsBeforeItBegins {
        /// First day.
        from: NaiveDate,
        /// Last day.
        to: NaiveDate,
    },
    /// Longer than [`TERM_MONTHS_MAX`].
    #[error("the term is longer than 100 years")]
    TooLong,
    /// A year before 1 or after 9999.
    #[error("the term leaves the years 1 to 9999")]
    OutsideCalendar,
}

impl TryFrom<(NaiveDate, NaiveDate)> for Term {
    type Error = TermError;

    fn try_from((from, to): (NaiveDate, NaiveDate)) -> Result<Self, TermError> {
        Self::new(from, to)
    }
}

impl From<Term> for (NaiveDate, NaiveDate) {
    fn from(term: Term) -> Self {
        (term.from, term.to)
    }
}

impl Term {
    /// A term from its first and last day, both inclusive, at most [`TERM_MONTHS_MAX`] long.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, TermError> {
        if to < from {
            return Err(TermError::EndsBeforeItBegins { from, to });
        }
        if !(1..=9999).contains(&from.year()) || !(1..=9999).contains(&to.year()) {
            return Err(TermError::OutsideCalendar);
        }
        let end = from.checked_add_months(Months::new(TERM_MONTHS_MAX));
        if end.is_none_or(|end| to >= end) {
            return Err(TermError::TooLong);
        }
        Ok(Self { from, to })
    }

    /// First day.
    #[must_use]
    pub const fn from(self) -> NaiveDate {
        self.from
    }

    /// Last day, inclusive.
    #[must_use]
    pub const fn to(self) -> NaiveDate {
        self.to
    }

    /// Number of days.
    #[must_use]
    pub fn days(self) -> u32 {
        days_through(self.from, self.to)
    }

    /// Whether all days of `other` are days of this term.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The calendar months touched, in order, each with the days of this term in it.
    pub(crate) fn months(self) -> impl Iterator<Item = MonthOfTerm> {
        let month = move |first: NaiveDate, from: NaiveDate| {
            let last = last_of_month(first);
            MonthOfTerm { first, from, to: last.min(self.to), last }
        };
        let start = month(first_of_month(self.from), self.from);
        iter::successors(Some(start), move |before| {
            let next = before.last.succ_opt().filter(|next| *next <= self.to)?;
            Some(month(next, next))
        })
    }

    /// How many calendar months are touched.
    pub(crate) fn count_months(self) -> usize {
        let years = self.to.year().saturating_sub(self.from.year());
        let months =
            i64::from(years) * 12 + i64::from(self.to.month()) - i64::from(self.from.month());
        usize::try_from(months.saturating_add(1)).unwrap_or(0)
    }
}

/// The days of a term within one calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MonthOfTerm {
    /// First day of the calendar month.
    pub(crate) first: NaiveDate,
    /// First service day.
    pub(crate) from: NaiveDate,
    /// Last service day, of the same month.
    pub(crate) to: NaiveDate,
    /// Last day of the calendar month.
    pub(crate) last: NaiveDate,
}

impl MonthOfTerm {
    /// Number of service days.
    pub(crate) fn days(self) -> u32 {
        self.to.day().saturating_sub(self.from.day()).saturating_add(1)
    }
}

/// The first day of the month of `day`.
pub(crate) fn first_of_month(day: NaiveDate) -> NaiveDate {
    if day.day() == 1 { day } else { day.with_day(1).unwrap_or(day) }
}

/// The last day of the month of `day`.
pub(crate) fn last_of_month(day: NaiveDate) -> NaiveDate {
    let left = days_in_month(day).saturating_sub(day.day());
    day.checked_add_days(Days::new(left.into())).unwrap_or(day)
}

/// Number of days of the month of `day`.
pub(crate) fn days_in_month(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month())
}

/// Number of days from `from` through `to`, both inclusive; none when `to` is before `from`.
pub(crate) fn days_through(from: NaiveDate, to: NaiveDate) -> u32 {
    let days = to.signed_duration_since(from).num_days().saturating_add(1);
    u32::try_from(days).unwrap_or(0)
}
