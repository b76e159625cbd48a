//! What a batch names of the books, before anything is loaded.

use std::collections::{BTreeMap, BTreeSet};

use backlog_event_log::Work;
use backlog_ids::{AdjustmentId, ContractId, RunId, TenantId};
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::LogEntry;
use chrono::NaiveDate;

use super::convert::fact;
use super::fact::ContractFact;
use super::rows::never;
use crate::domain::Command;
use crate::period::PeriodCommand;
use crate::run::RecognizeChunk;

/// What a batch names.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) tenants: BTreeSet<TenantId>,
    /// Each contract with the first day on which a fact of the batch may change its balances.
    pub(super) contracts: BTreeMap<(TenantId, ContractId), Option<NaiveDate>>,
    /// Contracts that a run posts for, with its last day.
    pub(super) recognized: BTreeMap<(TenantId, ContractId), NaiveDate>,
    pub(super) runs: BTreeSet<(TenantId, RunId)>,
    pub(super) adjustments: BTreeSet<(TenantId, AdjustmentId)>,
    /// Tenants whose periods change.
    pub(super) periods: BTreeSet<TenantId>,
    /// Periods that are to be closed, by name.
    pub(super) closes: BTreeSet<(TenantId, String)>,
    /// Tenants with chunks of scheduled runs.
    pub(super) scheduled: BTreeSet<TenantId>,
}

impl Named {
    pub(super) fn of(work: &[Work<'_, Command>]) -> Self {
        let mut named = Self::default();
        for piece in work {
            match piece {
                Work::Command(tenant, Command::Chunk(chunk)) => named.chunk(*tenant, chunk),
                Work::Command(tenant, Command::Record(record)) => {
                    named.tenants.insert(*tenant);
                    named.changed(*tenant, record.own.contract, record.own.fact.on());
                }
                Work::Command(tenant, Command::Journal(_) | Command::Policy(_)) => {
                    named.tenants.insert(*tenant);
                }
                Work::Command(tenant, Command::Period(command)) => {
                    named.period(*tenant, command);
                }
                Work::Command(tenant, Command::Decide(decide)) => {
                    named.tenants.insert(*tenant);
                    named.adjustments.insert((*tenant, decide.id));
                    named.changed(*tenant, decide.contract, decide.on);
                }
                Work::Command(tenant, Command::Combine(combine)) => {
                    named.tenants.insert(*tenant);
                    for contract in &combine.contracts {
                        // Whatever a later fact of the batch corrects, all of them have its day.
                        named.changed(*tenant, *contract, never());
                    }
                }
                Work::Event(tenant, log, entry) => named.event(*tenant, *log, entry),
            }
        }
        named
    }

    fn chunk(&mut self, tenant: TenantId, chunk: &RecognizeChunk) {
        self.tenants.insert(tenant);
        self.runs.insert((tenant, chunk.run_id));
        if chunk.fence.is_some() {
            self.scheduled.insert(tenant);
        }
        for contract in chunk.contracts.iter().chain(&chunk.contract) {
            self.contracts.entry((tenant, *contract)).or_default();
        }
        for contract in &chunk.contracts {
            let through = self.recognized.entry((tenant, *contract)).or_insert(chunk.through);
            *through = chunk.through.max(*through);
        }
    }

    fn period(&mut self, tenant: TenantId, command: &PeriodCommand) {
        self.tenants.insert(tenant);
        self.periods.insert(tenant);
        if let PeriodCommand::Close(close) = command {
            self.closes.insert((tenant, close.period.clone()));
        }
    }

    /// A fact about a contract that takes effect on a day.
    fn changed(&mut self, tenant: TenantId, contract: ContractId, on: NaiveDate) {
        let since = self.contracts.entry((tenant, contract)).or_default();
        *since = earlier(*since, on);
    }

    /// An entry that cannot be read names nothing; deciding it says why.
    fn event(&mut self, tenant: TenantId, log: Log, entry: &LogEntry) {
        self.tenants.insert(tenant);
        if log != Log::Contract {
            return;
        }
        match fact(entry) {
            Ok(ContractFact::Signed { contract, .. }) => {
                self.contracts.entry((tenant, contract.contract)).or_default();
            }
            Ok(ContractFact::Changed { contract, fact, .. }) => {
                self.changed(tenant, contract, fact.on());
            }
            Ok(
                ContractFact::TenantCreated { .. }
                | ContractFact::SuspensionChanged(_)
                | ContractFact::Drafted,
            )
            | Err(_) => {}
        }
    }

    /// Lets what is named of contracts that joined others be named of those.
    pub(super) fn join(&mut self, joined: &[(TenantId, ContractId, ContractId)]) {
        for (tenant, contract, into) in joined {
            let (old, new) = ((*tenant, *contract), (*tenant, *into));
            if let Some(since) = self.contracts.remove(&old) {
                let known = self.contracts.entry(new).or_default();
                *known = since.into_iter().chain(*known).min();
            }
            if let Some(through) = self.recognized.remove(&old) {
                let known = self.recognized.entry(new).or_insert(through);
                *known = through.max(*known);
            }
        }
    }
}

/// The earlier of two days, as far as one is known.
pub(super) fn earlier(known: Option<NaiveDate>, day: NaiveDate) -> Option<NaiveDate> {
    Some(known.map_or(day, |known| known.min(day)))
}
