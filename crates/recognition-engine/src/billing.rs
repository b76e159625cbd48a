//! How much may be billed, and how an invoice is spread over obligations.

use backlog_money::{AllocateError, allocate};

use crate::error::EngineError;

/// Whether an invoice of `amount` stays within what can still be billed: the sum over the contract's
/// obligations of `unbilled`, T - B before the invoice, where single ones may be negative. In minor
/// units. Errors with what can be billed. The fold itself does not refuse: once issued, it is a fact.
pub fn check_ceiling(unbilled: &[i128], amount: i128) -> Result<(), EngineError> {
    if amount < 0 {
        return Err(EngineError::NegativeInvoice);
    }
    let sum = unbilled.iter().try_fold(0_i128, |sum, part| sum.checked_add(*part));
    // Billed beyond its price, a contract has nothing left to bill, not less than nothing.
    let billable = sum.ok_or(EngineError::Overflow)?.max(0);
    if amount > billable {
        return Err(EngineError::InvoiceExceedsCeiling { billable });
    }
    Ok(())
}

/// The spread of an invoice that names no obligation, by T - B before it (`unbilled`, in the
/// contract's order), by largest remainder. Obligations billed beyond their price take no part, and
/// no part exceeds what its obligation has unbilled. Errors as [`check_ceiling`].
pub fn invoice_spread(unbilled: &[i128], amount: i128) -> Result<Vec<i128>, EngineError> {
    check_ceiling(unbilled, amount)?;
    let weights: Vec<i128> = unbilled.iter().map(|part| (*part).max(0)).collect();
    match allocate(amount, &weights) {
        Ok(parts) => Ok(parts),
        // Within the ceiling, nothing left to bill means an invoice of nothing.
        Err(AllocateError::NoWeight) => Ok(weights),
        Err(AllocateError::NegativeWeight | AllocateError::Overflow) => Err(EngineError::Overflow),
    }
}
