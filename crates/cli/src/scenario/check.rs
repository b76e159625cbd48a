//! Comparing what came out with what was expected.

use std::collections::BTreeMap;

use backlog_money::Money;
use backlog_recognition_engine::{Cause, Role, RollForward};
use chrono::NaiveDate;

use crate::failure::{Exit, Failure};

use super::{
    model::{Cell, Claim, EntryKey, Expect, Measure, RollLine, View},
    player::{Amounts, Player, Posted},
    report::Check,
};

/// Compares all figures of one `expect`; `checks` gets one row per figure.
pub(crate) async fn check_expectation(
    player: &mut impl Player,
    on: NaiveDate,
    expect: &Expect,
    checks: &mut Vec<Check>,
) -> Result<(), Failure> {
    let view = &expect.view;
    let before = checks.len();
    let mut rows = Rows { view, on, checks };
    let mut balances = None;
    for claim in &expect.claims {
        match claim {
            Claim::Measure(cell) => {
                if balances.is_none() {
                    balances = Some(player.balances(view).await?);
                }
                let known = balances.as_ref().and_then(|balances| cell.key.of(balances));
                let actual = match known {
                    Some(actual) => actual,
                    None => bookings(player, view).await?,
                };
                rows.push(cell.line, cell.key.name(), cell.amount, actual);
            }
            Claim::Allocations(cells) => {
                rows.table("allocations", cells, &player.allocations(view).await?, Clone::clone);
            }
            Claim::Schedule(cells) => {
                rows.table("schedule", cells, &player.schedule(view).await?, month);
            }
            Claim::ByMonth(cells) => {
                rows.table("by_month", cells, &player.by_month(view).await?, month);
            }
            Claim::InPeriod { from, to, cells } => {
                for cell in cells {
                    let actual = change(player, view, *from, *to, cell.key).await?;
                    let what = format!("{} {from}..{to}", cell.key.name());
                    rows.push(cell.line, &what, cell.amount, actual);
                }
            }
            Claim::Entries { line, rows: expected } => {
                rows.entries(*line, expected, &player.entries(view).await?)?;
            }
            Claim::Journal { line, cells } => {
                rows.journal(*line, cells, player.journal(view).await?);
            }
            Claim::Treatment(word) => {
                let actual = player.treatment(view).await?;
                rows.words(word.line, "treatment", &word.text, &actual.unwrap_or_default());
            }
            Claim::Warnings { line, reasons } => {
                rows.reasons(*line, "warnings", reasons, player.warnings(view).await?);
            }
            Claim::NotAContract { line, reasons } => {
                rows.reasons(*line, "not_a_contract", reasons, player.not_a_contract(view).await?);
            }
            Claim::RollForward { from, to, line, cells } => {
                let actual = player.roll_forward(view, *from, *to).await?;
                rows.roll_forward(*line, cells, &actual)?;
            }
        }
    }
    if let Some(new) = checks.get_mut(before..) {
        new.sort_by_key(|check| check.line);
    }
    Ok(())
}

/// TCV of contracts signed up to the view's day.
async fn bookings(player: &mut impl Player, view: &View) -> Result<i128, Failure> {
    match player.first_day().filter(|first| *first <= view.as_of) {
        Some(first) => booked(&player.roll_forward(view, first, view.as_of).await?),
        None => Ok(0),
    }
}

fn booked(roll_forward: &RollForward) -> Result<i128, Failure> {
    Ok(roll_forward.changes.get(&Cause::Booking).copied().unwrap_or_default())
}

async fn change(
    player: &mut impl Player,
    view: &View,
    from: NaiveDate,
    to: NaiveDate,
    measure: Measure,
) -> Result<i128, Failure> {
    let at = |as_of: NaiveDate| View { as_of, ..view.clone() };
    if measure == Measure::Bookings {
        return booked(&player.roll_forward(view, from, to).await?);
    }
    let closing = balance(player, &at(to), measure).await?;
    let opening = match from.pred_opt() {
        Some(before) => balance(player, &at(before), measure).await?,
        None => 0,
    };
    closing.checked_sub(opening).ok_or_else(too_large)
}

/// A measure other than bookings, at the end of the view's day.
async fn balance(player: &mut impl Player, view: &View, measure: Measure) -> Result<i128, Failure> {
    Ok(measure.of(&player.balances(view).await?).unwrap_or_default())
}

struct Rows<'a> {
    view: &'a View,
    on: NaiveDate,
    checks: &'a mut Vec<Check>,
}

