//! The engine's policies on the wire.

use backlog_proto::contract::v1 as pb;
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
