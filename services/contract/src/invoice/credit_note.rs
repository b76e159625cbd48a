//! A credit note as recorded, and how it comes about. Pure.

use backlog_ids::{ContractId, CreditNoteId};
use backlog_money::{Currency, Money, allocate};
use chrono::NaiveDate;

use super::error::{Available, InvoiceError};
use super::invoice::{Billing, Line};
use crate::contract::contract::Contract;

/// A credit note. Amounts in minor units of its currency, which is its contract's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreditNote {
    /// Its id.
    pub(crate) id: CreditNoteId,
    /// Contract that it concerns.
    pub(crate) contract: ContractId,
    /// The vendor's number for it; may be empty.
    pub(crate) number: String,
    /// Day of issue.
    pub(crate) issued_on: NaiveDate,
    /// Currency of its amounts.
    pub(crate) currency: Currency,
    /// What it credits per obligation, net of tax, each above zero.
    pub(crate) lines: Vec<Line>,
    /// Tax credited on top.
    pub(crate) tax: i128,
    /// Whether the price is reduced with it; none where it is not.
    pub(crate) concession: Option<Concession>,
}

/// How a credit reduces the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concession {
    /// Over the whole promise, as a catch-up.
    Whole,
    /// For what was transferred already.
    Transferred,
}

impl Billing {
    /// The lines of a credit note of `contract`, which it fits: an amount is spread by what is billed
    /// of each obligation.
    ///
    /// # Errors
    /// `CREDIT_EXCEEDS_INVOICE` when more would be credited than is billed of the contract, or of an
    /// obligation that a line names.
    pub(super) fn credits(&self, contract: &Contract) -> Result<Vec<Line>, InvoiceError> {
        let currency = contract.terms.currency;
        let exceeds = |obligation, billed| {
            let available = Money::from_minor(billed, currency);
            let contract = contract.id;
            InvoiceError::CreditExceedsBilled(Available { contract, obligation, available })
        };
        match self {
            Self::Spread(amount) => {
                let billed = contract.billed_total();
                if amount.minor() > billed {
                    return Err(exceeds(None, billed));
                }
                let parts = allocate(amount.minor(), &contract.billed)
                    .map_err(|_| InvoiceError::Uncomputable(contract.id))?;
                let promises = contract.terms.obligations.iter();
                let lines = promises.zip(parts).filter(|(_, part)| *part > 0);
                Ok(lines.map(|(o, amount)| Line { obligation: o.id, amount }).collect())
            }
            Self::Lines(lines) => {
                let line = |(obligation, money): &(_, Money)| {
                    let place = contract.place_of(*obligation);
                    let billed = place.and_then(|place| contract.billed.get(place)).copied();
                    let billed = billed.unwrap_or_default();
                    if money.minor() > billed {
                        return Err(exceeds(Some(*obligation), billed));
                    }
                    Ok(Line { obligation: *obligation, amount: money.minor() })
                };
                lines.iter().map(line).collect()
            }
        }
    }
}

impl CreditNote {
    /// The contract after it: less is billed and, with a concession, less can be.
    pub(super) fn credited(&self, contract: &Contract) -> Contract {
        let mut credited = contract.clone();
        for line in &self.lines {
            let Some(place) = contract.place_of(line.obligation) else { continue };
            if let Some(billed) = credited.billed.get_mut(place) {
                *billed = billed.saturating_sub(line.amount);
            }
            if let Some(promise) = credited.terms.obligations.get_mut(place)
                && self.concession.is_some()
            {
                promise.transaction_price = promise.transaction_price.saturating_sub(line.amount);
            }
        }
        if self.concession.is_some() {
            credited.changed_on = Some(self.issued_on);
        }
        credited
    }
}
