//! Collects everything that is wrong with one request, so that its caller can correct it in one go.
//!
//! ```
//! # use backlog_proto::Fields;
//! let mut fields = Fields::new();
//! let request_id = fields.request_id("request_id", "");
//! let name = fields.text("display_name", "Acme\0", 1, 200);
//! assert_eq!((request_id, name), (None, None));
//! assert_eq!(fields.finish().unwrap_err().len(), 2);
//! ```

use std::fmt::Display;

use chrono::{DateTime, NaiveDate, Utc};

use backlog_ids::TypedId;
use backlog_money::{Currency, Money};

use crate::common::v1 as pb;
use crate::convert::{self, ConvertError, DateSpan, Position};
use crate::google::r#type::Date;

/// Items a page when the request does not say.
pub const PAGE_SIZE_DEFAULT: usize = 100;
/// Items a page at most; a request for more counts as this many.
pub const PAGE_SIZE_MAX: usize = 1_000;
/// Characters of a request id at most.
pub const REQUEST_ID_MAX: usize = 100;
/// Bytes of all violations of one answer together: clients refuse headers above some 8 KB, and
/// base64 adds a third.
const VIOLATIONS_BYTES_MAX: usize = 4_000;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field in the request, such as `obligations[2].term.from`.
    pub field: String,
    /// A lower-case sentence that says what to send.
    pub description: String,
}

/// The collector. Each helper parses one field and answers `None` when it recorded a violation;
/// [`Fields::finish`] then errs, so the `None` never goes anywhere.
#[derive(Debug, Default)]
pub struct Fields {
    violations: Vec<FieldViolation>,
    bytes: usize,
    left_out: usize,
}

impl Fields {
    /// A collector that has found nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that `field` is wrong. Beyond what fits an answer, violations are only counted.
    pub fn violation(&mut self, field: impl Into<String>, description: impl Into<String>) {
        let (field, description) = (field.into(), description.into());
        self.bytes = self.bytes.saturating_add(field.len()).saturating_add(description.len());
        if self.bytes > VIOLATIONS_BYTES_MAX && !self.violations.is_empty() {
            self.left_out = self.left_out.saturating_add(1);
        } else {
            self.violations.push(FieldViolation { field, description });
        }
    }

    /// Whether nothing was found so far.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// A required civil date.
    pub fn date(&mut self, field: &str, value: Option<&Date>) -> Option<NaiveDate> {
        let value = self.required(field, value)?;
        self.keep(field, NaiveDate::try_from(value))
    }

    /// A civil date that may be absent; `None` when absent.
    pub fn optional_date(&mut self, field: &str, value: Option<&Date>) -> Option<NaiveDate> {
        self.keep(field, NaiveDate::try_from(value?))
    }

    /// A time that may be absent; `None` when absent.
    pub fn optional_time(
        &mut self,
        field: &str,
        value: Option<&prost_types::Timestamp>,
    ) -> Option<DateTime<Utc>> {
        self.keep(field, convert::time(value?))
    }

    /// A required amount, in any currency.
    pub fn money(&mut self, field: &str, value: Option<&pb::Money>) -> Option<Money> {
        let value = self.required(field, value)?;
        self.parse_money(field, value)
    }

    /// An amount that may be absent; `None` when absent.
    pub fn optional_money(&mut self, field: &str, value: Option<&pb::Money>) -> Option<Money> {
        self.parse_money(field, value?)
    }

    /// A required ISO 4217 code.
    pub fn currency(&mut self, field: &str, code: &str) -> Option<Currency> {
        self.keep(field, Currency::parse(code))
    }

    /// A required id of kind `T`.
    pub fn id<T: TypedId>(&mut self, field: &str, value: &str) -> Option<T> {
        self.keep(field, value.parse::<T>())
    }

    /// An id of kind `T` that may be empty; `None` when empty.
    pub fn optional_id<T: TypedId>(&mut self, field: &str, value: &str) -> Option<T> {
        if value.is_empty() { None } else { self.id(field, value) }
    }

