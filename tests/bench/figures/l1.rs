//! L1: from a sign's answer to the report that includes it, on an idle system.

use std::time::Instant;

use anyhow::Context;
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::google::r#type::Date;
use backlog_proto::reporting::v1::GetBacklogRequest;
use backlog_proto::reporting::v1::backlog_service_client::BacklogServiceClient;
use serde_json::json;

use crate::bench::{Bench, Loaded};
use crate::load::{ack, sign};
use crate::output::Line;
use crate::statistics::{median, percentile, sorted};
use crate::system::Service;

/// Tenants whose contracts are signed, in turn.
const TENANTS: u32 = 10;

/// Measures, and checks that each report counts the contract just signed.
pub(crate) async fn measure(bench: &Bench, full: &Loaded) -> anyhow::Result<()> {
    let system = &full.system;
    let tenants = full.account.tenants(system, "watched", TENANTS).await?;
    full.catch_up()?;
    let mut contracts = ContractServiceClient::new(system.channel(Service::Contract).await?);
    let mut reports = BacklogServiceClient::new(system.channel(Service::Reporting).await?);
    let first = system.ledger.reserve();
    let mut milliseconds = Vec::new();
    let mut signed = 0_u64;
    // The first round over all tenants warms up and does not count.
    for (sample, tenant) in (0..bench.options.samples + TENANTS).zip(tenants.iter().cycle()) {
        bench.output.progress(&format!("L1: sample {sample} of {}", bench.options.samples));
        let number = first + u64::from(sample);
        let answer = contracts.sign_contract(tenant.request(sign(number))).await?.into_inner();
        let started = Instant::now();
        let position = answer.position.context("no position")?;
        let request = tenant.request(GetBacklogRequest {
            as_of: Some(Date { year: 2026, month: 12, day: 31 }),
            min_positions: vec![position],
            ..GetBacklogRequest::default()
        });
        let report = reports.get_backlog(request).await?.into_inner();
        if sample >= TENANTS {
            milliseconds.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        if sample % TENANTS == 0 {
            signed += 1;
        }
        let counted = report.rows.first().and_then(|row| row.balances.as_ref());
        let counted = counted.map_or(0, |balances| balances.contract_count);
        anyhow::ensure!(counted == signed, "the report counts {counted} contracts of {signed}");
        system.ledger.add(vec![ack(tenant, number, answer)?]);
    }
    let ascending = sorted(milliseconds.into_iter());
    let middle = median(&ascending).context("no samples")?;
    let p99 = percentile(&ascending, 99).context("no samples")?;
    let most = ascending.last().copied().unwrap_or_default();
    let text = format!("L1 median {middle:.0} ms p99 {p99:.0} ms goal p99 250 ms");
    let line = Line::new("L1", text)
        .detail(format!("{} samples, {most:.0} ms at most", ascending.len()))
        .value("median_ms", json!(middle))
        .value("p99_ms", json!(p99))
        .value("max_ms", json!(most))
        .value("goal_p99_ms", json!(250));
    bench.output.line(line)
}
