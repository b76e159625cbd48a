//! Why a call about billing is refused.

use std::time::Duration;

use backlog_db::DbError;
use backlog_ids::{ContractId, ObligationId};
use backlog_money::Money;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, Kind};
use chrono::NaiveDate;

/// A refusal; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvoiceError {
    /// Fields do not fit the contract; all of them.
    #[error("it does not fit its contract; correct the fields that are listed")]
    Invalid(Vec<FieldViolation>),
    /// No such contract for this tenant.
    #[error("there is no contract {0}; check the id")]
    ContractNotFound(ContractId),
    /// A draft is no commitment, so nothing can be billed.
    #[error("contract {0} is not signed yet; sign it first")]
    NotSigned(ContractId),
    /// It has ended: nothing more is billed under it.
    #[error("contract {0} was terminated; bill what is owed under another one")]
    Terminated(ContractId),
    /// A concession changes the price, which cannot happen before a change that is known.
    #[error(
        "a concession of contract {contract} on {on} would come before its last change, on {last}; \
         use that day or a later one"
    )]
    ConcessionBeforeLast {
        /// The contract.
        contract: ContractId,
        /// Day of the concession.
        on: NaiveDate,
        /// Day of the last change.
        last: NaiveDate,
    },
    /// More would be billed than is promised.
    #[error("{0}")]
    ExceedsCeiling(Ceiling),
    /// More would be credited than is billed.
    #[error("{} is billed of {}, and no more can be credited; correct the amount", .0.available, .0.what())]
    CreditExceedsBilled(Available),
    /// More would be given back than was received.
    #[error("{} was received for {}, and no more can be given back; correct the amount", .0.available, .0.what())]
    RefundExceedsPaid(Available),
    /// A sum left the range of amounts, which the limits on amounts rule out.
    #[error("the amounts of contract {0} cannot be computed")]
    Uncomputable(ContractId),
    /// The database does not answer.
    #[error("the database cannot answer now; try again")]
    Unavailable,
}

/// What an invoice would exceed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the invoices of {} would exceed what can be billed, {ceiling}, of which {billed} is billed; \
     correct the amount, or amend the contract",
    self.what()
)]
pub(crate) struct Ceiling {
    /// The contract.
    pub(crate) contract: ContractId,
    /// The obligation, where it is that which is exceeded.
    pub(crate) obligation: Option<ObligationId>,
    /// What can be billed in all.
    pub(crate) ceiling: Money,
    /// What is billed before this invoice.
    pub(crate) billed: Money,
}

impl Ceiling {
    fn what(&self) -> String {
        what(self.contract, self.obligation)
    }
}

/// What a credit or a refund would exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Available {
    /// The contract.
    pub(crate) contract: ContractId,
    /// The obligation, where it is that which is exceeded.
    pub(crate) obligation: Option<ObligationId>,
    /// What there is.
    pub(crate) available: Money,
}

impl Available {
    fn metadata(&self, name: &'static str) -> Vec<(&'static str, String)> {
        let mut metadata = vec![
            ("contract_id", self.contract.to_string()),
            (name, self.available.amount_string()),
            ("currency_code", self.available.currency().code().to_owned()),
        ];
        metadata.extend(self.obligation.map(|id| ("obligation_id", id.to_string())));
        metadata
    }

    fn what(&self) -> String {
        what(self.contract, self.obligation)
    }
}

fn what(contract: ContractId, obligation: Option<ObligationId>) -> String {
    match obligation {
        Some(obligation) => format!("obligation {obligation}"),
        None => format!("contract {contract}"),
    }
}

impl Fault for InvoiceError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::InvalidArgument,
            Self::ContractNotFound(_) => Kind::NotFound,
            Self::NotSigned(_)
            | Self::Terminated(_)
            | Self::ConcessionBeforeLast { .. }
            | Self::ExceedsCeiling(_)
            | Self::CreditExceedsBilled(_)
            | Self::RefundExceedsPaid(_) => Kind::FailedPrecondition,
            Self::Uncomputable(_) => Kind::Internal,
            Self::Unavailable => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Invalid(_) => ErrorReason::InvalidFields,
            Self::ContractNotFound(_) => ErrorReason::NotFound,
            Self::NotSigned(_) => ErrorReason::NotSigned,
            Self::Terminated(_) => ErrorReason::Terminated,
            Self::ConcessionBeforeLast { .. } => ErrorReason::ChangeBeforeLast,
            Self::ExceedsCeiling(_) => ErrorReason::InvoiceExceedsCeiling,
            Self::CreditExceedsBilled(_) | Self::RefundExceedsPaid(_) => {
                ErrorReason::CreditExceedsInvoice
            }
            Self::Uncomputable(_) => ErrorReason::Internal,
            Self::Unavailable => ErrorReason::Unavailable,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ContractNotFound(contract)
            | Self::NotSigned(contract)
            | Self::Terminated(contract) => vec![("contract_id", contract.to_string())],
            Self::ConcessionBeforeLast { contract, on, last } => vec![
                ("contract_id", contract.to_string()),
                ("on", on.to_string()),
                ("last", last.to_string()),
            ],
            Self::CreditExceedsBilled(exceeded) => exceeded.metadata("billed"),
            Self::RefundExceedsPaid(exceeded) => exceeded.metadata("received"),
            Self::ExceedsCeiling(exceeded) => {
                let mut metadata = vec![
                    ("contract_id", exceeded.contract.to_string()),
                    ("ceiling", exceeded.ceiling.amount_string()),
                    ("billed", exceeded.billed.amount_string()),
                    ("currency_code", exceeded.ceiling.currency().code().to_owned()),
                ];
                let obligation = exceeded.obligation.map(|id| ("obligation_id", id.to_string()));
                metadata.extend(obligation);
                metadata
            }
            Self::Invalid(_) | Self::Uncomputable(_) | Self::Unavailable => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Invalid(violations) => violations,
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable => Some(Duration::from_millis(200)),
            _ => None,
        }
    }
}

impl From<DbError> for InvoiceError {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading invoices failed");
        Self::Unavailable
    }
}
