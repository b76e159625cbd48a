//! The program `backlog`.

use std::process::ExitCode;

use backlog_cli::Cli;
use backlog_service_kit::{Clock, Ids};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.output();
    let clock = Clock::System;
    let ids = Ids::random(clock.clone());
    match cli.run(clock, ids).await {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            failure.print(output);
            ExitCode::from(failure.exit.code())
        }
    }
}
