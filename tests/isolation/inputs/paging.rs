//! Page tokens that were not issued for the call.

use prost_reflect::{DynamicMessage, Value};
use tonic::Code;

use super::send;
use crate::answer::Refusal;
use crate::leaves::{self, leaves};
use crate::raw::Answer;
use crate::table::{Row, table};
use crate::world::World;

/// The lists, each with a request for pages of one item.
fn lists(world: &World) -> Vec<(Row, DynamicMessage)> {
    let subject = crate::samples::Subject { page_size: 1, ..world.about(&world.subject) };
    let rows = table().into_iter().map(|row| {
        let request = leaves::request(row.rpc, &row.request(&subject));
        (row, request)
    });
    let lists: Vec<_> =
        rows.filter(|(_, request)| request.get_field_by_name("page_token").is_some()).collect();
    assert!(lists.len() >= 6, "lists are found");
    lists
}

fn with_token(request: &DynamicMessage, token: &str) -> DynamicMessage {
    let mut copy = request.clone();
    copy.set_field_by_name("page_token", Value::String(token.to_owned()));
    copy
}

fn next_token(row: &Row, answer: &Answer) -> String {
    let messages = answer.as_ref().unwrap_or_else(|status| panic!("{}: {status:?}", row.name()));
    let message = leaves::response(row.rpc, messages.first().expect("an answer"));
    let token = message.get_field_by_name("next_page_token").expect("a token");
    token.as_str().expect("a text").to_owned()
}

fn assert_invalid(what: &str, answer: &Answer) {
    let refusal = Refusal::expect(what, answer);
    assert_eq!(refusal.code, Code::InvalidArgument, "{what}: {refusal:?}");
    assert_eq!(refusal.reason, "PAGE_TOKEN_INVALID", "{what}: {refusal:?}");
}

/// Tokens that nobody issued, some of them nearly right.
fn forged(token: &str) -> Vec<String> {
    let last = if token.ends_with('A') { "B" } else { "A" };
    let flipped = format!("{}{last}", &token[..token.len() - 1]);
    let first = if token.starts_with('A') { "B" } else { "A" };
    vec![
        "x".to_owned(),
        "====".to_owned(),
        "ä\0".to_owned(),
        "A".repeat(1_000_000),
        format!("{first}{}", &token[1..]),
        flipped,
        format!("{token}A"),
        token[1..].to_owned(),
        token.chars().rev().collect(),
        token.to_uppercase(),
    ]
}

// Shows for every list that its token leads to the next page, and that a forged one, one of another
// caller, of another list, or of the same list with another filter is refused as PAGE_TOKEN_INVALID:
// nobody reads on where they did not begin.
#[tokio::test]
async fn page_tokens_hold_for_their_call_only() {
    let world = World::start().await;
    let mut tokens: Vec<(Row, String)> = Vec::new();
    for (row, request) in lists(&world) {
        let name = row.name();
        let first = send(&world, &row, &request).await;
        let token = next_token(&row, &first);
        assert!(!token.is_empty(), "{name} has a second page");
        let second = send(&world, &row, &with_token(&request, &token)).await;
        assert_ne!(second.as_ref().unwrap(), first.as_ref().unwrap(), "{name} goes on");
        for forged in forged(&token) {
            let answer = send(&world, &row, &with_token(&request, &forged)).await;
            assert_invalid(&format!("{name} with the forged {forged:.50?}"), &answer);
        }
        for outsider in world.outsiders(&row) {
            let bytes = leaves::bytes(&with_token(&request, &token));
            let answer = world.call(&row, &outsider, &bytes).await;
            assert_invalid(&format!("{name} with another's token"), &answer);
        }
        for leaf in leaves(&request) {
            if ["page_size", "page_token"].contains(&leaf.path.as_str())
                || leaf.path.starts_with("min_positions")
            {
                continue;
            }
            let mut other = with_token(&request, &token);
            let changed = match other.get_field_by_name(&leaf.path).as_deref() {
                Some(Value::EnumNumber(number)) => Value::EnumNumber(3 - number),
                Some(Value::I32(number)) => Value::I32(number + 1),
                _ => Value::String(if leaf.path == "customer" {
                    "another".to_owned()
                } else {
                    world.subject.draft.clone()
                }),
            };
            other.set_field_by_name(&leaf.path, changed);
            let answer = send(&world, &row, &other).await;
            assert_invalid(&format!("{name} with another {}", leaf.path), &answer);
        }
        tokens.push((row, token));
    }
    for (row, request) in lists(&world) {
        for (issued, token) in tokens.iter().filter(|(issued, _)| issued.rpc != row.rpc) {
            let answer = send(&world, &row, &with_token(&request, token)).await;
            assert_invalid(&format!("{} with a token of {}", row.name(), issued.rpc), &answer);
        }
    }
    world.assert_calm();
}

// Shows that a page is never larger than the limit, whatever is asked for, and that zero means the
// default: the largest size that can be written is answered like all.
#[tokio::test]
async fn page_sizes_are_capped() {
    let world = World::start().await;
    for (row, mut request) in lists(&world) {
        let mut answers = Vec::new();
        for size in [0, 1_000, 1_001, i32::MAX] {
            request.set_field_by_name("page_size", Value::I32(size));
            answers.push(send(&world, &row, &request).await.unwrap());
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{}", row.name());
    }
    world.assert_calm();
}
