//! Databases, schemas and roles: one schema per service, with an owner that migrates it and a
//! runtime role that can only use its rows.

use crate::error::LocalStackError;
use crate::psql::PostgresAccess;
use crate::random;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The services that have a schema, which is named as they are.
pub const SERVICES: [&str; 3] = ["contract", "recognition", "reporting"];

const NAME_LENGTH_MAX: usize = 63;

/// A private Postgres with the roles of all services; roles and passwords hold for all its
/// databases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseCluster {
    /// How to reach it as superuser.
    pub access: PostgresAccess,
    role_password: String,
}

/// One database and the URLs to reach it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseUrls {
    /// The name of the database.
    pub database: String,
    /// The superuser's URL: for tests that look behind row-level security, for nothing else.
    pub superuser_url: String,
    /// The schema of the contract service.
    pub contract: ServiceDatabase,
    /// The schema of the recognition service.
    pub recognition: ServiceDatabase,
    /// The schema of the reporting service.
    pub reporting: ServiceDatabase,
}

/// One service's schema in one database. The URLs set `search_path` to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceDatabase {
    /// The schema, named as the service.
    pub schema: String,
    /// Owns the schema and runs migrations.
    pub owner_role: String,
    /// Reads and writes rows, under row-level security, and owns nothing.
    pub runtime_role: String,
    /// URL of the owner.
    pub owner_url: String,
    /// URL of the runtime role.
    pub runtime_url: String,
}

impl DatabaseUrls {
    /// The three services' schemas.
    #[must_use]
    pub fn services(&self) -> [&ServiceDatabase; 3] {
        [&self.contract, &self.recognition, &self.reporting]
    }
}

impl DatabaseCluster {
    /// Creates the roles of all services in a fresh Postgres, with a generated password.
    ///
    /// # Errors
    /// What Postgres said.
    pub fn create(access: PostgresAccess) -> Result<Self, LocalStackError> {
        let cluster = Self { access, role_password: random::hex::<16>()? };
        let mut sql = String::from(
            "revoke all on database postgres, template1 from public;\n\
             revoke all on schema public from public;\n",
        );
        for role in SERVICES.iter().flat_map(|service| [owner(service), runtime(service)]) {
            let schema = role.split('_').next().unwrap_or_default();
            // Writing to a String cannot fail.
            let _: std::fmt::Result = write!(
                sql,
                "create role {role} login nosuperuser nocreatedb nocreaterole noinherit \
                 noreplication nobypassrls password '{}';\n\
                 alter role {role} set search_path = {schema};\n",
                cluster.role_password
            );
        }
        cluster.access.run("postgres", &sql)?;
        Ok(cluster)
    }

    /// Creates the database `name` with the three empty schemas.
    ///
    /// # Errors
    /// When the name is bad or taken.
    pub fn create_database(&self, name: &str) -> Result<DatabaseUrls, LocalStackError> {
        check_name(name)?;
        self.access.run("postgres", &format!("create database {name} template template0;"))?;
        self.grant_connect(name)?;
        let schemas: String = SERVICES.iter().map(|service| schema_sql(service)).collect();
        self.access.run(name, &format!("revoke all on schema public from public;\n{schemas}"))?;
        Ok(self.urls(name))
    }

    /// Copies the database `template` with all its tables and rows to `name`. Nobody may be
    /// connected to the template: see [`DatabaseCluster::seal_template`].
    ///
    /// # Errors
    /// When a name is bad, or somebody is connected to the template.
    pub fn create_from_template(
        &self,
        name: &str,
        template: &str,
    ) -> Result<DatabaseUrls, LocalStackError> {
        check_name(name)?;
        check_name(template)?;
        self.access.run("postgres", &format!("create database {name} template {template};"))?;
        // A copy has the contents of the template, but not the grants on the database itself.
        self.grant_connect(name)?;
        Ok(self.urls(name))
    }