    /// A text of `min` to `max` characters without control characters.
    pub fn text(&mut self, field: &str, value: &str, min: usize, max: usize) -> Option<String> {
        // No text of so many bytes can be short enough; do not count a megabyte.
        let too_long = value.len() > max.saturating_mul(4);
        let chars = if too_long { usize::MAX } else { value.chars().count() };
        if !(min..=max).contains(&chars) {
            self.violation(field, format!("must have {min} to {max} characters"));
            return None;
        }
        if value.chars().any(char::is_control) {
            self.violation(field, "must not contain control characters");
            return None;
        }
        Some(value.to_owned())
    }

    /// An idempotency key: 1 to 100 visible ASCII characters.
    pub fn request_id(&mut self, field: &str, value: &str) -> Option<String> {
        let length = (1..=REQUEST_ID_MAX).contains(&value.len());
        if length && value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(value.to_owned());
        }
        self.violation(
            field,
            format!("must have 1 to {REQUEST_ID_MAX} visible ASCII characters without spaces"),
        );
        None
    }

    /// A required span of dates; names the end that is wrong.
    pub fn range(&mut self, field: &str, value: Option<&pb::DateRange>) -> Option<DateSpan> {
        let value = self.required(field, value)?;
        let from = self.date(&format!("{field}.from"), value.from.as_ref());
        let to = self.date(&format!("{field}.to"), value.to.as_ref());
        let (from, to) = (from?, to?);
        if to < from {
            let error = ConvertError::EndsBeforeStart(from);
            return self.keep(&format!("{field}.to"), Err(error));
        }
        Some(DateSpan { from, to })
    }

    /// Log positions to wait for: each log at most once.
    pub fn positions(&mut self, field: &str, value: &[pb::LogPosition]) -> Option<Vec<Position>> {
        let mut positions: Vec<Position> = Vec::new();
        let mut clean = true;
        for (index, position) in value.iter().enumerate() {
            let path = format!("{field}[{index}]");
            match self.keep(&path, Position::try_from(position)) {
                Some(new) if positions.iter().any(|known| known.log == new.log) => {
                    self.violation(path, "must not name a log twice");
                    clean = false;
                }
                Some(new) => positions.push(new),
                None => clean = false,
            }
        }
        clean.then_some(positions)
    }

    /// Items a page: 0 means [`PAGE_SIZE_DEFAULT`], more than [`PAGE_SIZE_MAX`] counts as that.
    pub fn page_size(&mut self, field: &str, value: i32) -> Option<usize> {
        match usize::try_from(value) {
            Ok(0) => Some(PAGE_SIZE_DEFAULT),
            Ok(size) => Some(size.min(PAGE_SIZE_MAX)),
            Err(_) => {
                self.violation(field, "must not be negative; 0 means the default");
                None
            }
        }
    }

    /// Keeps a parsed value, or records its error under `field`.
    pub fn keep<T, E: Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.violation(field, error.to_string());
                None
            }
        }
    }

    /// Keeps a value that must be present, or records that it is missing.
    pub fn required<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.violation(field, "must be set");
        }
        value
    }

    /// Errs with everything found; the last violation counts those that did not fit.
    pub fn finish(mut self) -> Result<(), Vec<FieldViolation>> {
        if self.violations.is_empty() {
            return Ok(());
        }
        if self.left_out > 0 {
            self.violations.push(FieldViolation {
                field: "...".to_owned(),
                description: format!(
                    "{} more fields are wrong; correct these first",
                    self.left_out
                ),
            });
        }
        Err(self.violations)
    }

    fn parse_money(&mut self, field: &str, value: &pb::Money) -> Option<Money> {
        let currency = self.currency(&format!("{field}.currency_code"), &value.currency_code)?;
        self.keep(&format!("{field}.amount"), Money::parse(&value.amount, currency))
    }
}

#[cfg(test)]
mod tests;
