//! Bytes that are no request: too many, too few, compressed to nothing, and not what they say.

use bytes::Bytes;
use prost_reflect::{Kind, MessageDescriptor, ReflectMessage};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};

use backlog_tests::{Caller, Service};

use super::samples;
use crate::answer::Refusal;
use crate::leaves;
use crate::raw::{self, Answer, frame, post};
use crate::table::{Row, table};
use crate::world::World;

/// Bytes of one message at most.
const MESSAGE_MAX: usize = 4 * 1024 * 1024;

fn bearer(caller: &Caller) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", caller.token()))
}

/// A field that no message has, with so many bytes in it.
fn unknown_field(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_key(1_000, prost::encoding::WireType::LengthDelimited, &mut bytes);
    prost::encoding::encode_varint(u64::try_from(length).expect("a length"), &mut bytes);
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

/// The most memory that a service has had so far, in kilobytes.
fn peak_memory(world: &World, service: Service) -> u64 {
    let pid = world.stack.pid(service).expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

async fn raw_post(world: &World, row: &Row, body: Vec<u8>, encoding: Option<&str>) -> Status {
    let mut headers = vec![bearer(&world.allowed(row))];
    headers.extend(encoding.map(|name| ("grpc-encoding", name.to_owned())));
    post(&world.stack.channel(row.at), row.rpc, &headers, body).await
}

// Shows that fields that nobody knows change nothing: clients of tomorrow are served, up to the limit
// of a message; and that one byte more is refused.
#[tokio::test]
async fn messages_have_a_limit() {
    let world = World::start().await;
    for row in table() {
        let sample = row.request(&world.about(&world.subject.dry()));
        let caller = world.allowed(&row);
        let room = MESSAGE_MAX - sample.len() - 8;
        let full = [sample.clone(), unknown_field(room)].concat();
        let answer = world.call(&row, &caller, &full).await;
        assert!(answer.is_ok(), "{} with unknown fields: {answer:?}", row.name());
    }
    let before = world.written().await;
    for row in table() {
        let sample = row.request(&world.about(&world.subject));
        let over = [sample.clone(), unknown_field(MESSAGE_MAX - sample.len())].concat();
        assert!(over.len() > MESSAGE_MAX);
        let answer = world.call(&row, &world.allowed(&row), &over).await;
        assert_too_large(&row, &answer);
    }
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

fn assert_too_large(row: &Row, answer: &Answer) {
    let refusal = Refusal::expect(&row.name(), answer);
    assert_eq!(refusal.code, Code::ResourceExhausted, "{}: {refusal:?}", row.name());
    assert_eq!(refusal.reason, "LIMIT_EXCEEDED", "{}", row.name());
    let most = refusal.metadata.get("bytes_max").map(String::as_str);
    assert_eq!(most, Some(MESSAGE_MAX.to_string().as_str()), "{}", row.name());
}

// Shows that a few hundred kilobytes that unpack to 256 MB are refused and never unpacked whole: the
// memory of the service does not grow by a fraction of that.
#[tokio::test]
async fn compressed_bombs_do_not_go_off() {
    let world = World::start().await;
    let before = world.written().await;
    let bomb = Bytes::from(unknown_field(256 * 1024 * 1024));
    for at in Service::ALL {
        let rows = table().into_iter();
        let row =
            rows.rev().find(|row| row.at == at && row.rpc.ends_with("GetProcessing")).unwrap();
        let channel = world.stack.channel(at);
        let dry = row.request(&world.about(&world.subject.dry()));
        assert!(world.call(&row, &world.allowed(&row), &dry).await.is_ok());
        let peak = peak_memory(&world, at);
        let request = world.allowed(&row).request(bomb.clone());
        let answer = raw::send(&channel, row.rpc, request, Some(CompressionEncoding::Gzip)).await;
        assert_too_large(&row, &answer);
        let grown = peak_memory(&world, at).saturating_sub(peak);
        assert!(grown < 32 * 1024, "{at:?} grew by {grown} kB");
    }
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

// Shows that bytes that are no message get a stable code from every RPC, without a panic: text that
// is not UTF-8, a length beyond the end, groups nested without end, a wrong kind of value, an unknown
// or undeclared compression, and frames cut off in head or body.
#[tokio::test]
async fn bytes_that_are_no_message_are_refused() {
    let world = World::start().await;
    let before = world.written().await;
    for row in table() {
        let sample = row.request(&world.about(&world.subject));
        let framed = frame(&sample);
        let flagged = [[1].as_slice(), &framed[1..]].concat();
        let mut cases = vec![
            ("a length beyond the end", frame(&[0x0a, 0x7f, 0x01]), None, Code::InvalidArgument),
            ("endless groups", frame(&[0x0b; 100_000]), None, Code::InvalidArgument),
            ("field number 0", frame(&[0x02, 0x00]), None, Code::InvalidArgument),
            ("compressed, undeclared", flagged.clone(), None, Code::InvalidArgument),
            ("compressed by zstd", flagged.clone(), Some("zstd"), Code::Unimplemented),
            ("no gzip in it", flagged, Some("gzip"), Code::InvalidArgument),
            ("nothing", Vec::new(), None, Code::InvalidArgument),
            ("half a head", framed[..3].to_vec(), None, Code::InvalidArgument),
            (
                "an unknown flag",
                [[7].as_slice(), &framed[1..]].concat(),
                None,
                Code::InvalidArgument,
            ),
        ];
        if !sample.is_empty() {
            let cut = framed[..framed.len() - 1].to_vec();
            cases.push(("half a body", cut, None, Code::InvalidArgument));
        }
        if let Some(number) = first_text(&row) {
            let text = [[number << 3 | 2].as_slice(), &[2, 0xc3, 0x28]].concat();
            cases.push(("text that is not UTF-8", frame(&text), None, Code::InvalidArgument));
        }
        for (what, body, encoding, code) in cases {
            let status = raw_post(&world, &row, body, encoding).await;
            assert_eq!(status.code(), code, "{} with {what}: {status:?}", row.name());
            if code == Code::InvalidArgument {
                let refusal = Refusal::of(&status);
                assert_eq!(refusal.reason, "INVALID_FIELDS", "{} with {what}", row.name());
                assert_eq!(refusal.violations.len(), 1, "{} with {what}", row.name());
            }
        }
    }
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

/// The number of the first text field of a request.
fn first_text(row: &Row) -> Option<u8> {
    let empty = leaves::request(row.rpc, &[]);
    let fields = empty.descriptor().fields().collect::<Vec<_>>();
    let text = fields.into_iter().find(|field| field.kind() == Kind::String);
    text.and_then(|field| u8::try_from(field.number()).ok())
}

// Shows that a message with a million items of any list that a request has is refused in one answer
// that fits, within memory that the limit on messages bounds.
#[tokio::test]
async fn a_million_items_are_refused() {
    let world = World::start().await;
    let before = world.written().await;
    let mut lists = 0;
    for row in table() {
        for sample in samples(&world, &row) {
            for (name, items) in endless(&sample.descriptor()) {
                let what = format!("{} with a million {name}", row.name());
                let bytes = [leaves::bytes(&sample), items].concat();
                assert!(bytes.len() < MESSAGE_MAX, "{what} is not refused by its length");
                let answer = world.call(&row, &world.allowed(&row), &bytes).await;
                let refusal = Refusal::expect(&what, &answer);
                assert_eq!(refusal.code, Code::InvalidArgument, "{what}: {refusal:?}");
                let named = |(field, _): &(String, String)| field.starts_with(&name);
                assert!(refusal.violations.iter().any(named), "{what}: {refusal:?}");
                lists += 1;
            }
        }
    }
    assert!(lists >= 8, "lists are found: {lists}");
    assert_eq!(world.written().await, before, "nothing is written");
    for at in Service::ALL {
        let peak = peak_memory(&world, at) / 1024;
        assert!(peak < 512, "{at:?} needed {peak} MB");
    }
    world.assert_calm();
}

/// For each list in a message: its path, and a million empty items of it, encoded.
fn endless(message: &MessageDescriptor) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for field in message.fields().collect::<Vec<_>>() {
        let number = u8::try_from(field.number()).expect("a small number");
        let key = number << 3 | 2;
        let items = matches!(field.kind(), Kind::Message(_) | Kind::String | Kind::Bytes);
        if field.is_list() && items {
            found.push((field.name().to_owned(), [key, 0].repeat(1_000_000)));
        } else if field.is_list() {
            // Numbers are packed: a million ones behind their length.
            let mut bytes = vec![key];
            prost::encoding::encode_varint(1_000_000, &mut bytes);
            bytes.extend([1].repeat(1_000_000));
            found.push((field.name().to_owned(), bytes));
        } else if let (Kind::Message(inner), false) = (field.kind(), field.is_map()) {
            for (path, items) in endless(&inner) {
                let mut bytes = vec![key];
                prost::encoding::encode_varint(items.len().try_into().unwrap_or(0), &mut bytes);
                bytes.extend(items);
                found.push((format!("{}.{path}", field.name()), bytes));
            }
        }
    }
    found
}
