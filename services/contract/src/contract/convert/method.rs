//! How an obligation is recognized, between wire and domain.

use std::collections::BTreeSet;

use backlog_money::{Currency, Money, Quantity};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::milestone::Weight;
use backlog_proto::contract::v1::obligation_terms::Method as Wire;
use backlog_proto::fields::Fields;
use backlog_proto::google::r#type::Date;
use backlog_recognition_engine::{Method, Milestone, MilestoneWeight};
use chrono::NaiveDate;

use super::super::terms::Limits;
use super::values::{parse_amount, parse_key, parse_positive, parse_quantity};
use crate::policy::{convention_number, parse_convention};

/// What a method is read with; `None` where the field itself is missing or wrong.
pub(super) struct Beside {
    /// Units that the obligation states.
    pub(super) quantity: Option<Quantity>,
    /// Price of a unit that it states.
    pub(super) unit_price: Option<Quantity>,
    /// The contract's currency.
    pub(super) currency: Option<Currency>,
    /// How much it may hold.
    pub(super) limits: Limits,
}

/// Whether the price follows what is used.
pub(super) const fn is_metered(method: Option<&Wire>) -> bool {
    matches!(method, Some(Wire::RightToInvoice(_) | Wire::Usage(_)))
}

/// The name of the field that holds a method.
pub(super) const fn field_of(method: &Method) -> &'static str {
    match method {
        Method::StraightLine { .. } => "straight_line",
        Method::PointInTime { .. } => "point_in_time",
        Method::Milestones(_) => "milestones",
        Method::CostToCost { .. } => "cost_to_cost",
        Method::Units { .. } => "units",
        Method::PercentComplete => "percent_complete",
        Method::LaborHours { .. } => "labor_hours",
        Method::RightToInvoice { .. } => "right_to_invoice",
        Method::Usage { .. } => "usage",
        Method::MaterialRight { .. } => "material_right",
    }
}

/// Reads the method of the obligation at `path`.
pub(super) fn parse_method(
    fields: &mut Fields,
    path: &str,
    method: Option<&Wire>,
    beside: &Beside,
) -> Option<Method> {
    let Some(method) = method else {
        let sentence = "must be set, or another method: it says how revenue is recognized";
        fields.violation(format!("{path}.straight_line"), sentence);
        return None;
    };
    match method {
        Wire::StraightLine(line) => {
            let path = format!("{path}.straight_line.convention");
            let convention = parse_convention(fields, &path, line.convention)?;
            Some(Method::StraightLine { convention })
        }
        Wire::PointInTime(point) => {
            let gates = parse_gates(fields, &format!("{path}.point_in_time.gates"), point, beside)?;
            let quantity = beside.quantity.unwrap_or(Quantity::ONE);
            Some(Method::PointInTime { quantity, gates })
        }
        Wire::Milestones(list) => {
            let path = format!("{path}.milestones.milestones");
            parse_milestones(fields, &path, &list.milestones, beside).map(Method::Milestones)
        }
        Wire::CostToCost(cost) => {
            let path = format!("{path}.cost_to_cost.estimate_at_completion");
            let estimate = fields.required(&path, cost.estimate_at_completion.as_ref())?;
            let estimate = parse_positive(fields, &path, Some(estimate), beside.currency)?;
            Some(Method::CostToCost { estimate })
        }
        Wire::Units(units) => {
            let total = parse_total(fields, &format!("{path}.units.total"), &units.total, beside)?;
            Some(Method::Units { total })
        }
        Wire::PercentComplete(_) => Some(Method::PercentComplete),
        Wire::LaborHours(hours) => {
            let path = format!("{path}.labor_hours.total");
            let total = parse_total(fields, &path, &hours.total, beside)?;
            Some(Method::LaborHours { total })
        }
        Wire::RightToInvoice(work) => {
            let path = format!("{path}.right_to_invoice.cap");
            let cap = parse_amount(fields, &path, work.cap.as_ref(), beside.currency);
            Some(Method::RightToInvoice { unit_price: beside.unit_price?, cap })
        }
        Wire::Usage(usage) => {
            let at = |field: &str| format!("{path}.usage.{field}");
            let (field, wire) = (at("minimum"), usage.minimum.as_ref());
            let minimum = parse_amount(fields, &field, wire, beside.currency).unwrap_or(0);
            let cap = parse_amount(fields, &at("cap"), usage.cap.as_ref(), beside.currency);
            if cap.is_some_and(|cap| cap < minimum) {
                fields.violation(at("cap"), "must not be below the minimum");
                return None;
            }
            Some(Method::Usage { unit_price: beside.unit_price?, minimum, cap })
        }
        Wire::MaterialRight(right) => {
            parse_right(fields, &format!("{path}.material_right"), right, beside)
        }
    }
}

