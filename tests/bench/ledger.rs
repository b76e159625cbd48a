//! What was acknowledged, and whether the database holds it: each item exactly once, and nothing else.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::load::{price, request_id};
use crate::system::{Mode, System};

/// Numbers that one load may use.
const NUMBERS: u64 = 10_000_000;

/// A sign that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ack {
    /// Whose contract.
    pub(crate) tenant: Uuid,
    /// The number of the call, which makes its request_id.
    pub(crate) number: u64,
    /// The contract that was made.
    pub(crate) contract: Uuid,
    /// Its place in the tenant's log.
    pub(crate) seq: u64,
}

/// Everything that one system acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    loads: AtomicU64,
    acks: Mutex<Vec<Ack>>,
}

impl Ledger {
    /// The first of the numbers that one more load may use.
    pub(crate) fn reserve(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed) * NUMBERS
    }

    /// Adds what was acknowledged.
    pub(crate) fn add(&self, acks: Vec<Ack>) {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).extend(acks);
    }

    /// How much was acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn rows(&self) -> String {
        let acks = self.acks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = String::with_capacity(acks.len() * 110);
        for ack in acks.iter() {
            // Writing to a String cannot fail.
            let _: std::fmt::Result = writeln!(
                rows,
                "{}\t{}\t{}\t{}\t{}",
                ack.tenant,
                request_id(ack.number),
                ack.contract,
                ack.seq,
                price(ack.number)
            );
        }
        rows
    }
}

/// The contract service's tables against the acknowledgments. Each line names a rule and counts what
/// breaks it. Tenants that pgbench writes to are not the system's: they have no registry row.
const CONTRACT_CHECKS: &str = "
create temp table ours as select tenant_id from contract.tenant_registry;
create temp table place as
  select e.tenant_id, e.seq, e.entry, sha256('\\x00'::bytea || e.entry) as hash,
    lag(e.seq) over w as before, lag(sha256('\\x00'::bytea || e.entry)) over w as before_hash
  from contract.log_entry e join ours o on o.tenant_id = e.tenant_id
  window w as (partition by e.tenant_id order by e.seq);
analyze ours; analyze place;
select 'acknowledged twice', count(*) from (
  select 1 from ack group by tenant_id, request_id having count(*) > 1) x
union all
select 'two acknowledgments of one contract', count(*) from (
  select 1 from ack group by contract_id having count(*) > 1) x
union all
select 'acknowledged, and not remembered under its request_id', count(*)
  from ack a left join contract.request r
    on r.tenant_id = a.tenant_id and r.request_id = a.request_id
  where r.seq is distinct from a.seq
union all
select 'remembered, and not acknowledged', abs(count(*) - (select count(*) from ack))
  from contract.request r join ours o on o.tenant_id = r.tenant_id
  where r.request_id like 'sign-%'
union all
select 'acknowledged, and not in the log at its place', count(*)
  from ack a left join place e on e.tenant_id = a.tenant_id and e.seq = a.seq
  where e.entry is null
    or position(convert_to(a.request_id, 'UTF8') in e.entry) = 0
    or position(convert_to('ctr_' || replace(a.contract_id::text, '-', ''), 'UTF8') in e.entry) = 0
union all
select 'entries besides those acknowledged and the first of each tenant',
  abs(count(*) - (select count(*) from ack) - (select count(*) from ours)) from place
union all
select 'acknowledged, and no signed contract', count(*)
  from ack a left join contract.contract c
    on c.tenant_id = a.tenant_id and c.contract_id = a.contract_id
  where c.state is distinct from 2
union all
select 'contracts besides those acknowledged', abs(count(*) - (select count(*) from ack))
  from contract.contract c join ours o on o.tenant_id = c.tenant_id
union all
select 'transaction price that is not what was signed', count(*)
  from ack a left join lateral (
    select sum(b.transaction_price) as price from contract.obligation b
    where b.tenant_id = a.tenant_id and b.contract_id = a.contract_id) b on true
  where b.price is distinct from a.price
union all
select 'entries that do not follow the one before', count(*) from place
  where seq <> coalesce(before, 0) + 1
    or before_hash is not null and position(before_hash in entry) = 0
union all
select 'heads that are not the last entry', count(*)
  from ours o
  left join contract.log_head h on h.tenant_id = o.tenant_id
  left join lateral (
    select e.seq, e.hash from place e where e.tenant_id = o.tenant_id
    order by e.seq desc limit 1) e on true
  where h.seq is distinct from e.seq or h.hash is distinct from e.hash;
";

/// The other services' tables against the contract service's.
const FULL_CHECKS: &str = "
select 'tenants that stand still', count(*) from (
  select tenant_id from recognition.processing_stop
  union all select tenant_id from reporting.processing_stop) x
union all
select 'entries that differ in the audit trail, or are missing there', count(*)
  from place p left join reporting.audit_entry e
    on e.tenant_id = p.tenant_id and e.log = 1 and e.seq = p.seq
  where e.entry is distinct from p.entry or e.leaf_hash is distinct from p.hash
union all
select 'accounting entries that differ in the audit trail, or are missing there', count(*)
  from recognition.log_entry r left join reporting.audit_entry e
    on e.tenant_id = r.tenant_id and e.log = 2 and e.seq = r.seq
  where e.entry is distinct from r.entry
union all
select 'acknowledged, and not reported', count(*)
  from ack a left join reporting.contract c
    on c.tenant_id = a.tenant_id and c.contract_id = a.contract_id
  where c.seq is distinct from a.seq
union all
select 'reported, and not acknowledged', abs(count(*) - (select count(*) from ack))
  from reporting.contract
union all
select 'transaction price reported that is not what was signed', count(*)
  from ack a left join lateral (
    select sum(m.amount) as price from reporting.movement m
    where m.tenant_id = a.tenant_id and m.contract_id = a.contract_id and m.measure = 1) m on true
  where m.price is distinct from a.price
union all
select 'leaves besides the entries applied', abs(
  (select count(*) from reporting.audit_entry)
  - (select sum(seq) from reporting.applied_position));
";

impl System {
    /// Looks for everything that was acknowledged.
    ///
    /// # Errors
    /// Every rule that is broken: the run is void.
    pub(crate) fn verify(&self) -> anyhow::Result<()> {
        let mut sql = "create temp table ack (tenant_id uuid, request_id text, contract_id uuid, \
                       seq bigint, price bigint);\ncopy ack from stdin;\n"
            .to_owned();
        sql.push_str(&self.ledger.rows());
        sql.push_str("\\.\nanalyze ack;\n");
        sql.push_str(CONTRACT_CHECKS);
        if self.mode == Mode::Full {
            sql.push_str(FULL_CHECKS);
        }
        let answer = self.sql(&sql)?;
        let mut broken: Vec<&str> =
            answer.lines().filter(|line| line.contains('|') && !line.ends_with("|0")).collect();
        let identities;
        if self.mode == Mode::Full {
            identities = self.identities()?;
            broken.extend(identities.lines());
        }
        anyhow::ensure!(broken.is_empty(), "{}", broken.join("; "));
        Ok(())
    }

    /// The identities of the ledgers, of every tenant: what does not hold.
    fn identities(&self) -> anyhow::Result<String> {
        self.sql(
            "set search_path = reporting;\n\
             select t.tenant_id, v.identity, v.contract_id, v.on_date, v.expected, v.actual \
             from tenant t cross join lateral identity_violations(t.tenant_id) v limit 20;",
        )
    }
}
