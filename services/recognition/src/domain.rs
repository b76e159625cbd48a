//! The write path of this service: contract facts and recognition runs, decided on the same books.

use std::time::Duration;

use backlog_db::{DbError, TableSpec, WriterTx};
use backlog_event_log::{Change, Decision, Domain, Opened, Poison, Rows, Sealed, Work};
use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_proto::fields::FieldViolation;
use backlog_service_kit::error::{Fault, Kind};
use thiserror::Error;

use crate::accounting::books::BooksChange;
use crate::accounting::repo::{self, Loaded};
use crate::accounting::{consumer, events};
use crate::adjustment::Decide;
use crate::adjustment::error::AdjustmentRefusal;
use crate::combination::Combine;
use crate::combination::error::CombinationRefusal;
use crate::journal::error::JournalRefusal;
use crate::journal::record::Keep;
use crate::period::PeriodCommand;
use crate::period::error::PeriodRefusal;
use crate::policy::SetPolicy;
use crate::policy::error::PolicyRefusal;
use crate::progress::error::RecordRefusal;
use crate::progress::record::Record;
use crate::run::error::RunRefusal;
use crate::run::{Posted, RecognizeChunk};

/// The recognition service, as its writers see it.
#[derive(Debug)]
pub struct Recognition;

/// What callers ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A part of a run.
    Chunk(RecognizeChunk),
    /// A fact that this service keeps itself.
    Record(Box<Record>),
    /// A fact about the journal.
    Journal(Box<Keep>),
    /// A change of an accounting period.
    Period(PeriodCommand),
    /// A decision about an adjustment that waits.
    Decide(Decide),
    /// A version of the tenant's policy.
    Policy(Box<SetPolicy>),
    /// Contracts that become one.
    Combine(Box<Combine>),
}

/// Why a command is refused, by slice.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// About runs.
    #[error(transparent)]
    Run(#[from] RunRefusal),
    /// About progress, estimates and adjustments.
    #[error(transparent)]
    Record(#[from] RecordRefusal),
    /// About the journal.
    #[error(transparent)]
    Journal(#[from] JournalRefusal),
    /// About periods.
    #[error(transparent)]
    Period(#[from] PeriodRefusal),
    /// About decisions on adjustments.
    #[error(transparent)]
    Adjustment(#[from] AdjustmentRefusal),
    /// About policies.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// About combinations.
    #[error(transparent)]
    Combination(#[from] CombinationRefusal),
}

impl Refusal {
    fn fault(&self) -> &dyn Fault {
        match self {
            Self::Run(refusal) => refusal,
            Self::Record(refusal) => refusal,
            Self::Journal(refusal) => refusal,
            Self::Period(refusal) => refusal,
            Self::Adjustment(refusal) => refusal,
            Self::Policy(refusal) => refusal,
            Self::Combination(refusal) => refusal,
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

/// This service's name: as actor, as caller of others, as audience of tokens.
pub const SERVICE: &str = "recognition";

impl Domain for Recognition {
    type Command = Command;
    type Loaded = Loaded;
    type Effect = BooksChange;
    type Refusal = Refusal;

    const LOG: Log = Log::Recognition;
    const ACTOR: &'static str = SERVICE;

    fn tables() -> Vec<TableSpec> {
        repo::tables()
    }

    /// To ask what blocks a close changes nothing.
    fn allowed_while_suspended(command: &Command) -> bool {
        matches!(command, Command::Period(PeriodCommand::Close(close)) if close.asks)
    }

    async fn load(tx: &WriterTx, work: &[Work<'_, Command>]) -> Result<Loaded, DbError> {
        repo::load(tx, work).await
    }

    fn decide(
        tenant: TenantId,
        command: &Command,
        loaded: &Loaded,
    ) -> Result<Decision<BooksChange>, Refusal> {
        let chunk = match command {
            Command::Chunk(chunk) => chunk,
            Command::Record(record) => return Ok(record.decide(loaded.books(tenant))?),
            Command::Journal(keep) => return Ok(keep.decide(tenant, loaded.books(tenant))?),
            Command::Period(command) => return Ok(command.decide(loaded.books(tenant))?),
            Command::Decide(decide) => return Ok(decide.decide(loaded.books(tenant))?),
            Command::Policy(set) => return Ok(set.decide(tenant, loaded.books(tenant))?),
            Command::Combine(combine) => return Ok(combine.decide(loaded.books(tenant))?),
        };
        match chunk.decide(loaded.books(tenant))? {
            Posted::Before(place) => Ok(Decision::Already(place)),
            Posted::Now(posted, change) => {
                let chunks = change.run.as_ref().map_or(0, |run| run.chunks);
                let earlier = u64::try_from(posted.len()).unwrap_or(chunks);
                let first = chunks.saturating_sub(earlier).saturating_add(1);
                let events = (first..)
                    .zip(&posted)
                    .map(|(version, posted)| {
                        events::event(posted, chunk.run_id.to_string(), version, chunk.through)
                    })
                    .collect();
                Ok(Decision::Write(Change { events, effect: *change }))
            }
        }
    }

    fn decide_event(
        tenant: TenantId,
        log: Log,
        opened: &Opened,
        loaded: &Loaded,
    ) -> Result<Change<BooksChange>, Poison> {
        consumer::decide(tenant, log, &opened.entry, loaded.books(tenant))
    }

    fn apply(loaded: &mut Loaded, tenant: TenantId, effect: BooksChange, sealed: &[Sealed]) {
        let place = sealed.last().map_or(0, |last| last.seq);
        loaded.apply(tenant, effect, place);
    }

    fn suspension(effect: &BooksChange) -> Option<bool> {
        effect.suspended
    }

    fn flush(loaded: Loaded, rows: &mut Rows<'_>) {
        loaded.flush(rows);
    }
}
