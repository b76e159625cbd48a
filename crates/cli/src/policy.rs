//! The engine's policies on the wire, and what of a policy decides how reports look.

use std::collections::BTreeSet;

use backlog_proto::contract::v1 as pb;
use backlog_proto::recognition::v1 as recognition;
use backlog_recognition_engine::{Calendar, Convention, Policy, ReceivableOn, Rounding};

/// A policy, complete.
pub(crate) fn policy(policy: &Policy, calendar: Calendar) -> pb::MeasurementPolicy {
    pb::MeasurementPolicy {
        convention: convention(policy.convention).into(),
        rounding: rounding(policy.rounding).into(),
        receivable_on: receivable_on(policy.receivable_on).into(),
        calendar: calendar.word(),
        adjustments_need_approval: false,
    }
}

/// A convention.
pub(crate) const fn convention(convention: Convention) -> pb::Convention {
    match convention {
        Convention::ActualDays => pb::Convention::ActualDays,
        Convention::ProratedMonths => pb::Convention::ProratedMonths,
        Convention::EvenMonths => pb::Convention::EvenMonths,
        Convention::ServiceMonths => pb::Convention::ServiceMonths,
        Convention::Thirty360 => pb::Convention::Thirty360,
        Convention::HalfMonth => pb::Convention::HalfMonth,
        Convention::EndsByDay => pb::Convention::EndsByDay,
    }
}

/// The name of a convention of an answer; empty when it leaves the policy to decide.
pub(crate) fn convention_name(wire: pb::Convention) -> &'static str {
    Convention::ALL.iter().find(|c| convention(**c) == wire).map_or("", |c| c.name())
}

/// A rounding.
pub(crate) const fn rounding(rounding: Rounding) -> pb::Rounding {
    match rounding {
        Rounding::Cumulative => pb::Rounding::Cumulative,
        Rounding::FloorLast => pb::Rounding::FloorLast,
        Rounding::PerPeriod => pb::Rounding::PerPeriod,
    }
}

/// When an invoice is unconditional.
pub(crate) const fn receivable_on(on: ReceivableOn) -> pb::ReceivableOn {
    match on {
        ReceivableOn::Issue => pb::ReceivableOn::Issue,
        ReceivableOn::Due => pb::ReceivableOn::Due,
    }
}

/// The standard that reports are made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standard {
    /// ASC 606.
    Asc606,
    /// IFRS 15.
    Ifrs15,
}

impl Standard {
    /// All of them.
    pub(crate) const ALL: &'static [Self] = &[Self::Asc606, Self::Ifrs15];

    /// The name in files and options.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Asc606 => "asc_606",
            Self::Ifrs15 => "ifrs_15",
        }
    }

    /// On the wire.
    pub(crate) const fn wire(self) -> recognition::AccountingStandard {
        match self {
            Self::Asc606 => recognition::AccountingStandard::Asc606,
            Self::Ifrs15 => recognition::AccountingStandard::Ifrs15,
        }
    }
}

/// What may be left out of the disclosure of remaining obligations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Expedient {
    /// What is recognized as it may be invoiced.
    RightToInvoice,
    /// Contracts of at most one year.
    OneYear,
    /// Royalties.
    Royalty,
    /// Variable amounts of a series.
    SeriesVariable,
}

impl Expedient {
    /// All of them.
    pub(crate) const ALL: &'static [Self] =
        &[Self::RightToInvoice, Self::OneYear, Self::Royalty, Self::SeriesVariable];

    /// The name in files and options.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RightToInvoice => "right_to_invoice",
            Self::OneYear => "one_year",
            Self::Royalty => "royalty",
            Self::SeriesVariable => "series_variable",
        }
    }
}

/// Expedients on the wire.
pub(crate) fn expedients(used: &BTreeSet<Expedient>) -> recognition::Expedients {
    let has = |expedient| used.contains(&expedient);
    recognition::Expedients {
        right_to_invoice: has(Expedient::RightToInvoice),
        one_year: has(Expedient::OneYear),
        royalty: has(Expedient::Royalty),
        series_variable: has(Expedient::SeriesVariable),
    }
}

/// The names of those used, in an answer.
pub(crate) fn expedient_names(used: &recognition::Expedients) -> Vec<&'static str> {
    let recognition::Expedients { right_to_invoice, one_year, royalty, series_variable } = *used;
    let all = [right_to_invoice, one_year, royalty, series_variable];
    let used = Expedient::ALL.iter().zip(all).filter(|(_, used)| *used);
    used.map(|(expedient, _)| expedient.name()).collect()
}
