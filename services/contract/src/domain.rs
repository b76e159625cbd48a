//! The service's side of the write path: commands to decisions, decisions to rows.

use std::collections::BTreeSet;
use std::time::Duration;

use backlog_db::{DbError, TableSpec, WriterTx};
use backlog_event_log::{Change, Decision, Domain, Opened, Poison, Rows, Sealed, Work};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, Kind};

use crate::contract::amend::AmendContract;
use crate::contract::contract::Contract;
use crate::contract::create::CreateContract;
use crate::contract::error::ContractError;
use crate::contract::repo::Contracts;
use crate::contract::sign::SignContract;
use crate::contract::terminate::TerminateContract;
use crate::invoice::credit::IssueCreditNote;
use crate::invoice::error::InvoiceError;
use crate::invoice::invoice::Invoice;
use crate::invoice::issue::IssueInvoice;
use crate::invoice::pay::RecordPayment;
use crate::invoice::repo::Invoices;
use crate::platform::create_tenant::CreateTenant;
use crate::platform::error::PlatformError;
use crate::platform::repo::Tenants;
use crate::platform::set_tenant_suspended::SetTenantSuspended;
use crate::platform::tenant::Tenant;
use crate::{contract, invoice, platform};

/// The domain of the contract service.
#[derive(Debug)]
pub(crate) struct ContractDomain;

/// What callers ask for.
#[derive(Debug)]
pub(crate) enum Command {
    /// A tenant.
    CreateTenant(CreateTenant),
    /// A tenant's suspension, or its end.
    SetTenantSuspended(SetTenantSuspended),
    /// A draft.
    CreateContract(CreateContract),
    /// A signature.
    SignContract(SignContract),
    /// An amendment.
    AmendContract(AmendContract),
    /// A termination.
    TerminateContract(TerminateContract),
    /// An invoice.
    IssueInvoice(IssueInvoice),
    /// A credit note.
    IssueCreditNote(IssueCreditNote),
    /// Cash.
    RecordPayment(RecordPayment),
}

impl Command {
    /// The stored contract that it is about.
    fn contract(&self) -> Option<ContractId> {
        match self {
            Self::CreateTenant(_) | Self::SetTenantSuspended(_) | Self::CreateContract(_) => None,
            Self::SignContract(sign) => sign.draft(),
            Self::AmendContract(amend) => Some(amend.contract),
            Self::TerminateContract(terminate) => Some(terminate.contract),
            Self::IssueInvoice(issue) => Some(issue.contract),
            Self::IssueCreditNote(credit) => Some(credit.contract),
            Self::RecordPayment(pay) => Some(pay.payment.contract),
        }
    }
}

/// What one decision does.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A tenant is there.
    Tenant(Tenant),
    /// A tenant is suspended, or no longer.
    Suspended(bool),
    /// A contract is as given.
    Contract(Box<Contract>),
    /// An invoice is there, and its contract is billed as given.
    Invoiced {
        /// The invoice.
        invoice: Invoice,
        /// What is billed of each obligation of its contract.
        billed: Vec<i128>,
    },
}

/// State of a batch.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    tenants: Tenants,
    contracts: Contracts,
    invoices: Invoices,
}

/// Tables that a batch writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Table {
    /// Which account owns a new tenant.
    TenantRegistry,
    /// New tenants.
    Tenant,
    /// Versions of tenants.
    TenantChanged,
    /// New contracts.
    Contract,
    /// Contracts that changed.
    ContractChanged,
    /// New obligations.
    Obligation,
    /// Obligations that changed.
    ObligationChanged,
    /// Invoices.
    Invoice,
    /// Lines of invoices.
    InvoiceLine,
}

impl Table {
    /// All, in the order of the flush.
    const ALL: [Self; 9] = [
        Self::TenantRegistry,
        Self::Tenant,
        Self::TenantChanged,
        Self::Contract,
        Self::ContractChanged,
        Self::Obligation,
        Self::ObligationChanged,
        Self::Invoice,
        Self::InvoiceLine,
    ];

    /// Place in the flush.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    fn spec(self) -> TableSpec {
        match self {
            Self::TenantRegistry => platform::rows::TENANT_REGISTRY,
            Self::Tenant => platform::rows::TENANT,
            Self::TenantChanged => platform::rows::TENANT_CHANGED,
            Self::Contract => contract::rows::CONTRACT,
            Self::ContractChanged => contract::rows::CONTRACT_CHANGED,
            Self::Obligation => contract::rows::OBLIGATION,
            Self::ObligationChanged => contract::rows::OBLIGATION_CHANGED,
            Self::Invoice => invoice::rows::INVOICE,
            Self::InvoiceLine => invoice::rows::INVOICE_LINE,
        }
    }
}

