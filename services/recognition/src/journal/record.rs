//! Keeping a fact about the journal, pure.

use backlog_event_log::{Change, Decision};
use backlog_ids::TenantId;
use backlog_proto::fields::FieldViolation;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::Effects;

use super::error::JournalRefusal;
use super::journal::{JournalChange, Kept};
use crate::accounting::books::{Books, BooksChange};
use crate::accounting::convert::accounting_posted;
use crate::accounting::events::event;

/// A fact to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Keep {
    /// The fact.
    pub kept: Kept,
    /// As it is written to the log.
    pub wire: Wire,
}

impl Keep {
    /// Decides on the books as they are.
    ///
    /// # Errors
    /// `INVALID_FIELDS`, `PERIOD_CLOSED`, `TENANT_NOT_READY`.
    pub fn decide(
        &self,
        tenant: TenantId,
        books: &Books,
    ) -> Result<Decision<BooksChange>, JournalRefusal> {
        let (posted, effect) = keep(books, &self.kept, &self.wire)?;
        // About the tenant as a whole, in the order of the contract log that it builds on.
        let version = posted.covered_contract_seq;
        let on = self.kept.on().unwrap_or_default();
        let event = event(&posted, tenant.to_string(), version, on);
        Ok(Decision::Write(Change { events: vec![event], effect }))
    }
}

/// What a fact about the journal does: it posts nothing. The writer and the rebuild take the same step.
///
/// # Errors
/// Why it is refused.
pub(crate) fn keep(
    books: &Books,
    kept: &Kept,
    wire: &Wire,
) -> Result<(AccountingPosted, BooksChange), JournalRefusal> {
    let tenant = books.tenant.ok_or(JournalRefusal::TenantNotReady)?;
    if let Kept::Rate(rate) = kept {
        if rate.to != tenant.functional {
            return Err(JournalRefusal::NotFunctional(vec![FieldViolation {
                field: "rate.to_currency_code".to_owned(),
                description: format!("must be {}, the functional currency", tenant.functional),
            }]));
        }
        // What a closed period was translated at stands.
        if tenant.periods.is_closed(rate.on) {
            let open_from = tenant.periods.effective(rate.on);
            return Err(JournalRefusal::PeriodClosed { on: rate.on, open_from });
        }
    }
    let posted = AccountingPosted {
        own_fact: Some(wire.clone()),
        ..accounting_posted(&Effects::default(), tenant.covered)
    };
    let journal = JournalChange { sums: Vec::new(), kept: Some(kept.clone()) };
    Ok((posted, BooksChange { journal, ..BooksChange::default() }))
}
