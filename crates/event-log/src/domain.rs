//! What a service tells its writer: how to load, decide, apply and write.

use std::future::Future;

use backlog_db::{DbError, Flush, Row, TableSpec, WriterTx};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::LogEntry;
use backlog_service_kit::error::Fault;

use crate::entry::{NewEvent, Opened};

/// A service's side of the write path. Everything but [`Domain::load`] is pure.
pub trait Domain: Send + Sync + Sized + 'static {
    /// What callers ask for, parsed.
    type Command: Send + Sync + 'static;
    /// State loaded for a batch, and changed by it.
    type Loaded: Send;
    /// What one decision does to the state.
    type Effect: Send;
    /// Why a command is refused.
    type Refusal: Fault + Clone + Send + Sync + 'static;

    /// The log that this service writes.
    const LOG: Log;

    /// The service's name, as actor of its own work.
    const ACTOR: &'static str;

    /// The tables that a batch writes, in the order that [`Rows::push`] counts.
    fn tables() -> Vec<TableSpec>;

    /// Whether a command is allowed while its tenant is suspended.
    fn allowed_while_suspended(command: &Self::Command) -> bool;

    /// Loads what the batch names: one query per table, at most two rounds. The heads of all tenants
    /// in it are locked already.
    fn load(
        tx: &WriterTx,
        work: &[Work<'_, Self::Command>],
    ) -> impl Future<Output = Result<Self::Loaded, DbError>> + Send;

    /// Decides a command on what is loaded.
    ///
    /// # Errors
    /// The refusal; nothing is written for it.
    fn decide(
        tenant: TenantId,
        command: &Self::Command,
        loaded: &Self::Loaded,
    ) -> Result<Decision<Self::Effect>, Self::Refusal>;

    /// Decides what an entry of another service's log, as opened, does here.
    ///
    /// # Errors
    /// What makes the entry impossible to apply: its tenant stops there.
    fn decide_event(
        tenant: TenantId,
        log: Log,
        opened: &Opened,
        loaded: &Self::Loaded,
    ) -> Result<Change<Self::Effect>, Poison>;

    /// Applies an effect, so that the next decision sees it. Cannot fail. `sealed` are the log's
    /// entries made for it, empty for a service that writes none.
    fn apply(
        loaded: &mut Self::Loaded,
        tenant: TenantId,
        effect: Self::Effect,
        sealed: &[crate::entry::Sealed],
    );

    /// Whether applying changed the tenant's suspension: the new value.
    fn suspension(effect: &Self::Effect) -> Option<bool>;

    /// Writes what the batch changed, each key once.
    fn flush(loaded: Self::Loaded, rows: &mut Rows<'_>);
}

/// A part of a batch, as [`Domain::load`] sees it.
#[derive(Debug)]
pub enum Work<'a, C> {
    /// A caller's command.
    Command(TenantId, &'a C),
    /// An entry of another service's log.
    Event(TenantId, Log, &'a LogEntry),
}

/// The outcome of a command.
#[derive(Debug)]
pub enum Decision<E> {
    /// It changes something; its answer is made from the last of the events.
    Write(Change<E>),
    /// It was done before, by the entry at this place of the tenant's log.
    Already(u64),
}

/// Events for the log, and what they do to the state.
#[derive(Debug)]
pub struct Change<E> {
    /// Events, in order.
    pub events: Vec<NewEvent>,
    /// Their effect on the state.
    pub effect: E,
}

/// Why an entry cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Poison {
    /// What went wrong, for an operator.
    pub detail: String,
}

/// Where a service puts the rows of a batch.
pub struct Rows<'a> {
    pub(crate) flush: &'a mut Flush,
    pub(crate) offset: usize,
}

impl Rows<'_> {
    /// Adds a row to the table at `index` of [`Domain::tables`].
    pub fn push(&mut self, index: usize, row: Row) {
        self.flush.push(self.offset.saturating_add(index), row);
    }
}
