//! What accounting is made of: facts of the contract log, and this service's own.

use backlog_ids::{AccountId, ContractId};
use backlog_money::Currency;
use backlog_recognition_engine::{Calendar, Fact, Policy, SignedContract};

/// A fact of the contract log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractFact {
    /// The tenant exists.
    TenantCreated {
        /// The tenant, as the event names it.
        tenant: String,
        /// The account that owns it.
        account: AccountId,
        /// The currency of its books.
        functional: Currency,
        /// Its first measurement policy, version 1.
        policy: Policy,
        /// Its accounting periods.
        calendar: Calendar,
        /// Whether an adjustment needs a second person.
        adjustments_need_approval: bool,
        /// Whether writes are refused.
        suspended: bool,
    },
    /// The tenant was suspended, or that was lifted.
    SuspensionChanged(bool),
    /// A draft, or a change that is not approved: in no figure.
    Drafted,
    /// A contract was signed.
    Signed {
        /// The contract.
        contract: SignedContract,
        /// Its price as the event states it, in minor units; a check on the allocation.
        stated_price: Option<i128>,
        /// Whose it is, as the contract names it.
        customer: String,
    },
    /// Something happened to a signed contract.
    Changed {
        /// The contract.
        contract: ContractId,
        /// Currency of its amounts; none where it has none.
        currency: Option<Currency>,
        /// What.
        fact: Fact,
    },
}

/// A fact that this service keeps itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFact {
    /// The contract.
    pub contract: ContractId,
    /// Currency of its amounts; none where it has none.
    pub currency: Option<Currency>,
    /// What.
    pub fact: Fact,
}
