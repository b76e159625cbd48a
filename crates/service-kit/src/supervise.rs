//! Long-lived tasks: their exit or panic is reported and they are started again.

use std::{error::Error, future::Future, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::server::Readiness;

/// How fast a task that keeps ending is started again.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Before the first restart.
    pub first: Duration,
    /// At most, after doubling each time.
    pub max: Duration,
    /// A task that ran this long counts as well: its check is green and the backoff starts over.
    pub steady: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        let (first, max) = (Duration::from_millis(100), Duration::from_secs(10));
        Self { first, max, steady: Duration::from_secs(5) }
    }
}

/// Starts tasks that must not end before the process does.
#[derive(Debug, Clone)]
pub struct Supervisor {
    readiness: Readiness,
    shutdown: CancellationToken,
    backoff: Backoff,
}

impl Supervisor {
    /// Reports to `readiness`, stops restarting once `shutdown` is cancelled.
    #[must_use]
    pub fn new(readiness: Readiness, shutdown: CancellationToken) -> Self {
        Self { readiness, shutdown, backoff: Backoff::default() }
    }

    /// The same with other delays.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Cancelled when the service shuts down: tasks watch it and return.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Runs what `start` makes, under the readiness check `name`, again whenever it ends with an
    /// error, a panic, or without being told to. The handle ends after shutdown, when the task
    /// has returned; waiting for it is a good idea, aborting it is not.
    pub fn spawn<Start, Task, Failure>(
        &self,
        name: &'static str,
        mut start: Start,
    ) -> JoinHandle<()>
    where
        Start: FnMut() -> Task + Send + 'static,
        Task: Future<Output = Result<(), Failure>> + Send + 'static,
        Failure: Error + Send + 'static,
    {
        let check = self.readiness.check(name);
        let (shutdown, backoff) = (self.shutdown.clone(), self.backoff);
        tokio::spawn(async move {
            check.set(true);
            let mut delay = backoff.first;
            while !shutdown.is_cancelled() {
                // In a task of its own, so that a panic ends it and not us.
                let mut task = tokio::spawn(start());
                let ended = tokio::select! {
                    ended = &mut task => ended,
                    () = tokio::time::sleep(backoff.steady) => {
                        check.set(true);
                        delay = backoff.first;
                        task.await
                    }
                };
                if shutdown.is_cancelled() {
                    break;
                }
                check.set(false);
                let outcome = match ended {
                    Ok(Ok(())) => "it ended without being told to".to_owned(),
                    Ok(Err(error)) => with_causes(&error),
                    Err(panic) => panic.to_string(),
                };
                tracing::error!(task = name, outcome, "long-lived task ended; starting it again");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(delay) => {}
                }
                delay = delay.saturating_mul(2).min(backoff.max);
            }
        })
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::{Backoff, Supervisor};
    use crate::server::Readiness;

    const FAST: Backoff = Backoff {
        first: Duration::from_millis(1),
        max: Duration::from_millis(2),
        steady: Duration::from_secs(3_600),
    };

    /// A task that returns, errs and panics is started again each time, its check goes red, and
    /// shutdown ends it for good.
    #[tokio::test]
    async fn restarts_until_shutdown() {
        let (readiness, shutdown) = (Readiness::new(), CancellationToken::new());
        let supervisor = Supervisor::new(readiness.clone(), shutdown.clone()).with_backoff(FAST);
        let runs = Arc::new(AtomicUsize::new(0));
        let (started, mut starts) = mpsc::channel(16);
        let stop = supervisor.shutdown().clone();
        let counter = Arc::clone(&runs);
        let handle = supervisor.spawn("relay", move || {
            let (run, started) = (counter.fetch_add(1, Ordering::SeqCst), started.clone());
            let stop = stop.clone();
            async move {
                started.send(run).await.unwrap();
                match run {
                    0 => Ok(()),
                    1 => Err(std::io::Error::other("broken")),
                    2 => panic!("on purpose"),
                    _ => {
                        stop.cancelled().await;
                        Ok(())
                    }
                }
            }
        });
        for run in 0..4 {
            assert_eq!(starts.recv().await, Some(run));
        }
        assert_eq!(readiness.failing(), ["relay"], "not steady yet");
        shutdown.cancel();
        handle.await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 4, "not started again after shutdown");
    }

    /// A task that keeps running after a restart turns its check green again.
    #[tokio::test]
    async fn steady_tasks_turn_green() {
        let (readiness, shutdown) = (Readiness::new(), CancellationToken::new());
        let backoff = Backoff { steady: Duration::from_millis(1), ..FAST };
        let supervisor = Supervisor::new(readiness.clone(), shutdown).with_backoff(backoff);
        let (started, mut starts) = mpsc::channel(16);
        let mut runs = 0;
        supervisor.spawn("consumer", move || {
            runs += 1;
            let (run, started) = (runs, started.clone());
            async move {
                started.send(run).await.unwrap();
                if run == 1 {
                    return Err(std::io::Error::other("once"));
                }
                std::future::pending::<()>().await;
                Ok(())
            }
        });
        assert_eq!((starts.recv().await, starts.recv().await), (Some(1), Some(2)));
        readiness.until(|red| red.is_empty()).await;
    }
}
