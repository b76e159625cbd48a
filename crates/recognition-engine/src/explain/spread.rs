//! What a phase has earned by the end of a day, as a formula.

use backlog_money::{Quantity, exact_to_minor};
use chrono::NaiveDate;

use super::{
    formula::{Formula, Unit},
    label::Label,
    statement::{Told, Value},
};
use crate::{
    error::EngineError,
    math::{add, sub, sum},
    method::Method,
    phase::{Phase, Spread},
    policy::{Convention, Rounding},
    schedule::{Schedule, ScheduledMonth},
    state::ObligationState,
    term::days_through,
};

/// Revenue of an obligation earned to date at the end of `day`, by this phase.
pub(super) fn earned(
    obligation: &ObligationState,
    phase: &Phase,
    day: NaiveDate,
) -> Result<Formula, EngineError> {
    match phase.spread {
        Spread::Time { term, convention, since, rounding } => {
            let rest = sub(phase.price, phase.carved)?;
            let rounding = rounding.unwrap_or(obligation.rounding);
            let schedule = Schedule::new(term, convention, rounding, rest, since)?;
            let earned = by_time(&schedule, (convention, rounding), rest, day)?;
            Ok(beside(phase, earned))
        }
        Spread::Measured { at_cost, .. } => {
            let progress = phase.progress(obligation, day);
            let (done, of, uninstalled) = progress.ok_or(EngineError::Overflow)?;
            let uninstalled = sub(uninstalled, at_cost)?;
            let mut rest = Formula::figure(Label::PhasePrice, phase.price);
            for (label, amount) in
                [(Label::EarnedBefore, phase.carved), (Label::Uninstalled, uninstalled)]
            {
                if amount != 0 {
                    rest = rest.less(Formula::figure(label, amount));
                }
            }
            let (parts, unit) = readable(obligation, (done, of));
            let earned = rest.share(parts, unit);
            Ok(beside(phase, earned).plus_figure(Label::Uninstalled, uninstalled))
        }
        Spread::Metered => {
            let terms = obligation.meter_on(phase.from);
            let used = metered(obligation, (terms, day), day >= obligation.metered_to(terms)?)?;
            // A variable amount of metered use is for what was used: nothing before the first.
            let begun = obligation.point(day).is_some();
            Ok(if begun { beside(phase, used) } else { used })
        }
        Spread::AtOnce => Ok(Formula::figure(Label::PhasePrice, phase.price)),
    }
}

/// What metered use earned by the end of a day, by the terms at a place: what the terms before left, and
/// what was used since, never beyond the cap; from their last day on, and in the price, at least what was
/// committed.
pub(super) fn metered(
    obligation: &ObligationState,
    (terms, day): (usize, NaiveDate),
    committed: bool,
) -> Result<Formula, EngineError> {
    let minor = |exact| exact_to_minor(exact, obligation.minor_digits);
    let before = obligation.metered_before(terms)?;
    let all = minor(add(before, obligation.used_since(terms, day)?)?);
    let (before, all) = minor(before).zip(all).ok_or(EngineError::Overflow)?;
    let used = match terms {
        0 => Formula::figure(Label::UsedValue, all),
        _ => Formula::figure(Label::MeteredBefore, before)
            .plus(Formula::figure(Label::UsedSince, sub(all, before)?)),
    };
    let (minimum, cap) = obligation.bounds(terms)?;
    let used = match cap {
        Some(cap) => used.at_most(Formula::figure(Label::Cap, cap)),
        None => used,
    };
    Ok(match minimum.filter(|_| committed) {
        Some(minimum) => used.at_least(Formula::figure(Label::Minimum, minimum)),
        None => used,
    })
}

/// T of metered use by the end of a day.
pub(super) fn metered_price(
    obligation: &ObligationState,
    day: NaiveDate,
) -> Result<Formula, EngineError> {
    metered(obligation, (obligation.meter_on(day), day), true)
}

/// What is earned on top of what earlier phases earned.
fn beside(phase: &Phase, earned: Formula) -> Formula {
    if phase.carved == 0 {
        return earned;
    }
    Formula::figure(Label::EarnedBefore, phase.carved).plus(earned)
}

/// Progress in numbers that a person can read.
fn readable(obligation: &ObligationState, parts: (i128, i128)) -> ((i128, i128), Unit) {
    let whole = Quantity::ONE.scaled();
    match &obligation.method {
        // A right on its last day, or nothing left to do: all of it.
        _ if parts == (1, 1) || parts == (0, 1) => (parts, Unit::Parts),
        Method::CostToCost { .. } => (parts, Unit::Money),
        Method::PercentComplete => (parts, Unit::Percent),
        Method::Milestones(_) if parts.1 > whole.saturating_mul(1_000) => (parts, Unit::Parts),
        _ => (parts, Unit::Quantity),
    }
}

