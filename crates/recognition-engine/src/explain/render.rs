//! Explanations in words: the only place that has any. English, for an accountant to read.

mod words;

use backlog_money::{Currency, Quantity};

use super::{
    formula::{Formula, Unit},
    label::Label,
    rule::Rule,
    statement::{Explained, Line, Step, Told, Treated, Value},
};
use crate::{amend::Treatment, error::EngineError};
use words::{kind, label, measure, treatment};

/// An explained fact in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// What happened, and when.
    pub title: String,
    /// What the fact says, a sentence each, and how a change was treated.
    pub told: Vec<String>,
    /// Figures on the way.
    pub steps: Vec<RenderedLine>,
    /// The movements.
    pub lines: Vec<RenderedLine>,
}

/// A figure or movement in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedLine {
    /// What it is.
    pub what: String,
    /// How much, signed, with its currency.
    pub amount: String,
    /// How that was computed.
    pub formula: String,
    /// Paragraph of ASC 606; empty where it is policy or a person's decision.
    pub paragraph: String,
}

/// An explained fact in words. Errors when an amount leaves its range, which posted ones never do.
pub fn render(explained: &Explained, currency: Currency) -> Result<Rendered, EngineError> {
    let words = Words { currency };
    let mut told: Vec<String> = Vec::new();
    // What is of the books, not of the fact, is a sentence of its own.
    let together = |one: &Told, two: &Told| one.of == two.of && !one.label.is_of_periods();
    for group in explained.told.chunk_by(together) {
        told.push(words.told(group));
    }
    told.extend(explained.treatment.map(treated));
    Ok(Rendered {
        title: format!("{}  {}", explained.on, kind(explained.kind)),
        told,
        steps: explained.steps.iter().map(|step| words.step(step)).collect::<Result<_, _>>()?,
        lines: explained.lines.iter().map(|line| words.line(line)).collect::<Result<_, _>>()?,
    })
}

/// A formula in words, with what it comes to.
pub fn render_formula(formula: &Formula, currency: Currency) -> Result<String, EngineError> {
    Words { currency }.whole(formula)
}

impl Rendered {
    /// The explanation as lines of text.
    #[must_use]
    pub fn text(&self) -> Vec<String> {
        let mut text = vec![self.title.clone()];
        text.extend(self.told.iter().map(|told| format!("    {told}")));
        for (mark, lines) in [("  . ", &self.steps), ("  * ", &self.lines)] {
            for line in lines {
                text.push(format!("{mark}{}  {}", line.what, line.amount));
                if !line.formula.is_empty() {
                    let paragraph = match line.paragraph.as_str() {
                        "" => String::new(),
                        paragraph => format!("  [{paragraph}]"),
                    };
                    text.push(format!("        {}{paragraph}", line.formula));
                }
            }
        }
        text
    }
}

fn treated(treated: Treated) -> String {
    let named =
        |of: Treatment| format!("{} ({})", treatment(of), Rule::of_treatment(of).paragraph());
    match treated.used == treated.proposed {
        true => format!("Accounted for as {}, as proposed", named(treated.used)),
        false => format!(
            "Accounted for as {}; proposed was {}",
            named(treated.used),
            named(treated.proposed)
        ),
    }
}

/// Puts amounts of one currency into words.
#[derive(Clone, Copy)]
struct Words {
    currency: Currency,
}

impl Words {
    fn told(self, group: &[Told]) -> String {
        let said: Vec<String> = group
            .iter()
            .map(|told| match self.value(&told.value) {
                Some(value) => format!("{} {value}", label(told.label)),
                None => label(told.label).to_owned(),
            })
            .collect();
        let said = said.join(", ");
        match group.first().and_then(|told| told.of.as_deref()) {
            Some(of) => format!("{of}: {said}"),
            None => said,
        }
    }

    fn value(self, value: &Value) -> Option<String> {
        Some(match value {
            Value::Amount(amount) => self.money(*amount),
            Value::Quantity(quantity) => quantity.to_string(),
            Value::Day(day) => day.to_string(),
            Value::Term(term) => format!("{} to {}", term.from(), term.to()),
            Value::Name(name) => name.replace('_', " "),
            Value::Yes => return None,
        })
    }

    fn step(self, step: &Step) -> Result<RenderedLine, EngineError> {
        let what = match &step.of {
            Some(of) => format!("{}: {of}", capital(label(step.label))),
            None => capital(label(step.label)),
        };
        Ok(RenderedLine {
            what,
            amount: format!("{} {}", self.money(step.amount), self.currency),
            formula: self.whole(&step.formula)?,
            paragraph: step.rule.paragraph().to_owned(),
        })
    }

