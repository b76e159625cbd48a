//! Reads versions of a tenant's policy.

use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_recognition_engine::{Policies, Policy};

use super::policy::Version;
use super::rows::version_from;
use crate::accounting::rows::{count, policy_from};

/// A tenant's versions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KnownPolicies {
    /// The first.
    pub(crate) first: Policy,
    /// The others, in order.
    pub(crate) versions: Vec<Version>,
}

impl KnownPolicies {
    /// What they measure by.
    pub(crate) fn policies(&self) -> Policies {
        let later = self.versions.iter().map(|version| version.measures).collect();
        Policies { first: self.first, later }
    }
}

/// The tenant's versions; none before its creation is applied.
pub(crate) async fn policies_of(
    database: &Database,
    tenant: TenantId,
) -> Result<Option<KnownPolicies>, DbError> {
    let rows = database
        .read(
            "select policy_version, convention, rounding, receivable_on, version, content \
             from policies_of($1)",
            vec![tenant.uuid().into()],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let first = policy_from(row)?;
    let versions = rows
        .iter()
        .map(|row| (count(row, "version")? > 0).then(|| version_from(row)).transpose())
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    Ok(Some(KnownPolicies { first, versions }))
}
