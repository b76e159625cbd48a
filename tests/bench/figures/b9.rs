//! B9: entries that a recognition run posts a second, against the insertion of the same rows; memory;
//! and a run that is killed in the middle and resumed against an undisturbed one.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::accounting::{
    PER_CONTRACT, caught_up, digest, end_of, recognize, recognize_until, sign_five,
};
use crate::bench::Bench;
use crate::bulk;
use crate::cpu::Usage;
use crate::load::{Load, Until, rate};
use crate::machine::{forget_peak, resident};
use crate::output::Line;
use crate::statistics::{Pair, Ratio, median, sorted};
use crate::system::{Mode, Service, System};
use crate::tenants::{Account, Tenant};

/// Measures. Answers how many signs were acknowledged and found.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<u64> {
    let mut system = bench.system(Mode::Accounting).await?;
    let tenant = loaded(bench, &system).await?;
    memory(bench, &system, "while booking")?;
    let months = bench.options.pairs.min(11);
    pairs(bench, &system, &tenant, months).await?;
    memory(bench, &system, "during runs")?;
    killed(bench, &mut system, &tenant, months + 1).await?;
    bench.output.progress("B9: looking for everything that was acknowledged");
    system.stop()?;
    system.verify()?;
    Ok(u64::try_from(system.ledger.len())?)
}

/// Signs the contracts of one tenant through the contract service, and waits until recognition has
/// booked them, as it does with any.
async fn loaded(bench: &Bench, system: &System) -> anyhow::Result<Tenant> {
    let obligations = bench.options.obligations;
    bench.output.progress(&format!("B9: signing contracts with {obligations} obligations"));
    let account = Account::create(system, "runs").await?;
    let tenants: Arc<[Tenant]> = account.tenants(system, "runs", 1).await?.into();
    let (channels, in_flight) = (system.channels().await?, bench.options.in_flight);
    let started = Instant::now();
    let until = Until::Calls(obligations / PER_CONTRACT);
    let load = Load { tenants: &tenants, channels: &channels, in_flight, until, sign: sign_five };
    let done = load.run(system).await?;
    let signed = started.elapsed();
    bench.output.progress("B9: recognition books them");
    caught_up(system)?;
    let text = format!("B9 {obligations} obligations of one tenant, {PER_CONTRACT} a contract");
    let line = Line::new("B9", text)
        .detail(format!(
            "signed in {:.0} s, {:.0} signs/s; booked {:.0} s later",
            signed.as_secs_f64(),
            done.rate(),
            (started.elapsed() - signed).as_secs_f64()
        ))
        .value("obligations", json!(obligations));
    bench.output.line(line)?;
    let tenant = tenants.first().cloned();
    tenant.ok_or_else(|| anyhow::anyhow!("no tenant"))
}

/// Month after month: a run, then the insertion of the rows that it wrote.
async fn pairs(bench: &Bench, system: &System, tenant: &Tenant, months: u32) -> anyhow::Result<()> {
    let (mut pairs, mut copies, mut usage) = (Vec::new(), Vec::new(), String::new());
    for month in 1..=months {
        bench.output.progress(&format!("B9: run {month} of {months}"));
        system.settle()?;
        let before = Usage::now(system);
        let (answer, elapsed) = recognize(system, tenant, month).await?;
        usage = Usage::now(system).since(&before, answer.entries_posted);
        posted_all(bench, system, tenant, month)?;
        bench.output.progress(&format!("B9: the same rows in bulk, {month} of {months}"));
        let entries = answer.entries_posted;
        let position = answer.position.map_or(0, |position| position.seq);
        let chunks = system.number(&format!(
            "select chunks from recognition.recognition_run where tenant_id = '{}' and seq = {position};",
            tenant.id.uuid()
        ))?;
        let filled = bulk::fill(system, tenant.id.uuid(), &day(month), position + 1 - chunks)?;
        pairs
            .push(Pair { measured: rate(entries, elapsed), against: rate(entries, filled.insert) });
        copies.push(rate(entries, filled.copy));
    }
    let Some(ratio) = Ratio::of(&pairs) else { return Ok(()) };
    let copy = median(&sorted(copies.into_iter())).unwrap_or_default();
    let units = ("entries/s", "entries/s as INSERT ... SELECT unnest");
    let line = Line::ratio("B9", "", &ratio, "0.5", units)
        .detail(format!("{copy:.0} entries/s as COPY"))
        .detail(usage)
        .value("copy_per_second", json!(copy));
    bench.output.line(line)
}

