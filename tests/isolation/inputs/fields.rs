//! Each field of each request, one wrong value at a time, and all of them at once.

use std::collections::BTreeSet;

use prost_reflect::Value;
use tonic::Code;

use super::{samples, send};
use crate::answer::{Refusal, assert_names};
use crate::leaves::{self, Leaf, Sort, date, leaves, replaced};
use crate::table::{Row, table};
use crate::world::World;

/// Texts that are no amount in any currency, or too large in all.
const AMOUNTS: [&str; 26] = [
    "",
    " ",
    "-",
    ".",
    "1.",
    ".5",
    "+1",
    "-0",
    "-0.00",
    "00",
    "01.00",
    "1,000.00",
    "1 000",
    " 1",
    "1\0",
    "1.23abc",
    "0x10",
    "1e400",
    "1E3",
    "NaN",
    "Infinity",
    "١٢٣",
    "１２３",
    "12345678901234567890123456789",
    "1.12345678901234567890123456789",
    "10000000000000001",
];

/// Texts that name no currency in which amounts can be kept.
const CURRENCIES: [&str; 8] = ["usd", "US", "USDX", "ABQ", "XXX", "XAU", "U\0D", "ÄÖÜ"];

/// Days that no calendar of the accepted years has.
const DATES: [(i32, i32, i32); 12] = [
    (2025, 2, 29),
    (2026, 2, 30),
    (2026, 4, 31),
    (0, 1, 1),
    (-1, 1, 1),
    (1899, 12, 31),
    (10_000, 1, 1),
    (2026, 0, 1),
    (2026, 13, 1),
    (2026, 1, 0),
    (2026, 1, 32),
    (i32::MAX, i32::MAX, i32::MIN),
];

/// Texts that are no id: of other kinds, in other spellings, and what has a meaning to SQL, to NATS
/// subjects or to programs in C.
const IDS: [&str; 14] = [
    "x",
    "0123456789abcdef0123456789abcdef",
    "01234567-89ab-cdef-0123-456789abcdef",
    "ctr_0123456789ABCDEF0123456789ABCDEF",
    "ctr_0123456789abcdef0123456789abcde",
    "ctr_0123456789abcdef0123456789abcdef0",
    "evt_0123456789abcdef0123456789abcdef",
    " ctr_0123456789abcdef0123456789abcdef",
    "ctr_0123456789abcdef0123456789abcde\0",
    "ctr_*",
    "ctr_.>",
    "backlog.v1.>",
    "' or '1'='1",
    "ctr_0123456789abcdef0123456789abcdef'; drop table contract; --",
];

/// A megabyte.
fn long() -> String {
    "x".repeat(1_000_000)
}

/// Wrong values for a field of this sort.
fn wrong(row: &Row, leaf: &Leaf) -> Vec<Value> {
    let text = |text: &&str| Value::String((*text).to_owned());
    let endless = [Value::String(long()), Value::String("a\0b".to_owned())];
    let mut values: Vec<Value> = match leaf.sort {
        Sort::Amount => AMOUNTS.iter().map(text).collect(),
        Sort::Currency => CURRENCIES.iter().map(text).collect(),
        Sort::Date => DATES.iter().map(|(year, month, day)| date(*year, *month, *day)).collect(),
        Sort::Text if is_id(leaf) => IDS.iter().map(text).collect(),
        Sort::Text => Vec::new(),
        Sort::Enum => [-1, 99, i32::MAX].map(Value::EnumNumber).to_vec(),
        Sort::Number if leaf.path == "page_size" => [-1, i32::MIN].map(Value::I32).to_vec(),
        Sort::Number if leaf.path.ends_with("notice_days") => {
            [-1, 36_501, i32::MAX].map(Value::I32).to_vec()
        }
        Sort::Number if leaf.path == "within_days" => [-1, 367, i32::MAX].map(Value::I32).to_vec(),
        Sort::Number if leaf.path == "year" => [-1, 0, i32::MAX].map(Value::I32).to_vec(),
        // The log of a service is read from any place and as far as it goes.
        Sort::Number if row.rpc.ends_with("EventLogService/Read") => Vec::new(),
        Sort::Number => vec![Value::U64(u64::MAX), Value::U64(1 << 63)],
        Sort::Bytes => [0, 31, 33].map(|length| Value::Bytes(vec![0; length].into())).to_vec(),
        Sort::Bool => Vec::new(),
    };
    if matches!(leaf.sort, Sort::Amount | Sort::Currency | Sort::Text) {
        values.extend(endless);
    }
    values
}