    fn line(self, line: &Line) -> Result<RenderedLine, EngineError> {
        let moved = &line.movement;
        let mut what = measure(moved.measure).to_owned();
        if let Some(key) = &line.obligation {
            what = format!("{what}: {key}");
        }
        if line.part > 0 {
            what = format!("{what}, separate contract {}", line.part);
        }
        if let Some(month) = moved.service_month {
            what = format!("{what}, service of {}", month.format("%Y-%m"));
        }
        let mut what = format!("{what}, on {}", moved.effective_date);
        if moved.prior_performance {
            what.push_str(", for performance before the change");
        }
        if let Some(day) = moved.late_of {
            what.push_str(&format!(", late: of {day}, which is closed"));
        }
        let formula = match &line.formula {
            Some(formula) => self.whole(formula)?,
            None => String::new(),
        };
        let unexplained = match line.unexplained {
            0 => String::new(),
            amount => format!("; not explained: {}", self.money(amount)),
        };
        let inputs = match line.inputs.as_slice() {
            [] => String::new(),
            inputs => format!("{}: ", self.told(inputs)),
        };
        Ok(RenderedLine {
            what,
            amount: format!("{} {}", self.signed(moved.amount.minor()), self.currency),
            formula: format!("{inputs}{formula}{unexplained}"),
            paragraph: line.rule.paragraph().to_owned(),
        })
    }

    /// A formula and what it comes to.
    fn whole(self, formula: &Formula) -> Result<String, EngineError> {
        let text = self.formula(formula)?;
        Ok(match formula {
            Formula::Figure { .. } => text,
            formula => format!("{text} = {}", self.money(formula.amount()?)),
        })
    }

    fn formula(self, formula: &Formula) -> Result<String, EngineError> {
        Ok(match formula {
            Formula::Figure { label: Label::Zero, of: None, amount: 0 } => self.money(0),
            Formula::Figure { label: of_label, of, amount } => {
                let words = format!("{} {}", self.money(*amount), label(*of_label));
                match of {
                    Some(of) => format!("{words} of {of}"),
                    None => words,
                }
            }
            Formula::Share { of, part, whole, unit, down } => {
                let parts = self.parts((*part, *whole), *unit);
                let down = if *down { ", rounded down" } else { "" };
                format!("{} x {parts}{down}", self.term(of)?)
            }
            Formula::Split { of, weights, place } => {
                let total: i128 = weights.iter().sum();
                let own = weights.get(*place).copied().unwrap_or(0);
                let unit = if weights.iter().all(|w| *w <= 1) { Unit::Parts } else { Unit::Money };
                let what = if unit == Unit::Money { " by price" } else { "" };
                format!("{} x {}{what}", self.term(of)?, self.parts((own, total), unit))
            }
            Formula::Sum(terms) => self.sum(terms)?,
            Formula::AtLeast(one, two) => {
                format!("{}, at least {}", self.term(one)?, self.term(two)?)
            }
            Formula::AtMost(one, two) => {
                format!("{}, at most {}", self.term(one)?, self.term(two)?)
            }
        })
    }

    fn sum(self, terms: &[(bool, Formula)]) -> Result<String, EngineError> {
        let mut text = String::new();
        for (minus, term) in terms {
            let zero = matches!(term, Formula::Figure { label: Label::Zero, .. });
            if zero && terms.len() > 1 {
                continue;
            }
            let join = match (text.is_empty(), *minus) {
                (true, false) => "",
                (true, true) => "less ",
                (false, false) => " plus ",
                (false, true) => " less ",
            };
            text.push_str(join);
            text.push_str(&self.term(term)?);
        }
        Ok(text)
    }

    /// A formula within another: what is composed stands in brackets with what it comes to.
    fn term(self, formula: &Formula) -> Result<String, EngineError> {
        Ok(match formula {
            Formula::Figure { .. } => self.formula(formula)?,
            formula => {
                format!("({} = {})", self.formula(formula)?, self.money(formula.amount()?))
            }
        })
    }

    fn parts(self, (part, whole): (i128, i128), unit: Unit) -> String {
        let quantity = |scaled: i128| Quantity::from_scaled(scaled).to_string();
        match unit {
            Unit::Days => format!("{part} / {whole} days"),
            Unit::Days360 => format!("{part} / {whole} days of 30/360"),
            Unit::Months => format!("{part} / {whole} months"),
            Unit::Parts => format!("{part} / {whole}"),
            Unit::Quantity => format!("{} / {}", quantity(part), quantity(whole)),
            Unit::Percent => format!("{} / {} %", quantity(part), quantity(whole)),
            Unit::Money => format!("{} / {}", self.money(part), self.money(whole)),
            Unit::YearlyRate => {
                let days = whole.checked_div(Quantity::ONE.scaled()).unwrap_or(0);
                format!("{} a year / {days} days", quantity(part))
            }
        }
    }

    /// An amount with its sign.
    fn signed(self, minor: i128) -> String {
        let money = self.money(minor);
        if minor > 0 { format!("+{money}") } else { money }
    }

    /// An amount with thousands apart.
    fn money(self, minor: i128) -> String {
        let digits = usize::try_from(self.currency.minor_digits()).unwrap_or(0);
        let bare = minor.unsigned_abs().to_string();
        let padded = format!("{bare:0>width$}", width = digits.saturating_add(1));
        let (whole, fraction) = padded.split_at(padded.len().saturating_sub(digits));
        let mut text = String::new();
        for (place, digit) in whole.chars().enumerate() {
            let left = whole.len().saturating_sub(place);
            if place > 0 && left.is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        let sign = if minor < 0 { "-" } else { "" };
        let point = if digits == 0 { "" } else { "." };
        format!("{sign}{text}{point}{fraction}")
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
