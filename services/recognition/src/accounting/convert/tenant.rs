//! The tenant and its first policy, from the wire.

use backlog_ids::AccountId;
use backlog_proto::contract::v1 as contract;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{Calendar, Convention, Policy, ReceivableOn, Rounding};

use super::super::fact::ContractFact;

pub(super) fn tenant_created(
    event: &contract::TenantCreated,
    fields: &mut Fields,
) -> Option<ContractFact> {
    let tenant = fields.required("tenant", event.tenant.as_ref());
    let account = tenant.and_then(|t| fields.id::<AccountId>("tenant.account_id", &t.account_id));
    let functional = tenant.and_then(|t| {
        fields.currency("tenant.functional_currency_code", &t.functional_currency_code)
    });
    let policy = fields.required("policy", event.policy.as_ref());
    let adjustments_need_approval = policy.is_some_and(|policy| policy.adjustments_need_approval);
    let calendar = policy.and_then(|policy| calendar(&policy.calendar, fields));
    let policy = policy.and_then(|policy| first_policy(policy, fields));
    let tenant = tenant?;
    Some(ContractFact::TenantCreated {
        tenant: tenant.tenant_id.clone(),
        account: account?,
        functional: functional?,
        policy: policy?,
        calendar: calendar?,
        adjustments_need_approval,
        suspended: tenant.suspended,
    })
}

/// Events written before calendars were known name none.
fn calendar(word: &str, fields: &mut Fields) -> Option<Calendar> {
    if word.is_empty() {
        return Some(Calendar::default());
    }
    let calendar = Calendar::parse(word);
    if calendar.is_none() {
        fields.violation("policy.calendar", "must be a calendar that is known here");
    }
    calendar
}

fn first_policy(policy: &contract::MeasurementPolicy, fields: &mut Fields) -> Option<Policy> {
    let default = Policy::default();
    let convention = convention("policy.convention", policy.convention, fields);
    let rounding = rounding("policy.rounding", policy.rounding, fields);
    let receivable_on = receivable_on("policy.receivable_on", policy.receivable_on, fields);
    Some(Policy {
        version: 1,
        convention: convention?.unwrap_or(default.convention),
        rounding: rounding?.unwrap_or(default.rounding),
        receivable_on: receivable_on?.unwrap_or(default.receivable_on),
    })
}

/// The outer `None` is a violation, the inner one "not stated".
pub(crate) fn rounding(field: &str, value: i32, fields: &mut Fields) -> Option<Option<Rounding>> {
    Some(match contract::Rounding::try_from(value) {
        Ok(contract::Rounding::Unspecified) => None,
        Ok(contract::Rounding::Cumulative) => Some(Rounding::Cumulative),
        Ok(contract::Rounding::FloorLast) => Some(Rounding::FloorLast),
        Ok(contract::Rounding::PerPeriod) => Some(Rounding::PerPeriod),
        Err(_) => return unknown(field, value, fields),
    })
}

/// The outer `None` is a violation, the inner one "not stated".
pub(crate) fn receivable_on(
    field: &str,
    value: i32,
    fields: &mut Fields,
) -> Option<Option<ReceivableOn>> {
    Some(match contract::ReceivableOn::try_from(value) {
        Ok(contract::ReceivableOn::Unspecified) => None,
        Ok(contract::ReceivableOn::Issue) => Some(ReceivableOn::Issue),
        Ok(contract::ReceivableOn::Due) => Some(ReceivableOn::Due),
        Err(_) => return unknown(field, value, fields),
    })
}

/// The outer `None` is a violation, the inner one "not stated".
pub(crate) fn convention(
    field: &str,
    value: i32,
    fields: &mut Fields,
) -> Option<Option<Convention>> {
    let stated = match contract::Convention::try_from(value) {
        Ok(contract::Convention::Unspecified) => return Some(None),
        Ok(contract::Convention::ActualDays) => Convention::ActualDays,
        Ok(contract::Convention::ProratedMonths) => Convention::ProratedMonths,
        Ok(contract::Convention::EvenMonths) => Convention::EvenMonths,
        Ok(contract::Convention::ServiceMonths) => Convention::ServiceMonths,
        Ok(contract::Convention::Thirty360) => Convention::Thirty360,
        Ok(contract::Convention::HalfMonth) => Convention::HalfMonth,
        Ok(contract::Convention::EndsByDay) => Convention::EndsByDay,
        Err(_) => return unknown(field, value, fields),
    };
    Some(Some(stated))
}

pub(super) fn unknown<T>(field: &str, value: i32, fields: &mut Fields) -> Option<T> {
    fields.violation(field, format!("has a value that is not known here, {value}"));
    None
}
