//! Reading values out of the tree, collecting everything that is wrong.

use std::collections::BTreeMap;

use backlog_money::{Currency, Money, Quantity};
use chrono::NaiveDate;

use super::yaml::{Key, Node, Problem, Value};

/// Collects problems while a file is read. Each helper answers `None` when it recorded one.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) problems: Vec<Problem>,
    /// Currency of amounts read from now on.
    pub(crate) currency: Currency,
    /// Currency of the books.
    pub(crate) functional: Currency,
    /// What is known of each contract introduced so far, by handle.
    pub(crate) contracts: BTreeMap<String, Handles>,
}

/// The handles of a contract that later steps may name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handles {
    /// Its obligations; none where its terms could not be read.
    pub(crate) obligations: Vec<String>,
    /// Its variable amounts.
    pub(crate) variables: Vec<String>,
    /// Numbers of its invoices.
    pub(crate) invoices: Vec<String>,
}

/// A block of keys; those that nobody took are unknown.
#[derive(Debug)]
pub(crate) struct Block<'n> {
    pub(crate) line: usize,
    what: &'static str,
    entries: Vec<&'n (Key, Node)>,
    known: Vec<&'static str>,
}

impl Reader {
    pub(crate) fn new(currency: Currency) -> Self {
        Self { problems: Vec::new(), currency, functional: currency, contracts: BTreeMap::new() }
    }

    pub(crate) fn wrong(&mut self, line: usize, message: impl Into<String>) {
        self.problems.push(Problem { line, message: message.into() });
    }

    /// A string that is not empty.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Scalar(scalar) if scalar.is_string() && !scalar.text.trim().is_empty() => {
                Some(scalar.text.clone())
            }
            Value::Scalar(scalar) if scalar.is_string() => {
                self.wrong(node.line, format!("{what} must not be empty"));
                None
            }
            other => {
                let quote = if matches!(other, Value::Scalar(_)) { ": quote it" } else { "" };
                let kind = other.kind();
                self.wrong(node.line, format!("{what} must be a string, not {kind}{quote}"));
                None
            }
        }
    }

    pub(crate) fn date(&mut self, node: &Node, what: &str) -> Option<NaiveDate> {
        let text = self.text(node, what)?;
        let date = parse_date(&text);
        if date.is_none() {
            let message = format!("{what} must be a day such as 2026-01-31, not {text:?}");
            self.wrong(node.line, message);
        }
        date
    }

    /// First day of a month written as `2026-01`.
    pub(crate) fn month(&mut self, line: usize, text: &str, what: &str) -> Option<NaiveDate> {
        let month = parse_date(&format!("{text}-01"));
        if month.is_none() {
            self.wrong(line, format!("{what} must be a month such as 2026-01, not {text:?}"));
        }
        month
    }

    /// A string with exactly the currency's decimals.
    pub(crate) fn amount(&mut self, node: &Node, what: &str) -> Option<Money> {
        let example = Money::from_minor(120_000, self.currency).amount_string();
        let digits = self.currency.minor_digits();
        let rule = format!(
            "{what} must be a string with exactly {digits} decimals for {}, such as {example:?}",
            self.currency
        );
        let Value::Scalar(scalar) = &node.value else {
            self.wrong(node.line, format!("{rule}, not {}", node.value.kind()));
            return None;
        };
        if !scalar.is_string() {
            self.wrong(node.line, format!("{rule}: quote {}", scalar.text));
            return None;
        }
        match Money::parse(&scalar.text, self.currency) {
            Ok(amount) if amount.amount_string() == scalar.text => Some(amount),
            Ok(_) => {
                self.wrong(node.line, format!("{rule}, not {:?}", scalar.text));
                None
            }
            Err(error) => {
                self.wrong(node.line, format!("{what} is {:?}: {error}", scalar.text));
                None
            }
        }
    }

    /// A string with a decimal number.
    pub(crate) fn quantity(&mut self, node: &Node, what: &str) -> Option<Quantity> {
        let text = self.text(node, what)?;
        match Quantity::parse(&text) {
            Ok(quantity) => Some(quantity),
            Err(error) => {
                self.wrong(node.line, format!("{what} is {text:?}: {error}"));
                None
            }
        }
    }

    /// `true` or `false`, without quotes.
    pub(crate) fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        if let Value::Scalar(scalar) = &node.value
            && !scalar.quoted
        {
            match scalar.text.as_str() {
                "true" => return Some(true),
                "false" => return Some(false),
                _ => {}
            }
        }
        self.wrong(node.line, format!("{what} must be true or false, without quotes"));
        None
    }

    /// A list of strings.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Option<Vec<String>> {
        let items = self.list(node, what)?;
        let texts: Vec<_> = items.iter().map(|item| self.text(item, what)).collect();
        texts.into_iter().collect()
    }

    pub(crate) fn currency_code(&mut self, node: &Node, what: &str) -> Option<Currency> {
        let text = self.text(node, what)?;
        match Currency::parse(&text) {
            Ok(currency) => Some(currency),
            Err(error) => {
                self.wrong(node.line, format!("{what} is {text:?}: {error}"));
                None
            }
        }
    }

    /// One of a list of names.
    pub(crate) fn named<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(node, what)?;
        let found = all.iter().copied().find(|value| name(*value) == text);
        if found.is_none() {
            let known: Vec<_> = all.iter().map(|value| name(*value)).collect();
            let known = known.join(", ");
            self.wrong(node.line, format!("unknown {what} {text:?}; known: {known}"));
        }
        found
    }

    pub(crate) fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        if let Value::List(items) = &node.value {
            return Some(items);
        }
        self.wrong(node.line, format!("{what} must be a list, not {}", node.value.kind()));
        None
    }

    pub(crate) fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(Key, Node)]> {
        if let Value::Map(entries) = &node.value {
            return Some(entries);
        }
        self.wrong(node.line, format!("{what} must be a block of keys, not {}", node.value.kind()));
        None
    }

    /// A block of names and strings.
    pub(crate) fn strings(&mut self, node: &Node, what: &str) -> BTreeMap<String, String> {
        let mut strings = BTreeMap::new();
        for (key, value) in self.map(node, what).unwrap_or_default() {
            if let Some(value) = self.text(value, &key.text) {
                strings.insert(key.text.clone(), value);
            }
        }
        strings
    }

    /// `{from, to}`, as written.
    pub(crate) fn span(
        &mut self,
        node: &Node,
        what: &'static str,
    ) -> Option<(NaiveDate, NaiveDate)> {
        let mut block = Block::open(self, node, what)?;
        let from = block.need(self, "from").and_then(|node| self.date(node, "from"));
        let to = block.need(self, "to").and_then(|node| self.date(node, "to"));
        block.close(self);
        Some((from?, to?))
    }
}

