//! Tenants that share connections, through the service's own pool.

use backlog_db::{Database, DatabaseSettings, DbError};
use backlog_ids::TenantId;
use backlog_proto::contract::v1::ContractTerms;
use backlog_tests::Stack;
use prost::Message;
use secrecy::SecretString;

use crate::world::fill;

/// The terms stand in the first row of each contract.
const LIST: &str = "select tenant_id, terms from list_contracts($1, 0::smallint, '', \
                    '00000000-0000-0000-0000-000000000000', 100, 1000) where length(terms) > 0";

async fn customers(database: &Database, tenant: TenantId) -> Vec<(uuid::Uuid, String)> {
    let rows = database.read(LIST, vec![tenant.uuid().into()]).await.expect("contracts");
    let seen = rows.iter().map(|row| {
        let tenant = row.try_get("", "tenant_id").expect("a tenant");
        let terms: Vec<u8> = row.try_get("", "terms").expect("terms");
        (tenant, ContractTerms::decode(terms.as_slice()).expect("terms").customer)
    });
    seen.collect()
}

// Shows on a pool of one connection that tenants taking turns, reading and in writers' transactions,
// each see their own rows only; and that a statement between them, on the connection that they used,
// fails for want of a tenant and does not see the last one's rows or none at all.
#[tokio::test]
async fn tenants_take_turns_on_one_connection() {
    let stack = Stack::start().await;
    let account = stack.account("vendor").await;
    let first = stack.tenant(account, "first").await;
    let second = stack.tenant(account, "second").await;
    stack.settle().await;
    fill(&stack, account, first, "First Corp").await;
    fill(&stack, account, second, "Second Corp").await;
    let url = SecretString::from(stack.database.urls().contract.runtime_url.clone());
    let mut settings = DatabaseSettings::new(url, "isolation");
    settings.connections_max = 1;
    let database = Database::connect(&settings).await.unwrap();

    let turns = (0..200).map(|turn| {
        let database = database.clone();
        let (tenant, name) =
            if turn % 2 == 0 { (first, "First Corp") } else { (second, "Second Corp") };
        tokio::spawn(async move {
            if turn % 5 == 0 {
                let transaction = database.begin().await.unwrap();
                let heads = vec![vec![tenant.uuid()].into()];
                transaction.query("select seq from lock_heads($1)", heads).await.unwrap();
                let rows =
                    transaction.query("select customer from contract", vec![]).await.unwrap();
                let seen: Vec<String> =
                    rows.iter().map(|row| row.try_get("", "customer").unwrap()).collect();
                assert_eq!(seen, [name; 4], "a writer's transaction for {name}");
                transaction.commit().await.unwrap();
            }
            let expected = vec![(tenant.uuid(), name.to_owned()); 4];
            assert_eq!(customers(&database, tenant).await, expected);
            let bare = database.read("select customer from contract", vec![]).await;
            let error = bare.map(|rows| rows.len()).expect_err("a read without a tenant");
            assert!(matches!(&error, DbError::Refused { code, .. } if code == "22P02"), "{error}");
        })
    });
    for turn in turns.collect::<Vec<_>>() {
        turn.await.unwrap();
    }

    // One that was rolled back leaves no tenant behind either.
    let transaction = database.begin().await.unwrap();
    let heads = vec![vec![first.uuid(), second.uuid()].into()];
    transaction.query("select seq from lock_heads($1)", heads).await.unwrap();
    let both = transaction.query("select customer from contract", vec![]).await.unwrap();
    assert_eq!(both.len(), 8, "only a writer's transaction may be open for two tenants");
    transaction.rollback().await.unwrap();
    assert!(database.read("select customer from contract", vec![]).await.is_err());
    database.close().await;
}
