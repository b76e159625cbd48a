//! What the figures were measured on.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use backlog_local_stack::{NatsBinary, PostgresAccess};
use serde_json::json;

use crate::output::Line;

/// Cores, kernel, memory, and the versions and settings of the servers.
pub(crate) fn facts(access: &PostgresAccess) -> anyhow::Result<Line> {
    let cores = std::thread::available_parallelism()?.get();
    let model = field("/proc/cpuinfo", "model name")?;
    let memory = field("/proc/meminfo", "MemTotal")?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned();
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or_default().to_owned();
    let settings = access.run(
        "postgres",
        "select current_setting('server_version'), current_setting('fsync'), \
         current_setting('synchronous_commit'), current_setting('wal_sync_method'), \
         current_setting('shared_buffers');",
    )?;
    let settings: Vec<&str> = settings.split('|').collect();
    let [postgres, fsync, synchronous_commit, sync_method, buffers] = settings[..] else {
        anyhow::bail!("Postgres answered {settings:?} about its settings");
    };
    anyhow::ensure!(
        fsync == "on" && synchronous_commit == "on",
        "Postgres must be durable for a benchmark of durable writes"
    );
    let nats = NatsBinary::find()?.nats_server;
    let nats = Command::new(&nats).arg("--version").output().context("nats-server --version")?;
    let nats = String::from_utf8_lossy(&nats.stdout).trim().to_owned();
    let text = format!("machine: {cores} cores ({model}), {memory}, Linux {kernel}, load {load}");
    Ok(Line::new("machine", text)
        .detail(format!(
            "Postgres {postgres}, fsync {fsync} ({sync_method}), synchronous_commit \
             {synchronous_commit}, shared_buffers {buffers}"
        ))
        .detail(nats.clone())
        .value("cores", json!(cores))
        .value("cpu", json!(model))
        .value("memory", json!(memory))
        .value("kernel", json!(kernel))
        .value("load", json!(load))
        .value("postgres", json!(postgres))
        .value("nats", json!(nats)))
}

/// The first value of a field in a file of `name : value` lines.
fn field(path: &str, name: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    Ok(line.unwrap_or_else(|| "unknown".to_owned()))
}

/// Kilobytes of a process: resident now, and at most so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    /// `VmRSS`.
    pub(crate) now: u64,
    /// `VmHWM`.
    pub(crate) peak: u64,
}

/// What a process holds in memory.
pub(crate) fn resident(pid: u32) -> anyhow::Result<Resident> {
    let path = format!("/proc/{pid}/status");
    anyhow::ensure!(Path::new(&path).exists(), "process {pid} has ended");
    let kilobytes = |name| {
        let text = field(&path, name)?;
        let number = text.split_whitespace().next().unwrap_or_default();
        number.parse().with_context(|| format!("{name} of process {pid} is {text}"))
    };
    Ok(Resident { now: kilobytes("VmRSS")?, peak: kilobytes("VmHWM")? })
}

/// Begins to take the peak anew.
pub(crate) fn forget_peak(pid: u32) -> anyhow::Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot reset the peak")
}
