//! A chunk worked out before its turn, while the one before it is being written.
//!
//! What it was worked out from is told by the place of the log that the books then had. It is used only
//! when nothing but the run's own chunk before, which posts for other contracts, was written since.

use std::collections::BTreeMap;
use std::sync::Arc;

use backlog_db::{Database, DbError};
use backlog_event_log::{Answer, Work};
use backlog_ids::{ContractId, TenantId};
use backlog_recognition_engine::Effects;

use super::run::{RecognizeChunk, recognize};
use crate::accounting::books::ContractChange;
use crate::accounting::repo;
use crate::accounting::rows::count;
use crate::domain::Command;

/// What a chunk posts for its contracts; nothing for those that have nothing to post.
pub(crate) type Worked = BTreeMap<ContractId, (ContractChange, Effects)>;

/// A chunk worked out ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Last entry of the log that it was worked out after.
    head: u64,
    /// What it posts.
    worked: Arc<Worked>,
}

impl Ahead {
    /// Works a chunk out on the books as they are. Nothing when it cannot be: deciding it says why.
    ///
    /// # Errors
    /// As the database says.
    pub async fn of(
        database: &Database,
        tenant: TenantId,
        chunk: RecognizeChunk,
    ) -> Result<Option<Self>, DbError> {
        let tx = database.begin().await?;
        let found = tx
            .query(
                "select seq, set_config('app.tenant_id', tenant_id::text, true) \
                 from log_head where tenant_id = $1",
                vec![tenant.uuid().into()],
            )
            .await?;
        // Read first, so that whatever is written meanwhile is after it.
        let Some(row) = found.first() else { return Ok(None) };
        let head = count(row, "seq")?;
        let command = Command::Chunk(chunk);
        let loaded = repo::load(&tx, &[Work::Command(tenant, &command)]).await?;
        tx.rollback().await?;
        let (books, Command::Chunk(chunk)) = (loaded.books(tenant), &command) else {
            return Ok(None);
        };
        let mut worked = Worked::new();
        for contract in &chunk.contracts {
            match recognize(books, *contract, chunk.through) {
                Ok(posted) => worked.extend(posted.map(|posted| (*contract, posted))),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(Self { head, worked: Arc::new(worked) }))
    }

    /// The same, where it holds after the answer to the run's chunk before: its entries are all that
    /// may have been written since.
    #[must_use]
    pub fn after(self, before: &Answer) -> Option<Self> {
        let last = before.seq.filter(|_| before.written > 0)?;
        let unseen = last.checked_sub(before.written)?;
        (self.head == last || self.head == unseen).then_some(Self { head: last, ..self })
    }

    /// What it posts, if `head` is still the last entry of the log.
    pub(crate) fn at(&self, head: u64) -> Option<Arc<Worked>> {
        (self.head == head).then(|| Arc::clone(&self.worked))
    }
}
