//! Lines for people or for programs on standard output, progress on standard error.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::options::Form;
use crate::statistics::Ratio;

/// Writes what was measured.
#[derive(Debug)]
pub(crate) struct Output {
    form: Form,
    started: Instant,
    on_terminal: bool,
}

/// What was measured: how people read it, and its values by name.
#[derive(Debug)]
pub(crate) struct Line {
    figure: &'static str,
    text: String,
    details: Vec<String>,
    values: Map<String, Value>,
}

impl Line {
    /// A line with any text.
    pub(crate) fn new(figure: &'static str, text: String) -> Self {
        Self { figure, text, details: Vec::new(), values: Map::new() }
    }

    /// A ratio with its goal, and the two rates; `note` tells it from others of its figure.
    pub(crate) fn ratio(
        figure: &'static str,
        note: &str,
        ratio: &Ratio,
        goal: &str,
        units: (&str, &str),
    ) -> Self {
        let space = if note.is_empty() { "" } else { " " };
        let text = format!(
            "{figure} {:.2} ({:.2}..{:.2}) goal {goal}{space}{note}",
            ratio.median, ratio.low, ratio.high
        );
        let detail =
            format!("{:.0} {} : {:.0} {}", ratio.measured, units.0, ratio.against, units.1);
        Self::new(figure, text)
            .detail(detail)
            .value("note", json!(note))
            .value("ratio", json!(ratio.median))
            .value("low", json!(ratio.low))
            .value("high", json!(ratio.high))
            .value("goal", json!(goal))
            .value("measured_per_second", json!(ratio.measured))
            .value("against_per_second", json!(ratio.against))
    }

    /// Adds an indented line.
    pub(crate) fn detail(mut self, text: String) -> Self {
        self.details.push(text);
        self
    }

    /// Adds a value for programs.
    pub(crate) fn value(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }
}

impl Output {
    /// Writes in this form.
    pub(crate) fn new(form: Form) -> Self {
        Self { form, started: Instant::now(), on_terminal: std::io::stderr().is_terminal() }
    }

    /// Writes a line.
    pub(crate) fn line(&self, line: Line) -> anyhow::Result<()> {
        self.clear();
        let mut out = std::io::stdout().lock();
        match self.form {
            Form::Human => {
                writeln!(out, "{}", line.text)?;
                for detail in line.details {
                    writeln!(out, "    {detail}")?;
                }
            }
            Form::Json => {
                let mut values = line.values;
                values.insert("figure".to_owned(), json!(line.figure));
                values.insert("text".to_owned(), json!(line.text));
                values.insert("details".to_owned(), json!(line.details));
                writeln!(out, "{}", Value::Object(values))?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Says what is going on, over what was said before, when somebody looks.
    pub(crate) fn progress(&self, what: &str) {
        if self.on_terminal {
            eprint!("\r\x1b[K[{:4} s] {what}", self.started.elapsed().as_secs());
        }
    }

    fn clear(&self) {
        if self.on_terminal {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.clear();
    }
}
