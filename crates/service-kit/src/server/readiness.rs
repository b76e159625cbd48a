//! Whether the service can do its work: named checks, all of which must be green.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;
use tonic_health::{ServingStatus, server::HealthReporter};

type Checks = BTreeMap<String, bool>;

/// The checks of a process; clones share them.
#[derive(Debug, Clone)]
pub struct Readiness {
    checks: Arc<watch::Sender<Checks>>,
}

/// One check. It is red until it is set green.
#[derive(Debug, Clone)]
pub struct Check {
    name: String,
    checks: Arc<watch::Sender<Checks>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// No checks: ready.
    #[must_use]
    pub fn new() -> Self {
        Self { checks: Arc::new(watch::Sender::new(Checks::new())) }
    }

    /// Adds the check `name`, red at first; an existing one of that name is shared.
    pub fn check(&self, name: impl Into<String>) -> Check {
        let name = name.into();
        self.checks.send_if_modified(|checks| {
            let added = !checks.contains_key(&name);
            checks.entry(name.clone()).or_insert(false);
            added
        });
        Check { name, checks: Arc::clone(&self.checks) }
    }

    /// Names of the red checks.
    #[must_use]
    pub fn failing(&self) -> Vec<String> {
        failing(&self.checks.borrow()).into_iter().map(str::to_owned).collect()
    }

    /// Waits until the names of the red checks satisfy `wanted`.
    pub async fn until(&self, wanted: impl Fn(&[&str]) -> bool) {
        let mut changes = self.checks.subscribe();
        // The sender lives as long as `self`, so this waits and cannot err.
        let _ = changes.wait_for(|checks| wanted(&failing(checks))).await;
    }

    /// Tells `reporter` for each of `names` whether all is green, for ever.
    pub(super) async fn report_to(&self, reporter: HealthReporter, names: Vec<&'static str>) {
        let mut changes = self.checks.subscribe();
        loop {
            let red = failing(&changes.borrow_and_update()).join(", ");
            let status =
                if red.is_empty() { ServingStatus::Serving } else { ServingStatus::NotServing };
            tracing::info!(red, "readiness: {status:?}");
            for name in &names {
                reporter.set_service_status(name, status).await;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Check {
    /// Turns it green or red.
    pub fn set(&self, green: bool) {
        self.checks.send_if_modified(|checks| {
            checks.insert(self.name.clone(), green).is_none_or(|before| before != green)
        });
    }
}

fn failing(checks: &Checks) -> Vec<&str> {
    checks.iter().filter(|(_, green)| !**green).map(|(name, _)| name.as_str()).collect()
}
