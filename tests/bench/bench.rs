//! One run: its options, its servers, its systems, each made when a figure first needs it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::load::{Done, Load, Until, sign};
use crate::options::Options;
use crate::output::Output;
use crate::pgbench::Pgbench;
use crate::system::{Mode, Servers, System};
use crate::tenants::{Account, Tenant};

/// How long a system is under load before it is first measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// One run.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) output: Output,
    pub(crate) servers: Servers,
    pub(crate) pgbench: Pgbench,
    scripts: TempDir,
}

/// A system with tenants among which load is spread, warmed up.
pub(crate) struct Loaded {
    pub(crate) system: System,
    pub(crate) account: Account,
    pub(crate) tenants: Arc<[Tenant]>,
    pub(crate) channels: Vec<Channel>,
    in_flight: u32,
}

impl Bench {
    /// Starts the servers.
    pub(crate) fn start(options: Options, output: Output) -> anyhow::Result<Self> {
        let (servers, pgbench) = (Servers::start()?, Pgbench::find()?);
        Ok(Self { options, output, servers, pgbench, scripts: tempfile::tempdir()? })
    }

    /// Where scripts for pgbench are.
    pub(crate) fn scripts(&self) -> PathBuf {
        self.scripts.path().to_owned()
    }

    /// Makes a system without tenants.
    pub(crate) async fn system(&self, mode: Mode) -> anyhow::Result<System> {
        self.output.progress(&format!("starting a system: {mode:?}"));
        self.servers.system(mode).await.with_context(|| format!("the system {mode:?}"))
    }

    /// Gives a system its tenants and warms it up.
    pub(crate) async fn loaded(&self, system: System) -> anyhow::Result<Loaded> {
        self.output.progress(&format!("creating {} tenants", self.options.tenants));
        let account = Account::create(&system, "bench").await?;
        let tenants = account.tenants(&system, "tenant", self.options.tenants).await?;
        let channels = system.channels().await?;
        let in_flight = self.options.in_flight;
        let loaded = Loaded { system, account, tenants: tenants.into(), channels, in_flight };
        self.output.progress("warming up");
        loaded.signs(Until::Elapsed(WARM_UP)).await?;
        Ok(loaded)
    }
}

impl Loaded {
    /// Signs contracts of all tenants.
    pub(crate) async fn signs(&self, until: Until) -> anyhow::Result<Done> {
        self.signs_of(&self.tenants, until).await
    }

    /// Signs contracts of some tenants.
    pub(crate) async fn signs_of(
        &self,
        tenants: &Arc<[Tenant]>,
        until: Until,
    ) -> anyhow::Result<Done> {
        let (channels, in_flight) = (self.channels.as_slice(), self.in_flight);
        Load { tenants, channels, in_flight, until, sign }.run(&self.system).await
    }

    /// Waits until the consumers have applied everything.
    pub(crate) fn catch_up(&self) -> anyhow::Result<()> {
        self.system.sql(CATCH_UP).map(drop)
    }

    /// Ends the services, and looks for everything that was acknowledged.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.channels.clear();
        self.system.stop()?;
        let what = format!("after the load on the system {:?}", self.system.mode);
        self.system.verify().context(what)
    }
}

/// Looks ten times a second, each time anew: a block of READ COMMITTED statements.
const CATCH_UP: &str = "
do $$
declare
  v_started timestamptz := clock_timestamp();
begin
  loop
    exit when not exists (
        select 1 from contract.log_head h
        left join recognition.applied_position a on a.tenant_id = h.tenant_id and a.log = 1
        left join reporting.applied_position b on b.tenant_id = h.tenant_id and b.log = 1
        where coalesce(a.seq, 0) < h.seq or coalesce(b.seq, 0) < h.seq)
      and not exists (
        select 1 from recognition.log_head h
        left join reporting.applied_position b on b.tenant_id = h.tenant_id and b.log = 2
        where coalesce(b.seq, 0) < h.seq);
    if clock_timestamp() > v_started + interval '5 minutes' then
      raise exception 'the consumers have not caught up within five minutes: %', (
        select string_agg(x.line, '; ') from (
          (select format('%s stands in recognition: %s %s', tenant_id, reason, detail) as line
            from recognition.processing_stop limit 3)
          union all
          (select format('%s stands in reporting: %s %s', tenant_id, reason, detail)
            from reporting.processing_stop limit 3)
          union all
          (select format('%s: contract %s, applied %s and %s', h.tenant_id, h.seq, a.seq, b.seq)
            from contract.log_head h
            left join recognition.applied_position a on a.tenant_id = h.tenant_id and a.log = 1
            left join reporting.applied_position b on b.tenant_id = h.tenant_id and b.log = 1
            where coalesce(a.seq, 0) < h.seq or coalesce(b.seq, 0) < h.seq limit 3)
          union all
          (select format('%s: recognition %s, applied %s', h.tenant_id, h.seq, b.seq)
            from recognition.log_head h
            left join reporting.applied_position b on b.tenant_id = h.tenant_id and b.log = 2
            where coalesce(b.seq, 0) < h.seq limit 3)) x);
    end if;
    perform pg_sleep(0.1);
  end loop;
end $$;
";
