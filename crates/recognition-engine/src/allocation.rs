//! Allocation of the transaction price to obligations (606-10-32-28 to 32-31).

use backlog_money::{AllocateError, allocate};

use crate::{error::EngineError, facts::SignedContract, validate::validate};

/// The transaction price of each obligation, in their order: the contract's price, or the sum of
/// the stated prices, shared in proportion to stand-alone selling prices (606-10-32-31) by largest
/// remainder, ties by order. An obligation without SSP counts with its stated price. In minor
/// units. Errors with all violations when the contract cannot be booked.
pub fn allocate_price(contract: &SignedContract) -> Result<Vec<i128>, EngineError> {
    let violations = validate(contract);
    if !violations.is_empty() {
        return Err(EngineError::InvalidContract(violations));
    }
    let (mut total, mut weights) = (0_i128, Vec::with_capacity(contract.obligations.len()));
    for obligation in &contract.obligations {
        let price = obligation.price.unwrap_or_default();
        total = total.checked_add(price).ok_or(EngineError::Overflow)?;
        weights.push(obligation.ssp.unwrap_or(price));
    }
    match allocate(contract.price.unwrap_or(total), &weights) {
        Ok(parts) => Ok(parts),
        // Stated SSPs are positive, so no weight means stated prices of zero throughout.
        Err(AllocateError::NoWeight) => Ok(weights),
        Err(AllocateError::NegativeWeight | AllocateError::Overflow) => Err(EngineError::Overflow),
    }
}
