//! Each guarded table as the runtime role sees it, with rows of two tenants in it.

use backlog_ids::TenantId;
use backlog_local_stack::ServiceDatabase;
use backlog_test_support::database::TestDatabase;
use backlog_tests::Stack;

use super::{as_role, guarded, lines, views};
use crate::world::{fill, two_people};

/// Two tenants of different vendors, with rows in every guarded table.
async fn two_tenants() -> (Stack, TenantId, TenantId) {
    let stack = Stack::start().await;
    let (one, two) = (stack.account("one").await, stack.account("two").await);
    let first = stack.tenant_with(one, "first", two_people()).await;
    let second = stack.tenant_with(two, "second", two_people()).await;
    stack.settle().await;
    fill(&stack, one, first, "First Corp").await;
    fill(&stack, two, second, "Second Corp").await;
    stack.settle().await;
    for tenant in [first, second] {
        // No call writes reporting's own log yet, and contracts of what-ifs are there only while one is
        // worked on; their tables are guarded all the same.
        let rows = format!(
            "insert into reporting.log_entry values ('{id}', 1, 'entry'); \
             insert into reporting.request values ('{id}', 'request', 'hash', 1); \
             insert into recognition.what_if_contract values \
             ('{id}', '{id}', '{id}', now(), now(), now(), 1, '', '');",
            id = tenant.uuid()
        );
        stack.database.superuser_sql(&rows).await.expect("rows");
    }
    for service in stack.database.urls().services() {
        for table in guarded(&stack.database, service).await {
            for tenant in [first, second] {
                let sql = format!("select count(*) from {table} where {};", of(tenant));
                let count = stack.database.superuser_sql(&sql).await.expect("a count");
                assert_ne!(count, "0", "the story leaves no row in {table}: make it");
            }
        }
    }
    (stack, first, second)
}

fn of(tenant: TenantId) -> String {
    format!("tenant_id = '{}'", tenant.uuid())
}

fn set(tenant: TenantId) -> String {
    format!("select set_config('app.tenant_id', '{}', true);", tenant.uuid())
}

async fn refused(database: &TestDatabase, service: &ServiceDatabase, sql: &str) -> String {
    as_role(database, &service.runtime_role, sql).await.expect_err(sql)
}

// Shows that a statement without a tenant fails and never answers no rows: where the tenant was never
// set, where it is empty because an earlier transaction of the connection had set it, where it is
// empty or no id by itself; reading, changing and deleting alike, whether it names a tenant or not.
#[tokio::test]
async fn a_missing_tenant_raises() {
    let (stack, first, _) = two_tenants().await;
    let database = &stack.database;
    for service in database.urls().services() {
        for table in guarded(database, service).await {
            let earlier = format!("begin; {} select 1 from {table} limit 1; commit;", set(first));
            let blank = "select set_config('app.tenant_id', '', false);".to_owned();
            let odd = "select set_config('app.tenant_id', 'none', false);".to_owned();
            let mine = of(first);
            let (never, empty) =
                ("unrecognized configuration parameter \"app.tenant_id\"", "for type uuid: \"\"");
            let all = format!("select count(*) from {table};");
            let update = format!("update {table} set tenant_id = tenant_id where {mine};");
            for (before, statement, message) in [
                ("", &all, never),
                (&earlier, &all, empty),
                (&blank, &all, empty),
                (&odd, &all, "for type uuid: \"none\""),
                ("", &update, never),
                (&earlier, &update, empty),
                (&earlier, &format!("select 1 from {table} where {mine};"), empty),
                (&earlier, &format!("delete from {table} where {mine};"), empty),
            ] {
                let error = refused(database, service, &format!("{before} {statement}")).await;
                assert!(error.contains(message), "{before} {statement}: {error}");
            }
        }
    }
}

