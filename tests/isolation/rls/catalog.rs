//! What the catalog says, for every table that there is: a new one is covered on the day it is added.

use backlog_tests::migrated_database;

use super::{as_role, exempt, lines, tables};

const SCHEMAS: &str = "('contract', 'recognition', 'reporting')";

// Every table is under forced row-level security with a policy for all commands and roles that tests
// rows read and rows written, or is on the list; and the list names no table that is not there.
#[tokio::test]
async fn tables_are_guarded_or_listed() {
    let database = migrated_database().await;
    let rows = lines(
        &database,
        &format!(
            "select n.nspname || '.' || c.relname, c.relrowsecurity and c.relforcerowsecurity, \
             (select count(*) from pg_policy p where p.polrelid = c.oid), \
             (select count(*) from pg_policy p where p.polrelid = c.oid and p.polcmd = '*' \
                and p.polroles = '{{0}}' and p.polpermissive and p.polwithcheck is null \
                and pg_get_expr(p.polqual, p.polrelid) like '%current_setting(''app.tenant_id''::text)%' \
                and pg_get_expr(p.polqual, p.polrelid) like '%@> ARRAY[tenant_id]%') \
             from pg_class c join pg_namespace n on n.oid = c.relnamespace \
             where c.relkind in ('r', 'p') and n.nspname in {SCHEMAS} order by 1;"
        ),
    )
    .await;
    let mut listed = exempt();
    for row in rows {
        let fields: Vec<&str> = row.split('|').collect();
        let [table, forced, policies, good] = fields[..] else { panic!("{row}") };
        if listed.remove(table).is_some() {
            assert_eq!((forced, policies), ("f", "0"), "{table} is listed and guarded");
        } else {
            assert_eq!((forced, policies, good), ("t", "1", "1"), "{table} is not guarded");
        }
    }
    assert!(listed.is_empty(), "listed and not there: {listed:?}");
}

// Tables without row-level security hold ids, positions, times and flags. A text or date in one of them
// is named here with the reason, so that no business data slips in with a new column.
#[tokio::test]
async fn listed_tables_hold_no_business_data() {
    let database = migrated_database().await;
    let texts = [
        ("contract.account.display_name", "the vendor's own name"),
        ("contract.tenant_registry.external_id", "the vendor's own id of the tenant"),
        ("recognition.run_lease.done_through", "a day: how far scheduled runs are done"),
    ];
    let everywhere = ["lease.name", "processing_stop.reason", "processing_stop.detail"];
    let rows = lines(
        &database,
        &format!(
            "select n.nspname || '.' || c.relname, a.attname, a.atttypid::regtype \
             from pg_class c join pg_namespace n on n.oid = c.relnamespace \
             join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
             where c.relkind in ('r', 'p') and n.nspname in {SCHEMAS} \
             and c.relname <> 'seaql_migrations' order by 1, 2;"
        ),
    )
    .await;
    let exempt = exempt();
    let mut columns = 0;
    for row in rows {
        let fields: Vec<&str> = row.split('|').collect();
        let [table, column, kind] = fields[..] else { panic!("{row}") };
        if !exempt.contains_key(table) {
            continue;
        }
        columns += 1;
        let name = format!("{table}.{column}");
        let known = texts.iter().any(|(text, _)| *text == name)
            || everywhere.iter().any(|text| name.ends_with(text));
        let plain = ["uuid", "bigint", "smallint", "boolean", "timestamp with time zone", "bytea"];
        assert!(plain.contains(&kind) || known, "{name} is {kind} and not under a policy");
    }
    assert!(columns > 30, "the catalog is read");
}

// tenant_id is the first column of every primary key, unique constraint and unique index of a table
// that has it, so that any of them can be distributed by tenant; and every such table has a primary
// key. There are no foreign keys.
#[tokio::test]
async fn keys_begin_with_the_tenant() {
    let database = migrated_database().await;
    let keys = lines(
        &database,
        &format!(
            "select i.indexrelid::regclass, i.indisprimary, a.attname \
             from pg_index i join pg_class c on c.oid = i.indrelid \
             join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] \
             where c.relnamespace::regnamespace::text in {SCHEMAS} \
             and (i.indisunique or i.indisprimary or i.indisexclusion) and exists ( \
               select 1 from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id');"
        ),
    )
    .await;
    assert!(keys.len() > 30, "the catalog is read");
    for key in &keys {
        assert!(key.ends_with("|tenant_id"), "another column leads: {key}");
    }
    let bare = lines(
        &database,
        &format!(
            "select c.oid::regclass from pg_class c where c.relkind in ('r', 'p') \
             and c.relnamespace::regnamespace::text in {SCHEMAS} and not exists ( \
               select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary);"
        ),
    )
    .await;
    assert!(bare.is_empty(), "without a primary key: {bare:?}");
    let foreign = lines(&database, "select conname from pg_constraint where contype = 'f';").await;
    assert!(foreign.is_empty(), "foreign keys: {foreign:?}");
}

