//! Values on the command line: days, amounts by name, positions.

use std::str::FromStr;

use backlog_money::{Currency, Quantity};
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_recognition_engine::{
    CombinationCriterion, Convention, Criterion, ReceivableOn, Rounding,
};
use chrono::NaiveDate;

use crate::policy::{Expedient, Standard};

/// A day as `2026-01-31`.
///
/// # Errors
/// When it is spelled in any other way.
pub(crate) fn day(text: &str) -> Result<NaiveDate, String> {
    crate::scenario::parse_date(text).ok_or_else(|| "expected a day such as 2026-01-31".to_owned())
}

/// An ISO 4217 code.
///
/// # Errors
/// When there is no such currency with a minor unit.
pub(crate) fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|error| error.to_string())
}

/// A decimal such as 12 or 0.015.
///
/// # Errors
/// When it is none, or has more than 12 places.
pub(crate) fn quantity(text: &str) -> Result<Quantity, String> {
    Quantity::parse(text).map_err(|error| error.to_string())
}

/// A straight-line convention by name.
///
/// # Errors
/// When there is none of that name; tells all.
pub(crate) fn convention(text: &str) -> Result<Convention, String> {
    let names: Vec<_> = Convention::ALL.iter().map(|convention| convention.name()).collect();
    Convention::parse(text).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

/// A criterion of a contract by name.
///
/// # Errors
/// When there is none of that name; tells all.
pub(crate) fn criterion(text: &str) -> Result<Criterion, String> {
    let names: Vec<_> = Criterion::ALL.iter().map(|criterion| criterion.name()).collect();
    Criterion::parse(text).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

/// A rounding by name.
///
/// # Errors
/// When there is none of that name; tells all.
pub(crate) fn rounding(text: &str) -> Result<Rounding, String> {
    Rounding::parse(text).ok_or_else(|| "expected cumulative, floor_last or per_period".to_owned())
}

/// When invoices become unconditional, by name.
///
/// # Errors
/// When there is none of that name; tells all.
pub(crate) fn receivable_on(text: &str) -> Result<ReceivableOn, String> {
    ReceivableOn::parse(text).ok_or_else(|| "expected issue or due".to_owned())
}

/// A standard by name.
///
/// # Errors
/// When there is none of that name; tells all.
pub(crate) fn standard(text: &str) -> Result<Standard, String> {
    let found = Standard::ALL.iter().copied().find(|standard| standard.name() == text);
    found.ok_or_else(|| "expected asc_606 or ifrs_15".to_owned())
}

/// A criterion of a combination by name.
///
/// # Errors
/// When there is none of that name; tells all.
pub(crate) fn combination_criterion(text: &str) -> Result<CombinationCriterion, String> {
    CombinationCriterion::parse(text).ok_or_else(|| {
        let names: Vec<&str> = CombinationCriterion::ALL.iter().map(|of| of.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// An expedient by name.
///
/// # Errors
/// When there is none of that name; tells all.
pub(crate) fn expedient(text: &str) -> Result<Expedient, String> {
    let names: Vec<_> = Expedient::ALL.iter().map(|expedient| expedient.name()).collect();
    let found = Expedient::ALL.iter().copied().find(|expedient| expedient.name() == text);
    found.ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

/// A pair as `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// Before the first equals sign.
    pub(crate) name: String,
    /// After it.
    pub(crate) value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            Some(_) | None => Err("expected name=value".to_owned()),
        }
    }
}

/// Places in logs as `contract=12,recognition=15`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Positions(pub(crate) Vec<LogPosition>);

impl FromStr for Positions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut positions: Vec<LogPosition> = Vec::new();
        for part in text.split(',') {
            let pair: Pair = part.parse()?;
            let log = log(&pair.name)?.into();
            let seq = pair.value.parse();
            let seq = seq.map_err(|_| format!("{part}: expected a number after ="))?;
            if positions.iter().any(|position| position.log == log) {
                return Err(format!("{} is there twice", pair.name));
            }
            positions.push(LogPosition { log, seq });
        }
        Ok(Self(positions))
    }
}

/// A log by name.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn log(text: &str) -> Result<Log, String> {
    match text {
        "contract" => Ok(Log::Contract),
        "recognition" => Ok(Log::Recognition),
        "reporting" => Ok(Log::Reporting),
        _ => Err("expected contract, recognition or reporting".to_owned()),
    }
}

/// The name of a log.
#[must_use]
pub(crate) const fn log_name(log: Log) -> &'static str {
    match log {
        Log::Contract => "contract",
        Log::Recognition => "recognition",
        Log::Reporting => "reporting",
        Log::Unspecified => "unspecified",
    }
}

#[cfg(test)]
mod tests {
    use super::{Pair, Positions, day};
    use backlog_proto::common::v1::Log;

    /// Positions name each log once, with a number.
    #[test]
    fn positions_are_read_strictly() {
        let positions: Positions = "contract=12,recognition=15".parse().unwrap();
        let seqs: Vec<_> = positions.0.iter().map(|p| (p.log(), p.seq)).collect();
        assert_eq!(seqs, [(Log::Contract, 12), (Log::Recognition, 15)]);
        for wrong in
            ["", "contract", "contract=", "contract=-1", "other=1", "contract=1,contract=2"]
        {
            assert!(wrong.parse::<Positions>().is_err(), "{wrong}");
        }
    }

    /// A value may hold equals signs, a name may not be empty; days have one spelling.
    #[test]
    fn pairs_and_days_are_read_strictly() {
        let pair: Pair = "region=a=b".parse().unwrap();
        assert_eq!((pair.name.as_str(), pair.value.as_str()), ("region", "a=b"));
        assert!("=x".parse::<Pair>().is_err() && "x".parse::<Pair>().is_err());
        assert!(day("2026-01-31").is_ok());
        assert!(day("2026-1-31").is_err() && day("31.1.2026").is_err());
    }
}
