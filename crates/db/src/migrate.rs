//! Migrations: SQL files, each in a transaction of its own, run by the owner role.

use sea_orm::ConnectionTrait;
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};
use secrecy::{ExposeSecret, SecretString};

use crate::DbError;

/// A migration file. Once released it never changes; it must work beside the code before it.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Name, which orders it: `0001_event_log`.
    pub name: &'static str,
    /// The file's text.
    pub sql: &'static str,
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[sea_orm_migration::async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), sea_orm::DbErr> {
        manager.get_connection().execute_unprepared(self.sql).await?;
        Ok(())
    }
}

struct Files(Vec<Migration>);

impl MigratorTraitSelf for Files {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.0.iter().map(|file| -> Box<dyn MigrationTrait> { Box::new(*file) }).collect()
    }
}

/// Applies what is not applied yet, in order. `owner_url` is that of the schema's owner, with the
/// schema as its search path.
///
/// # Errors
/// As the database says; what was applied before the failing file stays.
#[expect(clippy::disallowed_methods, reason = "this is the place that connects")]
pub async fn migrate(owner_url: &SecretString, files: Vec<Migration>) -> Result<(), DbError> {
    let mut options = sea_orm::ConnectOptions::new(owner_url.expose_secret());
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await?;
    let outcome = Files(files).up(&connection, None).await;
    connection.close().await?;
    Ok(outcome?)
}