// No service's role, be it the runtime's or the owner's, reads or runs anything of another service:
// all pairs, every table, view and function; and what another schema holds cannot even be named.
#[tokio::test]
async fn schemas_of_others_are_closed() {
    let database = migrated_database().await;
    let mut pairs = 0;
    for own in database.urls().services() {
        for other in database.urls().services() {
            if own.schema == other.schema {
                continue;
            }
            pairs += 1;
            for role in [&own.runtime_role, &own.owner_role] {
                for table in tables(&database, other).await {
                    let sql = format!("select 1 from {table} limit 1;");
                    let error = as_role(&database, role, &sql).await.expect_err(&table);
                    assert!(error.contains("permission denied for schema"), "{role}: {error}");
                }
                let open = lines(
                    &database,
                    &format!(
                        "select c.oid::regclass::text from pg_class c where \
                         relnamespace = '{schema}'::regnamespace and relkind in ('r', 'p', 'v', 'S') \
                         and has_table_privilege('{role}', c.oid, \
                           'select, insert, update, delete, truncate, references, trigger') \
                         union all select p.oid::regprocedure::text from pg_proc p where \
                         pronamespace = '{schema}'::regnamespace \
                         and has_function_privilege('{role}', p.oid, 'execute');",
                        schema = other.schema
                    ),
                )
                .await;
                assert!(open.is_empty(), "{role} may use {open:?}");
            }
        }
    }
    assert_eq!(pairs, 6);
}

// The runtime role passes no row-level security, owns nothing, is a member of nothing, and can
// neither create nor alter, empty or open up a table; functions run as their caller.
#[tokio::test]
async fn runtime_roles_only_use_rows() {
    let database = migrated_database().await;
    for service in database.urls().services() {
        let role = &service.runtime_role;
        let attributes = format!(
            "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication, \
             (select count(*) from pg_class where relowner = r.oid), \
             (select count(*) from pg_auth_members where member = r.oid), \
             has_schema_privilege(rolname, '{}', 'create'), \
             has_database_privilege(rolname, current_database(), 'create, temporary') \
             from pg_roles r where rolname = '{role}';",
            service.schema
        );
        assert_eq!(lines(&database, &attributes).await, ["f|0|0|f|f"], "{role}");
        let table = format!("{}.log_entry", service.schema);
        for sql in [
            format!("create table {}.mine (n int)", service.schema),
            "create temporary table mine (n int)".to_owned(),
            format!("alter table {table} disable row level security"),
            format!("alter table {table} no force row level security"),
            format!("drop policy tenant on {table}"),
            format!("create policy mine on {table} using (true)"),
            format!("truncate {table}"),
            format!("drop table {table}"),
            format!("set role {}", service.owner_role),
            "set session authorization postgres".to_owned(),
        ] {
            let error = as_role(&database, role, &format!("{sql};")).await.expect_err(&sql);
            let refused = error.contains("permission denied") || error.contains("must be owner");
            assert!(refused, "{role}: {sql}: {error}");
        }
    }
    let definers = format!(
        "select oid::regprocedure from pg_proc \
         where pronamespace::regnamespace::text in {SCHEMAS} and prosecdef;"
    );
    let definers = lines(&database, &definers).await;
    assert!(definers.is_empty(), "functions that run as their owner: {definers:?}");
    let views = format!(
        "select oid::regclass from pg_class where relkind in ('v', 'm') \
         and relnamespace::regnamespace::text in {SCHEMAS} \
         and not coalesce(reloptions @> array['security_invoker=true'], false);"
    );
    let views = lines(&database, &views).await;
    assert!(views.is_empty(), "views that read as their owner: {views:?}");
}
