//! The rules that a contract must keep to be booked.

use std::collections::BTreeSet;

use backlog_money::MINOR_MAX;

use crate::{
    error::{Violation, ViolationReason},
    facts::{SignedContract, SignedObligation},
};

/// Everything that keeps `contract` from being booked, in the order of its obligations; nothing if
/// it is sound.
#[must_use]
pub fn validate(contract: &SignedContract) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some(reason) = of_whole(contract) {
        violations.push(Violation { ordinal: None, obligation: None, reason });
    }
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
        if obligation.term.is_some_and(|term| !contract.term.contains(term)) {
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

fn of_whole(contract: &SignedContract) -> Option<ViolationReason> {
    if contract.obligations.is_empty() {
        return Some(ViolationReason::NoObligations);
    }
    if let Some(price) = contract.price {
        return of_amount(price);
    }
    let prices = contract.obligations.iter().filter_map(|obligation| obligation.price);
    let sum = prices.fold(0_i128, i128::saturating_add);
    (sum > MINOR_MAX).then_some(ViolationReason::AmountTooLarge)
}

fn of_price(contract: &SignedContract, obligation: &SignedObligation) -> Vec<ViolationReason> {
    let mut reasons = Vec::new();
    match (contract.price, obligation.price) {
        (Some(_), Some(_)) => reasons.push(ViolationReason::PriceTwice),
        (None, None) => reasons.push(ViolationReason::PriceMissing),
        (Some(_), None) if obligation.ssp.is_none() => reasons.push(ViolationReason::SspMissing),
        (Some(_), None) => {}
        (None, Some(price)) => reasons.extend(of_amount(price)),
    }
    match obligation.ssp {
        Some(ssp) if ssp <= 0 => reasons.push(ViolationReason::SspNotPositive),
        Some(ssp) if ssp > MINOR_MAX => reasons.push(ViolationReason::AmountTooLarge),
        Some(_) | None => {}
    }
    reasons
}

fn of_amount(amount: i128) -> Option<ViolationReason> {
    if amount < 0 {
        return Some(ViolationReason::NegativePrice);
    }
    (amount > MINOR_MAX).then_some(ViolationReason::AmountTooLarge)
}