fn parse_right(
    fields: &mut Fields,
    path: &str,
    right: &pb::MaterialRight,
    beside: &Beside,
) -> Option<Method> {
    let (expected_share, expires_on) =
        parse_option(fields, path, &right.expected_share, right.expires_on);
    let field = format!("{path}.exercise_price");
    let exercise_price = match right.exercise_price.as_ref() {
        None => Some(0),
        Some(price) => parse_amount(fields, &field, Some(price), beside.currency),
    };
    Some(Method::MaterialRight {
        expected_share: expected_share?,
        exercise_price: exercise_price?,
        expires_on: expires_on?,
    })
}

/// The share of an option that is expected to be exercised, and its last day.
pub(super) fn parse_option(
    fields: &mut Fields,
    path: &str,
    share: &str,
    expires_on: Option<Date>,
) -> (Option<Quantity>, Option<NaiveDate>) {
    let field = format!("{path}.expected_share");
    let mut expected_share = parse_quantity(fields, &field, share);
    let within = |share: &Quantity| Quantity::ZERO < *share && *share <= Quantity::ONE;
    if expected_share.is_some_and(|share| !within(&share)) {
        fields.violation(field, "must be above 0 and at most 1, the whole");
        expected_share = None;
    }
    (expected_share, fields.date(&format!("{path}.expires_on"), expires_on.as_ref()))
}

/// Units or hours: as stated, else the obligation's quantity, which they may not contradict.
fn parse_total(fields: &mut Fields, path: &str, total: &str, beside: &Beside) -> Option<Quantity> {
    if total.is_empty() {
        return required_total(fields, path, beside.quantity);
    }
    let total = parse_quantity(fields, path, total)?;
    if beside.quantity.is_some_and(|quantity| quantity != total) {
        fields.violation(path, "must be the obligation's quantity, or empty");
        return None;
    }
    Some(total)
}

fn required_total(fields: &mut Fields, path: &str, quantity: Option<Quantity>) -> Option<Quantity> {
    if quantity.is_none() {
        fields.violation(path, "must be set, or the obligation's quantity");
    }
    quantity
}

fn parse_gates(
    fields: &mut Fields,
    path: &str,
    point: &pb::PointInTime,
    beside: &Beside,
) -> Option<Vec<String>> {
    if point.gates.len() > beside.limits.gates {
        fields.violation(path, format!("must be at most {}", beside.limits.gates));
        return None;
    }
    let mut named = BTreeSet::new();
    let mut gates = Vec::with_capacity(point.gates.len());
    for (place, gate) in point.gates.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let Some(gate) = fields.text(&path, gate, 1, 60) else { continue };
        if named.insert(gate.clone()) {
            gates.push(gate);
        } else {
            fields.violation(path, "must differ from the gates before it");
        }
    }
    (gates.len() == point.gates.len()).then_some(gates)
}