fn by_time(
    schedule: &Schedule,
    (convention, rounding): (Convention, Rounding),
    rest: i128,
    day: NaiveDate,
) -> Result<Formula, EngineError> {
    let months = schedule.months();
    let all = Formula::figure(Label::PhasePrice, rest);
    let begun = months.partition_point(|month| month.service_from <= day);
    let Some((index, month)) = begun.checked_sub(1).and_then(|n| Some((n, months.get(n)?))) else {
        // Nothing of the term is left: what remains is earned at once.
        let nothing = Formula::figure(Label::NothingYet, 0);
        return Ok(if months.is_empty() { all } else { nothing });
    };
    let elapsed = days_through(month.service_from, day).min(month.service_days);
    if rounding == Rounding::Cumulative {
        let (part, whole, unit) = elapsed_of(months, index, elapsed, convention)?;
        return Ok(all.share((part, whole), unit));
    }
    let before = Formula::figure(Label::MonthsBefore, month.before);
    if elapsed < month.service_days {
        let days = (i128::from(elapsed), i128::from(month.service_days));
        let amount = Formula::figure(Label::MonthAmount, month.amount);
        return Ok(before.plus(amount.share(days, Unit::Days)));
    }
    let whole = sum(months.iter().map(|month| month.weight))?;
    let remaining = || all.clone().less(Formula::figure(Label::MonthsBefore, month.before));
    let is_last = months.iter().rposition(|month| month.weight > 0) == Some(index);
    let amount = match rounding {
        _ if is_last => remaining(),
        Rounding::FloorLast => Formula::Share {
            of: Box::new(all.clone()),
            part: month.weight,
            whole,
            unit: Unit::Parts,
            down: true,
        },
        Rounding::PerPeriod | Rounding::Cumulative => {
            all.clone().share((month.weight, whole), Unit::Parts).at_most(remaining())
        }
    };
    Ok(before.plus(amount))
}

/// What of the term has elapsed, in its smallest whole numbers, and what they count.
fn elapsed_of(
    months: &[ScheduledMonth],
    index: usize,
    elapsed: u32,
    convention: Convention,
) -> Result<(i128, i128, Unit), EngineError> {
    let elapsed = i128::from(elapsed);
    let before = months.get(..index).unwrap_or_default();
    if convention == Convention::ActualDays {
        let days = |months: &[ScheduledMonth]| {
            months.iter().map(|month| i128::from(month.service_days)).sum::<i128>()
        };
        return Ok((days(before).saturating_add(elapsed), days(months), Unit::Days));
    }
    let Some(month) = months.get(index) else { return Err(EngineError::Overflow) };
    let days = i128::from(month.service_days);
    let weight = sum(months.iter().map(|month| month.weight))?;
    let (mut part, mut whole) = (month.weight_before.saturating_add(month.weight), weight);
    if elapsed < days {
        part = month
            .weight_before
            .saturating_mul(days)
            .saturating_add(month.weight.saturating_mul(elapsed));
        whole = weight.saturating_mul(days);
    }
    let common = months.iter().map(|month| month.weight).fold(0, gcd).max(1);
    let unit = match convention {
        _ if elapsed < days => Unit::Parts,
        Convention::EvenMonths | Convention::ServiceMonths | Convention::ProratedMonths => {
            Unit::Months
        }
        Convention::Thirty360 => Unit::Days360,
        Convention::ActualDays | Convention::HalfMonth | Convention::EndsByDay => Unit::Parts,
    };
    let parts = (part.checked_div(common), whole.checked_div(common));
    let (part, whole) = parts.0.zip(parts.1).ok_or(EngineError::Overflow)?;
    Ok((part, whole, unit))
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    a
}

/// What the revenue of an obligation builds on in a phase: method, term, convention, progress.
pub(super) fn inputs(obligation: &ObligationState, phase: &Phase, day: NaiveDate) -> Vec<Told> {
    let mut inputs = Vec::new();
    let mut tell = |label, value| inputs.push(Told::new(label, value));
    tell(Label::Method, Value::Name(obligation.method.name().to_owned()));
    match phase.spread {
        Spread::Time { term, convention, rounding, .. } => {
            let rounding = rounding.unwrap_or(obligation.rounding);
            tell(Label::Term, Value::Term(term));
            tell(Label::Convention, Value::Name(convention.name().to_owned()));
            tell(Label::Rounding, Value::Name(rounding.name().to_owned()));
        }
        Spread::Measured { .. } | Spread::Metered => {
            if let Some(point) = obligation.point(day) {
                tell(Label::Through, Value::Day(point.on));
                if let Some((label, value)) = reported(obligation, point.done) {
                    tell(label, value);
                }
                if point.at_cost != 0 {
                    tell(Label::Uninstalled, Value::Amount(point.at_cost));
                }
                if matches!(obligation.method, Method::CostToCost { .. }) {
                    let estimate = point.of.saturating_add(point.at_cost);
                    tell(Label::CostEstimate, Value::Amount(estimate));
                }
            }
        }
        Spread::AtOnce => {}
    }
    inputs
}

/// What was done to date, in the words of the method.
fn reported(obligation: &ObligationState, done: i128) -> Option<(Label, Value)> {
    let quantity = Value::Quantity(Quantity::from_scaled(done));
    Some(match obligation.method {
        Method::CostToCost { .. } => (Label::Cost, Value::Amount(done)),
        Method::PercentComplete => (Label::Percent, quantity),
        Method::Units { .. } => (Label::Units, quantity),
        Method::LaborHours { .. } => (Label::Hours, quantity),
        Method::PointInTime { .. } => (Label::Delivered, quantity),
        Method::MaterialRight { .. } => (Label::Exercised, quantity),
        Method::StraightLine { .. }
        | Method::Milestones(_)
        | Method::RightToInvoice { .. }
        | Method::Usage { .. } => return None,
    })
}