/// The next month: a run that is killed when half of it is posted and resumed by the same call, and an
/// undisturbed one on a copy of the database. Both must end in the same state.
async fn killed(
    bench: &Bench,
    system: &mut System,
    tenant: &Tenant,
    month: u32,
) -> anyhow::Result<()> {
    bench.output.progress("B9: copying the database");
    system.pause()?;
    let mut copy = bench.servers.copy_of(system).await?;
    std::fs::copy(&system.files.issuers, &copy.files.issuers)?;
    copy.pause()?;
    copy.start().await?;
    bench.output.progress("B9: an undisturbed run on the copy");
    copy.settle()?;
    let (whole, elapsed) = recognize(&copy, tenant, month).await?;
    let undisturbed = digest(&copy, tenant)?;
    copy.stop()?;
    system.start().await?;
    bench.output.progress("B9: a run that is killed");
    let half = whole.entries_posted / 2;
    let posted = recognize_until(system, tenant, month, half).await?;
    system.kill(Service::Recognition).await?;
    bench.output.progress("B9: the killed run is resumed");
    let (resumed, rest) = recognize(system, tenant, month).await?;
    posted_all(bench, system, tenant, month)?;
    anyhow::ensure!(
        resumed.run_id == whole.run_id && resumed.entries_posted == whole.entries_posted,
        "the resumed run posted {}, the undisturbed one {}",
        resumed.entries_posted,
        whole.entries_posted
    );
    anyhow::ensure!(
        digest(system, tenant)? == undisturbed,
        "the resumed run ends in another state than the undisturbed one"
    );
    let text = format!(
        "B9 a run of {} entries in {:.0} s; killed at {posted} and resumed, the rest in {:.0} s: \
         the same digest {}",
        whole.entries_posted,
        elapsed.as_secs_f64(),
        rest.as_secs_f64(),
        undisturbed.trim().get(..16).unwrap_or_default()
    );
    let line = Line::new("B9", text)
        .value("note", json!("killed and resumed"))
        .value("entries", json!(whole.entries_posted))
        .value("seconds", json!(elapsed.as_secs_f64()));
    bench.output.line(line)
}

/// The last day of a month as text.
fn day(month: u32) -> String {
    let day = end_of(month);
    format!("{}-{:02}-{:02}", day.year, day.month, day.day)
}

/// Checks that a run posted one entry for each obligation, through its last day.
fn posted_all(bench: &Bench, system: &System, tenant: &Tenant, month: u32) -> anyhow::Result<()> {
    let posted = system.sql(&format!(
        "select count(*), count(*) filter (where posted_through = '{}'), \
         (select entries_posted from recognition.recognition_run r where r.tenant_id = '{1}' \
          and r.through = '{0}' and r.finished) from recognition.obligation where tenant_id = '{1}';",
        day(month),
        tenant.id.uuid()
    ))?;
    let all = bench.options.obligations / PER_CONTRACT * PER_CONTRACT;
    let expected = format!("{all}|{all}|{all}");
    anyhow::ensure!(posted.trim() == expected, "{posted} of {expected} are posted");
    Ok(())
}

/// What the service held at most since this was last asked.
fn memory(bench: &Bench, system: &System, when: &str) -> anyhow::Result<()> {
    for (service, pid) in system.pids() {
        if service == Service::Recognition {
            let peak = resident(pid)?.peak / 1024;
            forget_peak(pid)?;
            let text = format!("B9 memory of recognition {when} {peak} MB at most goal 512");
            let line =
                Line::new("B9", text).value("note", json!(when)).value("peak_mb", json!(peak));
            bench.output.line(line)?;
        }
    }
    Ok(())
}
