//! Callers without a token, with one that does not verify, and with one of another vendor.

use backlog_tests::Caller;
use backlog_tests::people::issuer_of;
use bytes::Bytes;
use tonic::{Code, Request};

use crate::answer::Refusal;
use crate::raw::send;
use crate::table::table;
use crate::tokens;
use crate::world::World;

// Shows that no RPC answers without a token, or with one that is wrong in any way, and that the
// refusal is the same to the letter whatever was wrong: nobody learns what to try next.
#[tokio::test]
async fn tokens_that_do_not_verify_are_refused_alike() {
    let world = World::start().await;
    let before = world.written().await;
    let wrong = tokens::wrong(&world.stack, world.vendor, world.full);
    let mut refusals = Vec::new();
    for row in table() {
        let channel = world.stack.channel(row.at);
        let message = Bytes::from(row.request(&world.about(&world.subject)));
        let bare = send(&channel, row.rpc, Request::new(message.clone()), None).await;
        refusals.push((format!("{} without a token", row.name()), bare));
        let mut basic = Request::new(message.clone());
        basic.metadata_mut().insert("authorization", "Basic YTpi".parse().unwrap());
        let basic = send(&channel, row.rpc, basic, None).await;
        refusals.push((format!("{} with a password", row.name()), basic));
        for (what, token) in &wrong {
            let caller = Caller::with_token(token.clone());
            let answer = world.call(&row, &caller, &message).await;
            refusals.push((format!("{} with a token: {what}", row.name()), answer));
        }
    }
    let (first, answer) = refusals.first().unwrap();
    let expected = Refusal::expect(first, answer);
    assert_eq!(expected.code, Code::Unauthenticated);
    assert_eq!(expected.reason, "UNAUTHENTICATED");
    for (what, answer) in &refusals {
        assert_eq!(Refusal::expect(what, answer), expected, "{what}");
    }
    assert_eq!(refusals.len(), table().len() * (wrong.len() + 2));
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

// Shows that a token of one vendor's issuer, of the operators' or of no vendor's tenant opens no
// door when it names another vendor's tenant: PERMISSION_DENIED everywhere, the same for a tenant
// that exists and for one that does not.
#[tokio::test]
async fn issuers_of_others_are_denied() {
    let world = World::start().await;
    let before = world.written().await;
    let nobody = "ten_0123456789abcdef0123456789abcdef".parse().unwrap();
    let roles = ["tenant_admin", "account_admin", "operator"];
    let rivals = world.stack.caller(world.rival, world.full, &roles);
    let operators = world.stack.operator_caller(world.full, &roles);
    let unknown = world.stack.caller(world.vendor, nobody, &roles);
    assert_ne!(issuer_of(world.rival), issuer_of(world.vendor));
    for row in table() {
        let request = row.request(&world.about(&world.subject));
        let mut refusals = Vec::new();
        for (what, caller) in [("a rival", &rivals), ("an operator", &operators)] {
            let what = format!("{} by {what}", row.name());
            let refusal = Refusal::expect(&what, &world.call(&row, caller, &request).await);
            assert_eq!(refusal.code, Code::PermissionDenied, "{what}: {refusal:?}");
            assert_eq!(refusal.reason, "PERMISSION_DENIED", "{what}");
            refusals.push(refusal);
        }
        if row.at == backlog_tests::Service::Contract {
            // Elsewhere a tenant that is not there may be on its way.
            let answer = world.call(&row, &unknown, &request).await;
            refusals.push(Refusal::expect("an unknown tenant", &answer));
        }
        assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{}: {refusals:?}", row.name());
    }
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}
