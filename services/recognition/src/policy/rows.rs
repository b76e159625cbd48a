//! The table of versions after the first.

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::TenantId;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use prost::Message;

use super::convert::version;
use super::policy::Version;
use crate::accounting::rows::corrupt;

pub(crate) const POLICY: TableSpec = TableSpec {
    name: "policy_version",
    columns: &[
        ("tenant_id", "uuid"),
        ("version", "bigint"),
        ("effective_from", "date"),
        ("content", "bytea"),
    ],
    conflict: Conflict::Refuse,
};

pub(crate) fn policy(tenant: TenantId, version: &Version) -> Row {
    vec![
        tenant.uuid().into(),
        i64::from(version.measures.policy.version).into(),
        version.measures.from.into(),
        version.wire.encode_to_vec().into(),
    ]
}

pub(crate) fn version_from(row: &QueryResult) -> Result<Version, DbError> {
    let content: Vec<u8> = row.try_get("", "content")?;
    let wire = pb::PolicyVersion::decode(content.as_slice()).map_err(|_| corrupt("content"))?;
    version(&wire, &mut Fields::new()).ok_or_else(|| corrupt("content"))
}
