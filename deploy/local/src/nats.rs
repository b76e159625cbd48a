//! A private NATS server with JetStream, which tests may stop, kill, pause and wipe.

use crate::binaries::NatsBinary;
use crate::error::LocalStackError;
use crate::folder::{PrivateFolder, write_secret};
use crate::nats_config::{NatsUsers, render};
use crate::ports;
use crate::process::{ServerProcess, pause};
use crate::random;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

const NAME: &str = "nats-server";
const START_ATTEMPTS: u32 = 20;

/// A private NATS server. Dropping it ends the server.
#[derive(Debug)]
pub struct NatsServer {
    server_name: String,
    port: u16,
    users: NatsUsers,
    binary: PathBuf,
    home: PathBuf,
    process: Option<ServerProcess>,
    // After the process, so that the folder outlives it.
    folder: Arc<PrivateFolder>,
}

impl NatsServer {
    /// Starts a server with an empty store in `folder`, on a free port, with new passwords.
    ///
    /// # Errors
    /// When nats-server is missing or too old, or does not start.
    pub fn start(folder: &Arc<PrivateFolder>) -> Result<Self, LocalStackError> {
        let binary = NatsBinary::find()?.nats_server;
        let home = folder.server_folder("nats")?;
        let mut server = Self {
            server_name: format!("backlog-{}", random::hex::<8>()?),
            port: 0,
            users: NatsUsers::generate()?,
            binary,
            home,
            process: None,
            folder: Arc::clone(folder),
        };
        let mut attempt = 1;
        loop {
            server.port = ports::free()?;
            match server.start_again() {
                Err(LocalStackError::Ended { log, .. })
                    if attempt < START_ATTEMPTS && log.contains("address already in use") =>
                {
                    attempt += 1;
                    pause();
                }
                other => return other.map(|()| server),
            }
        }
    }

    /// The port on 127.0.0.1; it stays the same for the life of this value.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's URL, without credentials.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The users with their passwords.
    #[must_use]
    pub fn users(&self) -> &NatsUsers {
        &self.users
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::pid)
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When the server cannot be signaled.
    pub fn stop(&mut self) -> Result<(), LocalStackError> {
        self.end("TERM")
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    /// When the server cannot be signaled.
    pub fn kill(&mut self) -> Result<(), LocalStackError> {
        self.end("KILL")
    }

    /// Freezes it: connections stay open and nothing answers, until [`NatsServer::resume`].
    ///
    /// # Errors
    /// When the server cannot be signaled.
    pub fn pause(&mut self) -> Result<(), LocalStackError> {
        self.process.as_mut().map_or(Ok(()), ServerProcess::freeze)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When the server cannot be signaled.
    pub fn resume(&mut self) -> Result<(), LocalStackError> {
        self.process.as_mut().map_or(Ok(()), |process| process.signal("CONT"))
    }

    /// Starts it again on the same port with the same store, after ending it if it still runs.
    ///
    /// # Errors
    /// When the server does not start.
    pub fn restart(&mut self) -> Result<(), LocalStackError> {
        self.stop()?;
        self.start_again()
    }

    /// Kills it, deletes its whole store, and starts it empty on the same port.
    ///
    /// # Errors
    /// When the store cannot be deleted or the server does not start.
    pub fn wipe_store(&mut self) -> Result<(), LocalStackError> {
        self.kill()?;
        let store = self.home.join("store");
        std::fs::remove_dir_all(&store).map_err(LocalStackError::file("remove", &store))?;
        self.start_again()
    }

    /// Lets the server live on after this value.
    pub(crate) fn detach(&mut self) {
        self.process = None;
    }

    fn end(&mut self, signal: &str) -> Result<(), LocalStackError> {
        self.process.take().map_or(Ok(()), |process| process.end(signal))
    }

    fn start_again(&mut self) -> Result<(), LocalStackError> {
        let config = self.home.join("nats.conf");
        write_secret(&config, &render(&self.server_name, self.port, &self.home, &self.users))?;
        self.folder.give_to_servers(&config)?;
        let mut command = Command::new(&self.binary);
        command.arg("-c").arg(&config).env_clear().current_dir(self.folder.path());
        let log = self.home.join("log");
        let mut process = ServerProcess::spawn(NAME, command, self.folder.account(), &log)?;
        let outcome = process.wait_until(|| self.answers());
        self.process = Some(process);
        if outcome.is_err() {
            self.end("KILL")?;
        }
        outcome
    }

    /// Whether this very server greets on the port, with JetStream on: another server that took
    /// the port in between greets with another name.
    fn answers(&self) -> bool {
        let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        let mut greeting = String::new();
        if BufReader::new(stream).read_line(&mut greeting).is_err() {
            return false;
        }
        let info = greeting.strip_prefix("INFO ").unwrap_or_default();
        serde_json::from_str::<serde_json::Value>(info).is_ok_and(|info| {
            info.get("server_name").and_then(|name| name.as_str()) == Some(&self.server_name)
                && info.get("jetstream").and_then(serde_json::Value::as_bool) == Some(true)
        })
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // What fails here is left to the folder, which ends what still runs.
        drop(self.kill());
    }
}
