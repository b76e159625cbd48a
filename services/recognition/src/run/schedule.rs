//! Runs by schedule: which day is due, and one replica at a time that runs for a tenant.
//!
//! A lease row per tenant says who runs and how far scheduled runs are done. Taking it raises its fence;
//! every chunk of a scheduled run names the fence it was taken with, and is refused once another replica
//! has taken it. The row is done in the transaction of the run's last chunk. The run's request_id is made
//! of its day, so that a replica that takes over continues the run that another began.

use std::time::Duration;

use backlog_db::{Database, DbError};
use backlog_event_log::{Refused, RequestKey};
use backlog_ids::TenantId;
use backlog_service_kit::Clock;
use chrono::{Datelike, Days, NaiveDate};
use futures::future::join_all;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::convert::content_hash;
use super::error::{CallFault, RunRefusal};
use super::queries;
use super::recognize::{RunRequest, Runs};
use crate::domain::{Refusal, SERVICE};

/// Tenants for which a replica runs at once.
const AT_ONCE: i64 = 4;

/// How often runs are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Each day.
    Daily,
    /// On the last day of each calendar month.
    MonthEnd,
}

impl Cadence {
    /// The last day that is due on `today`, which is over since `after` days: 1 is yesterday.
    #[must_use]
    pub fn due(self, today: NaiveDate, after: u32) -> Option<NaiveDate> {
        let last = today.checked_sub_days(Days::new(u64::from(after)))?;
        match self {
            Self::Daily => Some(last),
            Self::MonthEnd => match last.succ_opt() {
                Some(next) if next.day() == 1 => Some(last),
                _ => last.with_day(1)?.pred_opt(),
            },
        }
    }
}

/// When runs are due, and how often a replica looks.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// How often.
    pub cadence: Cadence,
    /// Days for which a day must be over.
    pub after: u32,
    /// From one look to the next.
    pub every: Duration,
}

/// A tenant for which this replica may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The tenant.
    pub tenant: TenantId,
    /// What every chunk names.
    pub fence: u64,
}

/// Runs what is due.
#[derive(Clone)]
pub struct Scheduler {
    database: Database,
    runs: Runs,
    clock: Clock,
    schedule: Schedule,
    holder: Uuid,
}

impl Scheduler {
    /// A scheduler of one replica, `holder`, which is a fresh id at each start.
    #[must_use]
    pub fn new(
        database: Database,
        runs: Runs,
        clock: Clock,
        schedule: Schedule,
        holder: Uuid,
    ) -> Self {
        Self { database, runs, clock, schedule, holder }
    }

    /// Looks for what is due until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let busy = match self.look().await {
                Ok(found) => found > 0,
                Err(error) => {
                    tracing::warn!(%error, "scheduled runs are looked for again");
                    false
                }
            };
            if busy {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(self.schedule.every) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Takes the leases of some tenants for which a run is due, and runs. Answers for how many.
    async fn look(&self) -> Result<usize, DbError> {
        let today = self.clock.now().date_naive();
        let Some(through) = self.schedule.cadence.due(today, self.schedule.after) else {
            return Ok(0);
        };
        let leases = queries::claim_due(&self.database, through, self.holder, AT_ONCE).await?;
        join_all(leases.iter().map(|lease| self.run_for(*lease, through))).await;
        Ok(leases.len())
    }

    /// What fails is left: the lease ends by itself, and whoever takes it next continues the run.
    async fn run_for(&self, lease: Lease, through: NaiveDate) {
        let Lease { tenant, fence } = lease;
        let key = RequestKey {
            id: format!("schedule/{through}"),
            content_hash: content_hash(through, None),
        };
        let request = RunRequest {
            tenant,
            actor: SERVICE.to_owned(),
            key,
            through,
            contract: None,
            fence: Some(fence),
        };
        match self.runs.recognize(request, None).await {
            Ok(finished) => {
                let entries = finished.chunk.entries_posted;
                tracing::info!(%tenant, %through, entries, "a scheduled run has ended");
            }
            // The books are closed through that day: nothing of it can be posted any more.
            Err(CallFault::Refused(Refused::Domain(Refusal::Run(RunRefusal::PeriodClosed {
                ..
            })))) => {
                if let Err(error) = queries::release_due(&self.database, lease, through).await {
                    tracing::warn!(%tenant, %error, "a closed day is looked at again");
                }
            }
            Err(fault) => {
                tracing::warn!(%tenant, %through, %fault, "a scheduled run is left for later");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    // Shows which day is due: yesterday or earlier each day; the last month end that is over, on the
    // first day after it already and not before.
    #[test]
    fn what_is_due() {
        let due = |cadence: Cadence, today, after| cadence.due(day(today), after).unwrap();
        assert_eq!(due(Cadence::Daily, "2026-03-01", 1), day("2026-02-28"));
        assert_eq!(due(Cadence::Daily, "2026-03-01", 3), day("2026-02-26"));
        assert_eq!(due(Cadence::MonthEnd, "2026-03-01", 1), day("2026-02-28"));
        assert_eq!(due(Cadence::MonthEnd, "2026-03-31", 1), day("2026-02-28"));
        assert_eq!(due(Cadence::MonthEnd, "2026-04-01", 1), day("2026-03-31"));
        assert_eq!(due(Cadence::MonthEnd, "2026-04-03", 5), day("2026-02-28"));
        assert_eq!(Cadence::Daily.due(NaiveDate::MIN, 1), None);
    }
}
