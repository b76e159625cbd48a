//! Stand-alone selling prices that a price is shared by (606-10-32-31 to 32-38).

use crate::{
    allocation::split,
    error::{EngineError, Violation, ViolationReason},
    facts::{DiscountScope, SignedContract, SignedObligation},
    math::{sub, sum},
};

/// What each obligation weighs, in the contract's order: its stand-alone selling price, less its part
/// of a discount that belongs to some, or what the price leaves for a residual one. In minor units.
pub(crate) fn stand_alone(
    contract: &SignedContract,
    fixed: i128,
) -> Result<Vec<i128>, EngineError> {
    let mut prices = Vec::with_capacity(contract.obligations.len());
    for obligation in &contract.obligations {
        prices.push(weight_before_discount(contract, obligation)?);
    }
    if let Some(scope) = &contract.discount {
        take_discount(contract, scope, fixed, &mut prices)?;
    }
    let residual = contract.obligations.iter().position(|obligation| obligation.residual);
    if let Some(place) = residual {
        let left = sub(fixed, sum(prices.iter().copied())?)?;
        check_residual(contract, place, left)?;
        if let Some(price) = prices.get_mut(place) {
            *price = left;
        }
    }
    Ok(prices)
}

/// What an obligation weighs before any discount: its own price, or of an option to renew what of it is
/// expected to be exercised (606-10-55-45).
pub(crate) fn weight_before_discount(
    contract: &SignedContract,
    obligation: &SignedObligation,
) -> Result<i128, EngineError> {
    match obligation.renewal {
        Some(option) => option.expected_of(obligation.ssp.unwrap_or(option.exercise_price)),
        None => Ok(own_price(contract, obligation)),
    }
}

/// What an obligation weighs by itself: its stand-alone selling price, or stated price where none is
/// given; nothing where it takes no part in the split of the fixed price.
fn own_price(contract: &SignedContract, obligation: &SignedObligation) -> i128 {
    let has_own = |id| contract.variables.iter().any(|variable| variable.applies_to.contains(&id));
    if obligation.residual || obligation.method.is_metered() {
        return 0;
    }
    match (obligation.ssp, obligation.price) {
        // Paid for by an amount of its own alone (606-10-32-40).
        (_, None) if contract.price.is_none() && has_own(obligation.id) => 0,
        (Some(ssp), _) => ssp,
        (None, price) => price.unwrap_or(0),
    }
}

/// Lowers the prices of the obligations in scope by the discount, in proportion.
fn take_discount(
    contract: &SignedContract,
    scope: &DiscountScope,
    fixed: i128,
    prices: &mut [i128],
) -> Result<(), EngineError> {
    let discount = match scope.amount {
        Some(amount) => amount,
        None => sub(sum(prices.iter().copied())?, fixed)?,
    };
    let in_scope = |place: usize| {
        contract.obligations.get(place).is_some_and(|o| scope.obligations.contains(&o.id))
    };
    let weights: Vec<i128> = (0..prices.len())
        .zip(prices.iter())
        .map(|(place, price)| if in_scope(place) { *price } else { 0 })
        .collect();
    if discount < 0 || discount > sum(weights.iter().copied())? {
        return Err(whole(ViolationReason::DiscountOutOfRange));
    }
    for (price, part) in prices.iter_mut().zip(split(discount, &weights)?) {
        *price = sub(*price, part)?;
    }
    Ok(())
}

fn check_residual(contract: &SignedContract, place: usize, left: i128) -> Result<(), EngineError> {
    let Some(obligation) = contract.obligations.get(place) else { return Ok(()) };
    let reason = match obligation.ssp_range {
        _ if left <= 0 => ViolationReason::ResidualNotPositive,
        Some((low, high)) if !(low..=high).contains(&left) => ViolationReason::ResidualOutOfRange,
        Some(_) | None => return Ok(()),
    };
    Err(EngineError::InvalidContract(vec![Violation {
        ordinal: Some(place),
        obligation: Some(obligation.key.clone()),
        reason,
    }]))
}

fn whole(reason: ViolationReason) -> EngineError {
    EngineError::InvalidContract(vec![Violation { ordinal: None, obligation: None, reason }])
}
