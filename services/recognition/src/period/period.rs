//! Closing a period and opening it again, pure.

use backlog_event_log::{Change, Decision, NewEvent};
use backlog_proto::fields::FieldViolation;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{Effects, Period, Periods};
use chrono::NaiveDate;

use super::convert::{close_figures, period as wire_period};
use super::error::PeriodRefusal;
use crate::accounting::books::{Books, BooksChange, TenantBooks};
use crate::accounting::convert::accounting_posted;
use crate::accounting::events::event;
use crate::adjustment::AdjustmentState;
use crate::journal::balance::Unbalanced;

/// What is done to periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeriodCommand {
    /// Close one.
    Close(ClosePeriod),
    /// Open the latest again.
    Reopen(ReopenPeriod),
}

/// A close of a period, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Close {
    /// First day of the period.
    pub first: NaiveDate,
    /// Last day of the period.
    pub last: NaiveDate,
    /// Which close of the period it is, from 1.
    pub version: u32,
    /// Position of the contract log up to which facts are in.
    pub covered: u64,
    /// Who closed it.
    pub closed_by: String,
    /// The figures that it closed with.
    pub figures: pb::CloseFigures,
    /// Who opened the period again, and why; none while the close holds.
    pub reopened: Option<(String, String)>,
}

/// Closes a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosePeriod {
    /// The period's name.
    pub period: String,
    /// Who closes it.
    pub closed_by: String,
    /// Facts of the contract log that are not accounted for yet, as the door found them.
    pub unprocessed: u64,
    /// Contracts for which a run through the last day would post, as a trial of it found.
    pub due: u64,
    /// What does not balance in the period's journal, as the door found it.
    pub unbalanced: Unbalanced,
    /// Whether it is only asked what blocks it.
    pub asks: bool,
}

/// Opens the latest closed period again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReopenPeriod {
    /// The period's name.
    pub period: String,
    /// Who opens it.
    pub reopened_by: String,
    /// Why.
    pub reason: String,
}

/// What a close looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It is the period's turn.
    Turn,
    /// Facts of the contract log are accounted for.
    Events,
    /// Contracts are recognized through the last day.
    Recognition,
    /// Runs are finished.
    Runs,
    /// Adjustments are decided.
    Adjustments,
    /// Debits and credits are equal, and stored as they were posted.
    Journal,
}

/// One thing that a close looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckItem {
    /// What.
    pub check: Check,
    /// How many things block it.
    pub count: u64,
    /// What was found.
    pub detail: String,
}

/// What is left to do before a day, as the tables tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenWork {
    /// Runs that are not finished.
    pub runs: u64,
    /// Adjustments that wait.
    pub adjustments: u64,
}

impl PeriodCommand {
    /// Decides on the books as they are.
    ///
    /// # Errors
    /// `INVALID_FIELDS`, `PERIOD_CLOSED`, `PERIOD_OUT_OF_ORDER`, `CLOSE_BLOCKED`.
    pub fn decide(&self, books: &Books) -> Result<Decision<BooksChange>, PeriodRefusal> {
        let (posted, change, period) = match self {
            Self::Close(close) => close.decide(books)?,
            Self::Reopen(reopen) => {
                reopened(books, &reopen.period, &reopen.reopened_by, &reopen.reason)?
            }
        };
        let event = period_event(&posted, &period);
        Ok(Decision::Write(Change { events: vec![event], effect: change }))
    }
}

fn period_event(posted: &AccountingPosted, period: &Period) -> NewEvent {
    let version = match &posted.own_fact {
        Some(Wire::PeriodClosed(closed)) => closed.version,
        Some(Wire::PeriodReopened(reopened)) => reopened.version,
        _ => 0,
    };
    event(posted, period.to_string(), u64::from(version), period.last)
}

impl ClosePeriod {
    fn decide(
        &self,
        books: &Books,
    ) -> Result<(AccountingPosted, BooksChange, Period), PeriodRefusal> {
        let tenant = books.tenant.ok_or(PeriodRefusal::TenantNotReady)?;
        let period = named(tenant.periods, &self.period)?;
        let turn = turn(tenant.periods, &period);
        let items = self.checks(books, &period, turn.as_ref().err());
        if self.asks {
            return Err(PeriodRefusal::Asked(items));
        }
        turn?;
        if items.iter().any(|item| item.count > 0) {
            return Err(PeriodRefusal::Blocked { period, items });
        }
        let (posted, change) = closed(books, tenant, &period, &self.closed_by);
        Ok((posted, change, period))
    }

    /// Everything that is looked at, in order.
    fn checks(
        &self,
        books: &Books,
        period: &Period,
        turn: Option<&PeriodRefusal>,
    ) -> Vec<CheckItem> {
        let work = books.open_work.get(&period.last).copied().unwrap_or_default();
        let due = books.contracts.values();
        let policies = books.policies();
        let due =
            due.filter(|state| !matches!(state.is_due(period.last, &policies), Ok(false))).count();
        let waiting = books.adjustments.values().filter(|adjustment| {
            adjustment.state == AdjustmentState::Proposed && adjustment.on <= period.last
        });
        let of = |check, count: u64, found: &str, todo: &str| CheckItem {
            check,
            count,
            detail: if count == 0 { found.to_owned() } else { format!("{count} {todo}") },
        };
        let loaded = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let last = period.last;
        vec![
            CheckItem {
                check: Check::Turn,
                count: u64::from(turn.is_some()),
                detail: turn.map_or_else(
                    || "the period is the next to be closed".to_owned(),
                    |refusal| format!("{refusal}; close periods one after the other"),
                ),
            },
            of(
                Check::Events,
                self.unprocessed,
                "all facts of the contract log are accounted for",
                "facts of the contract log are not accounted for yet; wait, or see `backlog doctor`",
            ),
            of(
                Check::Recognition,
                self.due.max(loaded(due)),
                "all contracts are recognized through the last day",
                &format!("contracts have revenue to be recognized; run recognition through {last}"),
            ),
            of(
                Check::Runs,
                work.runs,
                "all recognition runs are finished",
                "recognition runs are not finished; repeat them with their request_id",
            ),
            of(
                Check::Adjustments,
                work.adjustments.max(loaded(waiting.count())),
                "no adjustment waits for a second person",
                "adjustments wait for a second person; approve or reject them",
            ),
            of(
                Check::Journal,
                self.unbalanced.count,
                "debits and credits are equal on every day of every contract, and stored as posted",
                &format!(
                    "places of the journal do not balance: {}; this is a fault of the system, see \
                     `backlog doctor`",
                    self.unbalanced.first
                ),
            ),
        ]
    }
}

