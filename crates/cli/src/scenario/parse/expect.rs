//! Reading `expect` and `later`: what is looked at, and the figures.

use backlog_recognition_engine::{Criterion, EITHER_MAY_LEAVE, Role, WarningReason};
use chrono::NaiveDate;

use super::super::{
    block::{Block, Reader, optional},
    model::{Cell, Claim, EntryKey, Expect, Later, Measure, RollLine, View, Word},
    yaml::{Key, Node},
};

const TABLES: &str = "allocations, schedule, by_month, in_period, entries, journal, rollforward, \
                      treatment, warnings, not_a_contract, not_shown";
/// How a change can have been accounted for.
const TREATMENTS: [&str; 4] = ["separate", "prospective", "catch_up", "mixed"];
/// Keys of an `expect` that say what is looked at.
const VIEW: [&str; 6] = ["contract", "obligation", "where", "as_of", "known_at", "currency"];

impl Reader {
    pub(super) fn expect(&mut self, on: NaiveDate, node: &Node) -> Option<Expect> {
        let mut block = Block::open(self, node, "expect")?;
        let of_file = self.currency;
        let view = self.view(on, &mut block);
        if let Some(view) = &view {
            self.currency = view.currency;
        }
        let mut claims = Vec::new();
        if let Some(node) = block.take("allocations") {
            let cells = self.cells(node, "allocations", |_, key| Some(key.text.clone()));
            claims.push(Claim::Allocations(cells));
        }
        if let Some(node) = block.take("schedule") {
            claims.push(Claim::Schedule(self.months(node, "schedule")));
        }
        if let Some(node) = block.take("by_month") {
            claims.push(Claim::ByMonth(self.months(node, "by_month")));
        }
        claims.extend(block.take("in_period").and_then(|node| self.in_period(node)));
        claims.extend(block.take("entries").and_then(|node| self.entries(node)));
        claims.extend(block.take("journal").map(|node| self.journal(node)));
        claims.extend(block.take("rollforward").and_then(|node| self.roll_forward(node)));
        let of_contract = view.as_ref().is_none_or(|view| view.contract.is_some());
        for name in ["treatment", "warnings", "not_a_contract"] {
            let Some(node) = block.take(name) else { continue };
            if !of_contract {
                self.wrong(node.line, format!("{name} is of a contract: name it"));
            }
            claims.extend(match name {
                "treatment" => self.treatment_word(node).map(Claim::Treatment),
                "not_a_contract" => self.why_no_contract(node),
                _ => self.reasons(node),
            });
        }
        let not_shown = block.take("not_shown").map(|node| self.not_shown(node));
        for (key, node) in block.rest() {
            let what = format!("{}, {TABLES}", VIEW.join(", "));
            claims.extend(self.measure(key, node, &what).map(Claim::Measure));
        }
        self.currency = of_file;
        Some(Expect { view: view?, claims, not_shown: not_shown.unwrap_or_default() })
    }

    /// How a change must have been accounted for.
    pub(super) fn treatment_word(&mut self, node: &Node) -> Option<Word> {
        let text = self.text(node, "treatment")?;
        if TREATMENTS.contains(&text.as_str()) {
            return Some(Word { text, line: node.line });
        }
        let known = TREATMENTS.join(", ");
        self.wrong(node.line, format!("unknown treatment {text:?}; known: {known}"));
        None
    }

    /// Why it is no contract: criteria that are not met, or that either party may leave.
    fn why_no_contract(&mut self, node: &Node) -> Option<Claim> {
        let reasons = self.texts(node, "not_a_contract")?;
        let known: Vec<&str> = Criterion::ALL.iter().map(|of| of.name()).collect();
        let known = [known.as_slice(), &[EITHER_MAY_LEAVE]].concat();
        for reason in reasons.iter().filter(|reason| !known.contains(&reason.as_str())) {
            let known = known.join(", ");
            self.wrong(node.line, format!("unknown reason {reason:?}; known: {known}"));
        }
        Some(Claim::NotAContract { line: node.line, reasons })
    }

