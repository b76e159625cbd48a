//! Starting a stack with its three services, waiting until they are ready, and ending it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backlog_local_stack::{LocalStack, LocalStackError, ServiceProcess, StackOptions};
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::client::{Connections, Service};
use crate::failure::{Exit, Failure};
use crate::progress::Steps;

use super::local::Local;

/// Between two looks at the health of a service that starts.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    /// The stack's folder; a random one when absent.
    pub(crate) folder: Option<PathBuf>,
    /// How long the services may take to become ready.
    pub(crate) ready_within: Duration,
}

/// A stack with its services. Dropping it ends everything and removes the folder.
#[derive(Debug)]
pub(crate) struct RunningStack {
    services: Vec<ServiceProcess>,
    stack: Option<LocalStack>,
    local: Local,
}

impl RunningStack {
    /// Starts Postgres, NATS and the services, and waits until all are ready. When interrupted, what
    /// was started so far is ended: a start under way cannot be dropped, its process would stay.
    pub(crate) async fn start(start: Start, steps: &Steps) -> Result<Self, Failure> {
        let asked_to_end = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&asked_to_end);
        let watch = tokio::spawn(async move {
            interrupted().await;
            asked.store(true, Ordering::SeqCst);
        });
        let started = Self::start_unless(start, steps, &asked_to_end).await;
        watch.abort();
        // Ctrl-C reaches every program of the terminal's group, the database's set-up as well.
        let interrupted = asked_to_end.load(Ordering::SeqCst);
        started.map_err(|failure| if interrupted { was_interrupted() } else { failure })
    }

    async fn start_unless(
        start: Start,
        steps: &Steps,
        asked_to_end: &AtomicBool,
    ) -> Result<Self, Failure> {
        let binaries = binaries()?;
        steps.say("starting Postgres and NATS");
        let options = StackOptions { folder: start.folder, ..StackOptions::default() };
        let stack = blocking(move || LocalStack::start(&options)).await?;
        let local = Local::of(stack.manifest().clone());
        let mut running = Self { services: Vec::new(), stack: Some(stack), local };
        for files in running.local.manifest().services.all().map(Clone::clone) {
            if asked_to_end.load(Ordering::SeqCst) {
                break;
            }
            steps.say(&format!("starting the {} service", files.name));
            let folder = binaries.clone();
            let service = blocking(move || {
                ServiceProcess::migrate(&files, &folder)?;
                ServiceProcess::start(files, &folder)
            });
            running.services.push(service.await?);
        }
        steps.say("waiting until the services are ready");
        running.wait_until_ready(start.ready_within, asked_to_end).await?;
        if asked_to_end.load(Ordering::SeqCst) {
            running.stop().await?;
            return Err(was_interrupted());
        }
        Ok(running)
    }

    /// What runs, and its keys.
    pub(crate) fn local(&self) -> &Local {
        &self.local
    }

    /// Ends services and servers, and removes the folder.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let mut services = std::mem::take(&mut self.services);
        let stack = self.stack.take();
        blocking(move || {
            // The ones that read the others' logs first.
            let ended = services.iter_mut().rev().map(ServiceProcess::terminate);
            let ended: Result<Vec<()>, LocalStackError> = ended.collect();
            drop(stack);
            ended.map(drop)
        })
        .await
    }

    /// Lets everything run on after this process.
    pub(crate) async fn detach(mut self) -> Result<(), Failure> {
        let Some(stack) = self.stack.take() else { return Ok(()) };
        blocking(move || stack.detach(None)).await.map(drop)
    }

    /// Waits until all services are ready, or the user has asked to end.
    async fn wait_until_ready(
        &self,
        within: Duration,
        asked_to_end: &AtomicBool,
    ) -> Result<(), Failure> {
        let connections = Connections::new(&self.local.addresses(), within)?;
        let all_ready = async {
            for service in Service::ALL {
                while !asked_to_end.load(Ordering::SeqCst)
                    && !is_ready(connections.channel(service), service.health_name()).await
                {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        };
        if tokio::time::timeout(within, all_ready).await.is_ok() {
            return Ok(());
        }
        let mut message = format!("the services did not become ready in {} s", within.as_secs());
        for files in self.local.manifest().services.all() {
            message = format!("{message}\n{} says:\n{}", files.name, tail(&files.log));
        }
        Err(Failure::new(Exit::Unavailable, message))
    }
}

/// Ctrl-C or a request to terminate.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        drop(tokio::signal::ctrl_c().await);
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// What an interrupted command answers.
pub(crate) fn was_interrupted() -> Failure {
    Failure::new(Exit::Negative, "interrupted; the stack is ended and removed")
}

/// Whether a service answers that it is serving.
pub(crate) async fn is_ready(channel: Channel, name: &str) -> bool {
    let request = HealthCheckRequest { service: name.to_owned() };
    let answer = HealthClient::new(channel).check(request).await;
    answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}

/// The folder of this program, where the services' programs are beside it.
fn binaries() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::usage(format!("cannot tell where this program is: {error}")))?;
    let folder = own.parent().unwrap_or(Path::new("."));
    for service in Service::ALL {
        let program = folder.join(format!("backlog-{}", service.name()));
        if !program.exists() {
            let message = format!("{} is not there", program.display());
            let advice = "build all programs first: cargo build --workspace, or make build";
            return Err(Failure::usage(message).advise(advice));
        }
    }
    Ok(folder.to_owned())
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalStackError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::usage(format!("the work broke off: {error}")))?;
    done.map_err(|error| Failure::usage(error.to_string()))
}
