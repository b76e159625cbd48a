//! Combining contracts, pure.

use backlog_event_log::{Change, Decision};
use backlog_ids::ContractId;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{Combination, ContractState, Fact};
use chrono::NaiveDate;

use super::error::CombinationRefusal;
use crate::accounting::books::{Books, BooksChange};
use crate::accounting::convert::accounting_posted;
use crate::accounting::error::AccountingError;
use crate::accounting::events::event;
use crate::accounting::totals::PeriodTotals;
use crate::journal::JournalChange;

/// Lets contracts be accounted for as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Combine {
    /// The one that the others join, and these.
    pub contracts: Vec<ContractId>,
    /// First day on which they are one.
    pub on: NaiveDate,
    /// As it is written to the log.
    pub wire: pb::Combination,
}

impl Combine {
    /// Decides on the books as they are.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_COMBINABLE`, `CHANGE_BEFORE_LAST`, `TENANT_NOT_READY`.
    pub fn decide(&self, books: &Books) -> Result<Decision<BooksChange>, CombinationRefusal> {
        let (posted, effect) = combine(books, self)?;
        let aggregate = self.contracts.first().map(ToString::to_string).unwrap_or_default();
        let event = event(&posted, aggregate, posted.covered_contract_seq, self.on);
        Ok(Decision::Write(Change { events: vec![event], effect }))
    }
}

/// What a combination does. The writer and the rebuild take the same step.
///
/// # Errors
/// Why it is refused.
pub(crate) fn combine(
    books: &Books,
    of: &Combine,
) -> Result<(AccountingPosted, BooksChange), CombinationRefusal> {
    let tenant = books.tenant.ok_or(CombinationRefusal::TenantNotReady)?;
    let mut states = of.contracts.iter().map(|contract| {
        let known = books.contract(*contract);
        known.ok_or(CombinationRefusal::UnknownContract(*contract))
    });
    let Some(first) = states.next().transpose()?.map(|state| state.contract) else {
        return Err(CombinationRefusal::TenantNotReady);
    };
    let joining: Vec<&ContractState> = states.collect::<Result<_, _>>()?;
    let joining = joining.into_iter().cloned().collect();
    let fact = Fact::Combined(Combination { joining, on: of.on });
    let (changed, effects) = books.changed(first, None, &fact).map_err(CombinationRefusal::of)?;
    let posted = AccountingPosted {
        own_fact: Some(Wire::Combination(of.wire.clone())),
        ..accounting_posted(&effects, tenant.covered)
    };
    let totals = PeriodTotals::of(&effects);
    let journal = JournalChange::of(&effects)
        .map_err(|_| CombinationRefusal::Uncomputable(AccountingError::JournalTooLarge))?;
    let change =
        BooksChange { contracts: vec![changed], journal, totals, ..BooksChange::default() };
    Ok((posted, change))
}
