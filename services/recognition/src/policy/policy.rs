//! Setting a version of the policy, pure.

use backlog_event_log::{Change, Decision};
use backlog_ids::TenantId;
use backlog_proto::fields::{FieldViolation, Fields};
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{Effects, PolicyVersion};
use chrono::NaiveDate;

use super::convert::{first, overlaid, version};
use super::error::PolicyRefusal;
use crate::accounting::books::{Books, BooksChange, TenantBooks};
use crate::accounting::convert::accounting_posted;
use crate::accounting::events::event;

/// A version after the first, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// What it measures by, and from when.
    pub measures: PolicyVersion,
    /// All of it, as it is written to the log.
    pub wire: pb::PolicyVersion,
}

/// Sets the next version.
#[derive(Debug, Clone, PartialEq)]
pub struct SetPolicy {
    /// What it says; what is not set is as in the version before.
    pub policy: pb::Policy,
    /// The first day on which it is in force.
    pub from: NaiveDate,
    /// Why.
    pub reason: String,
    /// Who sets it.
    pub set_by: String,
}

impl SetPolicy {
    /// Decides on the books as they are.
    ///
    /// # Errors
    /// `INVALID_FIELDS`, `PERIOD_CLOSED`, `POLICY_OUT_OF_ORDER`, `TENANT_NOT_READY`.
    pub fn decide(
        &self,
        tenant: TenantId,
        books: &Books,
    ) -> Result<Decision<BooksChange>, PolicyRefusal> {
        let of_tenant = books.tenant.ok_or(PolicyRefusal::TenantNotReady)?;
        let before = latest(books, &of_tenant);
        let policy = overlaid(before.policy.as_ref(), &self.policy);
        if Some(&policy) == before.policy.as_ref() {
            return Err(PolicyRefusal::Same(vec![FieldViolation {
                field: "policy".to_owned(),
                description: format!("must differ from version {}", before.version),
            }]));
        }
        let wire = pb::PolicyVersion {
            version: before.version.saturating_add(1),
            effective_from: Some(self.from.into()),
            policy: Some(policy),
            reason: self.reason.clone(),
            set_by: self.set_by.clone(),
        };
        let (posted, effect) = set(books, &wire)?;
        let name = aggregate(wire.version);
        let event = event(&posted, name, posted.covered_contract_seq, self.from);
        tracing::debug!(%tenant, version = wire.version, "a policy is set");
        Ok(Decision::Write(Change { events: vec![event], effect }))
    }
}

/// The aggregate of a version: what its entry of the log is found by.
pub(crate) fn aggregate(version: u32) -> String {
    format!("policy/{version}")
}

/// The latest version.
fn latest(books: &Books, tenant: &TenantBooks) -> pb::PolicyVersion {
    let last = books.policies.values().next_back();
    last.map_or_else(|| first(&tenant.policy), |version| version.wire.clone())
}

/// What a version does: it posts nothing by itself, contracts take it up one by one. The writer and the
/// rebuild take the same step.
///
/// # Errors
/// `INVALID_FIELDS`, `PERIOD_CLOSED`, `POLICY_OUT_OF_ORDER`, `TENANT_NOT_READY`.
pub(crate) fn set(
    books: &Books,
    wire: &pb::PolicyVersion,
) -> Result<(AccountingPosted, BooksChange), PolicyRefusal> {
    let tenant = books.tenant.ok_or(PolicyRefusal::TenantNotReady)?;
    let mut fields = Fields::new();
    let read = version(wire, &mut fields);
    fields.finish().map_err(PolicyRefusal::Same)?;
    let version = read.ok_or_else(|| PolicyRefusal::Same(Vec::new()))?;
    let from = version.measures.from;
    if tenant.periods.is_closed(from) {
        let open_from = tenant.periods.effective(from);
        return Err(PolicyRefusal::PeriodClosed { from, open_from });
    }
    let before = books.policies.values().next_back();
    let taken = before.map(|version| version.measures.from).filter(|taken| *taken >= from);
    if let Some(taken) = taken {
        let free = taken.succ_opt().unwrap_or(taken);
        return Err(PolicyRefusal::OutOfOrder { from, free });
    }
    let posted = AccountingPosted {
        own_fact: Some(Wire::PolicySet(wire.clone())),
        ..accounting_posted(&Effects::default(), tenant.covered)
    };
    let policy_versions = version.measures.policy.version;
    let tenant = TenantBooks { policy_versions, ..tenant };
    let change =
        BooksChange { tenant: Some(tenant), policy: Some(version), ..BooksChange::default() };
    Ok((posted, change))
}
