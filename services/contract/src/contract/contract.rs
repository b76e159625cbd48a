//! A contract: a draft, then signed, once. Pure.

use backlog_ids::{ContractId, ObligationId};
use chrono::NaiveDate;

use super::error::ContractError;
use super::terms::Terms;

/// A contract as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contract {
    /// Its id.
    pub(crate) id: ContractId,
    /// Version, from 1; grows with every change of what the parties agreed.
    pub(crate) version: u64,
    /// Day of signature; none for a draft, which is no commitment and in no figure.
    pub(crate) signed_on: Option<NaiveDate>,
    /// What the parties agree on.
    pub(crate) terms: Terms,
    /// Billed, B, of each obligation in minor units, in the order of the terms.
    pub(crate) billed: Vec<i128>,
}

impl Contract {
    /// A new draft.
    pub(crate) fn draft(id: ContractId, terms: Terms) -> Self {
        let billed = vec![0; terms.obligations.len()];
        Self { id, version: 1, signed_on: None, terms, billed }
    }

    /// A contract signed without having been a stored draft.
    pub(crate) fn signed(id: ContractId, terms: Terms, signed_on: NaiveDate) -> Self {
        Self { signed_on: Some(signed_on), ..Self::draft(id, terms) }
    }

    /// The draft, signed. `etag` guards against changes since it was read, unless it is empty.
    ///
    /// # Errors
    /// `ALREADY_SIGNED`, `ETAG_MISMATCH`.
    pub(crate) fn sign(&self, signed_on: NaiveDate, etag: &str) -> Result<Self, ContractError> {
        if self.signed_on.is_some() {
            return Err(ContractError::AlreadySigned(self.id));
        }
        if !etag.is_empty() && etag != self.etag() {
            return Err(ContractError::EtagMismatch { contract: self.id, current: self.etag() });
        }
        let version = self.version.saturating_add(1);
        Ok(Self { version, signed_on: Some(signed_on), ..self.clone() })
    }

    /// What callers send back to guard against others' changes.
    pub(crate) fn etag(&self) -> String {
        format!("v{}", self.version)
    }

    /// T - B of each obligation, in minor units: what can still be billed (an invoice moves unbilled
    /// backlog to billed and never beyond the price).
    pub(crate) fn unbilled(&self) -> Vec<i128> {
        self.terms
            .obligations
            .iter()
            .zip(&self.billed)
            .map(|(promise, billed)| promise.transaction_price.saturating_sub(*billed))
            .collect()
    }

    /// Sum of what is billed, in minor units.
    pub(crate) fn billed_total(&self) -> i128 {
        self.billed.iter().fold(0, |sum, part| sum.saturating_add(*part))
    }

    /// The place of an obligation in the contract's order.
    pub(crate) fn place_of(&self, obligation: ObligationId) -> Option<usize> {
        self.terms.obligations.iter().position(|promise| promise.id == obligation)
    }
}
