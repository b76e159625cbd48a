//! The consumer: takes other services' batches from the broker, partition by partition, and hands
//! them to the intake, which applies them in order whatever the broker does.

mod buffer;
mod intake;
mod partition_task;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backlog_db::Database;
use backlog_proto::common::v1::Log;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use intake::Intake;

use crate::broker::Broker;
use crate::domain::Domain;
use crate::lease::Leases;

/// How often leases are renewed.
const RENEW_EVERY: Duration = Duration::from_millis(1500);

/// Starts consuming `logs` into the intake until `stop`. `name` is the service's, for durable names.
pub fn start<D: Domain>(
    database: Database,
    broker: Broker,
    name: &'static str,
    logs: Vec<Log>,
    holder: Uuid,
    intake: Arc<Intake<D>>,
    stop: &CancellationToken,
) {
    let leases = Leases::new(database, "consume", holder);
    let supervisor = Supervisor { broker, name, logs, leases, intake };
    tokio::spawn(supervisor.run(stop.clone()));
}

struct Supervisor<D: Domain> {
    broker: Broker,
    name: &'static str,
    logs: Vec<Log>,
    leases: Leases,
    intake: Arc<Intake<D>>,
}

impl<D: Domain> Supervisor<D> {
    /// Runs a task for each partition held, and stops those of partitions given up.
    async fn run(self, stop: CancellationToken) {
        let mut running: BTreeMap<u8, CancellationToken> = BTreeMap::new();
        loop {
            match self.leases.renew().await {
                Ok(held) => {
                    running.retain(|partition, task| {
                        let keep = held.contains(partition);
                        if !keep {
                            task.cancel();
                        }
                        keep
                    });
                    for partition in held {
                        running
                            .entry(partition)
                            .or_insert_with(|| self.start_partition(partition, &stop));
                    }
                }
                Err(error) => tracing::warn!(%error, "leases cannot be renewed"),
            }
            tokio::select! {
                () = tokio::time::sleep(RENEW_EVERY) => {}
                () = stop.cancelled() => break,
            }
        }
        if let Err(error) = self.leases.release().await {
            tracing::debug!(%error, "leases end by themselves");
        }
    }

    fn start_partition(&self, partition: u8, stop: &CancellationToken) -> CancellationToken {
        let token = stop.child_token();
        for log in &self.logs {
            let task = partition_task::PartitionTask {
                broker: self.broker.clone(),
                name: self.name,
                log: *log,
                partition,
                intake: Arc::clone(&self.intake),
            };
            tokio::spawn(task.run(token.clone()));
        }
        token
    }
}
