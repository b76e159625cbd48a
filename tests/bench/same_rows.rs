//! What pgbench does to compare with: the rows of one SignContract, in a transaction of its own.
//!
//! The script is made from the rows that a sign really wrote, so that it cannot fall behind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::pgbench::script;
use crate::system::System;

/// Tables that a sign adds a row to, as far as pgbench knows how to make keys for them.
const INSERTED: [&str; 4] = ["log_entry", "request", "contract", "obligation"];

/// The tenant that is written to: random, as the tenants' real ids are.
const TENANT: &str = "md5(:t::text)::uuid";

/// Rows and bytes that one write added to a table.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Growth {
    rows: f64,
    bytes: f64,
}

/// The transaction that pgbench repeats.
#[derive(Debug)]
pub(crate) struct SameRows {
    /// pgbench's script.
    pub(crate) script: PathBuf,
    /// Tenants that pgbench writes to.
    tenants: u32,
}

impl SameRows {
    /// Makes the tenants that pgbench writes to, and its script from the rows that the last sign of
    /// the system wrote.
    pub(crate) fn prepare(system: &System, folder: &Path, tenants: u32) -> anyhow::Result<Self> {
        system.sql(&format!(
            "insert into contract.log_head (tenant_id, seq, hash, recorded_at, suspended) \
             select md5(t::text)::uuid, 0, sha256(''), now(), false \
             from generate_series(1, {tenants}) t;"
        ))?;
        let mut text = format!(
            "\\set t random(1, {tenants})\n\\set r random(0, 4000000000000000000)\nbegin;\n\
             select set_config('app.tenant_id', {TENANT}::text, true);\n\
             update log_head set seq = seq + 1, hash = '\\x{}', \
             recorded_at = greatest(now(), recorded_at + interval '1 us'), suspended = false \
             where tenant_id = {TENANT} returning seq \\gset\n",
            "ab".repeat(32)
        );
        for table in INSERTED {
            // Writing to a String cannot fail.
            let _: std::fmt::Result = writeln!(text, "{}", insert(system, table)?);
        }
        text.push_str("commit;\n");
        Ok(Self { script: script(folder, "sign.sql", &text)?, tenants })
    }

    /// Checks that pgbench's transactions added to the tables what signs added: the same rows a
    /// write, of the same size, in the same tables and no others; and that it lost none.
    ///
    /// # Errors
    /// When they differ.
    pub(crate) fn verify(&self, system: &System, transactions: u64) -> anyhow::Result<()> {
        let signs = system.ledger.len();
        let theirs =
            format!("in (select md5(t::text)::uuid from generate_series(1, {}) t)", self.tenants);
        let ours = "in (select tenant_id from contract.tenant_registry)";
        let theirs = growth(system, &theirs, |_| "", transactions)?;
        let ours = growth(system, ours, without_creation, u64::try_from(signs)?)?;
        for (table, our) in &ours {
            let their = theirs.get(table).with_context(|| format!("pgbench has no {table}"))?;
            let same = (our.rows - their.rows).abs() < 1e-9;
            let similar = (our.bytes - their.bytes).abs() <= 0.02 * our.bytes;
            anyhow::ensure!(same && similar, "a sign adds {our:?} to {table}, pgbench {their:?}");
        }
        anyhow::ensure!(
            ours.keys().map(String::as_str).eq(sorted(INSERTED)),
            "a sign writes to {:?}, pgbench to {INSERTED:?}",
            ours.keys()
        );
        let pgbench = "select coalesce(sum(h.seq), 0) from contract.log_head h \
                       where not exists (select 1 from contract.tenant_registry r \
                       where r.tenant_id = h.tenant_id);";
        let heads = system.number(pgbench)?;
        anyhow::ensure!(
            heads == transactions,
            "pgbench committed {transactions}, heads say {heads}"
        );
        let updated = system.sql(
            "select coalesce(string_agg(relname, ',' order by relname), '') \
             from pg_stat_user_tables where schemaname = 'contract' \
             and (n_tup_upd > 0 and relname <> 'log_head' or n_tup_del > 0) \
             and relname <> 'lease' and relname not like '%migration%';",
        )?;
        anyhow::ensure!(updated.is_empty(), "a sign changes rows of {updated}, pgbench does not");
        Ok(())
    }
}

