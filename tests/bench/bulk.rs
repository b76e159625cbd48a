//! What B9 is compared with: the rows that a run wrote, inserted in bulk into copies of the tables.

use std::fmt::Write;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::system::System;

/// Obligations whose rows go into one transaction.
const AT_ONCE: u64 = 5_000;

/// The tables that a run writes to for its entries, each with the condition for the rows of one month's
/// run and what orders them alike. `$t` is the tenant, `$d` the month's last day, `$s` the place of the
/// run's first chunk.
const TABLES: [(&str, &str, &str); 3] = [
    ("obligation", "tenant_id = $t and posted_through = $d", "contract_id, ordinal"),
    ("balance_point", "tenant_id = $t and on_date = $d", "accounting_contract_id"),
    ("log_entry", "tenant_id = $t and seq >= $s", "seq"),
];

/// How long the rows of one run took.
pub(crate) struct Filled {
    /// As INSERT ... SELECT unnest, by the service's runtime role.
    pub(crate) insert: Duration,
    /// As COPY, by the superuser: Postgres refuses it under row-level security.
    pub(crate) copy: Duration,
}

/// Inserts what a run through `day` wrote into empty copies of the tables, then copies it into others.
/// `first` is the place of the run's first chunk in the log.
///
/// # Errors
/// Also when the copies do not hold the same rows afterwards.
pub(crate) fn fill(system: &System, tenant: Uuid, day: &str, first: u64) -> anyhow::Result<Filled> {
    let Prepared { insert, copy_out, copy_in } = prepare(system, tenant, day, first)?;
    system.settle()?;
    let started = Instant::now();
    system.sql_as_recognition(&insert)?;
    let inserted = started.elapsed();
    same_rows(system, tenant, day, first)?;
    system.sql(&copy_out)?;
    system.settle()?;
    let started = Instant::now();
    system.sql(&copy_in)?;
    let copied = started.elapsed();
    same_rows(system, tenant, day, first)?;
    Ok(Filled { insert: inserted, copy: copied })
}

struct Prepared {
    insert: String,
    copy_out: String,
    copy_in: String,
}

/// Makes the empty copies, and the rows as arrays of the same number of blocks for each table, stored
/// as they are, so that taking them out costs little.
fn prepare(system: &System, tenant: Uuid, day: &str, first: u64) -> anyhow::Result<Prepared> {
    let role = &system.urls.recognition.runtime_role;
    let folder = std::env::temp_dir();
    let mut sql = format!(
        "drop schema if exists bulk cascade; create schema bulk; grant usage on schema bulk to {role};\n"
    );
    let mut insert = format!("set app.tenant_id = '{tenant}';\n");
    let (mut copy_out, mut copy_in) = (String::new(), "begin;\n".to_owned());
    let entries = system.number(&filled(
        "select count(*) from recognition.obligation where \
        tenant_id = $t and posted_through = $d;",
        tenant,
        day,
        first,
    ))?;
    let blocks = entries.div_ceil(AT_ONCE).max(1);
    let mut statements = vec![String::new(); usize::try_from(blocks)?];
    for (table, rows, order) in TABLES {
        let rows = filled(rows, tenant, day, first);
        let columns = columns(system, table)?;
        let names = columns.join(", ");
        let arrays: Vec<String> = columns
            .iter()
            .map(|column| format!("array_agg({column} order by {order}) as {column}"))
            .collect();
        let options = system.sql(&format!(
            "select coalesce('with (' || array_to_string(reloptions, ', ') || ')', '') \
             from pg_class where oid = 'recognition.{table}'::regclass;"
        ))?;
        // Writing to a String cannot fail.
        let _: std::fmt::Result = writeln!(
            sql,
            "create table bulk.{table} (like recognition.{table} including all) {options};\n\
             alter table bulk.{table} enable row level security;\n\
             alter table bulk.{table} force row level security;\n\
             create policy tenant on bulk.{table} using ((select regexp_split_to_array(\
             current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);\n\
             grant select, insert on bulk.{table} to {role};\n\
             create table bulk.{table}_block as select block, {} from (select t.*, \
             (row_number() over (order by {order}) - 1) * {blocks} / count(*) over () as block \
             from recognition.{table} t where {rows}) t group by block limit 0;\n\
             {}\
             insert into bulk.{table}_block select block, {} from (select t.*, \
             (row_number() over (order by {order}) - 1) * {blocks} / count(*) over () as block \
             from recognition.{table} t where {rows}) t group by block;\n\
             create index on bulk.{table}_block (block);\n\
             grant select on bulk.{table}_block to {role};",
            arrays.join(", "),
            external(table, &columns),
            arrays.join(", "),
        );
        for (block, statement) in statements.iter_mut().enumerate() {
            let taken: Vec<String> = columns.iter().map(|column| format!("b.{column}")).collect();
            let _: std::fmt::Result = writeln!(
                statement,
                "insert into bulk.{table} ({names}) select v.* from bulk.{table}_block b \
                 cross join lateral unnest({}) v where b.block = {block};",
                taken.join(", "),
            );
        }
        let file = folder.join(format!("backlog-bench-{table}-{}", system.postgres_pid));
        let file = file.display();
        let _: std::fmt::Result = writeln!(
            copy_out,
            "copy bulk.{table} to '{file}' (format binary);\ntruncate bulk.{table};"
        );
        let _: std::fmt::Result =
            writeln!(copy_in, "copy bulk.{table} from '{file}' (format binary);");
    }
    copy_in.push_str("commit;\n");
    for statement in &statements {
        insert.push_str("begin;\n");
        insert.push_str(statement);
        insert.push_str("commit;\n");
    }
    system.sql(&sql)?;
    Ok(Prepared { insert, copy_out, copy_in })
}

fn external(table: &str, columns: &[String]) -> String {
    columns
        .iter()
        .map(|c| format!("alter table bulk.{table}_block alter column {c} set storage external;\n"))
        .collect()
}

fn columns(system: &System, table: &str) -> anyhow::Result<Vec<String>> {
    let answer = system.sql(&format!(
        "select attname from pg_attribute where attrelid = 'recognition.{table}'::regclass \
         and attnum > 0 and not attisdropped order by attnum;"
    ))?;
    Ok(answer.lines().map(str::to_owned).collect())
}

fn filled(sql: &str, tenant: Uuid, day: &str, first: u64) -> String {
    sql.replace("$t", &format!("'{tenant}'"))
        .replace("$d", &format!("'{day}'"))
        .replace("$s", &first.to_string())
}

/// Checks that the copies hold exactly the rows that the run wrote.
fn same_rows(system: &System, tenant: Uuid, day: &str, first: u64) -> anyhow::Result<()> {
    for (table, rows, _) in TABLES {
        let rows = filled(rows, tenant, day, first);
        let digest = |schema: &str| {
            format!(
                "select count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) \
                 from {schema}.{table} t where {rows};"
            )
        };
        let (ours, theirs) = (system.sql(&digest("recognition"))?, system.sql(&digest("bulk"))?);
        let all = system.number(&format!("select count(*) from bulk.{table};"))?;
        anyhow::ensure!(
            ours == theirs && ours.starts_with(&format!("{all}|")) && all > 0,
            "the run wrote {ours} to {table}, in bulk it is {theirs} of {all} rows"
        );
    }
    Ok(())
}
