//! What can go wrong while a server is found, started or stopped, in words that say what to do.

use std::path::{Path, PathBuf};

/// Why the local stack could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum LocalStackError {
    /// A program is not on this machine.
    #[error("{program} was not found; install it with: apt-get install {package}")]
    MissingProgram {
        /// The program that was looked for.
        program: &'static str,
        /// The Debian package that contains it.
        package: &'static str,
    },
    /// A program is there, in a version that is too old.
    #[error(
        "{program} is version {found}, but {wanted} or newer is needed; \
         install it with: apt-get install {package}"
    )]
    TooOld {
        /// The program that was looked for.
        program: &'static str,
        /// The version found.
        found: String,
        /// The oldest version that works.
        wanted: &'static str,
        /// The Debian package that contains it.
        package: &'static str,
    },
    /// A file or folder could not be created, read, written or removed.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A child program could not be run, or answered with an error.
    #[error("{program} failed: {output}")]
    Program {
        /// The program that was run.
        program: String,
        /// What it said.
        output: String,
    },
    /// A server ended while it was starting.
    #[error("{server} ended while it was starting; its log says:\n{log}")]
    Ended {
        /// The server's name.
        server: &'static str,
        /// The end of its log.
        log: String,
    },
    /// A server runs but does not answer.
    #[error("{server} runs but did not become ready within {seconds} s; its log says:\n{log}")]
    NotReady {
        /// The server's name.
        server: &'static str,
        /// How long was waited.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// Every port that was tried is taken.
    #[error("no free port was found between {low} and {high} on 127.0.0.1")]
    NoFreePort {
        /// Lowest port tried.
        low: u16,
        /// Highest port tried.
        high: u16,
    },
    /// Started by root, and there is no account to run the servers as.
    #[error("servers must not run as root, and /etc/passwd has no account named nobody or daemon")]
    NoUnprivilegedAccount,
    /// A database name that would need quoting.
    #[error("{name:?} is no database name: a-z, 0-9 and _, starting with a letter, at most 63")]
    DatabaseName {
        /// The name given.
        name: String,
    },
    /// The manifest of a stack is missing, unreadable or not ours.
    #[error("{} is no manifest of a local stack of this user: {reason}", path.display())]
    Manifest {
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key could not be encoded.
    #[error("cannot encode the {purpose} key: {reason}")]
    Key {
        /// What the key is for.
        purpose: &'static str,
        /// What the encoder said.
        reason: String,
    },
}

impl LocalStackError {
    /// Closure for `map_err` that names the file and what was tried with it.
    pub(crate) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// Closure for `map_err` that names the program that could not be run.
    pub(crate) fn program(program: &str) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let program = program.to_owned();
        move |source| Self::Program { program, output: source.to_string() }
    }
}