/// Whether a field holds an id of ours.
fn is_id(leaf: &Leaf) -> bool {
    let name = leaf.field.rsplit('.').next().unwrap_or_default();
    (name.ends_with("_id") || name.ends_with("_ids"))
        && !["request_id", "external_id", "aggregate_id"].contains(&name)
}

// The samples set every field that a request can have, so that the tests of fields below reach a new
// one on the day it is added. Page tokens have tests of their own; true and false are never wrong.
#[tokio::test]
async fn samples_set_every_field() {
    let subject = crate::samples::Subject::unknown().call("request".to_owned());
    for row in table() {
        let requests: Vec<_> =
            (row.samples)(&subject).iter().map(|s| leaves::request(row.rpc, s)).collect();
        let first = requests.first().unwrap();
        let all: BTreeSet<String> =
            leaves::reachable(&prost_reflect::ReflectMessage::descriptor(first))
                .into_iter()
                .filter(|field| !field.ends_with(".page_token"))
                .collect();
        let set: BTreeSet<String> =
            requests.iter().flat_map(leaves).map(|leaf| leaf.field).collect();
        let missing: Vec<_> = all
            .difference(&set)
            // Zero is a value too: it reads a log from its beginning.
            .filter(|field| !field.ends_with("ReadRequest.after_seq"))
            .collect();
        assert!(missing.is_empty(), "{} leaves unset: {missing:?}", row.name());
    }
}

// Shows for every field of every request that each wrong value is refused as INVALID_ARGUMENT with
// the reason INVALID_FIELDS and a violation that names the field; that nothing is written, whatever
// the rest of the request would do; and that no service panics or calls it a fault of its own.
#[tokio::test]
async fn wrong_values_are_refused_by_field() {
    let world = World::start().await;
    let before = world.written().await;
    let mut sent = 0;
    for row in table() {
        for sample in samples(&world, &row) {
            for leaf in leaves(&sample) {
                for value in wrong(&row, &leaf) {
                    let shown: String = format!("{value:?}").chars().take(60).collect();
                    let what = format!("{} with {} = {shown}", row.name(), leaf.path);
                    let answer = send(&world, &row, &replaced(&sample, &leaf, value)).await;
                    assert_names(&what, &leaf.path, &answer);
                    sent += 1;
                }
            }
        }
    }
    assert!(sent > 500, "values are tried: {sent}");
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

// Shows that everything wrong with a request is told at once: with every field wrong, each is named
// that is named when it alone is wrong.
#[tokio::test]
async fn all_violations_are_told_at_once() {
    let world = World::start().await;
    let before = world.written().await;
    for row in table() {
        for sample in samples(&world, &row) {
            let mut all = sample.clone();
            let mut broken = Vec::new();
            for leaf in leaves(&sample) {
                // A currency that cannot be read leaves its amount unread.
                let of_money = leaf.path.ends_with(".currency_code")
                    && !leaf.path.ends_with("terms.currency_code");
                if let Some(value) = wrong(&row, &leaf).into_iter().next()
                    && !of_money
                {
                    let value = if leaf.sort == Sort::Text && !is_id(&leaf) {
                        Value::String("a\0b".to_owned())
                    } else {
                        value
                    };
                    all = replaced(&all, &leaf, value);
                    broken.push(leaf);
                }
            }
            if broken.is_empty() {
                continue;
            }
            let refusal = Refusal::expect(&row.name(), &send(&world, &row, &all).await);
            assert_eq!(refusal.code, Code::InvalidArgument, "{}: {refusal:?}", row.name());
            for leaf in broken {
                let named = refusal.names(&leaf.path);
                assert!(named, "{} does not name {}: {refusal:?}", row.name(), leaf.path);
            }
        }
    }
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}