fn parse_milestones(
    fields: &mut Fields,
    path: &str,
    milestones: &[pb::Milestone],
    beside: &Beside,
) -> Option<Vec<Milestone>> {
    let most = beside.limits.milestones;
    if milestones.is_empty() || milestones.len() > most {
        fields.violation(path, format!("must be 1 to {most}"));
        return None;
    }
    let mut ids = BTreeSet::new();
    let mut parsed = Vec::with_capacity(milestones.len());
    for (place, milestone) in milestones.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let id = parse_key(fields, &format!("{path}.id"), &milestone.id);
        if !ids.insert(milestone.id.as_str()) {
            fields.violation(format!("{path}.id"), "must differ from the ids before it");
        }
        let weight = parse_weight(fields, &path, milestone.weight.as_ref(), beside.currency);
        parsed.extend(id.zip(weight).map(|(id, weight)| Milestone { id, weight }));
    }
    (parsed.len() == milestones.len()).then_some(parsed)
}

fn parse_weight(
    fields: &mut Fields,
    path: &str,
    weight: Option<&Weight>,
    currency: Option<Currency>,
) -> Option<MilestoneWeight> {
    match weight {
        None => {
            fields.violation(format!("{path}.share"), "must be set, or amount");
            None
        }
        Some(Weight::Amount(amount)) => {
            parse_amount(fields, &format!("{path}.amount"), Some(amount), currency)
                .map(MilestoneWeight::Amount)
        }
        Some(Weight::Share(share)) => {
            let path = format!("{path}.share");
            fields.required(&path, (!share.is_empty()).then_some(()))?;
            let share = parse_quantity(fields, &path, share)?;
            if share > Quantity::ONE {
                fields.violation(path, "must be at most 1, the whole");
                return None;
            }
            Some(MilestoneWeight::Share(share))
        }
    }
}

/// Writes a method.
pub(super) fn method_to_proto(method: &Method, currency: Currency) -> Wire {
    let money = |minor: i128| Some(Money::from_minor(minor, currency).into());
    match method {
        Method::StraightLine { convention } => {
            Wire::StraightLine(pb::StraightLine { convention: convention_number(*convention) })
        }
        Method::PointInTime { gates, .. } => {
            Wire::PointInTime(pb::PointInTime { gates: gates.clone() })
        }
        Method::Milestones(milestones) => {
            let milestones = milestones.iter().map(|milestone| pb::Milestone {
                id: milestone.id.clone(),
                weight: Some(match milestone.weight {
                    MilestoneWeight::Share(share) => Weight::Share(share.to_string()),
                    MilestoneWeight::Amount(amount) => {
                        Weight::Amount(Money::from_minor(amount, currency).into())
                    }
                }),
            });
            Wire::Milestones(pb::Milestones { milestones: milestones.collect() })
        }
        Method::CostToCost { estimate } => {
            Wire::CostToCost(pb::CostToCost { estimate_at_completion: money(*estimate) })
        }
        Method::Units { total } => Wire::Units(pb::Units { total: total.to_string() }),
        Method::PercentComplete => Wire::PercentComplete(pb::PercentComplete {}),
        Method::LaborHours { total } => {
            Wire::LaborHours(pb::LaborHours { total: total.to_string() })
        }
        Method::RightToInvoice { cap, .. } => {
            Wire::RightToInvoice(pb::RightToInvoice { cap: cap.and_then(money) })
        }
        Method::Usage { minimum, cap, .. } => {
            // No minimum and a minimum of nothing are the same.
            let minimum = if *minimum == 0 { None } else { money(*minimum) };
            Wire::Usage(pb::Usage { minimum, cap: cap.and_then(money) })
        }
        Method::MaterialRight { expected_share, exercise_price, expires_on } => {
            let price = if *exercise_price == 0 { None } else { money(*exercise_price) };
            Wire::MaterialRight(pb::MaterialRight {
                expected_share: expected_share.to_string(),
                expires_on: Some((*expires_on).into()),
                exercise_price: price,
            })
        }
    }
}
