//! Requests and answers about periods, between the wire and the domain.

use std::collections::BTreeMap;

use backlog_event_log::{Answer, RequestKey};
use backlog_money::Currency;
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{Calendar, Period};
use backlog_service_kit::error::InvalidFields;
use chrono::NaiveDate;
use prost::Message;
use sha2::{Digest, Sha256};

use super::period::{Check, CheckItem, Close, ReopenPeriod};
use super::queries::KnownPeriods;
use crate::accounting::convert::{cause, measure, money};
use crate::accounting::totals::PeriodTotals;
use crate::run::convert::min_positions;

/// Longest name of a period.
const NAME_MAX: usize = 20;

/// A wish about one period, parsed.
#[derive(Debug)]
pub struct Asked {
    /// Its name.
    pub period: String,
    /// Positions to wait for.
    pub positions: Vec<Position>,
}

/// Parses what reads about one period are asked with.
///
/// # Errors
/// All violations.
pub fn asked(period: &str, positions: &[LogPosition]) -> Result<Asked, InvalidFields> {
    let mut fields = Fields::new();
    let period = fields.text("period", period, 1, NAME_MAX);
    let positions = min_positions(positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let asked = period.zip(positions).map(|(period, positions)| Asked { period, positions });
    asked.ok_or_else(|| InvalidFields(Vec::new()))
}

/// Parses a request to close a period.
///
/// # Errors
/// All violations.
pub fn close_request(
    request: &pb::ClosePeriodRequest,
) -> Result<(Asked, RequestKey), InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.request_id("request_id", &request.request_id);
    let period = fields.text("period", &request.period, 1, NAME_MAX);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let (Some(id), Some(period), Some(positions)) = (id, period, positions) else {
        return Err(InvalidFields(Vec::new()));
    };
    let key = RequestKey { id, content_hash: hash("ClosePeriod", &[&period]) };
    Ok((Asked { period, positions }, key))
}

/// Parses a request to open a period again.
///
/// # Errors
/// All violations.
pub fn reopen_request(
    request: &pb::ReopenPeriodRequest,
    by: &str,
) -> Result<(ReopenPeriod, RequestKey), InvalidFields> {
    let mut fields = Fields::new();
    let id = fields.request_id("request_id", &request.request_id);
    let period = fields.text("period", &request.period, 1, NAME_MAX);
    let reason = fields.text("reason", &request.reason, 1, 500);
    fields.finish().map_err(InvalidFields)?;
    let (Some(id), Some(period), Some(reason)) = (id, period, reason) else {
        return Err(InvalidFields(Vec::new()));
    };
    let key = RequestKey { id, content_hash: hash("ReopenPeriod", &[&period, &reason]) };
    Ok((ReopenPeriod { period, reopened_by: by.to_owned(), reason }, key))
}

fn hash(method: &str, parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.PeriodService/");
    hash.update(method);
    for part in parts {
        // Lengths, so that parts cannot run into each other.
        hash.update(part.len().to_string());
        hash.update(b":");
        hash.update(part);
    }
    hash.finalize().into()
}

/// Parses the year that periods are listed of.
///
/// # Errors
/// All violations.
pub fn list_request(
    request: &pb::ListPeriodsRequest,
) -> Result<(i32, Vec<Position>), InvalidFields> {
    let mut fields = Fields::new();
    if !(1..=9998).contains(&request.year) {
        fields.violation("year", "must be a year from 1 to 9998");
    }
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    positions.map(|positions| (request.year, positions)).ok_or_else(|| InvalidFields(Vec::new()))
}

/// Renders a period.
#[must_use]
pub fn period(period: &Period) -> pb::Period {
    pb::Period {
        name: period.to_string(),
        first_day: Some(period.first.into()),
        last_day: Some(period.last.into()),
        year: period.year,
        number: u32::from(period.number),
        quarter: u32::from(period.quarter()),
    }
}

/// The figures that the period which begins on a day closes with.
#[must_use]
pub fn close_figures(totals: &PeriodTotals, first: NaiveDate) -> pb::CloseFigures {
    let balances = totals.balances(first).into_iter().map(|((of, currency), amount)| {
        pb::CloseBalance { measure: measure(of).into(), amount: Some(money(amount, currency)) }
    });
    let movements = totals.movements(first).into_iter().map(|((why, of, currency), amount)| {
        pb::CloseMovement {
            cause: cause(why).into(),
            measure: measure(of).into(),
            amount: Some(money(amount, currency)),
        }
    });
    pb::CloseFigures { balances: balances.collect(), movements: movements.collect() }
}

