//! B8: signs with the audit tree caught up at the end against signs alone, and the size of a proof.

use std::time::Instant;

use backlog_audit_log::inclusion_nodes;
use serde_json::json;

use crate::bench::{Bench, Loaded};
use crate::load::{Until, rate};
use crate::output::Line;
use crate::statistics::{Pair, Ratio};
use crate::tree::Trees;

/// Entries of the log whose proof is measured.
const TEN_MILLION: u64 = 10_000_000;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Bytes that a proof may have.
const PROOF_GOAL: usize = 1024;

/// Measures. Time for the tree is added to the time of the load in full, as if nothing of it could
/// be done beside the load.
pub(crate) async fn measure(bench: &Bench, plain: &Loaded) -> anyhow::Result<()> {
    let tenants = plain.tenants.iter().map(|tenant| tenant.id.uuid()).collect();
    let mut trees = Trees::new(&plain.system, tenants).await?;
    bench.output.progress("B8: the tree of what was signed before");
    trees.catch_up().await?;
    let until = Until::Elapsed(bench.options.side());
    let (mut pairs, mut leaves, mut seconds) = (Vec::new(), 0, 0.0);
    for pair in 1..=bench.options.pairs {
        bench.output.progress(&format!("B8: pair {pair} of {}", bench.options.pairs));
        plain.system.settle()?;
        let done = plain.signs(until).await?;
        let ended = Instant::now();
        leaves += trees.catch_up().await?;
        let caught_up = ended.elapsed();
        seconds += caught_up.as_secs_f64();
        let measured = rate(done.signs, done.elapsed + caught_up);
        plain.system.settle()?;
        let against = plain.signs(until).await?.rate();
        // What this side signed belongs to no side's time.
        trees.catch_up().await?;
        pairs.push(Pair { measured, against });
    }
    trees.verify().await?;
    let Some(ratio) = Ratio::of(&pairs) else { return Ok(()) };
    let units = ("signs/s with the tree caught up", "signs/s without");
    #[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
    let leaf_rate = leaves as f64 / seconds;
    let hashes = longest_proof()?;
    let bytes = hashes * HASH_BYTES;
    let line = Line::ratio("B8", "", &ratio, "0.95", units)
        .detail(format!("{leaf_rate:.0} leaves/s when catching up"))
        .detail(format!(
            "proof of one entry in 10 M: {bytes} bytes ({hashes} hashes) goal {PROOF_GOAL}"
        ))
        .value("leaves_per_second", json!(leaf_rate))
        .value("proof_bytes", json!(bytes));
    bench.output.line(line)
}

/// Hashes in the longest proof of the first, middle and last entries.
fn longest_proof() -> anyhow::Result<usize> {
    let mut longest = 0;
    for index in [0, TEN_MILLION / 2, TEN_MILLION - 1] {
        longest = longest.max(inclusion_nodes(index, TEN_MILLION)?.proof_len());
    }
    Ok(longest)
}
