//! Row-level security, roles and keys, on real Postgres with the migrated schemas.

mod catalog;
mod pool;
mod tables;

use std::collections::BTreeMap;

use backlog_local_stack::ServiceDatabase;
use backlog_test_support::cluster::TestCluster;
use backlog_test_support::database::TestDatabase;

/// Tables without row-level security, each with the reason. Everything else must have it.
fn exempt() -> BTreeMap<&'static str, &'static str> {
    let mut exempt = BTreeMap::from([
        ("contract.account", "belongs to no tenant: the vendors, shared by their tenants"),
        ("contract.tenant_registry", "ids: the door asks it before the tenant is known"),
        ("recognition.tenant_registry", "ids: the door asks it before the tenant is known"),
        ("recognition.run_lease", "ids and days: a replica looks after many tenants"),
        ("recognition.what_if_lease", "ids and fences: a replica works for many tenants"),
        ("reporting.tenant", "ids and a flag: the door asks it before the tenant is known"),
    ]);
    for (schema_table, reason) in EVERYWHERE {
        exempt.insert(schema_table, reason);
    }
    exempt
}

const EVERYWHERE: [(&str, &str); 18] = [
    ("contract.log_head", "positions: a batch locks the heads of its tenants"),
    ("recognition.log_head", "positions: a batch locks the heads of its tenants"),
    ("reporting.log_head", "positions: a batch locks the heads of its tenants"),
    ("contract.applied_position", "positions"),
    ("recognition.applied_position", "positions"),
    ("reporting.applied_position", "positions"),
    ("contract.processing_stop", "positions and a reason, for operators"),
    ("recognition.processing_stop", "positions and a reason, for operators"),
    ("reporting.processing_stop", "positions and a reason, for operators"),
    ("contract.relay_position", "positions: a sweeper looks after many tenants"),
    ("recognition.relay_position", "positions: a sweeper looks after many tenants"),
    ("reporting.relay_position", "positions: a sweeper looks after many tenants"),
    ("contract.lease", "belongs to no tenant: who does a replica's job"),
    ("recognition.lease", "belongs to no tenant: who does a replica's job"),
    ("reporting.lease", "belongs to no tenant: who does a replica's job"),
    ("contract.seaql_migrations", "belongs to no tenant: names of migrations"),
    ("recognition.seaql_migrations", "belongs to no tenant: names of migrations"),
    ("reporting.seaql_migrations", "belongs to no tenant: names of migrations"),
];

/// What a role of the services sees and is told.
pub(super) async fn as_role(
    database: &TestDatabase,
    role: &str,
    sql: &str,
) -> Result<String, String> {
    let cluster = TestCluster::shared().await.expect("a cluster").manifest().cluster.clone();
    let (role, name, sql) = (role.to_owned(), database.urls().database.clone(), sql.to_owned());
    let run = move || cluster.run_as(&role, &name, &sql).map_err(|error| error.to_string());
    tokio::task::spawn_blocking(run).await.expect("psql ends")
}

/// Rows as the superuser sees them, a line each.
pub(super) async fn lines(database: &TestDatabase, sql: &str) -> Vec<String> {
    let rows = database.superuser_sql(sql).await.expect("rows");
    rows.lines().map(str::to_owned).collect()
}

/// Relations of some kinds in a schema, new ones included, as `schema.name`.
async fn relations(database: &TestDatabase, service: &ServiceDatabase, kinds: &str) -> Vec<String> {
    let sql = format!(
        "select relnamespace::regnamespace || '.' || relname from pg_class \
         where relkind in ({kinds}) and relnamespace = '{}'::regnamespace order by 1;",
        service.schema
    );
    lines(database, &sql).await
}

/// Tables and views of a schema.
pub(super) async fn tables(database: &TestDatabase, service: &ServiceDatabase) -> Vec<String> {
    let tables = relations(database, service, "'r', 'p', 'v', 'm', 'f'").await;
    assert!(tables.len() >= 10, "the catalog is read: {tables:?}");
    tables
}

/// Tables of a schema that must be under row-level security.
pub(super) async fn guarded(database: &TestDatabase, service: &ServiceDatabase) -> Vec<String> {
    let exempt = exempt();
    let all = relations(database, service, "'r', 'p', 'm', 'f'").await;
    assert!(all.len() >= 10, "the catalog is read: {all:?}");
    all.into_iter().filter(|table| !exempt.contains_key(table.as_str())).collect()
}

/// Views of a schema.
pub(super) async fn views(database: &TestDatabase, service: &ServiceDatabase) -> Vec<String> {
    relations(database, service, "'v'").await
}
