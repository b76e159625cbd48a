//! An invoice as recorded, and how it comes about. Pure.

use std::collections::BTreeSet;

use backlog_ids::{ContractId, InvoiceId, ObligationId};
use backlog_money::{Currency, MINOR_MAX, Money, allocate};
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{EngineError, check_ceiling, invoice_spread};
use chrono::NaiveDate;

use super::error::{Ceiling, InvoiceError};
use crate::contract::contract::Contract;
use crate::contract::terms::Promise;

/// An invoice. Amounts in minor units of its currency, which is its contract's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invoice {
    /// Its id.
    pub(crate) id: InvoiceId,
    /// Contract that it bills.
    pub(crate) contract: ContractId,
    /// The vendor's number for it; may be empty.
    pub(crate) number: String,
    /// Day of issue.
    pub(crate) issued_on: NaiveDate,
    /// Day on which payment is due, not before the day of issue.
    pub(crate) due_on: NaiveDate,
    /// Currency of its amounts.
    pub(crate) currency: Currency,
    /// What it bills per obligation, net of tax, each above zero.
    pub(crate) lines: Vec<Line>,
    /// Tax on top: part of the receivable, never of revenue (606-10-32-2A).
    pub(crate) tax: i128,
}

/// The part of an invoice or a credit note that concerns one obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// The obligation.
    pub(crate) obligation: ObligationId,
    /// Amount net of tax, in minor units, above zero.
    pub(crate) amount: i128,
}

/// What an invoice or a credit note asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Billing {
    /// One amount, to be spread.
    Spread(Money),
    /// Amounts of obligations, each named once.
    Lines(Vec<(ObligationId, Money)>),
}

impl Billing {
    /// Records what does not fit the contract: obligations and currencies that it does not have.
    pub(super) fn check(&self, fields: &mut Fields, contract: &Contract) {
        match self {
            Self::Spread(amount) => check_currency(fields, "amount", *amount, contract),
            Self::Lines(lines) => {
                let known: BTreeSet<ObligationId> =
                    contract.terms.obligations.iter().map(|promise| promise.id).collect();
                for (place, (obligation, amount)) in lines.iter().enumerate() {
                    if !known.contains(obligation) {
                        let path = format!("lines[{place}].obligation_id");
                        fields.violation(path, "must be an obligation of the contract");
                    }
                    check_currency(fields, &format!("lines[{place}].amount"), *amount, contract);
                }
            }
        }
    }

    /// What it comes to in minor units.
    pub(super) fn total(&self) -> i128 {
        match self {
            Self::Spread(amount) => amount.minor(),
            Self::Lines(lines) => {
                lines.iter().fold(0, |sum, (_, amount)| sum.saturating_add(amount.minor()))
            }
        }
    }

    /// The lines of an invoice of `contract`, which it fits.
    ///
    /// # Errors
    /// `INVOICE_EXCEEDS_CEILING` when more would be billed than the contract, or an obligation that
    /// a line names, is priced.
    pub(super) fn lines(&self, contract: &Contract) -> Result<Vec<Line>, InvoiceError> {
        if contract.billed_total().saturating_add(self.total()) > MINOR_MAX {
            return Err(exceeds(contract, MINOR_MAX, contract.billed_total()));
        }
        match self {
            Self::Spread(amount) => {
                let parts =
                    spread(contract, amount.minor()).map_err(|error| refused(contract, &error))?;
                let promises = contract.terms.obligations.iter();
                let lines = promises.zip(parts).filter(|(_, part)| *part > 0);
                Ok(lines.map(|(o, amount)| Line { obligation: o.id, amount }).collect())
            }
            Self::Lines(lines) => {
                let lines = lines.iter().map(|(obligation, money)| Line {
                    obligation: *obligation,
                    amount: money.minor(),
                });
                let lines: Vec<Line> = lines.collect();
                check_lines(contract, &lines)?;
                Ok(lines)
            }
        }
    }
}

/// Records an amount in another currency than the contract's.
pub(super) fn check_currency(fields: &mut Fields, path: &str, amount: Money, contract: &Contract) {
    let currency = contract.terms.currency;
    if amount.currency() != currency {
        let sentence = format!("must be {currency}, the contract's currency");
        fields.violation(format!("{path}.currency_code"), sentence);
    }
}

