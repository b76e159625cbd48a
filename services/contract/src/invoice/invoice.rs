//! An invoice as recorded, and how it comes about. Pure.

use std::collections::BTreeSet;

use backlog_ids::{ContractId, InvoiceId, ObligationId};
use backlog_money::{Currency, Money};
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{EngineError, check_ceiling, invoice_spread};
use chrono::NaiveDate;

use super::error::{Ceiling, InvoiceError};
use crate::contract::contract::Contract;

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

/// The part of an invoice that bills one obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// The obligation.
    pub(crate) obligation: ObligationId,
    /// Amount net of tax, in minor units, above zero.
    pub(crate) amount: i128,
}

/// What an invoice asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Billing {
    /// One amount, to be spread by what each obligation has not billed yet.
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

    /// The lines of an invoice of `contract`, which it fits.
    ///
    /// # Errors
    /// `INVOICE_EXCEEDS_CEILING` when more would be billed than the contract, or one of its
    /// obligations, is priced.
    pub(super) fn lines(&self, contract: &Contract) -> Result<Vec<Line>, InvoiceError> {
        let unbilled = contract.unbilled();
        match self {
            Self::Spread(amount) => {
                let parts = invoice_spread(&unbilled, amount.minor())
                    .map_err(|error| refused(contract, &error))?;
                let promises = contract.terms.obligations.iter();
                let lines = promises.zip(parts).filter(|(_, part)| *part > 0);
                Ok(lines.map(|(o, amount)| Line { obligation: o.id, amount }).collect())
            }
            Self::Lines(lines) => {
                let amounts = || lines.iter().map(|(_, money)| money.minor());
                let total = amounts().fold(0_i128, i128::saturating_add);
                check_ceiling(&unbilled, total).map_err(|error| refused(contract, &error))?;
                let lines = lines.iter().map(|(obligation, money)| Line {
                    obligation: *obligation,
                    amount: money.minor(),
                });
                lines.map(|line| within_obligation(contract, &unbilled, line)).collect()
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

fn within_obligation(
    contract: &Contract,
    unbilled: &[i128],
    line: Line,
) -> Result<Line, InvoiceError> {
    let place = contract.place_of(line.obligation).unwrap_or(usize::MAX);
    if line.amount <= unbilled.get(place).copied().unwrap_or_default() {
        return Ok(line);
    }
    let ceiling = contract.terms.obligations.get(place).map_or(0, |o| o.transaction_price);
    Err(InvoiceError::ExceedsCeiling(Ceiling {
        contract: contract.id,
        obligation: Some(line.obligation),
        ceiling: Money::from_minor(ceiling, contract.terms.currency),
        billed: Money::from_minor(
            contract.billed.get(place).copied().unwrap_or_default(),
            contract.terms.currency,
        ),
    }))
}

/// The engine's refusal of an amount: above what the contract as a whole can still bill.
fn refused(contract: &Contract, error: &EngineError) -> InvoiceError {
    let EngineError::InvoiceExceedsCeiling { .. } = error else {
        return InvoiceError::Uncomputable(contract.id);
    };
    InvoiceError::ExceedsCeiling(Ceiling {
        contract: contract.id,
        obligation: None,
        ceiling: Money::from_minor(contract.terms.total(), contract.terms.currency),
        billed: Money::from_minor(contract.billed_total(), contract.terms.currency),
    })
}
