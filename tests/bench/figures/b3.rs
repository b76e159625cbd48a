//! B3: signs of one hot tenant against signs of many tenants.

use std::sync::Arc;

use crate::bench::{Bench, Loaded};
use crate::load::Until;
use crate::output::Line;
use crate::statistics::{Pair, Ratio};
use crate::tenants::Tenant;

/// Measures.
pub(crate) async fn measure(bench: &Bench, plain: &Loaded) -> anyhow::Result<()> {
    let hot: Arc<[Tenant]> = plain.tenants.iter().take(1).cloned().collect();
    let until = Until::Elapsed(bench.options.side());
    let mut pairs = Vec::new();
    for pair in 1..=bench.options.pairs {
        bench.output.progress(&format!("B3: pair {pair} of {}", bench.options.pairs));
        plain.system.settle()?;
        let measured = plain.signs_of(&hot, until).await?.rate();
        plain.system.settle()?;
        let against = plain.signs(until).await?.rate();
        pairs.push(Pair { measured, against });
    }
    if let Some(ratio) = Ratio::of(&pairs) {
        let many = format!("signs/s over {} tenants", bench.options.tenants);
        let units = ("signs/s of one tenant", many.as_str());
        bench.output.line(Line::ratio("B3", "", &ratio, "0.9", units))?;
    }
    Ok(())
}