impl<'n> Block<'n> {
    pub(crate) fn open(reader: &mut Reader, node: &'n Node, what: &'static str) -> Option<Self> {
        let entries = reader.map(node, what)?.iter().collect();
        Some(Self { line: node.line, what, entries, known: Vec::new() })
    }

    /// The value of a key that may be absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        let place = self.entries.iter().position(|(key, _)| key.text == name)?;
        Some(&self.entries.remove(place).1)
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&mut self, reader: &mut Reader, name: &'static str) -> Option<&'n Node> {
        let node = self.take(name);
        if node.is_none() {
            reader.wrong(self.line, format!("{} needs {name:?}", self.what));
        }
        node
    }

    /// Names the block anew, for errors.
    pub(crate) fn rename(&mut self, what: &'static str) {
        self.what = what;
    }

    /// Whether a key is there that was not taken yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.text == name)
    }

    /// What nobody took, for keys that are names of their own.
    pub(crate) fn rest(self) -> Vec<&'n (Key, Node)> {
        self.entries
    }

    /// Reports what nobody took.
    pub(crate) fn close(self, reader: &mut Reader) {
        for (key, _) in &self.entries {
            let known = self.known.join(", ");
            let what = self.what;
            reader.wrong(key.line, format!("unknown key {:?} in {what}; known: {known}", key.text));
        }
    }
}

/// Absent is fine, wrong is not.
pub(crate) fn optional<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(value) => Some(value),
    }
}

/// A day spelled `2026-01-31` and in no other way.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.format("%Y-%m-%d").to_string() == text).then_some(date)
}
