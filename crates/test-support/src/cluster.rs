//! The Postgres that the tests of one process, or of a whole run, share.

use anyhow::Context;
use backlog_local_stack::{LocalStack, Manifest, PostgresOptions, StackOptions};
use std::path::Path;
use tokio::sync::OnceCell;

/// Names the folder of a stack that was started for the whole run. Without it each process starts
/// its own.
pub const STACK_VARIABLE: &str = "BACKLOG_TEST_STACK";

static CLUSTER: OnceCell<TestCluster> = OnceCell::const_new();

/// Postgres and NATS for tests that do not disturb them: commits do not reach the disk, and other
/// tests run beside. A test that stops or kills a server starts one of its own: see
/// [`crate::broker::TestBroker`] and [`LocalStack`].
#[derive(Debug)]
pub struct TestCluster {
    manifest: Manifest,
    // Ends with the process: statics are not dropped, but the stack watches its owner.
    _own: Option<LocalStack>,
}

impl TestCluster {
    /// The cluster of this run, started at the first call.
    ///
    /// # Errors
    /// When Postgres or NATS is missing or does not start.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        CLUSTER.get_or_try_init(|| async { blocking(Self::find_or_start).await }).await
    }

    /// Where everything is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn find_or_start() -> anyhow::Result<Self> {
        if let Some(folder) = std::env::var_os(STACK_VARIABLE) {
            let manifest = Manifest::read(Path::new(&folder))
                .with_context(|| format!("{STACK_VARIABLE} is set, but leads to no stack"))?;
            return Ok(Self { manifest, _own: None });
        }
        let postgres = PostgresOptions { durable: false, ..PostgresOptions::default() };
        let stack = LocalStack::start(&StackOptions { postgres, ..StackOptions::default() })?;
        Ok(Self { manifest: stack.manifest().clone(), _own: Some(stack) })
    }
}

/// Runs work that blocks where it does not hold up the test's other tasks.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}
