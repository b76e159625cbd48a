//! The service's side of the write path. It takes entries of other logs; nobody commands it.

use backlog_db::{DbError, TableSpec, WriterTx};
use backlog_event_log::{Change, Decision, Domain, Opened, Poison, Rows, Sealed, Work};
use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_proto::log::v1::LogEntry;
use backlog_service_kit::{Fault, Kind};
use thiserror::Error;

use super::accounting::{Accounting, accounting};
use super::contracts::{ContractFact, fact};
use super::convert::{no_nul, times};
use super::error::ProjectionError;
use super::state::{AuditRow, Projection, Step, What};
use super::{repo, rows};

/// The reporting service on its write path.
#[derive(Debug)]
pub struct Reporting;

/// Nobody commands reporting yet: there is no such value.
#[derive(Debug)]
pub enum NoCommand {}

/// Where there are no commands, none is refused: there is no such value.
#[derive(Debug, Clone, Error)]
pub enum NoRefusal {}

impl Fault for NoRefusal {
    fn kind(&self) -> Kind {
        match *self {}
    }

    fn reason(&self) -> ErrorReason {
        match *self {}
    }
}

impl Domain for Reporting {
    type Command = NoCommand;
    type Loaded = Projection;
    type Effect = Effect;
    type Refusal = NoRefusal;

    const LOG: Log = Log::Reporting;
    const ACTOR: &'static str = "reporting";

    fn tables() -> Vec<TableSpec> {
        rows::tables()
    }

    fn allowed_while_suspended(command: &NoCommand) -> bool {
        match *command {}
    }

    async fn load(tx: &WriterTx, work: &[Work<'_, NoCommand>]) -> Result<Projection, DbError> {
        repo::load(tx, work).await
    }

    fn decide(
        _: TenantId,
        command: &NoCommand,
        _: &Projection,
    ) -> Result<Decision<Effect>, NoRefusal> {
        match *command {}
    }

    fn decide_event(
        tenant: TenantId,
        log: Log,
        opened: &Opened,
        loaded: &Projection,
    ) -> Result<Change<Effect>, Poison> {
        let step = step(tenant, log, opened, loaded)?;
        Ok(Change { events: Vec::new(), effect: Effect(step) })
    }

    fn apply(loaded: &mut Projection, tenant: TenantId, effect: Effect, _: &[Sealed]) {
        loaded.apply(tenant, effect.0);
    }

    fn suspension(effect: &Effect) -> Option<bool> {
        match &effect.0.what {
            What::Contract(ContractFact::SuspensionChanged(suspended)) => Some(*suspended),
            What::Contract(
                ContractFact::TenantCreated { .. }
                | ContractFact::Signed(_)
                | ContractFact::Amended(_)
                | ContractFact::Other,
            )
            | What::Accounting(_) => None,
        }
    }

    fn flush(loaded: Projection, rows: &mut Rows<'_>) {
        rows::push(loaded.added, rows);
    }
}

/// What one entry does to the projections.
#[derive(Debug)]
pub struct Effect(Step);

/// Decides what an entry does, or why it cannot be applied.
fn step(
    tenant: TenantId,
    log: Log,
    opened: &Opened,
    loaded: &Projection,
) -> Result<Step, ProjectionError> {
    let entry = &opened.entry;
    // The tree must go on where the chain of hashes does.
    if entry.prev_hash != loaded.edge(tenant, log).last_leaf {
        return Err(ProjectionError::OtherBytes);
    }
    let audit = audit_row(log, opened)?;
    let what = match log {
        Log::Contract => What::Contract(contract_fact(tenant, entry, loaded)?),
        Log::Recognition => {
            let known = |contract| loaded.contracts.get(&(tenant, contract));
            let accounting = accounting(entry, audit.recorded_at, known)?;
            check_cover(tenant, &accounting, loaded)?;
            What::Accounting(accounting)
        }
        Log::Unspecified | Log::Reporting => {
            return Err(ProjectionError::OtherLog(log.as_str_name()));
        }
    };
    Ok(Step { audit, what })
}

fn contract_fact(
    tenant: TenantId,
    entry: &LogEntry,
    loaded: &Projection,
) -> Result<ContractFact, ProjectionError> {
    let fact = fact(tenant, entry)?;
    if entry.seq > 1 && !loaded.owners.contains_key(&tenant) {
        return Err(ProjectionError::NoTenant);
    }
    if let ContractFact::Signed(contract) = &fact
        && loaded.contracts.contains_key(&(tenant, contract.contract))
    {
        return Err(ProjectionError::SignedTwice(contract.contract));
    }
    if let ContractFact::Amended(contract) = &fact
        && !loaded.contracts.contains_key(&(tenant, contract.contract))
    {
        return Err(ProjectionError::UnknownContract(contract.contract));
    }
    Ok(fact)
}

fn check_cover(
    tenant: TenantId,
    accounting: &Accounting,
    loaded: &Projection,
) -> Result<(), ProjectionError> {
    let covered = accounting.covered;
    let applied = loaded.edge(tenant, Log::Contract).tree.size();
    if covered > applied {
        return Err(ProjectionError::NotCovered { covered, applied });
    }
    let before = loaded.covered.get(&tenant).copied().unwrap_or(0);
    if covered < before {
        return Err(ProjectionError::CoversLess { covered, before });
    }
    Ok(())
}

fn audit_row(log: Log, opened: &Opened) -> Result<AuditRow, ProjectionError> {
    let entry = &opened.entry;
    let (effective_date, recorded_at) = times(entry)?;
    let mut fields = backlog_proto::Fields::new();
    for (field, text) in [
        ("type", &entry.r#type),
        ("aggregate_id", &entry.aggregate_id),
        ("actor", &entry.actor),
        ("request_id", &entry.request_id),
    ] {
        no_nul(field, text, &mut fields);
    }
    super::convert::finished("backlog.log.v1.LogEntry", fields, Some(()))?;
    Ok(AuditRow {
        log,
        seq: entry.seq,
        type_name: entry.r#type.clone(),
        aggregate_id: entry.aggregate_id.clone(),
        aggregate_version: entry.aggregate_version,
        effective_date,
        recorded_at,
        actor: entry.actor.clone(),
        request_id: entry.request_id.clone(),
        leaf: opened.hash,
        entry: opened.bytes.to_vec(),
    })
}
