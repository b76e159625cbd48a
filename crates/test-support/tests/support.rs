//! The test support itself: databases are separate and migrated once; brokers survive faults.

use backlog_local_stack::DatabaseUrls;
use backlog_test_support::broker::TestBroker;
use backlog_test_support::cluster::TestCluster;
use backlog_test_support::database::TestDatabase;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpStream;

// Databases of one template have its tables, do not see each other's rows, and the migration ran
// once although they were asked for at once; a dropped database is gone.
#[tokio::test]
async fn databases_are_copies_of_one_migrated_template() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let cluster = &TestCluster::shared().await.unwrap().manifest().cluster;
    let migrate = async |urls: DatabaseUrls| {
        RUNS.fetch_add(1, Ordering::SeqCst);
        cluster.run_as(&urls.contract.owner_role, &urls.database, "create table t (n int);")?;
        Ok(())
    };
    let name = format!("support_{}", std::process::id());
    let (one, two) = tokio::join!(
        TestDatabase::from_template(&name, migrate),
        TestDatabase::from_template(&name, migrate)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    one.superuser_sql("insert into contract.t values (1);").await.unwrap();
    assert_eq!(one.superuser_sql("select count(*) from contract.t;").await.unwrap(), "1");
    assert_eq!(two.superuser_sql("select count(*) from contract.t;").await.unwrap(), "0");

    let gone = one.urls().database.clone();
    drop(one);
    assert!(cluster.access.run(&gone, "select 1;").is_err());
}

// A migration that fails leaves no template behind: the next attempt starts from nothing.
#[tokio::test]
async fn failed_migration_leaves_no_template() {
    let cluster = &TestCluster::shared().await.unwrap().manifest().cluster;
    let name = format!("failing_{}", std::process::id());
    let create = |urls: &DatabaseUrls| {
        cluster.run_as(&urls.contract.owner_role, &urls.database, "create table t (n int);")
    };
    let failing = async |urls: DatabaseUrls| {
        create(&urls)?;
        anyhow::bail!("halfway")
    };
    let error = TestDatabase::from_template(&name, failing).await.unwrap_err();
    assert!(format!("{error:#}").contains("halfway"), "{error:#}");
    let working = async |urls: DatabaseUrls| Ok(create(&urls).map(drop)?);
    TestDatabase::from_template(&name, working).await.unwrap();
}

// An empty database has the three schemas and nothing in them.
#[tokio::test]
async fn empty_database_has_the_schemas() {
    let database = TestDatabase::empty().await.unwrap();
    let sql = "select string_agg(nspname, ' ' order by nspname) from pg_namespace \
               where nspname in ('contract', 'recognition', 'reporting');";
    assert_eq!(database.superuser_sql(sql).await.unwrap(), "contract recognition reporting");
}

// A broker listens on one address through kill, restart and wipe, and is away in between.
#[tokio::test]
async fn broker_comes_back_where_it_was() {
    let mut broker = TestBroker::start().await.unwrap();
    let address = broker.url().trim_start_matches("nats://").to_owned();
    assert!(TcpStream::connect(&address).await.is_ok());
    broker.kill().await.unwrap();
    assert!(TcpStream::connect(&address).await.is_err());
    broker.restart().await.unwrap();
    assert!(TcpStream::connect(&address).await.is_ok());
    broker.pause().await.unwrap();
    broker.resume().await.unwrap();
    broker.wipe_store().await.unwrap();
    assert!(TcpStream::connect(&address).await.is_ok());
    drop(broker);
    assert!(TcpStream::connect(&address).await.is_err());
}
