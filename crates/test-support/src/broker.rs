//! A private NATS server for one test, which the test may stop, kill, pause and wipe.

use crate::cluster::blocking;
use backlog_local_stack::{LocalStackError, NatsServer, NatsUsers, PrivateFolder};
use std::sync::Arc;

/// A NATS server with an empty store. Dropping the value ends it and removes its files. The
/// methods that disturb it work off the test's tasks, so that these go on meanwhile.
#[derive(Debug)]
pub struct TestBroker {
    server: Option<NatsServer>,
    url: String,
    users: NatsUsers,
}

impl TestBroker {
    /// Starts a server; this takes milliseconds.
    ///
    /// # Errors
    /// When nats-server is missing or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let server =
            blocking(|| Ok(NatsServer::start(&Arc::new(PrivateFolder::create()?))?)).await?;
        let (url, users) = (server.url(), server.users().clone());
        Ok(Self { server: Some(server), url, users })
    }

    /// The server's URL, without credentials; it never changes.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The users and their passwords, which never change.
    #[must_use]
    pub fn users(&self) -> &NatsUsers {
        &self.users
    }

    /// Ends the server as `kill -9` does.
    ///
    /// # Errors
    /// When it cannot be signaled.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.with(NatsServer::kill).await
    }

    /// Freezes the server: connections stay open and nothing answers.
    ///
    /// # Errors
    /// When it cannot be signaled.
    pub async fn pause(&mut self) -> anyhow::Result<()> {
        self.with(NatsServer::pause).await
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When it cannot be signaled.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        self.with(NatsServer::resume).await
    }

    /// Starts the server again with its store, after ending it if it still runs.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.with(NatsServer::restart).await
    }

    /// Kills the server, deletes its whole store and starts it empty.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn wipe_store(&mut self) -> anyhow::Result<()> {
        self.with(NatsServer::wipe_store).await
    }

    async fn with(
        &mut self,
        work: impl FnOnce(&mut NatsServer) -> Result<(), LocalStackError> + Send + 'static,
    ) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else {
            anyhow::bail!("an earlier call was dropped before it ended, and the server with it");
        };
        let (server, outcome) = blocking(move || {
            let outcome = work(&mut server);
            Ok((server, outcome))
        })
        .await?;
        self.server = Some(server);
        Ok(outcome?)
    }
}
