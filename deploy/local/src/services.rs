//! The three services on a stack: their configuration files, and their processes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::databases::{DatabaseUrls, SERVICES, ServiceDatabase};
use crate::error::LocalStackError;
use crate::folder::write_secret;
use crate::keys::{DevelopmentKey, DevelopmentKeys};
use crate::nats_config::{NatsUser, NatsUsers};
use crate::ports;
use crate::process::ServerProcess;

/// The issuer of operators' tokens on a local stack; it is bound to no account.
pub const OPERATOR_ISSUER: &str = "https://operator.local";

/// The audience of all tokens for people and integrators on a local stack.
pub const AUDIENCE: &str = "backlog";

/// How far services that follow others' logs give way to the one whose clients wait.
const FOLLOWER_NICENESS: &str = "19";

/// The name under which a local stack signs its audit checkpoints.
pub const CHECKPOINT_NAME: &str = "backlog.local";

/// What services need to be told.
#[derive(Debug, Clone, Copy)]
pub struct ServiceInputs<'a> {
    /// Where configuration, issuers file and logs go; it exists.
    pub folder: &'a Path,
    /// Their database.
    pub databases: &'a DatabaseUrls,
    /// Their broker.
    pub nats_url: &'a str,
    /// Who they are to the broker.
    pub nats: &'a NatsUsers,
    /// Their keys.
    pub keys: &'a DevelopmentKeys,
    /// Further TOML for every service, such as a telemetry section; may be empty.
    pub extra: &'a str,
}

/// One configured service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFiles {
    /// `contract`, `recognition` or `reporting`.
    pub name: String,
    /// Its gRPC address.
    pub url: String,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its configuration file.
    pub config: PathBuf,
    /// Its log.
    pub log: PathBuf,
}

/// The configured services of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesFiles {
    /// The contract service.
    pub contract: ServiceFiles,
    /// The recognition service.
    pub recognition: ServiceFiles,
    /// The reporting service.
    pub reporting: ServiceFiles,
    /// Whose tokens the services take; entries may be added while they run.
    pub issuers: PathBuf,
}

impl ServicesFiles {
    /// Chooses free ports and writes the issuers file and the three configuration files.
    ///
    /// # Errors
    /// When a file cannot be written or no port is free.
    pub fn write(inputs: &ServiceInputs<'_>) -> Result<Self, LocalStackError> {
        let issuers = inputs.folder.join("issuers.toml");
        write_secret(&issuers, &issuers_toml(inputs.keys))?;
        let [contract, recognition, reporting] = SERVICES;
        let contract = files(inputs.folder, contract)?;
        let recognition = files(inputs.folder, recognition)?;
        let reporting = files(inputs.folder, reporting)?;
        let written = Self { contract, recognition, reporting, issuers };
        for name in SERVICES {
            written.write_config(inputs, name)?;
        }
        Ok(written)
    }

    /// The three of them, in the order in which they depend on each other.
    #[must_use]
    pub fn all(&self) -> [&ServiceFiles; 3] {
        [&self.contract, &self.recognition, &self.reporting]
    }

    fn write_config(&self, inputs: &ServiceInputs<'_>, name: &str) -> Result<(), LocalStackError> {
        let (files, database, user, key) = match name {
            "contract" => (
                &self.contract,
                &inputs.databases.contract,
                &inputs.nats.contract,
                &inputs.keys.contract,
            ),
            "recognition" => (
                &self.recognition,
                &inputs.databases.recognition,
                &inputs.nats.recognition,
                &inputs.keys.recognition,
            ),
            _ => (
                &self.reporting,
                &inputs.databases.reporting,
                &inputs.nats.reporting,
                &inputs.keys.reporting,
            ),
        };
        let own = match name {
            "recognition" => format!("[logs]\ncontract_url = \"{}\"\n", self.contract.url),
            "reporting" => format!(
                "[logs]\ncontract_url = \"{}\"\nrecognition_url = \"{}\"\n\n\
                 [audit]\nkey_name = \"{CHECKPOINT_NAME}\"\nkey_file = \"{}\"\n",
                self.contract.url,
                self.recognition.url,
                inputs.keys.checkpoint.private_key_path.display(),
            ),
            _ => String::new(),
        };
        let text = config_toml(inputs, files, database, user, key, &self.issuers, &own);
        write_secret(&files.config, &text)
    }
}

