//! YAML 1.2 as a tree that knows its lines. Duplicate keys, anchors, tags and second documents are
//! errors: a file that a person checks figures with must mean what it says.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Files nested deeper than this are refused.
const DEPTH_MAX: usize = 32;

/// Something wrong with a file, at a line from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// The line.
    pub(crate) line: usize,
    /// What is wrong, a sentence.
    pub(crate) message: String,
}

/// A value and the line where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A scalar as written; `quoted` tells a string from what the core schema would resolve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) quoted: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Scalar {
    /// Whether the core schema of YAML 1.2 takes the scalar for a string.
    pub(crate) fn is_string(&self) -> bool {
        self.quoted || !(is_null(&self.text) || is_bool(&self.text) || is_number(&self.text))
    }
}

impl Value {
    /// What kind of value it is, for errors.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(scalar) if scalar.is_string() => "a string",
            Self::Scalar(scalar) if is_null(&scalar.text) => "nothing",
            Self::Scalar(scalar) if is_bool(&scalar.text) => "true or false",
            Self::Scalar(_) => "a number",
            Self::List(_) => "a list",
            Self::Map(_) => "a block of keys",
        }
    }
}

/// Reads the one document of `text`.
pub(crate) fn read(text: &str) -> Result<Node, Problem> {
    let mut tree = Tree { parser: Parser::new_from_str(text) };
    let mut document = None;
    loop {
        let (event, span) = tree.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            event if document.is_none() => document = Some(tree.node(event, span, 0)?),
            _ => return Err(problem(span, "a second document; a file holds one")),
        }
    }
    document.ok_or(Problem { line: 1, message: "the file is empty".to_owned() })
}

struct Tree<'input> {
    parser: Parser<'input, saphyr_parser::StrInput<'input>>,
}

impl<'input> Tree<'input> {
    fn next(&mut self) -> Result<(Event<'input>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(Problem {
                line: error.marker().line(),
                message: format!("not YAML: {}", error.info()),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'input>, span: Span, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH_MAX {
            return Err(problem(span, "nested too deeply"));
        }
        let value = match event {
            Event::Scalar(text, style, 0, None) => Value::Scalar(Scalar {
                text: text.into_owned(),
                quoted: !matches!(style, ScalarStyle::Plain),
            }),
            Event::SequenceStart(0, None) => Value::List(self.list(depth)?),
            Event::MappingStart(0, None) => Value::Map(self.map(depth)?),
            Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..)
            | Event::Alias(_) => {
                return Err(problem(span, "anchors, aliases and tags have no place here"));
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(problem(span, "the file ends within a block")),
        };
        Ok(Node { line: span.start.line(), value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth.saturating_add(1))?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Problem> {
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, _, 0, None), span) => {
                    Key { line: span.start.line(), text: text.into_owned() }
                }
                (_, span) => return Err(problem(span, "a key must be a plain word")),
            };
            if !seen.insert(key.text.clone()) {
                let message = format!("the key {:?} is there twice", key.text);
                return Err(Problem { line: key.line, message });
            }
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth.saturating_add(1))?;
            entries.push((key, node));
        }
    }
}

fn problem(span: Span, message: &str) -> Problem {
    Problem { line: span.start.line().max(1), message: message.to_owned() }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn is_bool(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// Integers and floats of the core schema (YAML 1.2.2, section 10.3.2), and its infinities.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let based = |prefix: &str, digit: fn(&char) -> bool| {
        text.strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| digit(&c)))
    };
    if based("0x", char::is_ascii_hexdigit) || based("0o", |c| matches!(c, '0'..='7')) {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|text| !text.is_empty() && digits(text))
}

#[cfg(test)]
mod tests {
    use super::{Scalar, Value, read};

    /// The words that YAML 1.1 took for booleans and octal numbers are strings in 1.2.
    #[test]
    fn resolves_by_the_core_schema_of_1_2() {
        let plain = |text: &str| Scalar { text: text.to_owned(), quoted: false };
        for text in ["on", "off", "yes", "no", "y", "n", "2026-01-01", "2026-01", "Acme", "1_000"] {
            assert!(plain(text).is_string(), "{text}");
        }
        for text in ["1200.00", "-1", "1e3", ".5", "0x1F", "0o17", "true", "null", "~", "", "-.inf"]
        {
            assert!(!plain(text).is_string(), "{text}");
        }
    }

    /// The key `on` stays a word, and lines count from 1.
    #[test]
    fn knows_lines() {
        let node = read("# remark\na: 1\non:\n  - x\n").unwrap();
        let Value::Map(entries) = node.value else { panic!() };
        let lines: Vec<_> = entries.iter().map(|(key, _)| (key.text.as_str(), key.line)).collect();
        assert_eq!(lines, [("a", 2), ("on", 3)]);
    }

    /// What YAML allows and a checked file must not have is refused, with its line.
    #[test]
    fn refuses_what_hides_meaning() {
        let table = [
            ("a: 1\nb: 2\na: 3\n", 3, "the key \"a\" is there twice"),
            ("a: {x: 1, x: 2}\n", 1, "the key \"x\" is there twice"),
            ("a: &x 1\nb: *x\n", 1, "anchors, aliases and tags have no place here"),
            ("a: !!str 1\n", 1, "anchors, aliases and tags have no place here"),
            ("a: 1\n---\nb: 2\n", 3, "a second document; a file holds one"),
            ("? [a]\n: 1\n", 1, "a key must be a plain word"),
            ("", 1, "the file is empty"),
        ];
        for (text, line, message) in table {
            let problem = read(text).unwrap_err();
            assert_eq!((problem.line, problem.message.as_str()), (line, message), "{text:?}");
        }
        assert!(read("a: [1\n").unwrap_err().message.starts_with("not YAML: "));
        assert_eq!(read(&"[".repeat(100)).unwrap_err().message, "nested too deeply");
    }
}
