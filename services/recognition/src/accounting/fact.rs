//! What an entry of the contract log says, as far as accounting is concerned.

use backlog_ids::AccountId;
use backlog_money::Currency;
use backlog_recognition_engine::{InvoiceFact, Policy, SignedContract};

/// A fact of the contract log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractFact {
    /// The tenant exists.
    TenantCreated {
        /// The tenant, as the event names it.
        tenant: String,
        /// The account that owns it.
        account: AccountId,
        /// Its first measurement policy, version 1.
        policy: Policy,
        /// Whether writes are refused.
        suspended: bool,
    },
    /// The tenant was suspended, or that was lifted.
    SuspensionChanged(bool),
    /// A draft: in no figure.
    Drafted,
    /// A contract was signed.
    Signed {
        /// The contract.
        contract: SignedContract,
        /// Its price as the event states it, in minor units; a check on the allocation.
        stated_price: Option<i128>,
    },
    /// An invoice was issued.
    Invoiced {
        /// The invoice.
        invoice: InvoiceFact,
        /// Currency of its amounts.
        currency: Currency,
    },
}
