//! What a what-if measures by, pure.

use backlog_ids::{TenantId, WhatIfId, derive};
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{Convention, Policy, ReceivableOn, Rounding};
use chrono::NaiveDate;

use crate::policy::Version;
use crate::policy::convert::{first, version};

/// What is assumed instead of the tenant's own policy; what is none is as in the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Assumed {
    /// Convention where an obligation states none.
    pub convention: Option<Convention>,
    /// Rounding.
    pub rounding: Option<Rounding>,
    /// When invoices become unconditional.
    pub receivable_on: Option<ReceivableOn>,
    /// The first day on which it is in force, as a version after all others; none for as if it had held
    /// from the beginning, in each version.
    pub from: Option<NaiveDate>,
}

impl Assumed {
    /// A policy with what is assumed instead.
    #[must_use]
    pub fn over(&self, policy: Policy) -> Policy {
        Policy {
            version: policy.version,
            convention: self.convention.unwrap_or(policy.convention),
            rounding: self.rounding.unwrap_or(policy.rounding),
            receivable_on: self.receivable_on.unwrap_or(policy.receivable_on),
        }
    }

    /// A version of the policy with it, where it is as if it had held from the beginning.
    pub(crate) fn in_each_version(&self, policy: Policy) -> Policy {
        if self.from.is_some() { policy } else { self.over(policy) }
    }
}

/// A version of the policy as an event says it.
pub(crate) fn wire(policy: &Policy, from: NaiveDate) -> pb::PolicyVersion {
    pb::PolicyVersion { effective_from: Some(from.into()), ..first(policy) }
}

/// The same, read.
pub(crate) fn known(policy: &Policy, from: NaiveDate) -> Option<Version> {
    version(&wire(policy, from), &mut backlog_proto::fields::Fields::new())
}

/// The id of the what-if that a request starts, the same at each retry.
#[must_use]
pub fn what_if_id(tenant: TenantId, request_id: &str) -> WhatIfId {
    WhatIfId::from_uuid(derive(tenant.uuid(), &format!("what-if/{request_id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that what is assumed replaces what the policy says, what is not stays, and that nothing is
    // assumed of the beginning where it begins later.
    #[test]
    fn what_is_assumed_replaces_what_the_policy_says() {
        let own = Policy { version: 3, rounding: Rounding::PerPeriod, ..Policy::default() };
        let assumed = Assumed { convention: Some(Convention::HalfMonth), ..Assumed::default() };
        let expected = Policy { convention: Convention::HalfMonth, ..own };
        assert_eq!(assumed.over(own), expected);
        assert_eq!(assumed.in_each_version(own), expected);
        let later = Assumed { from: NaiveDate::from_ymd_opt(2026, 7, 1), ..assumed };
        assert_eq!(later.in_each_version(own), own);
        assert_eq!(Assumed::default().over(own), own);
    }
}
