//! A contract: a draft, then signed, once; then changed, and at last terminated. Pure.

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
    /// Day of the last change of its price or promises: signature, amendment, concession or
    /// termination. None comes before it.
    pub(crate) changed_on: Option<NaiveDate>,
    /// Whether it has ended.
    pub(crate) terminated: bool,
    /// What the parties agree on.
    pub(crate) terms: Terms,
    /// Billed, B, of each obligation in minor units, in the order of the terms.
    pub(crate) billed: Vec<i128>,
    /// Cash received less cash given back, in minor units.
    pub(crate) paid: i128,
}

impl Contract {
    /// A new draft.
    pub(crate) fn draft(id: ContractId, terms: Terms) -> Self {
        let billed = vec![0; terms.obligations.len()];
        Self {
            id,
            version: 1,
            signed_on: None,
            changed_on: None,
            terminated: false,
            terms,
            billed,
            paid: 0,
        }
    }

    /// A contract signed without having been a stored draft.
    pub(crate) fn signed(id: ContractId, terms: Terms, signed_on: NaiveDate) -> Self {
        let day = Some(signed_on);
        Self { signed_on: day, changed_on: day, ..Self::draft(id, terms) }
    }

    /// The draft, signed. `etag` guards against changes since it was read, unless it is empty.
    ///
    /// # Errors
    /// `ALREADY_SIGNED`, `ETAG_MISMATCH`.
    pub(crate) fn sign(&self, signed_on: NaiveDate, etag: &str) -> Result<Self, ContractError> {
        if self.signed_on.is_some() {
            return Err(ContractError::AlreadySigned(self.id));
        }
        self.check_etag(etag)?;
        let day = Some(signed_on);
        Ok(Self { signed_on: day, changed_on: day, ..self.next_version() })
    }

    /// That it can be changed from `on` on.
    ///
    /// # Errors
    /// `NOT_SIGNED`, `TERMINATED`, `ETAG_MISMATCH`, `CHANGE_BEFORE_LAST`.
    pub(crate) fn check_change(&self, on: NaiveDate, etag: &str) -> Result<(), ContractError> {
        let Some(last) = self.changed_on else { return Err(ContractError::NotSigned(self.id)) };
        if self.terminated {
            return Err(ContractError::Terminated(self.id));
        }
        self.check_etag(etag)?;
        if on < last {
            return Err(ContractError::ChangeBeforeLast { contract: self.id, on, last });
        }
        Ok(())
    }

    /// The contract, ended on a day.
    pub(crate) fn end(&self, on: NaiveDate) -> Self {
        Self { terminated: true, changed_on: Some(on), ..self.next_version() }
    }

    /// The same, as the parties agreed it anew.
    pub(super) fn next_version(&self) -> Self {
        Self { version: self.version.saturating_add(1), ..self.clone() }
    }

    fn check_etag(&self, etag: &str) -> Result<(), ContractError> {
        if etag.is_empty() || etag == self.etag() {
            return Ok(());
        }
        Err(ContractError::EtagMismatch { contract: self.id, current: self.etag() })
    }

    /// What callers send back to guard against others' changes.
    pub(crate) fn etag(&self) -> String {
        format!("v{}", self.version)
    }

    /// T - B of each obligation, in minor units: what is left to bill, less than nothing where others
    /// left room for it. Metered ones have no ceiling: nothing is left of them where what is committed
    /// is billed, and more can be.
    pub(crate) fn unbilled(&self) -> Vec<i128> {
        let left = self.terms.obligations.iter().zip(&self.billed).map(|(promise, billed)| {
            let left = promise.transaction_price.saturating_sub(*billed);
            if promise.method.is_metered() { left.max(0) } else { left }
        });
        left.collect()
    }

    /// Sum of what can be billed of obligations that have a ceiling, in minor units.
    pub(crate) fn ceiling(&self) -> i128 {
        self.fixed().fold(0, |sum, (price, _)| sum.saturating_add(price))
    }

    /// Sum of what is billed of them, in minor units.
    pub(crate) fn billed_below_ceiling(&self) -> i128 {
        self.fixed().fold(0, |sum, (_, billed)| sum.saturating_add(billed))
    }

    fn fixed(&self) -> impl Iterator<Item = (i128, i128)> {
        let promises = self.terms.obligations.iter().zip(&self.billed);
        promises
            .filter(|(promise, _)| !promise.method.is_metered())
            .map(|(promise, billed)| (promise.transaction_price, *billed))
    }

    /// Whether the price is all that may be billed: not where interest is owed beside it.
    pub(crate) fn has_ceiling(&self) -> bool {
        self.terms.financing.is_none()
    }

    /// Whether any obligation has no ceiling.
    pub(crate) fn is_metered(&self) -> bool {
        self.terms.obligations.iter().any(|promise| promise.method.is_metered())
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
