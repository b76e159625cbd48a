//! A private Postgres server: real, durable unless told otherwise, reachable by TCP on the
//! loopback address with a generated password.

use crate::binaries::PostgresBinaries;
use crate::error::LocalStackError;
use crate::folder::PrivateFolder;
use crate::ports;
use crate::process::{ServerProcess, pause};
use crate::psql::PostgresAccess;
use crate::random;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const NAME: &str = "postgres";
const START_ATTEMPTS: u32 = 20;

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Whether commits reach the disk. `false` only for tests that never crash Postgres.
    pub durable: bool,
    /// Settings of postgresql.conf by name and unquoted value, after ours, so that they win.
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { durable: true, settings: Vec::new() }
    }
}

/// A private Postgres. Dropping it ends the server.
#[derive(Debug)]
pub struct PostgresServer {
    access: PostgresAccess,
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    process: Option<ServerProcess>,
    // After the process, so that the folder outlives it.
    folder: Arc<PrivateFolder>,
}

impl PostgresServer {
    /// Creates an empty cluster in `folder` and starts it on a free port.
    ///
    /// # Errors
    /// When Postgres is missing or too old, or does not start.
    pub fn start(
        folder: &Arc<PrivateFolder>,
        options: &PostgresOptions,
    ) -> Result<Self, LocalStackError> {
        let binaries = PostgresBinaries::find()?;
        let home = folder.server_folder("postgres")?;
        let password = random::hex::<16>()?;
        let data = home.join("data");
        init(folder, &binaries, &data, &password)?;
        configure(&data, options)?;
        let mut server = Self {
            access: PostgresAccess { port: 0, password, psql: binaries.psql },
            binary: binaries.postgres,
            data,
            log: home.join("log"),
            process: None,
            folder: Arc::clone(folder),
        };
        server.start_on(None)?;
        Ok(server)
    }

    /// How to reach it as superuser.
    #[must_use]
    pub fn access(&self) -> &PostgresAccess {
        &self.access
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::pid)
    }

    /// Ends it in order: open transactions roll back, everything is written ("fast").
    ///
    /// # Errors
    /// When the server cannot be signaled.
    pub fn stop(&mut self) -> Result<(), LocalStackError> {
        self.end("INT")
    }

    /// Ends it at once, as a crash would ("immediate"): the next start recovers from the log.
    ///
    /// # Errors
    /// When the server cannot be signaled.
    pub fn kill(&mut self) -> Result<(), LocalStackError> {
        self.end("QUIT")
    }

    /// Starts it again on the same port, after ending it in order if it still runs.
    ///
    /// # Errors
    /// When the server does not start.
    pub fn restart(&mut self) -> Result<(), LocalStackError> {
        self.stop()?;
        self.start_on(Some(self.access.port))
    }

    /// Lets the server live on after this value.
    pub(crate) fn detach(&mut self) {
        self.process = None;
    }

    fn end(&mut self, signal: &str) -> Result<(), LocalStackError> {
        self.process.take().map_or(Ok(()), |process| process.end(signal))
    }

    fn start_on(&mut self, fixed: Option<u16>) -> Result<(), LocalStackError> {
        let mut attempt = 1;
        loop {
            let port = fixed.map_or_else(ports::free, Ok)?;
            self.access.port = port;
            match self.try_start() {
                Err(LocalStackError::Ended { log, .. })
                    if attempt < START_ATTEMPTS && is_passing(&log, fixed.is_some()) =>
                {
                    attempt += 1;
                    pause();
                }
                other => return other,
            }
        }
    }

    fn try_start(&mut self) -> Result<(), LocalStackError> {
        let mut command = Command::new(&self.binary);
        command
            .arg("-D")
            .arg(&self.data)
            .args(["-p", &self.access.port.to_string()])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.folder.path());
        let mut process = ServerProcess::spawn(NAME, command, self.folder.account(), &self.log)?;
        let status = self.data.join("postmaster.pid");
        let pid = process.pid().to_string();
        let outcome = process.wait_until(|| {
            // The server's own word in its lock file, as pg_ctl reads it; an old file of a
            // crashed server names another process.
            std::fs::read_to_string(&status).is_ok_and(|text| {
                text.lines().next() == Some(&pid)
                    && text.lines().nth(7).is_some_and(|line| line.trim() == "ready")
            })
        });
        self.process = Some(process);
        if outcome.is_err() {
            self.end("QUIT")?;
        }
        outcome
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Its files go away with it, so nothing needs to be written. What fails here is left to
        // the folder, which ends what still runs.
        drop(self.kill());
    }
}

/// Whether a failed start is worth another try: the port was taken in between, or processes of a
/// killed server have not noticed yet.
fn is_passing(log: &str, port_is_fixed: bool) -> bool {
    let port_taken = log.contains("Address already in use");
    (port_taken && !port_is_fixed) || log.contains("shared memory block")
}

fn init(
    folder: &PrivateFolder,
    binaries: &PostgresBinaries,
    data: &Path,
    password: &str,
) -> Result<(), LocalStackError> {
    let file = folder.write("postgres/password", password)?;
    folder.give_to_servers(&file)?;
    let mut command = Command::new(&binaries.initdb);
    command
        .args(["--username", "postgres", "--auth", "scram-sha-256", "--encoding", "UTF8"])
        .args(["--locale", "C.UTF-8", "--no-sync", "--no-instructions", "--pwfile"])
        .arg(&file)
        .arg("--pgdata")
        .arg(data)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(folder.path());
    if let Some(account) = folder.account() {
        account.apply(&mut command);
    }
    let output = command.output().map_err(LocalStackError::program("initdb"))?;
    std::fs::remove_file(&file).map_err(LocalStackError::file("remove", &file))?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LocalStackError::Program { program: "initdb".to_owned(), output })
}

fn configure(data: &Path, options: &PostgresOptions) -> Result<(), LocalStackError> {
    let durable = if options.durable { "on" } else { "off" };
    let ours = [
        ("listen_addresses", "127.0.0.1"),
        // Only TCP: no socket file whose path could be too long.
        ("unix_socket_directories", ""),
        ("max_connections", "200"),
        ("shared_buffers", "128MB"),
        ("max_wal_size", "2GB"),
        ("fsync", durable),
        ("synchronous_commit", durable),
        ("full_page_writes", durable),
        ("log_line_prefix", "%m [%p] %q%u@%d "),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    let theirs = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let text: String = ours
        .into_iter()
        .chain(theirs)
        .map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")))
        .collect();
    let path = data.join("postgresql.conf");
    std::fs::write(&path, text).map_err(LocalStackError::file("write", &path))
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    // A clash of ports is tried again with another port, never for ever with the same one.
    #[test]
    fn only_passing_failures_are_tried_again() {
        let clash = "could not bind IPv4 address \"127.0.0.1\": Address already in use";
        assert!(is_passing(clash, false));
        assert!(!is_passing(clash, true));
        assert!(is_passing("pre-existing shared memory block is still in use", true));
        assert!(!is_passing("FATAL: unrecognized configuration parameter", false));
    }
}
