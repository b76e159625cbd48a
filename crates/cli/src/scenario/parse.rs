//! Reading a scenario file: the head, the steps, and what happens in them.

mod billing;
mod changes;
mod clauses;
mod expect;
mod handles;
mod methods;
mod policy;
mod progress;
mod sign;
mod terms;

use std::path::Path;

use backlog_money::{Currency, Quantity};
use backlog_recognition_engine::{Calendar, Policy, RateKind};
use chrono::NaiveDate;

use crate::failure::parse_reason;

use super::{
    block::{Block, Reader, optional},
    model::{Action, FxRate, Scenario, Step, Verb},
    yaml::{self, Node, Problem},
};

pub(crate) use changes::read_amendment;
pub(crate) use sign::read_terms;

const VERBS: [&str; 26] = [
    "adjust",
    "amend",
    "close_period",
    "combine",
    "credit_note",
    "deliver",
    "draft",
    "exercise",
    "expect",
    "expire",
    "fx_rate",
    "hold",
    "invoice",
    "milestone",
    "pay",
    "policy",
    "progress",
    "reassess",
    "recognize",
    "reestimate",
    "refund",
    "refuse",
    "release",
    "reopen_period",
    "sign",
    "terminate",
];

/// Reads a file; its `scenario` must be the file's name.
///
/// # Errors
/// Everything that is wrong with it, by line.
pub(crate) fn read_file(path: &Path) -> Result<Scenario, Vec<Problem>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![Problem { line: 1, message: format!("cannot be read: {error}") }])?;
    let scenario = parse(&text)?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    if stem.as_deref() == Some(scenario.name.as_str()) {
        return Ok(scenario);
    }
    let message = format!("scenario is {:?}, which is not the name of the file", scenario.name);
    Err(vec![Problem { line: 1, message }])
}

/// Reads the text of a file.
///
/// # Errors
/// Everything that is wrong with it, by line.
pub(crate) fn parse(text: &str) -> Result<Scenario, Vec<Problem>> {
    let node = yaml::read(text).map_err(|problem| vec![problem])?;
    // Replaced by the file's own currency before any amount is read.
    let Ok(placeholder) = Currency::parse("USD") else { return Err(Vec::new()) };
    let mut reader = Reader::new(placeholder);
    let scenario = reader.scenario(&node);
    reader.problems.sort();
    match scenario {
        Some(scenario) if reader.problems.is_empty() => Ok(scenario),
        Some(_) | None => Err(reader.problems),
    }
}

impl Reader {
    fn scenario(&mut self, node: &Node) -> Option<Scenario> {
        let mut block = Block::open(self, node, "the file")?;
        let name = block.need(self, "scenario").and_then(|node| self.text(node, "scenario"));
        let title = block.need(self, "title").and_then(|node| self.text(node, "title"));
        let source = block.need(self, "source").and_then(|node| self.text(node, "source"));
        let currency = block.need(self, "currency")?;
        self.currency = self.currency_code(currency, "currency")?;
        let currency = self.currency;
        let policy = block.take("policy").map(|node| self.policy(node));
        // Of an expected journal.
        self.functional = policy.flatten().map_or(currency, |(_, _, functional)| functional);
        let steps = block.need(self, "steps").and_then(|node| self.list(node, "steps"));
        let steps = self.steps(steps.unwrap_or_default());
        let later = block.take("later").map(|node| self.later(node));
        let not_shown = block.take("not_shown").map(|node| self.not_shown(node));
        block.close(self);
        let (policy, calendar, functional_currency) =
            optional(policy)?.unwrap_or((Policy::default(), Calendar::default(), currency));
        Some(Scenario {
            name: name?,
            title: title?,
            source: source?,
            currency,
            functional_currency,
            policy,
            calendar,
            steps,
            later: later.unwrap_or_default(),
            not_shown: not_shown.unwrap_or_default(),
        })
    }

    fn not_shown(&mut self, node: &Node) -> Vec<(String, String)> {
        self.strings(node, "not_shown").into_iter().collect()
    }

