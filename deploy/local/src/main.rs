//! Starts a stack for a test run and prints its folder. The stack ends when the process that it
//! was started for has ended.

use backlog_local_stack::{LocalStack, LocalStackError, PostgresOptions, StackOptions};
use std::process::ExitCode;

const USAGE: &str = "usage: backlog-local-stack --while-process PID
Starts a private Postgres (without fsync) and nats-server, prints the folder with their manifest
stack.json, and ends them when the process PID has ended.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pid = match arguments.as_slice() {
        [flag, pid] if flag == "--while-process" => pid.parse().ok(),
        _ => None,
    };
    let Some(pid) = pid else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match start(pid) {
        Ok(folder) => {
            println!("{folder}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(pid: u32) -> Result<String, LocalStackError> {
    let postgres = PostgresOptions { durable: false, ..PostgresOptions::default() };
    let stack = LocalStack::start(&StackOptions { postgres, ..StackOptions::default() })?;
    Ok(stack.detach(Some(pid))?.folder.display().to_string())
}
