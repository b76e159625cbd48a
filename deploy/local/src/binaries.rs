//! Finds the server programs: PATH first, then the folders where Debian puts them.

use crate::error::LocalStackError;
use std::path::{Path, PathBuf};
use std::process::Command;

const POSTGRES_OLDEST: (u32, u32) = (15, 0);
const NATS_OLDEST: (u32, u32) = (2, 9);
const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";

/// The programs of one Postgres installation, version 15 or newer.
#[derive(Clone, Debug)]
pub struct PostgresBinaries {
    /// Creates a data folder.
    pub initdb: PathBuf,
    /// The server.
    pub postgres: PathBuf,
    /// The client that runs SQL.
    pub psql: PathBuf,
}

/// The NATS server program, version 2.9 or newer.
#[derive(Clone, Debug)]
pub struct NatsBinary {
    /// The server.
    pub nats_server: PathBuf,
}

impl PostgresBinaries {
    /// Looks through PATH, then `/usr/lib/postgresql/*/bin` from the highest version down.
    ///
    /// # Errors
    /// Names the Debian package when nothing is found, or only versions that are too old.
    pub fn find() -> Result<Self, LocalStackError> {
        let mut too_old = None;
        for folder in path_folders().into_iter().chain(debian_postgres_folders()) {
            let Some(found) = Self::in_folder(&folder) else { continue };
            let version = version_of(&found.postgres)?;
            if parse_version(&version) >= Some(POSTGRES_OLDEST) {
                return Ok(found);
            }
            too_old.get_or_insert(version);
        }
        Err(missing_or_old("postgres", "postgresql", "15", too_old))
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        // A link leads to the folder in which the other programs of the same version are.
        let postgres = folder.join("postgres").canonicalize().ok()?;
        let home = postgres.parent()?;
        let initdb = Some(home.join("initdb")).filter(|path| path.is_file())?;
        let psql = Some(home.join("psql"))
            .filter(|path| path.is_file())
            .or_else(|| path_folders().into_iter().map(|f| f.join("psql")).find(|p| p.is_file()))?;
        Some(Self { initdb, postgres, psql })
    }
}

impl NatsBinary {
    /// Looks through PATH, then `/usr/sbin` and `/usr/local/bin`.
    ///
    /// # Errors
    /// Names the Debian package when nothing is found, or only a version that is too old.
    pub fn find() -> Result<Self, LocalStackError> {
        let mut too_old = None;
        let debian = ["/usr/sbin", "/usr/local/bin"].map(PathBuf::from);
        for folder in path_folders().into_iter().chain(debian) {
            let nats_server = folder.join("nats-server");
            if !nats_server.is_file() {
                continue;
            }
            let version = version_of(&nats_server)?;
            if parse_version(&version) >= Some(NATS_OLDEST) {
                return Ok(Self { nats_server });
            }
            too_old.get_or_insert(version);
        }
        Err(missing_or_old("nats-server", "nats-server", "2.9", too_old))
    }
}

fn missing_or_old(
    program: &'static str,
    package: &'static str,
    wanted: &'static str,
    too_old: Option<String>,
) -> LocalStackError {
    match too_old {
        Some(found) => LocalStackError::TooOld { program, found, wanted, package },
        None => LocalStackError::MissingProgram { program, package },
    }
}

fn path_folders() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

fn debian_postgres_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN_POSTGRES)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn version_of(program: &Path) -> Result<String, LocalStackError> {
    let name = program.display().to_string();
    let output =
        Command::new(program).arg("--version").output().map_err(LocalStackError::program(&name))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Major and minor of the first word that looks like a version: `postgres (PostgreSQL) 15.18`,
/// `nats-server: v2.9.10`, `postgres (PostgreSQL) 18beta1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word
            .trim_start_matches('v')
            .split(|c: char| !c.is_ascii_digit())
            .map(|digits| digits.parse::<u32>().ok());
        let major = numbers.next()??;
        Some((major, numbers.next().flatten().unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::{missing_or_old, parse_version};

    // Versions are read from what the programs print, and compared as numbers, not as text.
    #[test]
    fn reads_versions_as_printed() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some((15, 18))),
            ("postgres (PostgreSQL) 9.6.24", Some((9, 6))),
            ("postgres (PostgreSQL) 18beta1", Some((18, 0))),
            ("nats-server: v2.9.10", Some((2, 9))),
            ("nats-server: v2.10.1", Some((2, 10))),
            ("no number here", None),
        ];
        for (text, version) in cases {
            assert_eq!(parse_version(text), version, "{text}");
        }
        assert!(parse_version("v2.10.1") > parse_version("v2.9.10"));
    }

    // A missing or too old program names the package to install.
    #[test]
    fn says_what_to_install() {
        let missing = missing_or_old("postgres", "postgresql", "15", None).to_string();
        assert!(missing.contains("apt-get install postgresql"), "{missing}");
        let old = missing_or_old("nats-server", "nats-server", "2.9", Some("2.8.1".to_owned()));
        assert!(old.to_string().contains("2.9 or newer"), "{old}");
    }
}
