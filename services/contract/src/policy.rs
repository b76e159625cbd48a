//! The measurement policy of a tenant, between wire, tables and engine.

use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{Calendar, Convention, ReceivableOn, Rounding};

/// What decides measurement, complete: nothing is left to a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MeasurementPolicy {
    /// Straight-line convention where an obligation states none.
    pub(crate) convention: Convention,
    /// Rounding.
    pub(crate) rounding: Rounding,
    /// When invoices become unconditional.
    pub(crate) receivable_on: ReceivableOn,
    /// Accounting periods.
    pub(crate) calendar: Calendar,
    /// Whether an adjustment of revenue needs a second person.
    pub(crate) adjustments_need_approval: bool,
}

/// Reads a policy; what is unset becomes the default.
pub(crate) fn parse_policy(
    fields: &mut Fields,
    path: &str,
    policy: Option<&pb::MeasurementPolicy>,
) -> Option<MeasurementPolicy> {
    let policy = policy.cloned().unwrap_or_default();
    let convention = parse_convention(fields, &format!("{path}.convention"), policy.convention);
    let rounding = match pb::Rounding::try_from(policy.rounding) {
        Ok(pb::Rounding::Unspecified | pb::Rounding::Cumulative) => Some(Rounding::Cumulative),
        Ok(pb::Rounding::FloorLast) => Some(Rounding::FloorLast),
        Ok(pb::Rounding::PerPeriod) => Some(Rounding::PerPeriod),
        Err(_) => None,
    };
    let receivable_on = match pb::ReceivableOn::try_from(policy.receivable_on) {
        Ok(pb::ReceivableOn::Unspecified | pb::ReceivableOn::Issue) => Some(ReceivableOn::Issue),
        Ok(pb::ReceivableOn::Due) => Some(ReceivableOn::Due),
        Err(_) => None,
    };
    let calendar = match policy.calendar.as_str() {
        "" => Some(Calendar::default()),
        word => Calendar::parse(word),
    };
    let rounding = known(fields, path, "rounding", rounding);
    let receivable_on = known(fields, path, "receivable_on", receivable_on);
    let calendar = known(fields, path, "calendar", calendar);
    Some(MeasurementPolicy {
        convention: convention?.unwrap_or(Convention::ActualDays),
        rounding: rounding?,
        receivable_on: receivable_on?,
        calendar: calendar?,
        adjustments_need_approval: policy.adjustments_need_approval,
    })
}

fn known<T>(fields: &mut Fields, path: &str, field: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        fields.violation(format!("{path}.{field}"), "must be a value that this service knows");
    }
    value
}

/// Reads a convention; `Some(None)` when unset, `None` after recording that it is unknown.
pub(crate) fn parse_convention(
    fields: &mut Fields,
    path: &str,
    convention: i32,
) -> Option<Option<Convention>> {
    let Ok(convention) = pb::Convention::try_from(convention) else {
        fields.violation(path, "must be a convention that this service knows");
        return None;
    };
    Some(convention_of(convention))
}

fn convention_of(convention: pb::Convention) -> Option<Convention> {
    match convention {
        pb::Convention::Unspecified => None,
        pb::Convention::ActualDays => Some(Convention::ActualDays),
        pb::Convention::ProratedMonths => Some(Convention::ProratedMonths),
        pb::Convention::EvenMonths => Some(Convention::EvenMonths),
        pb::Convention::ServiceMonths => Some(Convention::ServiceMonths),
        pb::Convention::Thirty360 => Some(Convention::Thirty360),
        pb::Convention::HalfMonth => Some(Convention::HalfMonth),
        pb::Convention::EndsByDay => Some(Convention::EndsByDay),
    }
}

/// The number of a convention on the wire and in tables; 0 for none.
pub(crate) fn convention_number(convention: Option<Convention>) -> i32 {
    let convention = match convention {
        None => pb::Convention::Unspecified,
        Some(Convention::ActualDays) => pb::Convention::ActualDays,
        Some(Convention::ProratedMonths) => pb::Convention::ProratedMonths,
        Some(Convention::EvenMonths) => pb::Convention::EvenMonths,
        Some(Convention::ServiceMonths) => pb::Convention::ServiceMonths,
        Some(Convention::Thirty360) => pb::Convention::Thirty360,
        Some(Convention::HalfMonth) => pb::Convention::HalfMonth,
        Some(Convention::EndsByDay) => pb::Convention::EndsByDay,
    };
    convention.into()
}

/// The convention of a number in a table; 0 is none. Errs with what is wrong.
pub(crate) fn convention_of_number(number: i16) -> Result<Option<Convention>, String> {
    pb::Convention::try_from(i32::from(number))
        .map(convention_of)
        .map_err(|_| format!("convention {number} is unknown"))
}

impl From<MeasurementPolicy> for pb::MeasurementPolicy {
    fn from(policy: MeasurementPolicy) -> Self {
        let rounding = match policy.rounding {
            Rounding::Cumulative => pb::Rounding::Cumulative,
            Rounding::FloorLast => pb::Rounding::FloorLast,
            Rounding::PerPeriod => pb::Rounding::PerPeriod,
        };
        let receivable_on = match policy.receivable_on {
            ReceivableOn::Issue => pb::ReceivableOn::Issue,
            ReceivableOn::Due => pb::ReceivableOn::Due,
        };
        Self {
            convention: convention_number(Some(policy.convention)),
            rounding: rounding.into(),
            receivable_on: receivable_on.into(),
            calendar: policy.calendar.word(),
            adjustments_need_approval: policy.adjustments_need_approval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every convention has a number of its own and comes back from it; an unset policy is complete
    /// with the documented defaults, and unknown numbers are named one by one.
    #[test]
    fn policies_are_complete_or_refused() {
        for convention in Convention::ALL {
            let number = i16::try_from(convention_number(Some(*convention))).unwrap();
            assert_eq!(convention_of_number(number), Ok(Some(*convention)));
        }
        assert_eq!(convention_of_number(0), Ok(None));
        assert!(convention_of_number(99).is_err());

        let mut fields = Fields::new();
        let policy = parse_policy(&mut fields, "policy", None).unwrap();
        let wire = pb::MeasurementPolicy::from(policy);
        assert_eq!((wire.convention, wire.rounding, wire.receivable_on), (1, 1, 1));
        assert_eq!((wire.calendar.as_str(), wire.adjustments_need_approval), ("months", false));

        let odd = pb::MeasurementPolicy {
            convention: 77,
            rounding: -1,
            receivable_on: 9,
            calendar: "weeks".to_owned(),
            adjustments_need_approval: true,
        };
        assert_eq!(parse_policy(&mut fields, "policy", Some(&odd)), None);
        let named: Vec<_> = fields.finish().unwrap_err().into_iter().map(|v| v.field).collect();
        let fields = ["convention", "rounding", "receivable_on", "calendar"];
        assert_eq!(named, fields.map(|field| format!("policy.{field}")));
    }
}
