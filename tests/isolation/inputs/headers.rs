//! Headers that are one too many or too large.

use bytes::Bytes;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use crate::answer::Refusal;
use crate::raw::send;
use crate::table::table;
use crate::world::World;

// Shows that two tokens are refused even when both verify, since two parts of a system might each
// believe another one; that 64 KB of other headers change nothing; and that headers beyond the limit
// are refused without harm to the calls after.
#[tokio::test]
async fn headers_are_one_and_bounded() {
    let world = World::start().await;
    let before = world.written().await;
    for row in table() {
        let caller = world.allowed(&row);
        let channel = world.stack.channel(row.at);
        let message = Bytes::from(row.request(&world.about(&world.subject)));
        let mut twice: Request<Bytes> = caller.request(message.clone());
        let again = MetadataValue::try_from(format!("Bearer {}", caller.token())).unwrap();
        twice.metadata_mut().append("authorization", again);
        let refusal = Refusal::expect(&row.name(), &send(&channel, row.rpc, twice, None).await);
        assert_eq!(refusal.code, Code::Unauthenticated, "{}: {refusal:?}", row.name());
        assert_eq!(refusal.reason, "UNAUTHENTICATED", "{}", row.name());

        let mut huge = caller.request(message);
        let padding = MetadataValue::try_from("x".repeat(200 * 1024)).unwrap();
        huge.metadata_mut().insert("x-padding", padding);
        let refused = send(&channel, row.rpc, huge, None).await;
        assert!(refused.is_err(), "{} takes 200 KB of headers", row.name());
    }
    assert_eq!(world.written().await, before, "nothing is written");
    for row in table() {
        let caller = world.allowed(&row);
        let channel = world.stack.channel(row.at);
        let dry = Bytes::from(row.request(&world.about(&world.subject.dry())));
        let mut large = caller.request(dry);
        let padding = MetadataValue::try_from("x".repeat(64 * 1024)).unwrap();
        large.metadata_mut().insert("x-padding", padding);
        let answer = send(&channel, row.rpc, large, None).await;
        assert!(answer.is_ok(), "{} with 64 KB of headers: {answer:?}", row.name());
    }
    world.assert_calm();
}
