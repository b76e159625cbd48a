//! Every RPC against every kind of caller who may not: the table drives all of it.

mod foreign;
mod roles;
mod unauthenticated;

use std::collections::BTreeSet;

use backlog_tests::Service;
use tonic::Code;

use crate::answer::Refusal;
use crate::leaves;
use crate::table::table;
use crate::world::World;

// The table has a row for each RPC of the descriptor set and none besides: an RPC without denial
// tests fails here on the day that it is added.
#[test]
fn every_rpc_has_its_row() {
    let described: BTreeSet<String> = leaves::rpcs().into_iter().map(|(name, _)| name).collect();
    assert!(described.len() >= 21, "the descriptor set is read");
    let rows: BTreeSet<String> = table().iter().map(|row| row.rpc.to_owned()).collect();
    let missing: Vec<_> = described.difference(&rows).collect();
    assert!(missing.is_empty(), "RPCs without a row in tests/isolation/table.rs: {missing:?}");
    let stale: Vec<_> = rows.difference(&described).collect();
    assert!(stale.is_empty(), "rows without an RPC: {stale:?}");
    let places: BTreeSet<_> = table().iter().map(|row| (row.rpc, row.at)).collect();
    assert_eq!(places.len(), table().len(), "an RPC has one row for each service");
}

// A service serves what its rows say and nothing else: a service that is added to a server without
// a row here would answer something else than UNIMPLEMENTED.
#[tokio::test]
async fn services_serve_their_rows_only() {
    let world = World::start().await;
    let rows = table();
    let mut elsewhere = 0;
    for (rpc, _) in leaves::rpcs() {
        for at in Service::ALL {
            if rows.iter().any(|row| row.rpc == rpc && row.at == at) {
                continue;
            }
            let caller = world.stack.caller(world.vendor, world.full, &["tenant_admin"]);
            let answer = crate::raw::call(&world.stack.channel(at), &rpc, &caller, &[]).await;
            let refusal = Refusal::expect(&format!("{rpc} at {at:?}"), &answer);
            assert_eq!(refusal.code, Code::Unimplemented, "{rpc} at {at:?}: {refusal:?}");
            elsewhere += 1;
        }
    }
    assert!(elsewhere > 0, "no service serves everything");
    for row in rows {
        let request = row.request(&world.about(&world.subject.dry()));
        let answer = world.call(&row, &world.allowed(&row), &request).await;
        assert!(answer.is_ok(), "{} answers who may: {answer:?}", row.name());
    }
    world.assert_calm();
}
