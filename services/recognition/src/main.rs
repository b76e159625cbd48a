//! The program `backlog-recognition`: `serve` (default) or `migrate`, with `--config FILE`.

use std::process::ExitCode;

use anyhow::Context;
use backlog_ids::EventId;
use backlog_recognition::app::App;
use backlog_recognition::config::Config;
use backlog_recognition::domain::SERVICE;
use backlog_recognition::migrations;
use backlog_service_kit::config::{ConfigError, of_process};
use backlog_service_kit::server::shutdown_on_signal;
use backlog_service_kit::telemetry::Telemetry;
use backlog_service_kit::{Clock, Ids};
use mimalloc::MiMalloc;

/// What a batch allocates on one worker is freed on others, which the system's allocator keeps apart.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let (config, arguments) = match of_process::<Config>() {
        Ok(read) => read,
        Err(error) => return error.exit(),
    };
    let verb = arguments.rest.iter().map(String::as_str).collect::<Vec<_>>();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = match verb.as_slice() {
        [] | ["serve"] => runtime.block_on(serve(config)),
        ["migrate"] => runtime.block_on(migrate(config)),
        other => {
            let unknown = format!("{} is no subcommand; use serve or migrate", other.join(" "));
            return ConfigError(vec![unknown]).exit();
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("backlog-recognition: {error:#}");
    ExitCode::FAILURE
}

async fn serve(config: Config) -> anyhow::Result<()> {
    backlog_tenancy::verify_self_test().map_err(anyhow::Error::msg)?;
    let clock = Clock::System;
    let ids = Ids::random(clock.clone());
    let instance = ids.next::<EventId>().to_string();
    let telemetry = Telemetry::start(&config.telemetry, SERVICE, &instance)?;
    let signal = shutdown_on_signal()?;
    let mut running = App::start(config, clock, ids).await?;
    let ended = tokio::select! {
        ended = running.ended() => ended,
        () = signal.cancelled() => running.shutdown().await,
    };
    telemetry.shutdown().await;
    Ok(ended?)
}

async fn migrate(config: Config) -> anyhow::Result<()> {
    let owner = config.database.owner_url.context("database.owner_url must be set to migrate")?;
    backlog_db::migrate(&owner, migrations()).await?;
    Ok(())
}
