//! Typed configuration: defaults, then a TOML file, then `BACKLOG__SECTION__KEY`.
//!
//! It is read whole before anything binds or connects; what is wrong is printed and the process
//! exits with code 64. Secrets print as `[REDACTED]`.
//!
//! ```
//! use backlog_service_kit::config::{self, Arguments, Problems, ServerConfig, Settings};
//!
//! #[derive(Debug, serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     #[serde(default)]
//!     server: ServerConfig,
//! }
//!
//! impl Settings for Config {
//!     fn check(&self, problems: &mut Problems) {
//!         self.server.check("server", problems);
//!     }
//! }
//!
//! let environment = [("BACKLOG__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
//! let config: Config = config::load(&Arguments::default(), environment.into()).unwrap();
//! assert_eq!(config.server.listen.port(), 0);
//! ```

mod sections;

use std::{collections::HashMap, path::PathBuf, process::ExitCode};

use serde::de::DeserializeOwned;
use thiserror::Error;

pub use sections::{
    AuthConfig, DatabaseConfig, LimitsConfig, LogFormat, NatsConfig, ServerConfig, TelemetryConfig,
    TlsConfig,
};

/// Exit code of a process whose configuration or arguments are wrong (`EX_USAGE`).
pub const EXIT_USAGE: u8 = 64;
/// Names the file, unless `--config` does.
const FILE_VARIABLE: &str = "BACKLOG_CONFIG";

/// What is wrong with the configuration; all that could be found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the configuration is wrong:\n  {}", .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

impl ConfigError {
    /// Prints it to standard error and says how to exit.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        eprintln!("{self}");
        ExitCode::from(EXIT_USAGE)
    }
}

/// Collects what is wrong with values that have the right type.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Notes that the value at `path`, such as `server.listen`, is wrong.
    pub fn add(&mut self, path: &str, problem: &str) {
        self.0.push(format!("{path} {problem}"));
    }

    /// Notes that the value at `path` must be at least one.
    pub fn positive(&mut self, path: &str, value: u64) {
        if value == 0 {
            self.add(path, "must be at least 1");
        }
    }
}

/// The configuration of a service: sections of this module and its own.
pub trait Settings: DeserializeOwned {
    /// Notes everything that is wrong beyond types.
    fn check(&self, problems: &mut Problems);
}

/// The command line of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arguments {
    /// The file that `--config` names.
    pub config: Option<PathBuf>,
    /// What else was said, such as `migrate`.
    pub rest: Vec<String>,
}

impl Arguments {
    /// Reads arguments without the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, ConfigError> {
        let mut parsed = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--config" {
                let missing = || ConfigError(vec!["--config needs a file".to_owned()]);
                parsed.config = Some(PathBuf::from(arguments.next().ok_or_else(missing)?));
            } else if let Some(path) = argument.strip_prefix("--config=") {
                parsed.config = Some(PathBuf::from(path));
            } else if argument.starts_with('-') {
                return Err(ConfigError(vec![format!("{argument} is not an option")]));
            } else {
                parsed.rest.push(argument);
            }
        }
        Ok(parsed)
    }
}

/// Reads the command line and the environment of this process and then the configuration.
pub fn of_process<S: Settings>() -> Result<(S, Arguments), ConfigError> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let settings = load(&arguments, std::env::vars().collect())?;
    Ok((settings, arguments))
}

/// Reads the configuration: the file that `arguments` or `BACKLOG_CONFIG` name, if any, and then
/// the variables `BACKLOG__...` of `environment`.
pub fn load<S: Settings>(
    arguments: &Arguments,
    environment: HashMap<String, String>,
) -> Result<S, ConfigError> {
    let file = arguments.config.clone();
    let file = file.or_else(|| environment.get(FILE_VARIABLE).map(PathBuf::from));
    let mut builder = config::Config::builder();
    if let Some(path) = file {
        let file = config::File::from(path).format(config::FileFormat::Toml).required(true);
        builder = builder.add_source(file);
    }
    let variables = config::Environment::with_prefix("BACKLOG")
        .prefix_separator("__")
        .separator("__")
        .source(Some(environment.into_iter().collect()));
    let read = builder.add_source(variables).build();
    let one = |error: config::ConfigError| ConfigError(vec![error.to_string()]);
    let settings: S = read.and_then(config::Config::try_deserialize).map_err(one)?;
    let mut problems = Problems::default();
    settings.check(&mut problems);
    if problems.0.is_empty() { Ok(settings) } else { Err(ConfigError(problems.0)) }
}

#[cfg(test)]
mod tests;
