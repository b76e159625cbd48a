//! B6: what publishing costs, and what publishing, recognition and reporting cost.

use std::time::Instant;

use serde_json::json;

use crate::bench::{Bench, Loaded};
use crate::cpu::Usage;
use crate::load::Until;
use crate::output::Line;
use crate::statistics::{Pair, Ratio, median, sorted};

/// Measures. All three systems run all the time, one of them under load.
pub(crate) async fn measure(
    bench: &Bench,
    plain: &Loaded,
    relay: &Loaded,
    full: &Loaded,
) -> anyhow::Result<()> {
    let until = Until::Elapsed(bench.options.side());
    let (mut with_relay, mut with_all, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let mut usage = String::new();
    full.catch_up()?;
    for pair in 1..=bench.options.pairs {
        let progress = |what: &str| {
            let pairs = bench.options.pairs;
            bench.output.progress(&format!("B6: {what}, {pair} of {pairs}"));
        };
        progress("without relay");
        plain.system.settle()?;
        let against = plain.signs(until).await?.rate();
        progress("with relay");
        relay.system.settle()?;
        let measured = relay.signs(until).await?.rate();
        with_relay.push(Pair { measured, against });
        progress("with relay and consumers");
        full.system.settle()?;
        let before = Usage::now(&full.system);
        let done = full.signs(until).await?;
        with_all.push(Pair { measured: done.rate(), against });
        progress("catching up");
        let ended = Instant::now();
        full.catch_up()?;
        waits.push(ended.elapsed().as_secs_f64());
        usage = Usage::now(&full.system).since(&before, done.signs);
    }
    let waits = sorted(waits.into_iter());
    let longest = waits.last().copied().unwrap_or_default();
    let wait = median(&waits).unwrap_or_default();
    if let (Some(relayed), Some(all)) = (Ratio::of(&with_relay), Ratio::of(&with_all)) {
        let units = ("signs/s", "signs/s without relay");
        bench.output.line(Line::ratio("B6", "relay", &relayed, "0.85", units))?;
        let line = Line::ratio("B6", "relay and consumers", &all, "0.55", units)
            .detail(format!(
                "all caught up {wait:.1} s after the load ended, {longest:.1} s at most"
            ))
            .detail(usage)
            .value("caught_up_seconds", json!(wait))
            .value("caught_up_seconds_max", json!(longest));
        bench.output.line(line)?;
    }
    Ok(())
}