/// By how much movements of a close differ from those of the one before; zeros left out.
fn differences(before: &pb::CloseFigures, after: &pb::CloseFigures) -> Vec<pb::CloseMovement> {
    let mut sums: BTreeMap<(i32, i32, Currency), i128> = BTreeMap::new();
    for (figures, sign) in [(before, -1), (after, 1)] {
        for movement in &figures.movements {
            let mut fields = Fields::new();
            let Some(amount) = fields.money("amount", movement.amount.as_ref()) else { continue };
            let key = (movement.cause, movement.measure, amount.currency());
            let sum = sums.entry(key).or_default();
            *sum = sum.saturating_add(amount.minor().saturating_mul(sign));
        }
    }
    let changed = sums.into_iter().filter(|(_, amount)| *amount != 0);
    changed
        .map(|((cause, measure, currency), amount)| pb::CloseMovement {
            cause,
            measure,
            amount: Some(money(amount, currency)),
        })
        .collect()
}

fn close(calendar: Calendar, close: &Close, before: Option<&Close>) -> pb::Close {
    let (reopened_by, reopened_reason) = close.reopened.clone().unwrap_or_default();
    pb::Close {
        period: Some(period(&calendar.period_of(close.first))),
        version: close.version,
        closed_by: close.closed_by.clone(),
        covered_contract_seq: close.covered,
        figures: Some(close.figures.clone()),
        differences: before
            .map(|before| differences(&before.figures, &close.figures))
            .unwrap_or_default(),
        reopened: close.reopened.is_some(),
        reopened_by,
        reopened_reason,
    }
}

/// Renders the answer to a close from its event alone, so that a replay answers the same bytes.
#[must_use]
pub fn close_response(answer: &Answer) -> Option<pb::ClosePeriodResponse> {
    let posted = AccountingPosted::decode(answer.payload.as_slice()).ok()?;
    let Some(Wire::PeriodClosed(closed)) = posted.own_fact else { return None };
    let close = pb::Close {
        period: closed.period,
        version: closed.version,
        closed_by: closed.closed_by,
        covered_contract_seq: posted.covered_contract_seq,
        figures: closed.figures,
        ..pb::Close::default()
    };
    Some(pb::ClosePeriodResponse { close: Some(close), position: position(answer.seq) })
}

/// Renders the answer to opening a period again, from its event alone.
#[must_use]
pub fn reopen_response(answer: &Answer) -> Option<pb::ReopenPeriodResponse> {
    let posted = AccountingPosted::decode(answer.payload.as_slice()).ok()?;
    let Some(Wire::PeriodReopened(reopened)) = posted.own_fact else { return None };
    Some(pb::ReopenPeriodResponse { period: reopened.period, position: position(answer.seq) })
}

/// The position of an effect; none when nothing was written.
fn position(seq: Option<u64>) -> Option<LogPosition> {
    seq.map(|seq| Position { log: Log::Recognition, seq }.into())
}

fn state(known: &KnownPeriods, of: &Period) -> pb::PeriodState {
    let closes = known.closes.iter().filter(|close| close.first == of.first).count();
    pb::PeriodState {
        period: Some(period(of)),
        closed: known.periods.is_closed(of.last),
        closes: u32::try_from(closes).unwrap_or(u32::MAX),
    }
}

/// Renders one period with its closes.
#[must_use]
pub(crate) fn period_response(known: &KnownPeriods, of: &Period) -> pb::GetPeriodResponse {
    let own: Vec<&Close> = known.closes.iter().filter(|close| close.first == of.first).collect();
    let before = std::iter::once(None).chain(own.iter().map(|close| Some(*close)));
    let calendar = known.periods.calendar;
    pb::GetPeriodResponse {
        period: Some(state(known, of)),
        closes: own.iter().zip(before).map(|(own, before)| close(calendar, own, before)).collect(),
    }
}

/// Renders the periods of a year.
#[must_use]
pub(crate) fn list_response(known: &KnownPeriods, year: i32) -> pb::ListPeriodsResponse {
    let calendar = known.periods.calendar;
    pb::ListPeriodsResponse {
        periods: calendar.year(year).iter().map(|period| state(known, period)).collect(),
        calendar: calendar.word(),
        closed_through: known.periods.closed_through.map(Into::into),
    }
}

/// Renders what a close looks at.
#[must_use]
pub fn checklist_response(of: &Period, items: &[CheckItem]) -> pb::GetCloseChecklistResponse {
    let item = |item: &CheckItem| pb::CheckItem {
        kind: check_kind(item.check).into(),
        passed: item.count == 0,
        count: item.count,
        detail: item.detail.clone(),
    };
    pb::GetCloseChecklistResponse {
        period: Some(period(of)),
        ready: items.iter().all(|item| item.count == 0),
        items: items.iter().map(item).collect(),
    }
}

const fn check_kind(check: Check) -> pb::CheckKind {
    match check {
        Check::Turn => pb::CheckKind::Turn,
        Check::Events => pb::CheckKind::Events,
        Check::Recognition => pb::CheckKind::Recognition,
        Check::Runs => pb::CheckKind::Runs,
        Check::Adjustments => pb::CheckKind::Adjustments,
        Check::Journal => pb::CheckKind::Journal,
    }
}
