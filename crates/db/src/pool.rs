//! The pool of one service, and the one way to read.

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use secrecy::{ExposeSecret, SecretString};

use crate::{DbError, QueryResult, Value, WriterTx};

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `postgres://` URL of the service's runtime role, with its schema as search path.
    pub url: SecretString,
    /// Connections at most.
    pub connections_max: u32,
    /// Name that the server shows for the connections.
    pub application_name: String,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long the server lets a statement run.
    pub statement_timeout: Duration,
}

impl DatabaseSettings {
    /// Settings with the defaults for everything but the address.
    #[must_use]
    pub fn new(url: SecretString, application_name: &str) -> Self {
        Self {
            url,
            connections_max: 10,
            application_name: application_name.to_owned(),
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

/// The pool of one service.
#[derive(Debug, Clone)]
pub struct Database {
    connection: DatabaseConnection,
}

impl Database {
    /// Prepares the pool. Connections are made when needed, so that a service starts, and says that
    /// it is not ready, while its database is away.
    ///
    /// # Errors
    /// When the URL cannot be understood.
    #[expect(clippy::disallowed_methods, reason = "this is the place that connects")]
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, DbError> {
        let mut options = ConnectOptions::new(settings.url.expose_secret());
        let statement_timeout_ms = settings.statement_timeout.as_millis().to_string();
        options
            .max_connections(settings.connections_max)
            .min_connections(1)
            .acquire_timeout(settings.acquire_timeout)
            .connect_timeout(settings.acquire_timeout)
            .set_application_name(settings.application_name.clone())
            .test_before_acquire(false)
            .connect_lazy(true)
            .sqlx_logging(false)
            .record_stmt_in_spans(false)
            .map_sqlx_postgres_opts(move |options| {
                options.options([
                    ("statement_timeout", statement_timeout_ms.as_str()),
                    ("idle_in_transaction_session_timeout", "30s"),
                ])
            });
        let connection = sea_orm::Database::connect(options).await?;
        Ok(Self { connection })
    }

    /// Runs one reading statement in one round trip. To see tenant rows it must call a function that
    /// sets the tenant for its own transaction.
    ///
    /// # Errors
    /// As the database says.
    pub async fn read(
        &self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbError> {
        Ok(self.connection.query_all_raw(statement(sql, arguments)).await?)
    }

    /// Begins the writer's transaction.
    ///
    /// # Errors
    /// As the database says.
    pub async fn begin(&self) -> Result<WriterTx, DbError> {
        WriterTx::begin(self.connection.clone()).await
    }

    /// Runs one statement that writes beside the log, in a transaction of its own and to its end even
    /// when the caller goes away: tables of ids and positions (leases, relay positions), or tenant
    /// rows through a function that sets its tenant (checkpoints, the reset before a rebuild).
    ///
    /// # Errors
    /// As the database says.
    pub async fn write_positions(
        &self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbError> {
        let database = self.clone();
        let task = tokio::spawn(async move {
            let transaction = database.begin().await?;
            let rows = transaction.query(sql, arguments).await?;
            transaction.commit().await?;
            Ok(rows)
        });
        task.await.unwrap_or_else(|error| Err(DbError::Driver(error.to_string())))
    }

    /// Closes the pool; waits for what is running.
    pub async fn close(&self) {
        // The pool is closed for good: there is nothing left to do about an error.
        if let Err(error) = self.connection.close_by_ref().await {
            tracing::warn!(%error, "closing the pool failed");
        }
    }
}

pub(crate) fn statement(sql: &str, arguments: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, arguments)
}
