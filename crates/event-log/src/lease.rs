//! Leases: rows that say which replica does a share of the work. They spread load and never carry
//! correctness, which the heads' locks do.

use std::collections::BTreeSet;

use backlog_db::{Database, DbError};
use uuid::Uuid;

use crate::partition::PARTITIONS;

/// How long a lease holds without renewal.
const LEASE_SECONDS: i32 = 5;

/// The partitions of one kind of work.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    database: Database,
    kind: &'static str,
    holder: Uuid,
}

impl Leases {
    /// Leases of a kind of work for one replica, `holder`, which is a fresh id at each start.
    #[must_use]
    pub(crate) fn new(database: Database, kind: &'static str, holder: Uuid) -> Self {
        Self { database, kind, holder }
    }

    /// Renews what is held, takes what is free up to a fair share, gives back what is beyond it.
    /// Call it several times within the lease's five seconds.
    ///
    /// # Errors
    /// When the database cannot be asked; then nothing is held for sure.
    pub(crate) async fn renew(&self) -> Result<BTreeSet<u8>, DbError> {
        let rows = self
            .database
            .write_positions(
                "select claimed from claim_leases($1, $2, $3, $4)",
                vec![
                    self.kind.into(),
                    self.holder.into(),
                    i32::from(PARTITIONS).into(),
                    LEASE_SECONDS.into(),
                ],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let claimed: i32 = row.try_get("", "claimed")?;
                u8::try_from(claimed).map_err(|error| DbError::Corrupt(error.to_string()))
            })
            .collect()
    }

    /// Gives everything back, so that others need not wait for the end of the leases.
    ///
    /// # Errors
    /// When the database cannot be asked; the leases then end by themselves.
    pub(crate) async fn release(&self) -> Result<(), DbError> {
        self.database
            .write_positions(
                "with gone as (delete from lease where name = $2 || '-holder/' || $1::text) \
                 update lease set expires_at = now() where holder = $1 and name like $2 || '/%'",
                vec![self.holder.into(), self.kind.into()],
            )
            .await
            .map(drop)
    }
}