fn files(folder: &Path, name: &str) -> Result<ServiceFiles, LocalStackError> {
    let port = ports::free()?;
    Ok(ServiceFiles {
        name: name.to_owned(),
        url: format!("http://127.0.0.1:{port}"),
        port,
        config: folder.join(format!("{name}.toml")),
        log: folder.join(format!("{name}.log")),
    })
}

fn issuers_toml(keys: &DevelopmentKeys) -> String {
    format!(
        "[[issuer]]\nissuer = \"{OPERATOR_ISSUER}\"\nalgorithm = \"EdDSA\"\njwks = \"{}\"\n\
         audience = \"{AUDIENCE}\"\n\n\
         [[issuer]]\nissuer = \"backlog-services\"\nkind = \"services\"\nalgorithm = \"EdDSA\"\n\
         jwks = \"{}\"\n",
        keys.user_issuer.jwks_path.display(),
        keys.services_jwks_path.display(),
    )
}

fn config_toml(
    inputs: &ServiceInputs<'_>,
    files: &ServiceFiles,
    database: &ServiceDatabase,
    user: &NatsUser,
    key: &DevelopmentKey,
    issuers: &Path,
    own: &str,
) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:{}\"\n\n\
         [database]\nruntime_url = \"{}\"\nowner_url = \"{}\"\n\n\
         [nats]\nurl = \"{}\"\nuser = \"{}\"\npassword = \"{}\"\n\n\
         [auth]\nissuers_file = \"{}\"\nservice_key_file = \"{}\"\n\n{own}\n{}\n",
        files.port,
        database.runtime_url,
        database.owner_url,
        inputs.nats_url,
        user.name,
        user.password,
        issuers.display(),
        key.private_key_path.display(),
        inputs.extra,
    )
}

/// A service that runs. Dropping it lets it run on; the end of its stack ends it.
#[derive(Debug)]
pub struct ServiceProcess {
    files: ServiceFiles,
    binary: PathBuf,
    process: Option<ServerProcess>,
}

impl ServiceProcess {
    /// Brings the service's schema up to date with the program `backlog-<name>` in `binaries`.
    ///
    /// # Errors
    /// When the program is missing or says no.
    pub fn migrate(files: &ServiceFiles, binaries: &Path) -> Result<(), LocalStackError> {
        let binary = binary(files, binaries);
        let output = Command::new(&binary)
            .args(["migrate", "--config"])
            .arg(&files.config)
            .output()
            .map_err(LocalStackError::program("the service's program"))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(LocalStackError::Program {
            program: format!("{} migrate", binary.display()),
            output: text,
        })
    }

    /// Starts the service and waits until it listens; whether it is ready its health service tells.
    ///
    /// # Errors
    /// When the program is missing or ends, with what it logged.
    pub fn start(files: ServiceFiles, binaries: &Path) -> Result<Self, LocalStackError> {
        let binary = binary(&files, binaries);
        let mut service = Self { files, binary, process: None };
        service.restart()?;
        Ok(service)
    }

    /// Starts it again after it ended, on the same port.
    ///
    /// # Errors
    /// As [`ServiceProcess::start`].
    pub fn restart(&mut self) -> Result<(), LocalStackError> {
        // A service whose clients wait for its answers goes before those that follow its log: on one
        // machine they would take the processor from each other.
        let follows = self.files.name != SERVICES[0];
        let mut command = Command::new("nice");
        command.args(["-n", if follows { FOLLOWER_NICENESS } else { "0" }]).arg(&self.binary);
        command.args(["serve", "--config"]).arg(&self.files.config);
        let mut process = ServerProcess::spawn("service", command, None, &self.files.log)?;
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], self.files.port));
        // By this file the end of the stack finds it.
        let pid = self.files.config.with_extension("pid");
        write_secret(&pid, &format!("{}\n", process.pid()))?;
        process.wait_until(|| std::net::TcpStream::connect(address).is_ok())?;
        self.process = Some(process);
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn files(&self) -> &ServiceFiles {
        &self.files
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::pid)
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<(), LocalStackError> {
        self.process.take().map_or(Ok(()), |process| process.end("KILL"))
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&mut self) -> Result<(), LocalStackError> {
        self.process.take().map_or(Ok(()), |process| process.end("TERM"))
    }
}

fn binary(files: &ServiceFiles, binaries: &Path) -> PathBuf {
    binaries.join(format!("backlog-{}", files.name))
}
