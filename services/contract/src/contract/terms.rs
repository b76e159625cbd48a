//! What the parties of a contract agree on, once it is known to be sound.

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId};
use backlog_money::Currency;
use backlog_recognition_engine::{
    Convention, EngineError, Method, SignedContract, SignedObligation, Term, allocate_price,
};
use chrono::NaiveDate;

/// Terms that can be booked. Amounts in minor units of the currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The vendor's own number for the contract; may be empty.
    pub(crate) number: String,
    /// The customer at the vendor.
    pub(crate) customer: String,
    /// Stated term.
    pub(crate) term: Term,
    /// Currency of all amounts.
    pub(crate) currency: Currency,
    /// Fixed price of the whole; then obligations state none.
    pub(crate) price: Option<i128>,
    /// The distinct promises (606-10-25-14), in the contract's order.
    pub(crate) obligations: Vec<Promise>,
    /// Reporting dimensions.
    pub(crate) dimensions: BTreeMap<String, String>,
}

/// One distinct promise, recognized by time elapsed. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promise {
    /// Its id.
    pub(crate) id: ObligationId,
    /// The caller's handle, unique within the contract.
    pub(crate) key: String,
    /// Stated price; none where the contract states one for all.
    pub(crate) price: Option<i128>,
    /// Stand-alone selling price, above zero: as stated, else the stated price unless that is zero.
    pub(crate) ssp: Option<i128>,
    /// Its term, within the contract's.
    pub(crate) term: Term,
    /// Its own convention; the tenant's policy where none is given.
    pub(crate) convention: Option<Convention>,
    /// Product line to report under; may be empty.
    pub(crate) product_line: String,
    /// Transaction price T: its share of the price by relative SSP (606-10-32-31).
    pub(crate) transaction_price: i128,
}

/// The id of the obligation `key` of a contract: the same whenever it is asked for.
pub(crate) fn obligation_id(contract: ContractId, key: &str) -> ObligationId {
    ObligationId::from_uuid(backlog_ids::derive(contract.uuid(), key))
}

impl Terms {
    /// Fixed price of the whole contract, the sum over the obligations where they state prices.
    pub(crate) fn total(&self) -> i128 {
        let stated = || self.obligations.iter().filter_map(|promise| promise.price);
        self.price.unwrap_or_else(|| stated().fold(0, i128::saturating_add))
    }

    /// Gives each obligation its share of the price (606-10-32-31). Errors as the engine does.
    pub(crate) fn allocate(&mut self, contract: ContractId) -> Result<(), EngineError> {
        // Day of signature and method have no influence on the split.
        let signed = SignedContract {
            contract,
            signed_on: NaiveDate::MIN,
            currency: self.currency,
            term: self.term,
            price: self.price,
            obligations: self.obligations.iter().map(Promise::to_engine).collect(),
        };
        let shares = allocate_price(&signed)?;
        for (promise, share) in self.obligations.iter_mut().zip(shares) {
            promise.transaction_price = share;
        }
        Ok(())
    }
}

impl Promise {
    fn to_engine(&self) -> SignedObligation {
        SignedObligation {
            id: self.id,
            key: self.key.clone(),
            price: self.price,
            ssp: self.ssp,
            term: Some(self.term),
            method: Method::StraightLine { convention: self.convention },
        }
    }
}
