//! The binary `backlog-contract`: `serve` (the default) or `migrate`.

use std::process::ExitCode;

use backlog_contract::app::App;
use backlog_contract::config::Config;
use backlog_contract::{SERVICE, migrations};
use backlog_ids::EventId;
use backlog_service_kit::config::{ConfigError, of_process};
use backlog_service_kit::server::shutdown_on_signal;
use backlog_service_kit::telemetry::Telemetry;
use backlog_service_kit::{Clock, Ids};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let (config, arguments) = match of_process::<Config>() {
        Ok(read) => read,
        Err(error) => return error.exit(),
    };
    let verbs: Vec<&str> = arguments.rest.iter().map(String::as_str).collect();
    let outcome = match verbs.as_slice() {
        [] | ["serve"] => serve(config).await,
        ["migrate"] => match &config.database.owner_url {
            Some(owner_url) => {
                backlog_db::migrate(owner_url, migrations()).await.map_err(Failure::from)
            }
            None => return wrong("database.owner_url must be set to migrate"),
        },
        _ => return wrong("usage: backlog-contract [--config FILE] [serve | migrate]"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), Failure> {
    let ids = Ids::random(Clock::System);
    let instance = ids.next::<EventId>().uuid().to_string();
    let telemetry = Telemetry::start(&config.telemetry, SERVICE, &instance)?;
    let stop = shutdown_on_signal()?;
    let running = App::start(config, Clock::System, ids).await?;
    let signaled = running.stop().clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        signaled.cancel();
    });
    let served = running.wait().await;
    telemetry.shutdown().await;
    Ok(served?)
}

fn wrong(problem: &str) -> ExitCode {
    ConfigError(vec![problem.to_owned()]).exit()
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