/// Why a command is refused, by slice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// About accounts and tenants.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// About contracts.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// About billing.
    #[error(transparent)]
    Invoice(#[from] InvoiceError),
}

impl Refusal {
    fn fault(&self) -> &dyn Fault {
        match self {
            Self::Platform(error) => error,
            Self::Contract(error) => error,
            Self::Invoice(error) => error,
        }
    }
}

impl Fault for Refusal {
    fn kind(&self) -> Kind {
        self.fault().kind()
    }

    fn reason(&self) -> ErrorReason {
        self.fault().reason()
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        self.fault().metadata()
    }

    fn violations(&self) -> &[FieldViolation] {
        self.fault().violations()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.fault().retry_after()
    }
}

impl Domain for ContractDomain {
    type Command = Command;
    type Loaded = Loaded;
    type Effect = Effect;
    type Refusal = Refusal;

    const LOG: Log = Log::Contract;
    const ACTOR: &'static str = "contract";

    fn tables() -> Vec<TableSpec> {
        Table::ALL.into_iter().map(Table::spec).collect()
    }

    fn allowed_while_suspended(command: &Command) -> bool {
        match command {
            Command::CreateTenant(_) | Command::SetTenantSuspended(_) => true,
            Command::CreateContract(_)
            | Command::SignContract(_)
            | Command::AmendContract(_)
            | Command::TerminateContract(_)
            | Command::IssueInvoice(_)
            | Command::IssueCreditNote(_)
            | Command::RecordPayment(_) => false,
        }
    }

    async fn load(tx: &WriterTx, work: &[Work<'_, Command>]) -> Result<Loaded, DbError> {
        let mut tenants: BTreeSet<TenantId> = BTreeSet::new();
        let mut contracts: BTreeSet<(TenantId, ContractId)> = BTreeSet::new();
        for item in work {
            let Work::Command(tenant, command) = item else { continue };
            contracts.extend(command.contract().map(|contract| (*tenant, contract)));
            if matches!(command, Command::CreateTenant(_) | Command::SetTenantSuspended(_)) {
                tenants.insert(*tenant);
            }
        }
        Ok(Loaded {
            tenants: Tenants::load(tx, &tenants).await?,
            contracts: Contracts::load(tx, &contracts).await?,
            invoices: Invoices::default(),
        })
    }

    fn decide(
        tenant: TenantId,
        command: &Command,
        loaded: &Loaded,
    ) -> Result<Decision<Effect>, Refusal> {
        let contract = command.contract().and_then(|id| loaded.contracts.get(tenant, id));
        let change = match command {
            Command::CreateTenant(create) => {
                return Ok(create.decide(loaded.tenants.get(tenant))?);
            }
            Command::SetTenantSuspended(set) => set.decide(loaded.tenants.get(tenant))?,
            Command::CreateContract(create) => create.decide(),
            Command::SignContract(sign) => sign.decide(contract)?,
            Command::AmendContract(amend) => amend.decide(contract)?,
            Command::TerminateContract(terminate) => terminate.decide(contract)?,
            Command::IssueInvoice(issue) => issue.decide(contract)?,
            Command::IssueCreditNote(credit) => credit.decide(contract)?,
            Command::RecordPayment(pay) => pay.decide(contract)?,
        };
        Ok(Decision::Write(change))
    }

    fn decide_event(
        _tenant: TenantId,
        log: Log,
        _opened: &Opened,
        _loaded: &Loaded,
    ) -> Result<Change<Effect>, Poison> {
        let detail = format!("the contract service takes no entries of {}", log.as_str_name());
        Err(Poison { detail })
    }

    fn apply(loaded: &mut Loaded, tenant: TenantId, effect: Effect, _sealed: &[Sealed]) {
        match effect {
            Effect::Tenant(created) => loaded.tenants.put(created),
            Effect::Suspended(_) => loaded.tenants.change(tenant),
            Effect::Contract(contract) => loaded.contracts.put(tenant, *contract),
            Effect::Invoiced { invoice, billed } => {
                loaded.contracts.bill(tenant, invoice.contract, billed);
                loaded.invoices.add(tenant, invoice);
            }
        }
    }

    fn suspension(effect: &Effect) -> Option<bool> {
        match effect {
            Effect::Suspended(suspended) => Some(*suspended),
            Effect::Tenant(_) | Effect::Contract(_) | Effect::Invoiced { .. } => None,
        }
    }

    fn flush(loaded: Loaded, rows: &mut Rows<'_>) {
        loaded.tenants.flush(rows);
        loaded.contracts.flush(rows);
        loaded.invoices.flush(rows);
    }
}

#[cfg(test)]
mod tests;