fn sorted(mut names: [&'static str; 4]) -> [&'static str; 4] {
    names.sort_unstable();
    names
}

/// The statement that inserts into a table what the last sign inserted, under keys of its own.
fn insert(system: &System, table: &str) -> anyhow::Result<String> {
    let columns = system.sql(&format!(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute \
         where attrelid = 'contract.{table}'::regclass and attnum > 0 and not attisdropped \
         order by attnum;"
    ))?;
    let columns: Vec<(&str, &str)> =
        columns.lines().filter_map(|line| line.split_once('|')).collect();
    let mut values = Vec::with_capacity(columns.len());
    for (column, kind) in &columns {
        values.push(match *column {
            "tenant_id" => TENANT.to_owned(),
            "seq" => ":seq".to_owned(),
            "request_id" => "'sign-' || lpad(:seq::text, 11, '0')".to_owned(),
            // Ascending within a tenant, as the contracts' real ids are.
            "contract_id" => "encode(int8send(:seq) || int8send(:r), 'hex')::uuid".to_owned(),
            "obligation_id" => "gen_random_uuid()".to_owned(),
            _ => sample(system, table, column, kind)?,
        });
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    Ok(format!("insert into {table} ({}) values ({});", names.join(", "), values.join(", ")))
}

/// What the last sign wrote to a column, as a literal.
fn sample(system: &System, table: &str, column: &str, kind: &str) -> anyhow::Result<String> {
    let order = match table {
        "log_entry" | "request" => "seq desc",
        _ => "contract_id desc",
    };
    let value = system.sql(&format!(
        "select quote_literal({column}::text) from contract.{table} \
         where tenant_id in (select tenant_id from contract.tenant_registry) \
         order by {order} limit 1;"
    ))?;
    anyhow::ensure!(!value.is_empty(), "no sign has written to {table} yet");
    // A backslash makes quote_literal write E'\\x...', which pgbench passes on as it is.
    Ok(format!("{}::{kind}", value.trim()))
}

/// Average growth of each table of the schema a write, for the tenants that a condition names.
/// `created` tells apart what the creation of such tenants wrote.
fn growth(
    system: &System,
    tenants: &str,
    created: impl Fn(&str) -> &'static str,
    writes: u64,
) -> anyhow::Result<BTreeMap<String, Growth>> {
    let tables = system.sql(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid \
         where c.relnamespace = 'contract'::regnamespace and c.relkind = 'r' \
         and a.attname = 'tenant_id' and c.relname not in ('log_head', 'tenant_registry', 'tenant');",
    )?;
    let mut growth = BTreeMap::new();
    for table in tables.lines() {
        let answer = system.sql(&format!(
            "select count(*), coalesce(sum(pg_column_size(t.*)), 0) from contract.{table} t \
             where tenant_id {tenants}{};",
            created(table)
        ))?;
        let (rows, bytes) = answer.split_once('|').context("a count and a sum")?;
        let (rows, bytes): (u64, u64) = (rows.parse()?, bytes.parse()?);
        if rows > 0 {
            #[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
            let (rows, bytes, writes) = (rows as f64, bytes as f64, writes as f64);
            growth.insert(table.to_owned(), Growth { rows: rows / writes, bytes: bytes / writes });
        }
    }
    Ok(growth)
}

/// Leaves out what the creation of a tenant wrote.
fn without_creation(table: &str) -> &'static str {
    match table {
        "log_entry" => " and seq > 1",
        "request" => " and request_id like 'sign-%'",
        _ => "",
    }
}
