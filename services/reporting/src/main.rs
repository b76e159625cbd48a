//! The program `backlog-reporting`: `serve` (default), `migrate` or `rebuild TENANT`, with
//! `--config FILE`.

use std::process::ExitCode;

use anyhow::Context;
use backlog_ids::{EventId, TenantId};
use backlog_reporting::app::App;
use backlog_reporting::config::Config;
use backlog_reporting::{SERVICE, migrations};
use backlog_service_kit::config::{ConfigError, of_process};
use backlog_service_kit::server::shutdown_on_signal;
use backlog_service_kit::telemetry::Telemetry;
use backlog_service_kit::{Clock, Ids};

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
        ["rebuild", tenant] => match tenant.parse() {
            Ok(tenant) => runtime.block_on(rebuild(config, tenant)),
            Err(error) => return ConfigError(vec![format!("{tenant}: {error}")]).exit(),
        },
        other => {
            let unknown = format!(
                "{} is no subcommand; use serve, migrate or rebuild TENANT",
                other.join(" ")
            );
            return ConfigError(vec![unknown]).exit();
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("backlog-reporting: {error:#}");
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

async fn rebuild(config: Config, tenant: TenantId) -> anyhow::Result<()> {
    let telemetry = Telemetry::start(&config.telemetry, SERVICE, "rebuild")?;
    let outcome = App::rebuild(config, Clock::System, tenant).await?;
    telemetry.shutdown().await;
    let rebuilt = outcome?;
    let digest: String = rebuilt.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{tenant} rebuilt: digest {digest}, {} checkpoints reproduced", rebuilt.checkpoints);
    Ok(())
}
