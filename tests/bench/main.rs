//! `backlog-bench`: the figures of the system on this machine, as ratios measured side by side in one
//! run. See README.md beside this file for what each figure is and how it is checked.
#![expect(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    reason = "rates, ratios and times; no money is computed here"
)]

mod accounting;
mod bench;
mod bulk;
mod cpu;
mod figures;
mod ledger;
mod load;
mod machine;
mod options;
mod output;
mod pgbench;
mod same_rows;
mod statistics;
mod system;
mod tenants;
mod tree;

use std::process::ExitCode;

use clap::Parser;

use crate::bench::{Bench, Loaded};
use crate::figures::{b1, b3, b5, b6, b8, b9, b10, l1, memory};
use crate::options::{Figure, Options};
use crate::output::{Line, Output};
use crate::system::Mode;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let output = Output::new(options.output);
    match run(options, output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("VOID: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options, output: Output) -> anyhow::Result<()> {
    let bench = Bench::start(options, output)?;
    bench.output.line(machine::facts(bench.servers.access())?)?;
    let wants = |figure| bench.options.wants(figure);
    let mut signs = 0;

    let contract_alone = [Figure::B1, Figure::B3, Figure::B6, Figure::B8].into_iter().any(wants);
    let mut plain = None;
    if contract_alone {
        let loaded = bench.loaded(bench.system(Mode::Plain).await?).await?;
        if wants(Figure::B1) {
            b1::measure(&bench, &loaded).await?;
        }
        if wants(Figure::B3) {
            b3::measure(&bench, &loaded).await?;
        }
        if wants(Figure::B8) {
            b8::measure(&bench, &loaded).await?;
        }
        plain = Some(loaded);
    }

    if [Figure::B5, Figure::B6, Figure::L1, Figure::M].into_iter().any(wants) {
        signs += with_consumers(&bench, plain.as_ref()).await?;
    }
    if let Some(plain) = &mut plain {
        signs += finish(&bench, plain)?;
    }
    if wants(Figure::B10) {
        b10::measure(&bench)?;
    }
    if wants(Figure::B9) {
        signs += b9::measure(&bench).await?;
    }
    let text = format!("verified: {signs} acknowledged signs found exactly once, identities hold");
    bench.output.line(Line::new("verified", text).value("signs", signs.into()))
}

/// The figures of all three services.
async fn with_consumers(bench: &Bench, plain: Option<&Loaded>) -> anyhow::Result<u64> {
    let wants = |figure| bench.options.wants(figure);
    let system = bench.system(Mode::Full).await?;
    let idle = if wants(Figure::M) { memory::idle(bench, &system).await? } else { Vec::new() };
    let mut full = bench.loaded(system).await?;
    full.catch_up()?;
    let mut signs = 0;
    if wants(Figure::M) {
        memory::measure(bench, &full, &idle).await?;
    }
    if wants(Figure::L1) {
        l1::measure(bench, &full).await?;
    }
    if wants(Figure::B5) {
        b5::measure(bench, &full).await?;
    }
    if let Some(plain) = plain.filter(|_| wants(Figure::B6)) {
        let mut relay = bench.loaded(bench.system(Mode::Relay).await?).await?;
        b6::measure(bench, plain, &relay, &full).await?;
        signs += finish(bench, &mut relay)?;
    }
    signs += finish(bench, &mut full)?;
    Ok(signs)
}

/// Ends a system's services and looks for what it acknowledged.
fn finish(bench: &Bench, loaded: &mut Loaded) -> anyhow::Result<u64> {
    bench.output.progress("looking for everything that was acknowledged");
    loaded.finish()?;
    Ok(u64::try_from(loaded.system.ledger.len())?)
}