    /// Makes `name` a template: closes it to connections and ends those that linger.
    ///
    /// # Errors
    /// When the name is bad or there is no such database.
    pub fn seal_template(&self, name: &str) -> Result<(), LocalStackError> {
        check_name(name)?;
        let sql = format!(
            "alter database {name} with is_template true allow_connections false;\n\
             select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}';"
        );
        self.access.run("postgres", &sql).map(drop)
    }

    /// Whether `name` exists and was sealed as a template.
    ///
    /// # Errors
    /// When the name is bad.
    pub fn has_template(&self, name: &str) -> Result<bool, LocalStackError> {
        check_name(name)?;
        let sql = format!("select 1 from pg_database where datname = '{name}' and datistemplate;");
        Ok(self.access.run("postgres", &sql)? == "1")
    }

    /// Drops the database `name`, ending its connections; without effect when there is none.
    ///
    /// # Errors
    /// When the name is bad, or the database is a template.
    pub fn drop_database(&self, name: &str) -> Result<(), LocalStackError> {
        check_name(name)?;
        let sql = format!("drop database if exists {name} with (force);");
        self.access.run("postgres", &sql).map(drop)
    }

    /// The URLs for the database `name`, which need not exist yet.
    #[must_use]
    pub fn urls(&self, name: &str) -> DatabaseUrls {
        let service = |service: &str| ServiceDatabase {
            schema: service.to_owned(),
            owner_role: owner(service),
            runtime_role: runtime(service),
            owner_url: self.url(&owner(service), service, name),
            runtime_url: self.url(&runtime(service), service, name),
        };
        let [contract, recognition, reporting] = SERVICES.map(service);
        DatabaseUrls {
            database: name.to_owned(),
            superuser_url: self.access.superuser_url(name),
            contract,
            recognition,
            reporting,
        }
    }

    /// Runs SQL in `database` as one of the services' roles; for tests of what a role may do.
    ///
    /// # Errors
    /// What Postgres said.
    pub fn run_as(&self, role: &str, database: &str, sql: &str) -> Result<String, LocalStackError> {
        self.access.run_as(role, &self.role_password, database, sql)
    }

    fn url(&self, role: &str, schema: &str, database: &str) -> String {
        format!(
            "postgres://{role}:{}@127.0.0.1:{}/{database}?options=-csearch_path%3D{schema}",
            self.role_password, self.access.port
        )
    }

    fn grant_connect(&self, name: &str) -> Result<(), LocalStackError> {
        let roles: Vec<String> =
            SERVICES.iter().flat_map(|service| [owner(service), runtime(service)]).collect();
        let sql = format!(
            "revoke all on database {name} from public;\n\
             grant connect on database {name} to {};",
            roles.join(", ")
        );
        self.access.run("postgres", &sql).map(drop)
    }
}

fn owner(service: &str) -> String {
    format!("{service}_owner")
}

fn runtime(service: &str) -> String {
    format!("{service}_runtime")
}

/// The schema of a service, and what its runtime role may do with what the owner will create.
fn schema_sql(service: &str) -> String {
    let (owner, runtime) = (owner(service), runtime(service));
    format!(
        "create schema {service} authorization {owner};\n\
         grant usage on schema {service} to {runtime};\n\
         alter default privileges for role {owner} revoke execute on functions from public;\n\
         alter default privileges for role {owner} in schema {service} \
         grant select, insert, update, delete on tables to {runtime};\n\
         alter default privileges for role {owner} in schema {service} \
         grant usage on sequences to {runtime};\n\
         alter default privileges for role {owner} in schema {service} \
         grant execute on functions to {runtime};\n"
    )
}

fn check_name(name: &str) -> Result<(), LocalStackError> {
    let legal = name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if legal { Ok(()) } else { Err(LocalStackError::DatabaseName { name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::check_name;

    // Names go into SQL unquoted, so nothing else than plain identifiers may pass.
    #[test]
    fn database_names_are_plain_identifiers() {
        for good in ["backlog", "t_1", &"a".repeat(63)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "A", "a-b", "a;drop", "a b", "ä", &"a".repeat(64)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