// Shows that a tenant sees its own rows and none of another, though it names the other: reading finds
// nothing, changing and deleting reach nothing, and moving a row to the other is refused.
#[tokio::test]
async fn a_tenant_reaches_its_own_rows_only() {
    let (stack, first, second) = two_tenants().await;
    let database = &stack.database;
    for service in database.urls().services() {
        let role = &service.runtime_role;
        for table in guarded(database, service).await {
            let (mine, theirs) = (of(first), of(second));
            let count =
                |condition: &str| format!("select count(*) from {table} where {condition};");
            let all = database.superuser_sql(&count(&mine)).await.unwrap();
            let others = database.superuser_sql(&count(&theirs)).await.unwrap();
            let sql = format!(
                "begin; {} {} {} {} \
                 with gone as (delete from {table} where {theirs} returning 1) \
                   select count(*) from gone; \
                 with moved as (update {table} set tenant_id = tenant_id where {theirs} returning 1) \
                   select count(*) from moved; commit;",
                set(first),
                count("true"),
                count(&mine),
                count(&theirs),
            );
            let seen = as_role(database, role, &sql).await.unwrap();
            let expected =
                [first.uuid().to_string().as_str(), &all, &all, "0", "0", "0"].join("\n");
            assert_eq!(seen, expected, "{table}");
            let taken = format!(
                "begin; {} update {table} set tenant_id = '{}' where {mine}; commit;",
                set(first),
                second.uuid()
            );
            let error = refused(database, service, &taken).await;
            assert!(error.contains("violates row-level security policy"), "{table}: {error}");
            assert_eq!(database.superuser_sql(&count(&theirs)).await.unwrap(), others, "{table}");
            assert_eq!(database.superuser_sql(&count(&mine)).await.unwrap(), all, "{table}");
        }
    }
}

// Shows that a row for another tenant cannot be inserted: a real row of the other, sent by the first,
// is refused by the policy before any key could tell that it exists.
#[tokio::test]
async fn rows_for_others_are_refused() {
    let (stack, first, second) = two_tenants().await;
    let database = &stack.database;
    for service in database.urls().services() {
        for table in guarded(database, service).await {
            let row = format!("select to_json(t) from {table} t where {} limit 1;", of(second));
            let row = lines(database, &row).await.concat();
            for tenant in [second.uuid().to_string(), "00000000-0000-0000-0000-000000000001".into()]
            {
                let row = row.replace(&second.uuid().to_string(), &tenant).replace('\'', "''");
                let sql = format!(
                    "begin; {} insert into {table} \
                     select * from json_populate_record(null::{table}, '{row}'); commit;",
                    set(first)
                );
                let error = refused(database, service, &sql).await;
                assert!(error.contains("violates row-level security policy"), "{table}: {error}");
            }
        }
    }
}

// Shows that views let nobody around the policies of their tables: without a tenant they raise, with
// one they show its rows and none of another, and nothing is written through them.
#[tokio::test]
async fn views_show_what_their_tables_do() {
    let (stack, first, second) = two_tenants().await;
    let database = &stack.database;
    let mut seen = 0;
    for service in database.urls().services() {
        for view in views(database, service).await {
            let (mine, theirs) = (of(first), of(second));
            let count = |condition: &str| format!("select count(*) from {view} where {condition};");
            let all = database.superuser_sql(&count(&mine)).await.unwrap();
            assert_ne!(all, "0", "the story leaves no row in {view}: make it");
            assert_ne!(database.superuser_sql(&count(&theirs)).await.unwrap(), "0", "{view}");
            let error = refused(database, service, &count("true")).await;
            assert!(error.contains("unrecognized configuration parameter"), "{view}: {error}");
            let sql = format!("begin; {} {} {} commit;", set(first), count("true"), count(&theirs));
            let rows = as_role(database, &service.runtime_role, &sql).await.unwrap();
            assert_eq!(rows, [&first.uuid().to_string(), all.as_str(), "0"].join("\n"), "{view}");
            let sql = format!("begin; {} delete from {view} where {theirs}; commit;", set(first));
            let error = refused(database, service, &sql).await;
            assert!(error.contains("cannot delete from view"), "{view}: {error}");
            seen += 1;
        }
    }
    assert!(seen > 0, "there are views");
}