/// The period of this name in the tenant's calendar.
pub(crate) fn named(periods: Periods, name: &str) -> Result<Period, PeriodRefusal> {
    let period = periods.calendar.period(name);
    period.ok_or_else(|| {
        let example = periods.calendar.year(2026).first().map(ToString::to_string);
        let example = example.unwrap_or_default();
        let calendar = periods.calendar.word();
        let description = format!("must be a period of the calendar {calendar}, such as {example}");
        PeriodRefusal::Unknown(vec![FieldViolation { field: "period".to_owned(), description }])
    })
}

/// Periods are closed one after the other; the first may be any.
fn turn(periods: Periods, period: &Period) -> Result<(), PeriodRefusal> {
    if periods.is_closed(period.last) {
        return Err(PeriodRefusal::Closed(*period));
    }
    match periods.closed_through.and_then(|closed| closed.succ_opt()) {
        Some(next) if next != period.first => Err(PeriodRefusal::OutOfOrder {
            period: *period,
            turn: Some(periods.calendar.period_of(next)),
        }),
        _ => Ok(()),
    }
}

/// What a close does. The writer and the rebuild take the same step.
fn closed(
    books: &Books,
    tenant: TenantBooks,
    period: &Period,
    closed_by: &str,
) -> (AccountingPosted, BooksChange) {
    let before = books.closes.range((period.first, 0)..=(period.first, u32::MAX)).next_back();
    let version = before.map_or(0, |((_, version), _)| *version).saturating_add(1);
    let figures = close_figures(&books.totals, period.first);
    let fact = Wire::PeriodClosed(pb::PeriodClosed {
        period: Some(wire_period(period)),
        version,
        closed_by: closed_by.to_owned(),
        figures: Some(figures.clone()),
    });
    let close = Close {
        first: period.first,
        last: period.last,
        version,
        covered: tenant.covered,
        closed_by: closed_by.to_owned(),
        figures,
        reopened: None,
    };
    let posted = posted(fact, tenant.covered);
    (posted, change(tenant, Some(period.last), close))
}

fn posted(fact: Wire, covered: u64) -> AccountingPosted {
    let nothing = accounting_posted(&Effects::default(), covered);
    AccountingPosted { own_fact: Some(fact), ..nothing }
}

fn change(tenant: TenantBooks, closed_through: Option<NaiveDate>, close: Close) -> BooksChange {
    let periods = Periods { closed_through, ..tenant.periods };
    BooksChange {
        tenant: Some(TenantBooks { periods, ..tenant }),
        close: Some(close),
        ..BooksChange::default()
    }
}

/// What opening a period again does: its last close no longer holds. The writer and the rebuild take
/// the same step.
///
/// # Errors
/// `INVALID_FIELDS`, `PERIOD_OUT_OF_ORDER`.
pub(crate) fn reopened(
    books: &Books,
    name: &str,
    by: &str,
    reason: &str,
) -> Result<(AccountingPosted, BooksChange, Period), PeriodRefusal> {
    let tenant = books.tenant.ok_or(PeriodRefusal::TenantNotReady)?;
    let period = named(tenant.periods, name)?;
    let holding = || books.closes.values().filter(|close| close.reopened.is_none());
    let close = holding()
        .find(|close| close.first == period.first)
        .filter(|close| tenant.periods.closed_through == Some(close.last))
        .ok_or_else(|| {
            let latest = tenant.periods.closed_through;
            let turn = latest.map(|last| tenant.periods.calendar.period_of(last));
            PeriodRefusal::OutOfOrder { period, turn }
        })?;
    let fact = Wire::PeriodReopened(pb::PeriodReopened {
        period: Some(wire_period(&period)),
        version: close.version,
        reopened_by: by.to_owned(),
        reason: reason.to_owned(),
    });
    let before = holding().map(|close| close.last).filter(|last| *last < period.first).max();
    let close = Close { reopened: Some((by.to_owned(), reason.to_owned())), ..close.clone() };
    Ok((posted(fact, tenant.covered), change(tenant, before, close), period))
}

/// What the log says was closed, taken again on these books; what blocked it is not asked again.
///
/// # Errors
/// When the books know no such period, or it is not its turn.
pub(crate) fn replayed(
    books: &Books,
    stored: &pb::PeriodClosed,
) -> Result<(AccountingPosted, BooksChange), PeriodRefusal> {
    let tenant = books.tenant.ok_or(PeriodRefusal::TenantNotReady)?;
    let name = stored.period.as_ref().map(|period| period.name.as_str()).unwrap_or_default();
    let period = named(tenant.periods, name)?;
    turn(tenant.periods, &period)?;
    Ok(closed(books, tenant, &period, &stored.closed_by))
}
