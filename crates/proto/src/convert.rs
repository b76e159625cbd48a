//! Shared values between wire and domain: dates, times, money, ranges, log positions.
//!
//! Rendering is `From` and cannot fail; parsing is `TryFrom<&...>` and says in a lower-case
//! sentence what to send instead. The collector of violations on top of it is [`crate::Fields`].

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Utc};
use thiserror::Error;

use backlog_money::{Currency, Money};

use crate::common::v1 as pb;
use crate::google::r#type::Date;

/// Accounting dates before this year are refused.
pub const YEAR_MIN: i32 = 1900;
/// Accounting dates after this year are refused.
pub const YEAR_MAX: i32 = 9999;

/// A value of the wire that means nothing here; the text tells what to send.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// Year, month and day do not name a day in the accepted years.
    #[error("must be a calendar date between {YEAR_MIN}-01-01 and {YEAR_MAX}-12-31")]
    NotADate,
    /// Outside of what a timestamp of whole microseconds can hold.
    #[error("must be a time of whole microseconds between the years 1 and 9999")]
    NotATime,
    /// A range that ends before it begins.
    #[error("must end on or after the day it begins, {0}")]
    EndsBeforeStart(NaiveDate),
    /// A range with one end missing.
    #[error("must name both its first and its last day")]
    OpenRange,
    /// A currency code that ISO 4217 does not know, or that no amount can be kept in.
    #[error("{0}")]
    Currency(#[from] backlog_money::CurrencyError),
    /// An amount that does not follow the grammar.
    #[error("{0}")]
    Money(#[from] backlog_money::MoneyError),
    /// A position that names no log.
    #[error("must name a log")]
    NoLog,
    /// A sequence number beyond what a log can hold.
    #[error("must be a sequence number of at most {}", i64::MAX)]
    SeqTooLarge,
}

/// A place in one log of a tenant: everything up to and with `seq`; 0 means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The log; never `Log::Unspecified` when it was parsed.
    pub log: pb::Log,
    /// Sequence number of the last entry included, at most `i64::MAX` when it was parsed.
    pub seq: u64,
}

/// A span of civil dates; both ends are inclusive and `from <= to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateSpan {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        // Months and days are at most 12 and 31, so the conversions cannot fail.
        Self {
            year: date.year(),
            month: i32::try_from(date.month()).unwrap_or_default(),
            day: i32::try_from(date.day()).unwrap_or_default(),
        }
    }
}

impl TryFrom<&Date> for NaiveDate {
    type Error = ConvertError;

    fn try_from(date: &Date) -> Result<Self, ConvertError> {
        if !(YEAR_MIN..=YEAR_MAX).contains(&date.year) {
            return Err(ConvertError::NotADate);
        }
        let month = u32::try_from(date.month).map_err(|_| ConvertError::NotADate)?;
        let day = u32::try_from(date.day).map_err(|_| ConvertError::NotADate)?;
        Self::from_ymd_opt(date.year, month, day).ok_or(ConvertError::NotADate)
    }
}

impl From<DateSpan> for pb::DateRange {
    fn from(span: DateSpan) -> Self {
        Self { from: Some(span.from.into()), to: Some(span.to.into()) }
    }
}

impl TryFrom<&pb::DateRange> for DateSpan {
    type Error = ConvertError;

    fn try_from(range: &pb::DateRange) -> Result<Self, ConvertError> {
        let (Some(from), Some(to)) = (range.from.as_ref(), range.to.as_ref()) else {
            return Err(ConvertError::OpenRange);
        };
        let (from, to) = (NaiveDate::try_from(from)?, NaiveDate::try_from(to)?);
        if to < from { Err(ConvertError::EndsBeforeStart(from)) } else { Ok(Self { from, to }) }
    }
}

impl From<Money> for pb::Money {
    fn from(money: Money) -> Self {
        Self { currency_code: money.currency().code().to_owned(), amount: money.amount_string() }
    }
}

impl TryFrom<&pb::Money> for Money {
    type Error = ConvertError;

    fn try_from(money: &pb::Money) -> Result<Self, ConvertError> {
        let currency = Currency::parse(&money.currency_code)?;
        Ok(Self::parse(&money.amount, currency)?)
    }
}

impl From<Position> for pb::LogPosition {
    fn from(position: Position) -> Self {
        Self { log: position.log.into(), seq: position.seq }
    }
}

impl TryFrom<&pb::LogPosition> for Position {
    type Error = ConvertError;

    fn try_from(position: &pb::LogPosition) -> Result<Self, ConvertError> {
        let log = match pb::Log::try_from(position.log) {
            Ok(pb::Log::Unspecified) | Err(_) => return Err(ConvertError::NoLog),
            Ok(log @ (pb::Log::Contract | pb::Log::Recognition | pb::Log::Reporting)) => log,
        };
        // Postgres keeps sequence numbers as bigint.
        i64::try_from(position.seq).map_err(|_| ConvertError::SeqTooLarge)?;
        Ok(Self { log, seq: position.seq })
    }
}

/// Renders a time, cut to whole microseconds: what Postgres keeps.
#[must_use]
pub fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    let micros = time.timestamp_micros();
    let nanos = micros.rem_euclid(1_000_000).saturating_mul(1_000);
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

/// Reads a time. Fractions of a microsecond are refused rather than cut, so that what was signed
/// or hashed is what is compared; so are years outside 1 to 9999.
pub fn time(timestamp: &prost_types::Timestamp) -> Result<DateTime<Utc>, ConvertError> {
    let nanos = u32::try_from(timestamp.nanos).map_err(|_| ConvertError::NotATime)?;
    if nanos > 999_999_999 || !nanos.is_multiple_of(1_000) {
        return Err(ConvertError::NotATime);
    }
    Utc.timestamp_opt(timestamp.seconds, nanos)
        .single()
        .filter(|time| (1..=YEAR_MAX).contains(&time.year()))
        .ok_or(ConvertError::NotATime)
}

#[cfg(test)]
mod tests;
