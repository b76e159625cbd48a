//! What can be chosen on the command line.

use std::time::Duration;

use clap::{Parser, ValueEnum};

/// One figure, or figures that come out of one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "verbatim")]
pub(crate) enum Figure {
    /// Signs a second against pgbench.
    B1,
    /// One hot tenant against many tenants.
    B3,
    /// Reads under row-level security against reads without.
    B5,
    /// Signs a second with relay, and with relay and consumers, against without.
    B6,
    /// Signs a second with the audit tree caught up against without.
    B8,
    /// Entries that a recognition run posts a second against the insertion of the same rows; a run that
    /// is killed and resumed against an undisturbed one; memory.
    B9,
    /// Plans a second of the engine alone against a bare loop; what folding costs by length of history.
    B10,
    /// From a sign's answer to the report that includes it.
    L1,
    /// Resident memory.
    M,
}

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Lines for people.
    Human,
    /// A JSON object a line.
    Json,
}

/// Measures the system on this machine: ratios of two sides in one run, void unless everything
/// that was acknowledged is found afterwards.
#[derive(Debug, Parser)]
#[command(name = "backlog-bench")]
pub(crate) struct Options {
    /// Interleaved pairs a ratio.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) pairs: u32,
    /// Seconds a side.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Only these figures, with commas between.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Figure>,
    /// How figures are written.
    #[arg(long, value_enum, default_value_t = Form::Human)]
    pub(crate) output: Form,
    /// Tenants among which load is spread.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) tenants: u32,
    /// Calls in flight.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub(crate) in_flight: u32,
    /// Samples of L1.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) samples: u32,
    /// Contracts that are loaded before the reads of B5.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    pub(crate) contracts: u32,
    /// Obligations of the one tenant of B9, five a contract.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(5_000..=5_000_000))]
    pub(crate) obligations: u64,
}

impl Options {
    /// Whether a figure is to be measured.
    pub(crate) fn wants(&self, figure: Figure) -> bool {
        self.only.is_empty() || self.only.contains(&figure)
    }

    /// How long a side is measured.
    pub(crate) fn side(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
