//! Why an entry of the contract log cannot be accounted for.

use backlog_ids::ContractId;
use backlog_money::Currency;
use backlog_proto::fields::FieldViolation;
use backlog_recognition_engine::EngineError;
use thiserror::Error;

/// An entry that cannot be accounted for: its tenant stops there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccountingError {
    /// A type that this version does not know.
    #[error("events of type {0:?} are not known to this version of the service")]
    UnknownType(String),
    /// The payload is not of the type that the entry names.
    #[error("the payload is not a {type_name}: {cause}")]
    Undecodable {
        /// What the entry says it is.
        type_name: String,
        /// What the decoder says.
        cause: String,
    },
    /// Fields that mean nothing here; all of them.
    #[error("the {type_name} has wrong fields: {}", joined(.violations))]
    WrongFields {
        /// Full name of the event's message.
        type_name: &'static str,
        /// What is wrong.
        violations: Vec<FieldViolation>,
    },
    /// The first entry is not the tenant's creation, or a later one is.
    #[error("the creation of the tenant is at entry {0} of the contract log; it must be entry 1")]
    CreationMisplaced(u64),
    /// A fact before the tenant's creation.
    #[error("entry {0} of the contract log comes before the creation of the tenant")]
    NoTenant(u64),
    /// The event names another tenant than its entry.
    #[error("the event is about tenant {0}, which is not the tenant of the log")]
    OtherTenant(String),
    /// The engine cannot account for it.
    #[error("contract {contract}: {source}")]
    Engine {
        /// The contract.
        contract: ContractId,
        /// Why.
        source: EngineError,
    },
    /// The price that the event states is not what was allocated.
    #[error("contract {contract}: {allocated} minor units were allocated, the event says {stated}")]
    PriceDiffers {
        /// The contract.
        contract: ContractId,
        /// Sum of the allocation, in minor units.
        allocated: i128,
        /// What the event states, in minor units.
        stated: i128,
    },
    /// An amount in another currency than its contract's.
    #[error("contract {contract} is in {expected}, an amount of its fact in {found}")]
    OtherCurrency {
        /// The contract.
        contract: ContractId,
        /// The contract's currency.
        expected: Currency,
        /// The amount's.
        found: Currency,
    },
    /// An amount that no column can hold.
    #[error("contract {0}: an amount is beyond 2^63 minor units")]
    TooLarge(ContractId),
    /// A sum of the journal that no column can hold.
    #[error("a sum of the journal is beyond 2^63 minor units")]
    JournalTooLarge,
}

fn joined(violations: &[FieldViolation]) -> String {
    let each = violations.iter().map(|wrong| format!("{} {}", wrong.field, wrong.description));
    each.collect::<Vec<_>>().join("; ")
}
