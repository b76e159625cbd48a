//! Putting an adjustment in, approving and rejecting it, pure.

use backlog_event_log::{Change, Decision};
use backlog_ids::{AdjustmentId, ContractId, TenantId, derive};
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::Effects;
use chrono::NaiveDate;

use super::error::AdjustmentRefusal;
use crate::accounting::books::{Books, BooksChange};
use crate::accounting::convert::{accounting_posted, own_fact};
use crate::accounting::events::event;
use crate::accounting::fact::OwnFact;
use crate::progress::error::RecordRefusal;
use crate::progress::record::record;

/// How far an adjustment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdjustmentState {
    /// It waits for a second person.
    Proposed,
    /// It is posted.
    Approved,
    /// It was discarded.
    Rejected,
}

/// An adjustment that needs, or needed, a second person.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjustment {
    /// Its id.
    pub id: AdjustmentId,
    /// The contract.
    pub contract: ContractId,
    /// The day on which it takes effect.
    pub on: NaiveDate,
    /// What it does.
    pub wire: pb::Adjustment,
    /// Who put it in.
    pub proposed_by: String,
    /// How far it is.
    pub state: AdjustmentState,
    /// Who decided it; empty before.
    pub decided_by: String,
    /// Why it was rejected; empty otherwise.
    pub reason: String,
}

/// A decision about an adjustment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decide {
    /// The adjustment.
    pub id: AdjustmentId,
    /// Its contract, as the door found it: tells what to load.
    pub contract: ContractId,
    /// Its day, as the door found it.
    pub on: NaiveDate,
    /// Who decides.
    pub by: String,
    /// What.
    pub verdict: Verdict,
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Post it.
    Approve,
    /// Discard it, for this reason.
    Reject(String),
}

/// The id of the adjustment that a request puts in, the same at each retry.
#[must_use]
pub fn adjustment_id(tenant: TenantId, request_id: &str) -> AdjustmentId {
    AdjustmentId::from_uuid(derive(tenant.uuid(), &format!("adjustment/{request_id}")))
}

/// What putting an adjustment in does: it must be fit to be posted as it is, and nothing is. The writer
/// and the rebuild take the same step.
///
/// # Errors
/// What posting it would be refused with.
pub(crate) fn proposed(
    books: &Books,
    own: &OwnFact,
    wire: &pb::Adjustment,
    (id, by): (AdjustmentId, &str),
) -> Result<(AccountingPosted, BooksChange), RecordRefusal> {
    let tenant = books.tenant.ok_or(RecordRefusal::TenantNotReady)?;
    record(books, own, &Wire::Adjustment(wire.clone()))?;
    let adjustment = Adjustment {
        id,
        contract: own.contract,
        on: own.fact.on(),
        wire: wire.clone(),
        proposed_by: by.to_owned(),
        state: AdjustmentState::Proposed,
        decided_by: String::new(),
        reason: String::new(),
    };
    let fact = Wire::AdjustmentProposed(pb::AdjustmentProposed {
        adjustment_id: id.to_string(),
        adjustment: Some(wire.clone()),
        proposed_by: by.to_owned(),
    });
    let nothing = accounting_posted(&Effects::default(), tenant.covered);
    let posted = AccountingPosted { own_fact: Some(fact), ..nothing };
    Ok((posted, BooksChange { adjustment: Some(adjustment), ..BooksChange::default() }))
}

impl Decide {
    /// Decides on the books as they are.
    ///
    /// # Errors
    /// `NOT_FOUND`, `SELF_APPROVAL`, `ALREADY_DECIDED`, and what posting it is refused with.
    pub fn decide(&self, books: &Books) -> Result<Decision<BooksChange>, AdjustmentRefusal> {
        let (posted, effect) = decided(books, self.id, &self.by, &self.verdict)?;
        let version = posted.covered_contract_seq;
        let event = event(&posted, self.contract.to_string(), version, self.on);
        Ok(Decision::Write(Change { events: vec![event], effect }))
    }
}

/// What a decision does. The writer and the rebuild take the same step.
///
/// # Errors
/// Why it is refused.
pub(crate) fn decided(
    books: &Books,
    id: AdjustmentId,
    by: &str,
    verdict: &Verdict,
) -> Result<(AccountingPosted, BooksChange), AdjustmentRefusal> {
    let tenant = books.tenant.ok_or(AdjustmentRefusal::TenantNotReady)?;
    let known = books.adjustments.get(&id).ok_or(AdjustmentRefusal::Unknown(id))?;
    if known.state != AdjustmentState::Proposed {
        return Err(AdjustmentRefusal::Decided(id));
    }
    if let Verdict::Reject(reason) = verdict {
        let fact = Wire::AdjustmentRejected(pb::AdjustmentRejected {
            adjustment_id: id.to_string(),
            rejected_by: by.to_owned(),
            reason: reason.clone(),
        });
        let rejected = Adjustment {
            state: AdjustmentState::Rejected,
            decided_by: by.to_owned(),
            reason: reason.clone(),
            ..known.clone()
        };
        let nothing = accounting_posted(&Effects::default(), tenant.covered);
        let posted = AccountingPosted { own_fact: Some(fact), ..nothing };
        return Ok((posted, BooksChange { adjustment: Some(rejected), ..BooksChange::default() }));
    }
    if known.proposed_by == by {
        return Err(AdjustmentRefusal::SelfApproval(id));
    }
    let plain = Wire::Adjustment(known.wire.clone());
    let own = own_fact(&plain, &mut Fields::new()).ok_or(AdjustmentRefusal::Unknown(id))?;
    let (posted, change) = record(books, &own, &plain)?;
    let fact = Wire::AdjustmentApproved(pb::AdjustmentApproved {
        adjustment_id: id.to_string(),
        adjustment: Some(known.wire.clone()),
        proposed_by: known.proposed_by.clone(),
        approved_by: by.to_owned(),
    });
    let approved =
        Adjustment { state: AdjustmentState::Approved, decided_by: by.to_owned(), ..known.clone() };
    let posted = AccountingPosted { own_fact: Some(fact), ..posted };
    Ok((posted, BooksChange { adjustment: Some(approved), ..change }))
}
