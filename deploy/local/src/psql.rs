//! Access to one private Postgres as its superuser, through `psql`: this crate needs no driver.

use crate::error::LocalStackError;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where a private Postgres listens, and the superuser's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresAccess {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The password of `postgres`, the superuser.
    pub password: String,
    /// The `psql` that belongs to the server.
    pub psql: PathBuf,
}

impl PostgresAccess {
    /// The superuser's URL for `database`.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Runs SQL statements one by one in `database` as the superuser, stopping at the first
    /// error; answers the rows, unaligned, fields separated by `|`.
    ///
    /// # Errors
    /// What Postgres or `psql` said.
    pub fn run(&self, database: &str, sql: &str) -> Result<String, LocalStackError> {
        self.run_as("postgres", &self.password, database, sql)
    }

    /// As [`PostgresAccess::run`], as another role.
    ///
    /// # Errors
    /// What Postgres or `psql` said.
    pub fn run_as(
        &self,
        role: &str,
        password: &str,
        database: &str,
        sql: &str,
    ) -> Result<String, LocalStackError> {
        let mut child = Command::new(&self.psql)
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password"])
            .args(["--set", "ON_ERROR_STOP=1", "--file", "-", "--host", "127.0.0.1"])
            .args(["--port", &self.port.to_string(), "--username", role, "--dbname", database])
            // Nothing of the caller's own Postgres settings may leak in.
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("PGPASSWORD", password)
            .env("PGCLIENTENCODING", "UTF8")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(LocalStackError::program("psql"))?;
        let written = child.stdin.take().map(|mut input| input.write_all(sql.as_bytes()));
        let output = child.wait_with_output().map_err(LocalStackError::program("psql"))?;
        if !output.status.success() {
            let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(LocalStackError::Program { program: "psql".to_owned(), output });
        }
        written.transpose().map_err(LocalStackError::program("psql"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}
