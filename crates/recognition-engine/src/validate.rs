//! The rules that a contract must keep to be booked.

use std::collections::BTreeSet;

use backlog_ids::ObligationId;
use backlog_money::{MINOR_MAX, Quantity};

use crate::{
    error::{Violation, ViolationReason},
    facts::{Renewal, SignedContract, SignedObligation, Variable},
    method::{Method, Milestone, MilestoneWeight},
};

/// Everything that keeps `contract` from being booked, in the order of its obligations; nothing if
/// it is sound.
#[must_use]
pub fn validate(contract: &SignedContract) -> Vec<Violation> {
    let whole = |reason| Violation { ordinal: None, obligation: None, reason };
    let mut violations: Vec<Violation> = of_whole(contract).into_iter().map(whole).collect();
    let (mut keys, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (ordinal, obligation) in contract.obligations.iter().enumerate() {
        let mut reasons = Vec::new();
        if !keys.insert(obligation.key.as_str()) {
            reasons.push(ViolationReason::DuplicateKey);
        }
        if !ids.insert(obligation.id) {
            reasons.push(ViolationReason::DuplicateId);
        }
        reasons.extend(of_price(contract, obligation));
        reasons.extend(of_method(obligation));
        reasons.extend(obligation.renewal.and_then(of_option));
        let renews = obligation.renewal.is_some();
        if obligation.term.is_some_and(|term| !renews && !contract.term.contains(term)) {
            reasons.push(ViolationReason::TermOutside);
        }
        violations.extend(reasons.into_iter().map(|reason| Violation {
            ordinal: Some(ordinal),
            obligation: Some(obligation.key.clone()),
            reason,
        }));
    }
    violations
}

fn of_whole(contract: &SignedContract) -> Vec<ViolationReason> {
    let mut reasons = Vec::new();
    if contract.obligations.is_empty() {
        reasons.push(ViolationReason::NoObligations);
    }
    match contract.price {
        Some(price) => reasons.extend(of_amount(price)),
        None => {
            let prices = contract.obligations.iter().filter_map(|obligation| obligation.price);
            let sum = prices.fold(0_i128, i128::saturating_add);
            reasons.extend((sum > MINOR_MAX).then_some(ViolationReason::AmountTooLarge));
        }
    }
    let residuals = contract.obligations.iter().filter(|o| o.residual).count();
    if residuals > 1 {
        reasons.push(ViolationReason::ResidualUnfit);
    }
    let known: BTreeSet<ObligationId> = contract.obligations.iter().map(|o| o.id).collect();
    let unknown = |named: &[ObligationId]| named.iter().any(|id| !known.contains(id));
    if let Some(discount) = &contract.discount {
        if unknown(&discount.obligations) {
            reasons.push(ViolationReason::UnknownObligation);
        }
        if discount.obligations.is_empty() || (residuals > 0 && discount.amount.is_none()) {
            reasons.push(ViolationReason::DiscountUnfit);
        }
    }
    let mut variables = BTreeSet::new();
    for variable in &contract.variables {
        if unknown(&variable.applies_to) {
            reasons.push(ViolationReason::UnknownObligation);
        }
        // A constraint leaves out of a bonus, and takes more of a rebate (606-10-32-11).
        let within = variable.included <= variable.estimate;
        if !variables.insert(variable.id.as_str()) || !within {
            reasons.push(ViolationReason::VariableUnfit);
        }
        reasons.extend(of_period(contract, variable));
        reasons.extend(too_large(variable.estimate));
        reasons.extend(too_large(variable.included));
    }
    reasons
}

/// A part of a series is days of obligations that time earns, which the amount names.
fn of_period(contract: &SignedContract, variable: &Variable) -> Option<ViolationReason> {
    let period = variable.period?;
    let fits = |obligation: &&SignedObligation| {
        let term = obligation.term.unwrap_or(contract.term);
        let by_time = matches!(obligation.method, Method::StraightLine { .. });
        by_time && obligation.renewal.is_none() && term.contains(period)
    };
    let named = contract.obligations.iter().filter(|o| variable.applies_to.contains(&o.id));
    let sound = !variable.applies_to.is_empty() && named.clone().all(|o| fits(&o));
    (!sound).then_some(ViolationReason::PeriodUnfit)
}

fn of_price(contract: &SignedContract, obligation: &SignedObligation) -> Vec<ViolationReason> {
    let mut reasons = Vec::new();
    let own = contract.variables.iter().any(|v| v.applies_to.contains(&obligation.id));
    let right = matches!(obligation.method, Method::MaterialRight { .. });
    let needs_none = own
        || obligation.residual
        || obligation.renewal.is_some()
        || obligation.method.is_metered();
    match (contract.price, obligation.price) {
        (Some(_), Some(_)) => reasons.push(ViolationReason::PriceTwice),
        // The price of a right is part of what else is promised (606-10-55-44).
        (None, None) if right && obligation.ssp.is_none() => {
            reasons.push(ViolationReason::SspMissing);
        }
        (None, None) if !needs_none && !right => reasons.push(ViolationReason::PriceMissing),
        (Some(_), None) if obligation.ssp.is_none() && !needs_none => {
            reasons.push(ViolationReason::SspMissing);
        }
        (_, None) => {}
        (None, Some(price)) => reasons.extend(of_amount(price)),
    }
    match obligation.ssp {
        Some(_) if obligation.residual => reasons.push(ViolationReason::ResidualUnfit),
        Some(ssp) if ssp <= 0 => reasons.push(ViolationReason::SspNotPositive),
        Some(ssp) => reasons.extend(too_large(ssp)),
        None => {}
    }
    if obligation.ssp_range.is_some_and(|(low, high)| low <= 0 || high < low) {
        reasons.push(ViolationReason::SspRangeUnfit);
    }
    reasons
}

fn of_method(obligation: &SignedObligation) -> Option<ViolationReason> {
    let sound = match &obligation.method {
        Method::StraightLine { .. } | Method::PercentComplete => true,
        Method::PointInTime { quantity, gates } => {
            let distinct: BTreeSet<&String> = gates.iter().collect();
            *quantity > Quantity::ZERO && distinct.len() == gates.len()
        }
        Method::Units { total } | Method::LaborHours { total } => *total > Quantity::ZERO,
        Method::CostToCost { estimate } => (1..=MINOR_MAX).contains(estimate),
        Method::RightToInvoice { unit_price, cap } => {
            *unit_price >= Quantity::ZERO && cap.is_none_or(|cap| (0..=MINOR_MAX).contains(&cap))
        }
        Method::Usage { unit_price, minimum, cap } => {
            let capped = cap.is_none_or(|cap| (*minimum..=MINOR_MAX).contains(&cap));
            *unit_price >= Quantity::ZERO && (0..=MINOR_MAX).contains(minimum) && capped
        }
        Method::MaterialRight { expected_share, exercise_price, expires_on } => {
            let share = Quantity::ZERO < *expected_share && *expected_share <= Quantity::ONE;
            let lasts = obligation.term.is_none_or(|term| term.from() <= *expires_on);
            share && lasts && (0..=MINOR_MAX).contains(exercise_price)
        }
        Method::Milestones(milestones) => {
            return (!are_whole(milestones, obligation.price))
                .then_some(ViolationReason::MilestonesUnfit);
        }
    };
    (!sound).then_some(ViolationReason::MeasureUnfit)
}

fn of_option(option: Renewal) -> Option<ViolationReason> {
    let share = Quantity::ZERO < option.expected_share && option.expected_share <= Quantity::ONE;
    let sound = share && (0..=MINOR_MAX).contains(&option.exercise_price);
    (!sound).then_some(ViolationReason::MeasureUnfit)
}

/// Whether shares sum to one, or amounts, with shares of the stated price among them, to that price.
fn are_whole(milestones: &[Milestone], price: Option<i128>) -> bool {
    let ids: BTreeSet<&str> = milestones.iter().map(|milestone| milestone.id.as_str()).collect();
    let one = Quantity::ONE.scaled();
    let in_amounts = milestones.iter().any(|m| matches!(m.weight, MilestoneWeight::Amount(_)));
    let (whole, factor) = match price {
        Some(price) if in_amounts => (price.checked_mul(one), price),
        None if in_amounts => return false,
        Some(_) | None => (Some(one), 1),
    };
    let mut sum = Some(0_i128);
    for milestone in milestones {
        let weight = match milestone.weight {
            MilestoneWeight::Share(share) => share.scaled().checked_mul(factor),
            MilestoneWeight::Amount(amount) => amount.checked_mul(one),
        };
        if weight.is_none_or(|weight| weight < 0) {
            return false;
        }
        sum = sum.zip(weight).and_then(|(sum, weight)| sum.checked_add(weight));
    }
    ids.len() == milestones.len() && !milestones.is_empty() && sum.is_some() && sum == whole
}

fn of_amount(amount: i128) -> Option<ViolationReason> {
    if amount < 0 {
        return Some(ViolationReason::NegativePrice);
    }
    too_large(amount)
}

fn too_large(amount: i128) -> Option<ViolationReason> {
    let limit = MINOR_MAX.unsigned_abs();
    (amount.unsigned_abs() > limit).then_some(ViolationReason::AmountTooLarge)
}
