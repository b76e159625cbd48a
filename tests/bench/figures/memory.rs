//! M: resident memory of each service, idle after its start and under the load of B1.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::bench::{Bench, Loaded};
use crate::load::Until;
use crate::machine::{Resident, resident};
use crate::output::Line;
use crate::system::{Service, System};

/// How long services are left alone before they count as idle.
const REST: Duration = Duration::from_secs(3);
/// How often memory is looked at under load.
const LOOK: Duration = Duration::from_millis(100);

/// Memory of each service that runs, after it did nothing for a while.
pub(crate) async fn idle(
    bench: &Bench,
    system: &System,
) -> anyhow::Result<Vec<(Service, Resident)>> {
    bench.output.progress("M: idle");
    tokio::time::sleep(REST).await;
    system.pids().into_iter().map(|(service, pid)| Ok((service, resident(pid)?))).collect()
}

/// Measures under load, and writes both.
pub(crate) async fn measure(
    bench: &Bench,
    full: &Loaded,
    idle: &[(Service, Resident)],
) -> anyhow::Result<()> {
    bench.output.progress("M: under load");
    let ended = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn(highest(full.system.pids(), Arc::clone(&ended)));
    full.signs(Until::Elapsed(bench.options.side())).await?;
    full.catch_up()?;
    ended.store(true, Ordering::Relaxed);
    for ((service, before), (_, under)) in idle.iter().zip(watch.await??) {
        let (at_rest, high, peak) = (before.now / 1024, under.now / 1024, under.peak / 1024);
        let name = service.name();
        let text = format!("M {name} idle {at_rest} MB goal 64, under B1 {high} MB goal 256");
        let line = Line::new("M", text)
            .detail(format!("at most {peak} MB since it started"))
            .value("service", json!(name))
            .value("idle_mb", json!(at_rest))
            .value("under_load_mb", json!(high))
            .value("peak_mb", json!(peak));
        bench.output.line(line)?;
    }
    Ok(())
}

/// The highest memory of each process until the end.
async fn highest(
    pids: Vec<(Service, u32)>,
    ended: Arc<AtomicBool>,
) -> anyhow::Result<Vec<(Service, Resident)>> {
    let mut highest: Vec<(Service, Resident)> =
        pids.iter().map(|(service, _)| (*service, Resident { now: 0, peak: 0 })).collect();
    while !ended.load(Ordering::Relaxed) {
        for ((_, pid), (_, high)) in pids.iter().zip(&mut highest) {
            let now = resident(*pid)?;
            high.now = high.now.max(now.now);
            high.peak = now.peak;
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(highest)
}
