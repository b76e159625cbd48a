//! A tenant: one set of books of an account. Pure.

use backlog_ids::{AccountId, TenantId};
use backlog_money::Currency;

use crate::policy::MeasurementPolicy;

/// A tenant as stored. Whether it is suspended stands at the head of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tenant {
    /// Its id.
    pub(crate) id: TenantId,
    /// Account that owns it.
    pub(crate) account: AccountId,
    /// The account's own id for it.
    pub(crate) external_id: String,
    /// Name to show.
    pub(crate) display_name: String,
    /// Currency of the books.
    pub(crate) functional_currency: Currency,
    /// First measurement policy.
    pub(crate) policy: MeasurementPolicy,
    /// Version, from 1; grows with every change of the tenant.
    pub(crate) version: u64,
}

/// The id of the tenant that an account calls `external_id`: always the same, so that creating it
/// again finds the one made before.
pub(crate) fn tenant_id(account: AccountId, external_id: &str) -> TenantId {
    TenantId::from_uuid(backlog_ids::derive(account.uuid(), external_id))
}

impl Tenant {
    /// Names the fields in which another tenant of the same identity differs.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("display_name", self.display_name != other.display_name),
            ("functional_currency_code", self.functional_currency != other.functional_currency),
            ("policy", self.policy != other.policy),
        ];
        fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}