    fn reasons(&mut self, node: &Node) -> Option<Claim> {
        let reasons = self.texts(node, "warnings")?;
        for reason in reasons.iter().filter(|reason| WarningReason::parse(reason).is_none()) {
            let known: Vec<_> = WarningReason::ALL.iter().map(|reason| reason.name()).collect();
            let known = known.join(", ");
            self.wrong(node.line, format!("unknown reason {reason:?}; known: {known}"));
        }
        Some(Claim::Warnings { line: node.line, reasons })
    }

    /// Blocks of `{on, expect}` whose figures nothing can tell yet: read for their form alone.
    pub(super) fn later(&mut self, node: &Node) -> Vec<Later> {
        let nodes = self.list(node, "later").unwrap_or_default();
        nodes.iter().filter_map(|node| self.one_later(node)).collect()
    }

    fn one_later(&mut self, node: &Node) -> Option<Later> {
        let mut block = Block::open(self, node, "later")?;
        let on = block.need(self, "on").and_then(|node| self.date(node, "on"));
        let expect = block.need(self, "expect").and_then(|node| self.map(node, "expect"));
        block.close(self);
        let names = expect?.iter().map(|(key, _)| key.text.clone());
        let figures: Vec<String> = names.filter(|key| !VIEW.contains(&key.as_str())).collect();
        if figures.is_empty() {
            self.wrong(
                node.line,
                "expect names no figure: say which ones are to be compared later",
            );
        }
        Some(Later { on: on?, line: node.line, figures })
    }

    fn view(&mut self, on: NaiveDate, block: &mut Block<'_>) -> Option<View> {
        let contract = block.take("contract").map(|node| {
            let contract = self.text(node, "contract")?;
            self.is_known(&contract, node.line, false)?;
            Some(contract)
        });
        let obligation = block.take("obligation").map(|node| {
            let obligation = self.text(node, "obligation")?;
            let Some(contract) = &contract else {
                self.wrong(node.line, "an obligation is looked at within its contract: name it");
                return None;
            };
            self.has_obligation(contract.as_deref()?, &obligation, node.line, false)?;
            Some(obligation)
        });
        let dimensions = block.take("where").map(|node| self.strings(node, "where"));
        let as_of = block.take("as_of").map(|node| self.date(node, "as_of"));
        let known_at = block.take("known_at").map(|node| self.date(node, "known_at"));
        let currency = block.take("currency").map(|node| self.currency_code(node, "currency"));
        Some(View {
            contract: optional(contract)?,
            obligation: optional(obligation)?,
            dimensions: dimensions.unwrap_or_default(),
            currency: optional(currency)?.unwrap_or(self.currency),
            as_of: optional(as_of)?.unwrap_or(on),
            known_at: optional(known_at)?,
        })
    }

    fn measure(&mut self, key: &Key, node: &Node, others: &str) -> Option<Cell<Measure>> {
        let found = Measure::ALL.iter().copied().find(|measure| measure.name() == key.text);
        let Some(measure) = found else {
            let known: Vec<_> = Measure::ALL.iter().map(|measure| measure.name()).collect();
            let known = known.join(", ");
            let message = format!("unknown measure {:?}; known: {known}; {others}", key.text);
            self.wrong(key.line, message);
            return None;
        };
        let amount = self.amount(node, measure.name())?;
        Some(Cell { key: measure, amount, line: key.line })
    }

    fn cells<K>(
        &mut self,
        node: &Node,
        what: &str,
        mut read: impl FnMut(&mut Self, &Key) -> Option<K>,
    ) -> Vec<Cell<K>> {
        let mut cells = Vec::new();
        for (key, node) in self.map(node, what).unwrap_or_default() {
            let name = read(self, key);
            let amount = self.amount(node, &key.text);
            if let (Some(name), Some(amount)) = (name, amount) {
                cells.push(Cell { key: name, amount, line: key.line });
            }
        }
        cells
    }

