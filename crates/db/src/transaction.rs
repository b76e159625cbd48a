//! The writer's transaction: the only one that may be open for more than one tenant.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait};

use crate::pool::statement;
use crate::{DbError, QueryResult, Value};

/// An open READ COMMITTED transaction. Dropped without [`WriterTx::commit`] it rolls back.
pub struct WriterTx {
    inner: DatabaseTransaction,
}

impl WriterTx {
    /// Begins in a spawned task, which nobody can drop half way.
    #[expect(clippy::disallowed_methods, reason = "this is the place that begins transactions")]
    pub(crate) async fn begin(connection: DatabaseConnection) -> Result<Self, DbError> {
        let begun = tokio::spawn(async move { connection.begin().await });
        match begun.await {
            Ok(inner) => Ok(Self { inner: inner? }),
            Err(error) => Err(DbError::Driver(error.to_string())),
        }
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// As the database says.
    pub async fn query(
        &self,
        sql: &str,
        arguments: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbError> {
        Ok(self.inner.query_all_raw(statement(sql, arguments)).await?)
    }

    /// Runs a statement for its effect.
    ///
    /// # Errors
    /// As the database says.
    pub async fn execute(&self, sql: &str, arguments: Vec<Value>) -> Result<(), DbError> {
        self.inner.execute_raw(statement(sql, arguments)).await?;
        Ok(())
    }

    /// Rolls back, leaving nothing behind.
    ///
    /// # Errors
    /// As the database says.
    pub async fn rollback(self) -> Result<(), DbError> {
        Ok(self.inner.rollback().await?)
    }

    /// Commits. When this fails with [`DbError::Lost`], the outcome is unknown.
    ///
    /// # Errors
    /// As the database says.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(self.inner.commit().await?)
    }
}