    fn steps(&mut self, nodes: &[Node]) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::with_capacity(nodes.len());
        let mut last: Option<NaiveDate> = None;
        for node in nodes {
            let Some((on, action)) = self.step(node) else { continue };
            if let Some(last) = last.filter(|last| on < *last) {
                self.wrong(node.line, format!("on goes back, from {last} to {on}"));
            }
            last = last.max(Some(on));
            steps.extend(action.map(|action| Step { on, line: node.line, action }));
        }
        steps
    }

    /// The day of a step, and what it does where that can be read.
    fn step(&mut self, node: &Node) -> Option<(NaiveDate, Option<Action>)> {
        let mut block = Block::open(self, node, "step")?;
        let on = block.need(self, "on").and_then(|node| self.date(node, "on"))?;
        let line = block.line;
        let action = match block.rest().as_slice() {
            [(key, node)] => match key.text.as_str() {
                "expect" => self.expect(on, node).map(Action::Expect),
                "refuse" => self.refuse(on, node),
                name => self.verb(on, name, key.line, node, false).map(Action::Do),
            },
            [] => {
                self.wrong(line, format!("step needs one of: {}", VERBS.join(", ")));
                None
            }
            [_, (second, _), ..] => {
                self.wrong(second.line, format!("step has a second verb, {:?}", second.text));
                None
            }
        };
        Some((on, action))
    }

    fn refuse(&mut self, on: NaiveDate, node: &Node) -> Option<Action> {
        let mut block = Block::open(self, node, "refuse")?;
        let reason = block.need(self, "reason").and_then(|node| {
            let text = self.text(node, "reason")?;
            let reason = parse_reason(&text);
            if reason.is_none() {
                self.wrong(node.line, format!("unknown reason {text:?}"));
            }
            reason
        });
        let line = block.line;
        let rest = block.rest();
        let [(key, node)] = rest.as_slice() else {
            self.wrong(line, "refuse needs exactly one verb beside its reason");
            return None;
        };
        let verb = self.verb(on, &key.text, key.line, node, true)?;
        Some(Action::Refuse(verb, reason?))
    }

    /// `refused` tells that the verb is meant to fail: it may name what does not exist.
    fn verb(
        &mut self,
        on: NaiveDate,
        name: &str,
        line: usize,
        node: &Node,
        refused: bool,
    ) -> Option<Verb> {
        match name {
            "draft" => self.draft(node, refused),
            "sign" => self.sign(on, node, refused),
            "amend" => self.amend(node, refused),
            "terminate" => self.terminate(node, refused),
            "invoice" => self.invoice(node, refused),
            "credit_note" => self.credit_note(node, refused),
            "pay" => self.cash("pay", node, refused).map(Verb::Pay),
            "refund" => self.cash("refund", node, refused).map(Verb::Refund),
            "progress" => self.progress(node, refused),
            "milestone" => self.milestone(node, refused),
            "deliver" => self.deliver(node, refused),
            "exercise" => self.exercise(node, refused),
            "expire" => self.expire(node, refused),
            "reestimate" => self.reestimate(node, refused),
            "adjust" => self.adjust(node, refused),
            "hold" | "release" => self.hold(name == "release", node, refused),
            "reassess" => self.reassess(node, refused),
            "fx_rate" => self.fx_rate(node),
            "combine" => self.combine(node, refused),
            "policy" => self.policy_step(on, node).map(Verb::Policy),
            "recognize" => self.recognize(on, node, refused),
            "close_period" => self.period("close_period", node).map(Verb::ClosePeriod),
            "reopen_period" => self.period("reopen_period", node).map(Verb::ReopenPeriod),
            other => {
                self.wrong(line, format!("unknown verb {other:?}; known: {}", VERBS.join(", ")));
                None
            }
        }
    }

    fn fx_rate(&mut self, node: &Node) -> Option<Verb> {
        let mut block = Block::open(self, node, "fx_rate")?;
        let from = block.need(self, "from").and_then(|node| self.currency_code(node, "from"));
        let to = block.need(self, "to").and_then(|node| self.currency_code(node, "to"));
        let rate = block.need(self, "rate").and_then(|node| self.quantity(node, "rate"));
        let kind =
            block.take("kind").map(|node| self.named(node, "kind", RateKind::ALL, RateKind::name));
        block.close(self);
        let kind = optional(kind)?.unwrap_or(RateKind::Spot);
        if rate.is_some_and(|rate| rate <= Quantity::ZERO) {
            self.wrong(node.line, "rate must be above zero");
        }
        Some(Verb::FxRate(FxRate { from: from?, to: to?, kind, rate: rate? }))
    }

    fn period(&mut self, verb: &'static str, node: &Node) -> Option<String> {
        let mut block = Block::open(self, node, verb)?;
        let period = block.need(self, "period").and_then(|node| self.text(node, "period"));
        block.close(self);
        period
    }

    fn recognize(&mut self, on: NaiveDate, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "recognize")?;
        let through = block.take("through").map(|node| self.date(node, "through"));
        let contract = block.take("contract").map(|node| {
            let contract = self.text(node, "contract")?;
            self.is_known(&contract, node.line, refused)?;
            Some(contract)
        });
        block.close(self);
        let through = optional(through)?.unwrap_or(on);
        Some(Verb::Recognize { through, contract: optional(contract)? })
    }
}