impl Rows<'_> {
    fn push(&mut self, line: usize, what: &str, expected: Money, actual: i128) {
        let actual = Money::from_minor(actual, expected.currency());
        self.checks.push(Check {
            line,
            on: self.on,
            subject: self.view.describe(self.on),
            what: what.to_owned(),
            expected: expected.amount_string(),
            actual: actual.amount_string(),
            holds: expected == actual,
        });
    }

    /// Names in any order.
    fn reasons(&mut self, line: usize, what: &str, expected: &[String], mut actual: Vec<String>) {
        let mut expected = expected.to_vec();
        expected.sort();
        actual.sort();
        self.words(line, what, &expected.join(", "), &actual.join(", "));
    }

    fn words(&mut self, line: usize, what: &str, expected: &str, actual: &str) {
        self.checks.push(Check {
            line,
            on: self.on,
            subject: self.view.describe(self.on),
            what: what.to_owned(),
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            holds: expected == actual,
        });
    }

    /// A row for what must be zero because nobody listed it.
    fn unlisted(&mut self, line: usize, what: &str, actual: i128) {
        if actual != 0 {
            self.push(line, what, Money::zero(self.view.currency), actual);
        }
    }

    fn table<K: Ord>(
        &mut self,
        name: &str,
        cells: &[Cell<K>],
        actual: &Amounts<K>,
        label: impl Fn(&K) -> String,
    ) {
        for cell in cells {
            let amount = actual.get(&cell.key).copied().unwrap_or_default();
            self.push(cell.line, &format!("{name} {}", label(&cell.key)), cell.amount, amount);
        }
    }

    /// Rows that name an obligation come first; what is left goes to rows that name none.
    fn entries(
        &mut self,
        line: usize,
        expected: &[Cell<EntryKey>],
        posted: &[Posted],
    ) -> Result<(), Failure> {
        let mut left: BTreeMap<EntryKey, i128> = BTreeMap::new();
        for entry in posted {
            let key = EntryKey {
                obligation: Some(entry.obligation.clone()),
                service_period: entry.service_period,
                posting_period: entry.posting_period,
            };
            let sum = left.entry(key).or_default();
            *sum = sum.checked_add(entry.amount).ok_or_else(too_large)?;
        }
        let (named, unnamed): (Vec<_>, Vec<_>) =
            expected.iter().partition(|row| row.key.obligation.is_some());
        for row in named.into_iter().chain(unnamed) {
            let mut actual = 0_i128;
            left.retain(|key, amount| {
                let whole = EntryKey { obligation: None, ..key.clone() };
                let matches = *key == row.key || whole == row.key;
                if matches {
                    actual = actual.saturating_add(*amount);
                }
                !matches
            });
            self.push(row.line, &entry_label(&row.key), row.amount, actual);
        }
        for (key, amount) in left {
            self.unlisted(line, &format!("{}, not listed", entry_label(&key)), amount);
        }
        Ok(())
    }

    fn journal(&mut self, line: usize, cells: &[Cell<Role>], mut actual: Amounts<Role>) {
        for cell in cells {
            let amount = actual.remove(&cell.key).unwrap_or_default();
            self.push(cell.line, &format!("journal {}", cell.key.name()), cell.amount, amount);
        }
        for (role, amount) in actual {
            self.unlisted(line, &format!("journal {}, not listed", role.name()), amount);
        }
    }

    fn roll_forward(
        &mut self,
        line: usize,
        cells: &[Cell<RollLine>],
        actual: &RollForward,
    ) -> Result<(), Failure> {
        let mut lines = BTreeMap::from([
            (RollLine::Opening, actual.opening),
            (RollLine::Closing, actual.closing),
        ]);
        let mut odd = vec![("unexplained", actual.unexplained)];
        for (cause, amount) in &actual.changes {
            let Some((line, reduces)) = line_of(*cause) else {
                // These never change backlog.
                odd.push((cause.name(), *amount));
                continue;
            };
            let amount = if reduces { amount.checked_neg() } else { Some(*amount) };
            let sum = lines.entry(line).or_insert(0_i128);
            *sum = amount.and_then(|amount| sum.checked_add(amount)).ok_or_else(too_large)?;
        }
        for cell in cells {
            let amount = lines.remove(&cell.key).unwrap_or_default();
            self.push(cell.line, &format!("rollforward {}", cell.key.name()), cell.amount, amount);
        }
        for (name, amount) in lines.into_iter().map(|(line, amount)| (line.name(), amount)) {
            self.unlisted(line, &format!("rollforward {name}, not listed"), amount);
        }
        for (name, amount) in odd {
            self.unlisted(line, &format!("rollforward {name}"), amount);
        }
        Ok(())
    }
}

/// The line that a cause belongs to, and whether the line is positive when backlog goes down.
const fn line_of(cause: Cause) -> Option<(RollLine, bool)> {
    match cause {
        Cause::Booking => Some((RollLine::Bookings, false)),
        Cause::Amendment => Some((RollLine::Amendments, false)),
        Cause::Reallocation => Some((RollLine::Reallocation, false)),
        Cause::EstimateChange => Some((RollLine::EstimateChanges, false)),
        Cause::Usage => Some((RollLine::Usage, false)),
        Cause::Concession => Some((RollLine::Concessions, false)),
        Cause::Termination => Some((RollLine::Cancellations, true)),
        Cause::Interest => Some((RollLine::Interest, false)),
        Cause::Expiry => Some((RollLine::Expiries, false)),
        Cause::PolicyChange => Some((RollLine::PolicyChanges, false)),
        Cause::Recognition | Cause::Adjustment => Some((RollLine::Recognized, true)),
        // Moves between what is firm and what is beyond, never the whole.
        Cause::Renewal
        | Cause::Invoice
        | Cause::CreditNote
        | Cause::Payment
        | Cause::Refund
        | Cause::ContractBalance => None,
    }
}

impl View {
    /// What is looked at, for a table; the day only where it is not that of the step.
    fn describe(&self, on: NaiveDate) -> String {
        let mut words = vec![match (&self.contract, &self.obligation) {
            (Some(contract), Some(obligation)) => format!("{contract}/{obligation}"),
            (Some(contract), None) => contract.clone(),
            (None, _) => "all".to_owned(),
        }];
        words.extend(self.dimensions.iter().map(|(name, value)| format!("{name}={value}")));
        if self.as_of != on {
            words.push(format!("as of {}", self.as_of));
        }
        words.extend(self.known_at.map(|day| format!("known at {day}")));
        words.join(" ")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "used as a label of keys by reference")]
fn month(day: &NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

fn entry_label(key: &EntryKey) -> String {
    let obligation = key.obligation.as_deref().unwrap_or("all");
    let (service, posting) = (month(&key.service_period), month(&key.posting_period));
    format!("entry {obligation} of {service} in {posting}")
}

fn too_large() -> Failure {
    Failure::new(Exit::Negative, "an amount is too large to be compared")
}
