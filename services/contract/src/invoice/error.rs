//! Why a call about invoices is refused.

use std::time::Duration;

use backlog_db::DbError;
use backlog_ids::{ContractId, ObligationId};
use backlog_money::Money;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, Kind};

/// A refusal; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvoiceError {
    /// Fields do not fit the contract; all of them.
    #[error("the invoice does not fit its contract; correct the fields that are listed")]
    Invalid(Vec<FieldViolation>),
    /// No such contract for this tenant.
    #[error("there is no contract {0}; check the id")]
    ContractNotFound(ContractId),
    /// A draft is no commitment, so nothing can be billed.
    #[error("contract {0} is not signed yet; sign it first")]
    NotSigned(ContractId),
    /// More would be billed than is promised.
    #[error("{0}")]
    ExceedsCeiling(Ceiling),
    /// A sum left the range of amounts, which the limits on amounts rule out.
    #[error("the invoice of contract {0} cannot be computed")]
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
        match self.obligation {
            Some(obligation) => format!("obligation {obligation}"),
            None => format!("contract {}", self.contract),
        }
    }
}

impl Fault for InvoiceError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::InvalidArgument,
            Self::ContractNotFound(_) => Kind::NotFound,
            Self::NotSigned(_) | Self::ExceedsCeiling(_) => Kind::FailedPrecondition,
            Self::Uncomputable(_) => Kind::Internal,
            Self::Unavailable => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Invalid(_) => ErrorReason::InvalidFields,
            Self::ContractNotFound(_) => ErrorReason::NotFound,
            Self::NotSigned(_) => ErrorReason::NotSigned,
            Self::ExceedsCeiling(_) => ErrorReason::InvoiceExceedsCeiling,
            Self::Uncomputable(_) => ErrorReason::Internal,
            Self::Unavailable => ErrorReason::Unavailable,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ContractNotFound(contract) | Self::NotSigned(contract) => {
                vec![("contract_id", contract.to_string())]
            }
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
            Self::ContractNotFound(_)
            | Self::NotSigned(_)
            | Self::ExceedsCeiling(_)
            | Self::Uncomputable(_)
            | Self::Unavailable => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable => Some(Duration::from_millis(200)),
            Self::Invalid(_)
            | Self::ContractNotFound(_)
            | Self::NotSigned(_)
            | Self::ExceedsCeiling(_)
            | Self::Uncomputable(_) => None,
        }
    }
}

impl From<DbError> for InvoiceError {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading invoices failed");
        Self::Unavailable
    }
}