    fn months(&mut self, node: &Node, what: &str) -> Vec<Cell<NaiveDate>> {
        self.cells(node, what, |reader, key| reader.month(key.line, &key.text, "the key"))
    }

    fn in_period(&mut self, node: &Node) -> Option<Claim> {
        let mut block = Block::open(self, node, "in_period")?;
        let from = block.need(self, "from").and_then(|node| self.date(node, "from"));
        let to = block.need(self, "to").and_then(|node| self.date(node, "to"));
        let cells: Vec<_> = block
            .rest()
            .into_iter()
            .filter_map(|(key, node)| self.measure(key, node, "from, to"))
            .collect();
        let (from, to) = (from?, to?);
        self.in_order(node.line, from, to)?;
        Some(Claim::InPeriod { from, to, cells })
    }

    fn entries(&mut self, node: &Node) -> Option<Claim> {
        let mut rows = Vec::new();
        for row in self.list(node, "entries")? {
            rows.extend(self.entry(row));
        }
        Some(Claim::Entries { line: node.line, rows })
    }

    fn entry(&mut self, node: &Node) -> Option<Cell<EntryKey>> {
        let mut block = Block::open(self, node, "entry")?;
        let obligation = block.take("obligation").map(|node| self.text(node, "obligation"));
        let mut month = |reader: &mut Self, name| {
            let node = block.need(reader, name)?;
            let text = reader.text(node, name)?;
            reader.month(node.line, &text, name)
        };
        let service_period = month(self, "service_period");
        let posting_period = month(self, "posting_period");
        let amount = block.need(self, "amount").and_then(|node| self.amount(node, "amount"));
        block.close(self);
        let key = EntryKey {
            obligation: optional(obligation)?,
            service_period: service_period?,
            posting_period: posting_period?,
        };
        Some(Cell { key, amount: amount?, line: node.line })
    }

    /// Amounts by role, in the functional currency.
    fn journal(&mut self, node: &Node) -> Claim {
        let of_view = self.currency;
        self.currency = self.functional;
        let cells = self.cells(node, "journal", |reader, key| {
            let role = Role::parse(&key.text);
            if role.is_none() {
                let known: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
                let message = format!("unknown role {:?}; known: {}", key.text, known.join(", "));
                reader.wrong(key.line, message);
            }
            role
        });
        self.currency = of_view;
        Claim::Journal { line: node.line, cells }
    }

    fn roll_forward(&mut self, node: &Node) -> Option<Claim> {
        let mut block = Block::open(self, node, "rollforward")?;
        let from = block.need(self, "from").and_then(|node| self.date(node, "from"));
        let to = block.need(self, "to").and_then(|node| self.date(node, "to"));
        let mut cells = Vec::new();
        for (key, value) in block.rest() {
            let found = RollLine::ALL.iter().copied().find(|line| line.name() == key.text);
            let Some(line) = found else {
                let known: Vec<_> = RollLine::ALL.iter().map(|line| line.name()).collect();
                let known = known.join(", ");
                let message = format!("unknown line {:?}; known: from, to, {known}", key.text);
                self.wrong(key.line, message);
                continue;
            };
            let amount = self.amount(value, line.name());
            cells.extend(amount.map(|amount| Cell { key: line, amount, line: key.line }));
        }
        let (from, to) = (from?, to?);
        self.in_order(node.line, from, to)?;
        Some(Claim::RollForward { from, to, line: node.line, cells })
    }

    fn in_order(&mut self, line: usize, from: NaiveDate, to: NaiveDate) -> Option<()> {
        if to < from {
            self.wrong(line, format!("the span ends on {to}, before it begins on {from}"));
            return None;
        }
        Some(())
    }
}
