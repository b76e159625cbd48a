//! B5: reads under row-level security against the same reads without it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::google::r#type::Date;
use backlog_proto::recognition::v1::RunRecognitionRequest;
use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use uuid::Uuid;

use crate::bench::{Bench, Loaded};
use crate::load::Until;
use crate::output::Line;
use crate::pgbench::script;
use crate::statistics::{Pair, Ratio};
use crate::system::{Service, System};
use crate::tenants::Tenant;

/// Tenants whose figures are read.
const TENANTS: u32 = 20;
/// Connections that read.
const CONNECTIONS: [usize; 2] = [1, 8];

/// The reads: a name, and the call of the function that GetBacklog or GetRollForward calls, with `$t`
/// for the tenant and `$k` for a contract position that was known when half was signed.
const READS: [(&str, &str); 5] = [
    (
        "total",
        "report_backlog('$t', '2026-06-30', null, null, null, null, '', '{}', '{}', '{}', 1001)",
    ),
    (
        "by_dimension",
        "report_backlog('$t', '2026-06-30', null, null, null, null, '', '{}', '{}', '{region}', 1001)",
    ),
    (
        "two_dimensions_filtered_mid_month",
        "report_backlog('$t', '2026-02-14', null, null, null, null, '', '{sales_rep}', '{rep-1}', \
         '{region,product_line}', 1001)",
    ),
    (
        "known_at",
        "report_backlog('$t', '2026-06-30', $k, null, null, null, '', '{}', '{}', '{region}', 1001)",
    ),
    (
        "roll_forward",
        "report_roll_forward('$t', '2026-01-01', '2026-03-31', null, null, null, null, '', '{}', '{}')",
    ),
];

/// Loads contracts, recognizes a quarter, and measures.
pub(crate) async fn measure(bench: &Bench, full: &Loaded) -> anyhow::Result<()> {
    let system = &full.system;
    bench.output.progress("B5: loading");
    let tenants: Arc<[Tenant]> = full.account.tenants(system, "read", TENANTS).await?.into();
    full.signs_of(&tenants, Until::Calls(bench.options.contracts.into())).await?;
    full.catch_up()?;
    recognize(system, &tenants).await?;
    full.catch_up()?;
    let sql = reads(system, &tenants)?;
    same_answers(system, &sql)?;
    let folder = bench.scripts();
    let scripts: Vec<PathBuf> = sql
        .iter()
        .enumerate()
        .map(|(place, sql)| script(&folder, &format!("read-{place}.sql"), sql))
        .collect::<Result<_, _>>()?;
    let secured = system.urls.reporting.runtime_url.as_str();
    let open = format!("{}?options=-csearch_path%3Dreporting", system.urls.superuser_url);
    let seconds = bench.options.side().as_secs();
    for connections in CONNECTIONS {
        system.settle()?;
        let mut pairs = Vec::new();
        for pair in 1..=bench.options.pairs {
            let pairs_of = bench.options.pairs;
            bench.output.progress(&format!("B5: {connections} connections, {pair} of {pairs_of}"));
            let measured = bench.pgbench.run(secured, &scripts, connections, seconds)?.rate;
            let against = bench.pgbench.run(&open, &scripts, connections, seconds)?.rate;
            pairs.push(Pair { measured, against });
        }
        if let Some(ratio) = Ratio::of(&pairs) {
            let note =
                format!("{connections} connection{}", if connections == 1 { "" } else { "s" });
            let units = ("reads/s", "reads/s without row-level security");
            let line = Line::ratio("B5", &note, &ratio, "0.85", units);
            let contracts = bench.options.contracts;
            bench
                .output
                .line(line.detail(format!("{contracts} contracts of {TENANTS} tenants")))?;
        }
    }
    Ok(())
}

/// Recognizes the first quarter of all contracts.
async fn recognize(system: &System, tenants: &[Tenant]) -> anyhow::Result<()> {
    let heads = contract_heads(system)?;
    let mut runs = RecognitionServiceClient::new(system.channel(Service::Recognition).await?);
    for tenant in tenants {
        let seq = heads.get(&tenant.id.uuid()).copied().context("a tenant without a log")?;
        let request = tenant.request(RunRecognitionRequest {
            request_id: "first-quarter".to_owned(),
            through: Some(Date { year: 2026, month: 3, day: 31 }),
            contract_id: String::new(),
            min_positions: vec![LogPosition { log: Log::Contract.into(), seq }],
        });
        runs.run_recognition(request).await?;
    }
    Ok(())
}

fn contract_heads(system: &System) -> anyhow::Result<BTreeMap<Uuid, u64>> {
    let answer = system.sql("select tenant_id, seq from contract.log_head;")?;
    let heads = answer.lines().map(|line| {
        let (tenant, seq) = line.split_once('|').context("a tenant and a position")?;
        Ok((tenant.parse()?, seq.parse()?))
    });
    heads.collect()
}

/// Every read of every tenant, as statements.
fn reads(system: &System, tenants: &[Tenant]) -> anyhow::Result<Vec<String>> {
    let heads = contract_heads(system)?;
    let mut statements = Vec::new();
    for tenant in tenants {
        let id = tenant.id.uuid();
        let half = heads.get(&id).copied().context("a tenant without a log")? / 2;
        for (name, call) in READS {
            let call = call.replace("$t", &id.to_string()).replace("$k", &half.to_string());
            statements.push(format!("-- {name}\nselect * from {call};\n"));
        }
    }
    Ok(statements)
}

/// Checks that both sides read the same, that row-level security holds on one side and not on the
/// other, and that there is something to read.
fn same_answers(system: &System, statements: &[String]) -> anyhow::Result<()> {
    let active =
        "select row_security_active('movement'), row_security_active('rollup_contract');\n";
    let mut all: String = "set search_path = reporting;\n".to_owned();
    all.push_str(active);
    all.extend(statements.iter().map(String::as_str));
    let open = system.sql(&all)?;
    let secured = system.sql_as_reporting(&all)?;
    let (open_active, open) = open.split_once('\n').context("no answer")?;
    let (secured_active, secured) = secured.split_once('\n').context("no answer")?;
    anyhow::ensure!(
        open_active == "f|f" && secured_active == "t|t",
        "row-level security is not as said"
    );
    anyhow::ensure!(
        sorted(open) == sorted(secured),
        "reads answer something else under row-level security"
    );
    anyhow::ensure!(open.contains("USD"), "there is nothing to read");
    Ok(())
}

/// Groups come in no order.
fn sorted(answer: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = answer.lines().collect();
    lines.sort_unstable();
    lines
}