/// The spread of an invoice that names no obligation: by what each has not billed yet, committed use
/// included. What is left when nothing is goes to metered obligations, which have no ceiling, in
/// equal parts; else it is interest of a contract that bears any, which goes by the prices.
fn spread(contract: &Contract, amount: i128) -> Result<Vec<i128>, EngineError> {
    let mut unbilled = contract.unbilled();
    if contract.has_ceiling() && !contract.is_metered() {
        return invoice_spread(&unbilled, amount);
    }
    let metered = || contract.terms.obligations.iter().map(|promise| promise.method.is_metered());
    if contract.ceiling() <= contract.billed_below_ceiling() {
        // Single ones may have room that others took.
        for (part, _) in unbilled.iter_mut().zip(metered()).filter(|(_, metered)| !metered) {
            *part = 0;
        }
    }
    let open = unbilled.iter().try_fold(0_i128, |sum, part| sum.checked_add(*part));
    let first = amount.min(open.ok_or(EngineError::Overflow)?.max(0));
    let parts = invoice_spread(&unbilled, first)?;
    let weights: Vec<i128> = match contract.is_metered() {
        true => metered().map(i128::from).collect(),
        false => by_price(contract),
    };
    let rest = allocate(amount.saturating_sub(first), &weights);
    let rest = rest.map_err(|_| EngineError::Overflow)?;
    Ok(parts.into_iter().zip(rest).map(|(part, more)| part.saturating_add(more)).collect())
}

/// What each obligation weighs by its price; all alike where none has one.
fn by_price(contract: &Contract) -> Vec<i128> {
    let prices = contract.terms.obligations.iter().map(|promise| promise.transaction_price.max(0));
    let prices: Vec<i128> = prices.collect();
    if prices.iter().any(|price| *price > 0) { prices } else { vec![1; prices.len()] }
}

/// That lines stay within the ceiling of the contract, and each within what its obligation may be
/// billed at by itself.
fn check_lines(contract: &Contract, lines: &[Line]) -> Result<(), InvoiceError> {
    if !contract.has_ceiling() {
        return Ok(());
    }
    let of = |line: &Line| {
        let place = contract.place_of(line.obligation)?;
        contract.terms.obligations.get(place).zip(contract.billed.get(place))
    };
    let below = lines.iter().filter(|line| of(line).is_some_and(|(o, _)| !o.method.is_metered()));
    let total = below.fold(0_i128, |sum, line| sum.saturating_add(line.amount));
    let left = contract.ceiling().saturating_sub(contract.billed_below_ceiling());
    if total > 0 {
        check_ceiling(&[left], total).map_err(|error| refused(contract, &error))?;
    }
    for line in lines {
        let Some((promise, billed)) = of(line) else { continue };
        if let Some(ceiling) = own_ceiling(contract, promise)
            && billed.saturating_add(line.amount) > ceiling
        {
            return Err(InvoiceError::ExceedsCeiling(Ceiling {
                contract: contract.id,
                obligation: Some(line.obligation),
                ceiling: Money::from_minor(ceiling, contract.terms.currency),
                billed: Money::from_minor(*billed, contract.terms.currency),
            }));
        }
    }
    Ok(())
}

/// What lines may bill of an obligation that states its price: that price and the variable amounts
/// that concern it, or its share where that is more. The ceiling of others is the contract's alone.
fn own_ceiling(contract: &Contract, promise: &Promise) -> Option<i128> {
    let price = promise.price.filter(|_| !promise.method.is_metered())?;
    let variables = contract.terms.billable_variables(&promise.key);
    Some(price.saturating_add(variables).max(promise.transaction_price))
}

/// The engine's refusal of an amount: above what the contract as a whole can still bill.
fn refused(contract: &Contract, error: &EngineError) -> InvoiceError {
    let EngineError::InvoiceExceedsCeiling { .. } = error else {
        return InvoiceError::Uncomputable(contract.id);
    };
    exceeds(contract, contract.ceiling(), contract.billed_below_ceiling())
}

fn exceeds(contract: &Contract, ceiling: i128, billed: i128) -> InvoiceError {
    InvoiceError::ExceedsCeiling(Ceiling {
        contract: contract.id,
        obligation: None,
        ceiling: Money::from_minor(ceiling, contract.terms.currency),
        billed: Money::from_minor(billed, contract.terms.currency),
    })
}
