//! Where values come from, which win, and how mistakes are told.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::{
    Arguments, AuthConfig, ConfigError, DatabaseConfig, LimitsConfig, LogFormat, NatsConfig,
    Problems, ServerConfig, Settings, TelemetryConfig, load,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    server: ServerConfig,
    database: DatabaseConfig,
    nats: NatsConfig,
    auth: AuthConfig,
    #[serde(default)]
    telemetry: TelemetryConfig,
    #[serde(default)]
    limits: LimitsConfig,
}

impl Settings for Config {
    fn check(&self, problems: &mut Problems) {
        self.server.check("server", problems);
        self.database.check("database", problems);
        self.nats.check("nats", problems);
        self.auth.check("auth", problems);
        self.telemetry.check("telemetry", problems);
        self.limits.check("limits", problems);
    }
}

const FILE: &str = r#"
    [server]
    listen = "127.0.0.1:0"
    [database]
    runtime_url = "postgres://app:hunter2@localhost/backlog"
    [nats]
    url = "nats://localhost:4222"
    user = "contract"
    password = "hunter3"
    [auth]
    issuers_file = "issuers.toml"
    service_key_file = "contract.pem"
    [telemetry]
    log_format = "human"
"#;

fn with(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backlog.conf");
    fs::write(&path, file).unwrap();
    let arguments = Arguments { config: Some(path), rest: Vec::new() };
    load(&arguments, variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

/// Defaults lose to the file, the file loses to the environment; values of the environment get
/// their types from the settings, so that a password of digits stays a text.
#[test]
fn layers_in_order() {
    let config = with(
        FILE,
        &[
            ("BACKLOG__SERVER__LISTEN", "0.0.0.0:7000"),
            ("BACKLOG__SERVER__REFLECTION", "false"),
            ("BACKLOG__DATABASE__POOL_SIZE", "3"),
            ("BACKLOG__NATS__PASSWORD", "1e5"),
            ("OTHER__SERVER__LISTEN", "ignored"),
            ("BACKLOG_UNRELATED", "ignored"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 7000);
    assert!(!config.server.reflection);
    assert_eq!(config.server.streams_per_connection_max, 1_000);
    assert_eq!((config.database.pool_size, config.telemetry.log_format), (3, LogFormat::Human));
    assert_eq!(config.nats.password.unwrap().expose_secret(), "1e5");
    assert_eq!(config.limits.tenant_burst, 4_000);
    assert_eq!(config.auth.verifier("contract").service, "contract");
}

/// Secrets never print, neither alone nor inside addresses.
#[test]
fn secrets_are_redacted() {
    let text = format!("{:?}", with(FILE, &[]).unwrap());
    assert!(text.contains("REDACTED"), "{text}");
    assert!(!text.contains("hunter"), "{text}");
}

/// Unknown keys, wrong types, missing files and missing sections are refused, and named.
#[test]
fn mistakes_are_named() {
    let unknown = with(&format!("{FILE}\n[server_]\nx = 1"), &[]).unwrap_err();
    assert!(unknown.to_string().contains("server_"), "{unknown}");
    let typo = with(FILE, &[("BACKLOG__SERVER__LISTN", "x")]).unwrap_err();
    assert!(typo.to_string().contains("listn"), "{typo}");
    let kind = with(FILE, &[("BACKLOG__DATABASE__POOL_SIZE", "many")]).unwrap_err();
    assert!(kind.to_string().contains("pool_size"), "{kind}");
    let missing = load::<Config>(&Arguments::default(), HashMap::new()).unwrap_err();
    assert!(missing.to_string().contains("database"), "{missing}");
    let file = HashMap::from([("BACKLOG_CONFIG".to_owned(), "/nowhere/backlog.toml".to_owned())]);
    let nowhere = load::<Config>(&Arguments::default(), file).unwrap_err();
    assert!(nowhere.to_string().contains("/nowhere/backlog.toml"), "{nowhere}");
}

/// What has the right type but makes no sense is listed, all of it.
#[test]
fn nonsense_is_listed() {
    let error = with(
        FILE,
        &[
            ("BACKLOG__DATABASE__RUNTIME_URL", "mysql://localhost"),
            ("BACKLOG__DATABASE__POOL_SIZE", "0"),
            ("BACKLOG__LIMITS__TENANT_BURST", "0"),
            ("BACKLOG__TELEMETRY__OTLP_ENDPOINT", "localhost:4317"),
            ("BACKLOG__TELEMETRY__LOG_FILTER", "a=b=c"),
            ("BACKLOG__SERVER__MESSAGE_SIZE_MAX_BYTES", "0"),
        ],
    )
    .unwrap_err();
    assert_eq!(error.0.len(), 6, "{error}");
    assert!(!error.to_string().contains("mysql"), "{error}");
}

/// `--config` in both spellings; what is no option is left for the service.
#[test]
fn arguments() {
    let parse = |arguments: &[&str]| Arguments::parse(arguments.iter().map(|a| (*a).to_owned()));
    let expected = Arguments { config: Some(PathBuf::from("a")), rest: vec!["migrate".to_owned()] };
    assert_eq!(parse(&["--config", "a", "migrate"]), Ok(expected.clone()));
    assert_eq!(parse(&["migrate", "--config=a"]), Ok(expected));
    assert!(parse(&["--config"]).is_err());
    assert!(parse(&["--verbose"]).is_err());
}
