//! One server process: start it, wait until it answers, signal it, wait until it has ended.

use crate::account::Account;
use crate::error::LocalStackError;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(5);
// Only a server that hangs meets this; a loaded machine does not.
const READY_SECONDS: u64 = 300;
const LOG_TAIL_BYTES: usize = 4_000;

/// A running server and the log that it writes.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    name: &'static str,
    child: Child,
    log: PathBuf,
    log_start: usize,
}

impl ServerProcess {
    /// Starts `command` in a process group of its own, so that Ctrl-C in a terminal reaches only
    /// the caller, with both outputs appended to `log`.
    pub(crate) fn spawn(
        name: &'static str,
        mut command: Command,
        account: Option<Account>,
        log: &Path,
    ) -> Result<Self, LocalStackError> {
        let log_start = std::fs::read(log).map(|bytes| bytes.len()).unwrap_or_default();
        let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(log);
        let output = open().map_err(LocalStackError::file("open", log))?;
        let errors = output.try_clone().map_err(LocalStackError::file("open", log))?;
        if let Some(account) = account {
            account.apply(&mut command);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(LocalStackError::program(name))?;
        Ok(Self { name, child, log: log.to_owned(), log_start })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready` says so.
    ///
    /// # Errors
    /// [`LocalStackError::Ended`] when the server ends before, with what it logged.
    pub(crate) fn wait_until(
        &mut self,
        is_ready: impl Fn() -> bool,
    ) -> Result<(), LocalStackError> {
        let start = Instant::now();
        loop {
            if let Ok(Some(_)) = self.child.try_wait() {
                return Err(LocalStackError::Ended { server: self.name, log: self.log_tail() });
            }
            if is_ready() {
                return Ok(());
            }
            if start.elapsed().as_secs() >= READY_SECONDS {
                return Err(LocalStackError::NotReady {
                    server: self.name,
                    seconds: READY_SECONDS,
                    log: self.log_tail(),
                });
            }
            pause();
        }
    }

    /// Sends the signal `name` (without SIG); a process that has ended is left alone.
    pub(crate) fn signal(&mut self, name: &str) -> Result<(), LocalStackError> {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return Ok(());
        }
        let output = Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &self.pid().to_string()])
            .output()
            .map_err(LocalStackError::program("kill"))?;
        if output.status.success() || matches!(self.child.try_wait(), Ok(Some(_))) {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(LocalStackError::Program { program: format!("kill -s {name}"), output })
    }

    /// Freezes the server; answers when it stands still.
    pub(crate) fn freeze(&mut self) -> Result<(), LocalStackError> {
        self.signal("STOP")?;
        let stat = format!("/proc/{}/stat", self.pid());
        self.wait_until(|| std::fs::read_to_string(&stat).is_ok_and(|text| text.contains(") T ")))
    }

    /// Sends a signal that ends the server and waits until it has ended.
    pub(crate) fn end(mut self, signal: &str) -> Result<(), LocalStackError> {
        self.signal(signal)?;
        // A paused process meets only SIGKILL; every other signal waits until it goes on.
        self.signal("CONT")?;
        self.child.wait().map(|_| ()).map_err(LocalStackError::program(self.name))
    }

    /// The last lines that the server wrote since it was started.
    fn log_tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let since = bytes.get(self.log_start..).unwrap_or_default();
        let tail = since.get(since.len().saturating_sub(LOG_TAIL_BYTES)..).unwrap_or_default();
        String::from_utf8_lossy(tail).trim().to_owned()
    }
}

/// A short rest between two looks at another process.
#[expect(clippy::disallowed_methods, reason = "another program's readiness gives no event")]
pub(crate) fn pause() {
    std::thread::sleep(POLL);
}
