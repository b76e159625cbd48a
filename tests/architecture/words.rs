//! Tokens that may stand only in a few files: floating point, and the clock and random ids of the
//! surroundings. Comments and strings do not count, macros do.

use crate::sources::Source;
use proc_macro2::{TokenStream, TokenTree};
use syn::Lit;

// Rates and percentiles for people who watch a system; never money.
const FLOATS_ALLOWED: [&str; 2] = ["crates/service-kit/src/telemetry", "tests/bench/"];
const SOURCES_FILE: &str = "/sources.rs";
const AMBIENT: [[&str; 2]; 7] = [
    ["Utc", "now"],
    ["Local", "now"],
    ["SystemTime", "now"],
    ["OffsetDateTime", "now_utc"],
    ["Uuid", "new_v4"],
    ["Uuid", "now_v7"],
    ["rand", "rng"],
];

/// Uses of `f32` and `f64`, and of floating-point literals outside tests, which need them as bad
/// input.
pub(crate) fn floats(sources: &[Source]) -> Vec<String> {
    let checked = sources
        .iter()
        .filter(|source| !FLOATS_ALLOWED.iter().any(|path| source.path.starts_with(path)));
    let mut found = Vec::new();
    for source in checked {
        let tests = source.test_lines();
        let tokens = flat_tokens(source);
        for (index, token) in tokens.iter().enumerate() {
            let line = token.span().start().line;
            let in_test = source.is_test
                || tests.iter().any(|(first, last)| (*first..=*last).contains(&line));
            // `pair.0.1` is read as the number 0.1 after a dot.
            let is_field = index > 0
                && matches!(&tokens[index - 1], TokenTree::Punct(dot) if dot.as_char() == '.');
            if is_float_type(token) || is_float_literal(token) && !is_field && !in_test {
                found.push(format!("{}:{line}: {token}: use exact amounts or rates", source.path));
            }
        }
    }
    found
}

/// Reads of the clock and random ids outside `sources.rs`.
pub(crate) fn ambient_sources(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !source.path.ends_with(SOURCES_FILE)) {
        for window in flat_tokens(source).windows(4) {
            let [first, one, two, last] = window else { continue };
            let words = [first.to_string(), last.to_string()];
            let is_path = one.to_string() == ":" && two.to_string() == ":";
            if is_path && AMBIENT.iter().any(|pair| words == *pair) {
                let line = first.span().start().line;
                found.push(format!(
                    "{}:{line}: {}::{}: take time, ids and randomness as arguments",
                    source.path, words[0], words[1]
                ));
            }
        }
    }
    found
}

fn is_float_type(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(ident) => ident == "f32" || ident == "f64",
        TokenTree::Literal(literal) => match Lit::new(literal.clone()) {
            Lit::Float(number) => matches!(number.suffix(), "f32" | "f64"),
            Lit::Int(number) => matches!(number.suffix(), "f32" | "f64"),
            _ => false,
        },
        TokenTree::Punct(_) | TokenTree::Group(_) => false,
    }
}

fn is_float_literal(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Literal(literal) if matches!(Lit::new(literal.clone()), Lit::Float(_)))
}

/// All tokens in order, without the groups around them.
fn flat_tokens(source: &Source) -> Vec<TokenTree> {
    let stream: TokenStream = source.text.parse().expect("a parsed file has tokens");
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, tokens: &mut Vec<TokenTree>) {
    for token in stream {
        if let TokenTree::Group(group) = token {
            flatten(group.stream(), tokens);
        } else {
            tokens.push(token);
        }
    }
}

// Floating point is found as type, literal, suffix and inside macros; bad input in tests, fields of pairs, comments,
// strings and the telemetry files are not meant.
#[test]
fn floats_are_found() {
    let bad = [
        "fn f(x: f64) {}",
        "const X: i64 = 1.5 as i64;",
        "fn f() { g(1f32) }",
        "fn f() { println!(\"{}\", x as f64) }",
    ];
    for text in bad {
        assert_eq!(floats(&[Source::new("crates/a/src/b.rs", text)]).len(), 1, "{text}");
    }
    let good = [
        "fn f() { pair.0.1 }",
        "// f64\nfn f() { g(\"1.5\") }",
        "/// 1.5 f64\nfn f() { x.as_secs(); 1..5; }",
    ];
    for text in good {
        assert!(floats(&[Source::new("crates/a/src/b.rs", text)]).is_empty(), "{text}");
    }
    let in_test = "fn f() {}\n#[cfg(test)]\nmod tests {\nfn f() { g(1.5) }\n}\n";
    assert!(floats(&[Source::new("crates/a/src/b.rs", in_test)]).is_empty());
    assert!(floats(&[Source::new("crates/a/tests/b.rs", "fn f() { g(1.5) }")]).is_empty());
    assert_eq!(floats(&[Source::new("crates/a/tests/b.rs", "fn f(x: f64) {}")]).len(), 1);
    let telemetry = Source::new("crates/service-kit/src/telemetry.rs", "fn f(x: f64) {}");
    assert!(floats(&[telemetry]).is_empty());
}

// The clock and random ids are found through any path, and allowed in sources.rs alone.
#[test]
fn ambient_sources_are_found() {
    let texts =
        ["fn f() { Utc::now() }", "fn f() { chrono::Utc::now }", "fn f() { m!(Uuid::new_v4()) }"];
    for text in texts {
        let found = ambient_sources(&[Source::new("crates/a/src/b.rs", text)]);
        assert_eq!(found.len(), 1, "{text}");
        let home = Source::new("crates/service-kit/src/sources.rs", text);
        assert!(ambient_sources(&[home]).is_empty());
    }
    let comment = Source::new("crates/a/src/b.rs", "// Utc::now is banned\nfn f() { now() }");
    assert!(ambient_sources(&[comment]).is_empty());
}
