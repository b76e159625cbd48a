//! Recording a fact of this service's own, pure.

use backlog_event_log::{Change, Decision};
use backlog_ids::AdjustmentId;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;

use super::error::RecordRefusal;
use crate::accounting::books::{Books, BooksChange};
use crate::accounting::convert::accounting_posted;
use crate::accounting::error::AccountingError;
use crate::accounting::events::event;
use crate::accounting::fact::OwnFact;
use crate::accounting::totals::PeriodTotals;
use crate::adjustment::adjustment::proposed;
use crate::journal::JournalChange;

/// A fact to record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The fact.
    pub own: OwnFact,
    /// As it is written to the log.
    pub wire: Wire,
    /// Who puts it in.
    pub actor: String,
    /// The id that it gets if it is an adjustment that needs a second person.
    pub adjustment_id: AdjustmentId,
}

impl Record {
    /// Decides on the books as they are.
    ///
    /// # Errors
    /// `NOT_FOUND`, `INVALID_FIELDS`, `PROGRESS_OUT_OF_RANGE`, `ALREADY_REACHED`,
    /// `CHANGE_BEFORE_LAST`, `TERMINATED`, `PERIOD_CLOSED`, `ALREADY_A_CONTRACT`, `NOT_A_CONTRACT`.
    pub fn decide(&self, books: &Books) -> Result<Decision<BooksChange>, RecordRefusal> {
        let approval = books.tenant.is_some_and(|tenant| tenant.adjustments_need_approval);
        let (posted, effect) = match &self.wire {
            Wire::Adjustment(wire) if approval => {
                proposed(books, &self.own, wire, (self.adjustment_id, &self.actor))?
            }
            wire => record(books, &self.own, wire)?,
        };
        let aggregate = self.own.contract.to_string();
        // No version of the contract's own: the position of the contract log that it builds on.
        let version = posted.covered_contract_seq;
        let event = event(&posted, aggregate, version, self.own.fact.on());
        Ok(Decision::Write(Change { events: vec![event], effect }))
    }
}

/// What a fact of this service's own does. The writer and the rebuild take the same step.
///
/// # Errors
/// Why it is refused.
pub(crate) fn record(
    books: &Books,
    own: &OwnFact,
    wire: &Wire,
) -> Result<(AccountingPosted, BooksChange), RecordRefusal> {
    let tenant = books.tenant.ok_or(RecordRefusal::TenantNotReady)?;
    if books.contract(own.contract).is_none() {
        return Err(RecordRefusal::UnknownContract(own.contract));
    }
    let (changed, effects) = books
        .changed(own.contract, own.currency, &own.fact)
        .map_err(|error| RecordRefusal::of(error, wire))?;
    let posted = AccountingPosted {
        own_fact: Some(wire.clone()),
        ..accounting_posted(&effects, tenant.covered)
    };
    let totals = PeriodTotals::of(&effects);
    let journal = JournalChange::of(&effects)
        .map_err(|_| RecordRefusal::Uncomputable(AccountingError::JournalTooLarge))?;
    let change =
        BooksChange { contracts: vec![changed], journal, totals, ..BooksChange::default() };
    Ok((posted, change))
}
