//! What every command has: options, the services, tokens, time, and a way to answer.

use std::path::PathBuf;
use std::time::Duration;

use backlog_ids::EventId;
use backlog_proto::common::v1::LogPosition;
use backlog_service_kit::{Clock, Ids};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use crate::client::{Addresses, Client, Connections, PositionBook, later};
use crate::failure::Failure;
use crate::output;
use crate::stack::{Local, Subject, default_folder};

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Tables and sentences.
    Human,
    /// One JSON document.
    Json,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// How answers are written.
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub(crate) output: Output,
    /// Folder of the local stack; found by itself when it was started without.
    #[arg(long, global = true, env = "BACKLOG_STACK", value_name = "FOLDER")]
    pub(crate) stack: Option<PathBuf>,
    /// Address of the contract service; that of the local stack when absent.
    #[arg(long, global = true, env = "BACKLOG_CONTRACT_URL", value_name = "URL")]
    pub(crate) contract_url: Option<String>,
    /// Address of the recognition service; that of the local stack when absent.
    #[arg(long, global = true, env = "BACKLOG_RECOGNITION_URL", value_name = "URL")]
    pub(crate) recognition_url: Option<String>,
    /// Address of the reporting service; that of the local stack when absent.
    #[arg(long, global = true, env = "BACKLOG_REPORTING_URL", value_name = "URL")]
    pub(crate) reporting_url: Option<String>,
    /// Authority that signed the services' certificates, for https:// addresses.
    #[arg(long, global = true, env = "BACKLOG_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Bearer token.
    #[arg(long, global = true, env = "BACKLOG_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// File with the bearer token.
    #[arg(long, global = true, env = "BACKLOG_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Seconds that a call may take.
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// What a command works with.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    options: Options,
    clock: Clock,
    ids: Ids,
}

impl Session {
    /// A session with these options; time and ids come from outside.
    #[must_use]
    pub(crate) fn new(options: Options, clock: Clock, ids: Ids) -> Self {
        Self { options, clock, ids }
    }

    /// A session on this stack alone, with its addresses and keys.
    pub(crate) fn on(&self, local: &Local) -> Self {
        let mut session = self.clone();
        session.options.stack = Some(local.manifest().folder.clone());
        session.options.contract_url = None;
        session.options.recognition_url = None;
        session.options.reporting_url = None;
        session.options.ca_file = None;
        session.options.token = None;
        session.options.token_file = None;
        session
    }

    /// Where the local stack is or would be.
    pub(crate) fn stack_folder(&self) -> PathBuf {
        self.options.stack.clone().unwrap_or_else(default_folder)
    }

    /// The local stack; none when none runs where it is looked for.
    pub(crate) fn local(&self) -> Result<Option<Local>, Failure> {
        Local::find(&self.stack_folder())
    }

    /// The local stack, which must be there.
    pub(crate) fn need_local(&self) -> Result<Local, Failure> {
        Local::open(&self.stack_folder())
    }

    /// How long a call may take.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.options.timeout)
    }

    /// The day, in UTC.
    pub(crate) fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }

    /// The time.
    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    /// The request id given, or a new one.
    pub(crate) fn request_id(&self, given: Option<&str>) -> String {
        given.map_or_else(|| self.ids.next::<EventId>().to_string(), str::to_owned)
    }

    /// Where the services are: as told, else as the local stack's manifest says.
    pub(crate) fn addresses(&self) -> Result<Addresses, Failure> {
        let options = &self.options;
        let told = [&options.contract_url, &options.recognition_url, &options.reporting_url];
        let local = if told.iter().all(|url| url.is_some()) { None } else { self.local()? };
        let local = local.map(|local| local.addresses());
        let pick = |told: &Option<String>, of_local: fn(&Addresses) -> &String, name: &str| {
            let url = told.clone().or_else(|| local.as_ref().map(|local| of_local(local).clone()));
            url.ok_or_else(|| {
                Failure::usage(format!("no address of the {name} service")).advise(format!(
                    "give --{name}-url or BACKLOG_{}_URL, or start a stack: backlog dev up",
                    name.to_uppercase()
                ))
            })
        };
        Ok(Addresses {
            contract: pick(&options.contract_url, |local| &local.contract, "contract")?,
            recognition: pick(&options.recognition_url, |local| &local.recognition, "recognition")?,
            reporting: pick(&options.reporting_url, |local| &local.reporting, "reporting")?,
            ca_file: options.ca_file.clone(),
        })
    }

    /// Connections to the services.
    pub(crate) fn connections(&self) -> Result<Connections, Failure> {
        Connections::new(&self.addresses()?, self.timeout())
    }

    /// The token given by option, variable or file.
    pub(crate) fn given_token(&self) -> Result<Option<String>, Failure> {
        match (&self.options.token, &self.options.token_file) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Failure::usage(format!("cannot read {}: {error}", path.display()))
                })?;
                Ok(Some(text.trim().to_owned()))
            }
            (None, None) => Ok(None),
        }
    }

    /// Clients with the token that was given.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let Some(token) = self.given_token()? else {
            return Err(Failure::usage("no token").advise(
                "give --token, --token-file or BACKLOG_TOKEN; on a local stack: \
                 export BACKLOG_TOKEN=$(backlog token --tenant TENANT --role controller)",
            ));
        };
        self.connections()?.with_token(&token)
    }

    /// Clients with the token that was given, else with one of the local stack for `subject`.
    pub(crate) fn client_for(
        &self,
        subject: impl FnOnce(&Local) -> Result<Subject, Failure>,
    ) -> Result<Client, Failure> {
        if self.given_token()?.is_some() {
            return self.client();
        }
        let Some(local) = self.local()? else { return self.client() };
        let token = local.own_token(&subject(&local)?, self.now())?;
        self.connections()?.with_token(&token)
    }

    /// The positions remembered for the tenant of the token that was given.
    pub(crate) fn book(&self) -> Result<PositionBook, Failure> {
        let tenant = self.given_token()?.and_then(|token| claim(&token, "tenant"));
        let local = self.local()?;
        Ok(match (tenant, local) {
            (Some(tenant), Some(local)) => local.positions(&tenant),
            (Some(_) | None, _) => PositionBook::new(None),
        })
    }

    /// What an answer must include: what was written from here, and what was asked for.
    pub(crate) fn min_positions(&self, after: &[LogPosition]) -> Result<Vec<LogPosition>, Failure> {
        Ok(later(self.book()?.read(), after))
    }

    /// Writes an answer.
    pub(crate) fn answer(&self, human: &str, json: &serde_json::Value) {
        match self.options.output {
            Output::Human => output::line(human.trim_end_matches('\n')),
            Output::Json => output::line(&format!("{json:#}")),
        }
    }

    /// Whether answers are for people.
    pub(crate) fn is_human(&self) -> bool {
        self.options.output == Output::Human
    }
}

/// What a token says, unverified: only to find files by, never to trust.
pub(crate) fn claim(token: &str, name: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let value = claims.get(name)?.as_str()?;
    // It becomes part of a file's name.
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::claim;

    /// A claim that could leave its folder is none.
    #[test]
    fn claims_are_plain_names() {
        let token = |tenant: &str| {
            let claims = serde_json::json!({ "tenant": tenant }).to_string();
            format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims))
        };
        assert_eq!(claim(&token("ten_1"), "tenant").as_deref(), Some("ten_1"));
        assert_eq!(claim(&token("../x"), "tenant"), None);
        assert_eq!(claim("not a token", "tenant"), None);
    }
}
