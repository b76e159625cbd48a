//! B1: durable unary signs against pgbench writing the same rows.

use crate::bench::{Bench, Loaded};
use crate::cpu::Usage;
use crate::load::Until;
use crate::output::Line;
use crate::same_rows::SameRows;
use crate::statistics::{Pair, Ratio};

/// Numbers of pgbench's clients that are tried.
const CLIENTS: [usize; 3] = [8, 32, 64];
/// Seconds for each.
const TRIAL_SECONDS: u64 = 3;

/// Measures and checks.
pub(crate) async fn measure(bench: &Bench, plain: &Loaded) -> anyhow::Result<()> {
    let system = &plain.system;
    let same = SameRows::prepare(system, &bench.scripts(), bench.options.tenants)?;
    let url = &system.urls.contract.runtime_url;
    let scripts = [same.script.clone()];
    let mut transactions = 0;
    let mut best = (0.0, 0);
    for clients in CLIENTS {
        bench.output.progress(&format!("B1: pgbench with {clients} clients"));
        system.settle()?;
        let report = bench.pgbench.run(url, &scripts, clients, TRIAL_SECONDS)?;
        transactions += report.transactions;
        if report.rate > best.0 {
            best = (report.rate, clients);
        }
    }
    let (_, clients) = best;
    let seconds = bench.options.side().as_secs();
    let mut pairs = Vec::new();
    let mut usage = String::new();
    for pair in 1..=bench.options.pairs {
        bench.output.progress(&format!("B1: pair {pair} of {}", bench.options.pairs));
        system.settle()?;
        let before = Usage::now(system);
        let done = plain.signs(Until::Elapsed(bench.options.side())).await?;
        usage = Usage::now(system).since(&before, done.signs);
        let measured = done.rate();
        system.settle()?;
        let report = bench.pgbench.run(url, &scripts, clients, seconds)?;
        transactions += report.transactions;
        pairs.push(Pair { measured, against: report.rate });
    }
    same.verify(system, transactions)?;
    if let Some(ratio) = Ratio::of(&pairs) {
        let units = ("signs/s", "pgbench transactions/s");
        let tenants = bench.options.tenants;
        let line = Line::ratio("B1", "", &ratio, "2.5", units).detail(format!(
            "{tenants} tenants, {} in flight; pgbench with {clients} clients was its best of \
             {CLIENTS:?}",
            bench.options.in_flight
        ));
        let line = line.detail(usage);
        bench.output.line(line.value("pgbench_clients", clients.into()))?;
    }
    Ok(())
}
