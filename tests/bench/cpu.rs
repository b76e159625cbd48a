//! Which process used how much processor time: where a rate comes from.

use std::collections::BTreeMap;
use std::fs;

use crate::system::System;

/// Ticks of `/proc` in a second, the same on every Linux.
const TICKS: u64 = 100;

/// Processor time by process since its start, in ticks; Postgres by role.
#[derive(Debug, Default)]
pub(crate) struct Usage(BTreeMap<String, u64>);

impl Usage {
    /// Looks at the processes of a system, its Postgres, and this process.
    pub(crate) fn now(system: &System) -> Self {
        let mut named: BTreeMap<u32, String> = system
            .pids()
            .into_iter()
            .map(|(service, pid)| (pid, service.name().to_owned()))
            .collect();
        named.insert(std::process::id(), "load".to_owned());
        named.extend(system.broker_pid().map(|pid| (pid, "nats".to_owned())));
        let mut usage = Self::default();
        let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        for pid in pids {
            let Some((parent, ticks)) = stat(pid) else { continue };
            let name = match named.get(&pid) {
                Some(name) => name.clone(),
                None if parent == system.postgres_pid => backend(pid),
                None => continue,
            };
            *usage.0.entry(name).or_default() += ticks;
        }
        usage
    }

    /// Microseconds of each since an earlier look, divided among `count` things: most first.
    pub(crate) fn since(&self, earlier: &Self, count: u64) -> String {
        let mut shares: Vec<(u64, &str)> = self
            .0
            .iter()
            .map(|(name, ticks)| {
                let used = ticks.saturating_sub(earlier.0.get(name).copied().unwrap_or_default());
                (used * (1_000_000 / TICKS) / count.max(1), name.as_str())
            })
            .filter(|(share, _)| *share > 0)
            .collect();
        shares.sort_unstable_by(|one, two| two.cmp(one));
        let all: u64 = shares.iter().map(|(share, _)| share).sum();
        let parts: Vec<String> =
            shares.iter().map(|(share, name)| format!("{name} {share}")).collect();
        format!("CPU {all} us each: {}", parts.join(", "))
    }
}

/// A Postgres process by the role that it serves, or by what it does itself.
fn backend(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    let title = line.strip_prefix("postgres: ").unwrap_or("postgres");
    let role = title.split(' ').next().unwrap_or_default();
    match role.strip_suffix("_runtime") {
        Some(service) => format!("postgres for {service}"),
        None => format!("postgres {}", role.trim_end_matches(':')),
    }
}

/// Parent and ticks of a process, user and system.
fn stat(pid: u32) -> Option<(u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything; parent, user and system time follow it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some((fields.get(1)?.parse().ok()?, ticks(11)? + ticks(12)?))
}
