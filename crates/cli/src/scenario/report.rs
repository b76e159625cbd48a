//! How a scenario came out: a table for people, JSON for scripts.

use std::fmt::Write;

use chrono::NaiveDate;

use crate::{failure::Failure, table};

use super::model::{Later, Scenario};

/// One figure: what was expected, and what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    /// Line in the file.
    pub(crate) line: usize,
    /// Day of the step.
    pub(crate) on: NaiveDate,
    /// Contract, obligation or segment.
    pub(crate) subject: String,
    /// Measure, or cell of a table.
    pub(crate) what: String,
    /// As the file has it.
    pub(crate) expected: String,
    /// As it came out.
    pub(crate) actual: String,
    /// Whether they are the same.
    pub(crate) holds: bool,
}

/// How one file came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileReport {
    /// Name of the scenario.
    pub(crate) name: String,
    /// Its title.
    pub(crate) title: String,
    /// Where the example is from.
    pub(crate) source: String,
    /// All figures, in order.
    pub(crate) checks: Vec<Check>,
    /// Why the figures of the contract that was asked for are what they are, line by line.
    pub(crate) explained: Vec<String>,
    /// The step that could not be played, by line, and why; what follows it was not played.
    pub(crate) stopped: Option<(usize, Failure)>,
    /// Figures that nothing can tell yet.
    pub(crate) later: Vec<Later>,
    /// Figures of the source that are outside our measures, and why.
    pub(crate) not_shown: Vec<(String, String)>,
}

impl FileReport {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            source: scenario.source.clone(),
            checks: Vec::new(),
            explained: Vec::new(),
            stopped: None,
            later: scenario.later.clone(),
            not_shown: scenario.not_shown.clone(),
        }
    }

    /// Whether every step was played and every figure came out.
    #[must_use]
    pub(crate) fn holds(&self) -> bool {
        self.stopped.is_none() && self.checks.iter().all(|check| check.holds)
    }

    /// Number of figures that differ.
    #[must_use]
    pub(crate) fn differing(&self) -> usize {
        self.checks.iter().filter(|check| !check.holds).count()
    }

    /// Number of figures that were not checked, for nothing can tell them yet.
    #[must_use]
    pub(crate) fn not_checked(&self) -> usize {
        self.later.iter().map(|later| later.figures.len()).sum()
    }

    /// The report as JSON.
    #[must_use]
    pub(crate) fn json(&self) -> serde_json::Value {
        let checks: Vec<_> = self
            .checks
            .iter()
            .map(|check| {
                serde_json::json!({
                    "line": check.line,
                    "on": check.on.to_string(),
                    "subject": check.subject,
                    "what": check.what,
                    "expected": check.expected,
                    "actual": check.actual,
                    "holds": check.holds,
                })
            })
            .collect();
        let not_shown: serde_json::Map<_, _> =
            self.not_shown.iter().map(|(name, why)| (name.clone(), why.clone().into())).collect();
        let later: Vec<_> = self
            .later
            .iter()
            .map(|later| {
                serde_json::json!({
                    "line": later.line,
                    "on": later.on.to_string(),
                    "figures": later.figures,
                })
            })
            .collect();
        let stopped = self.stopped.as_ref().map(|(line, failure)| {
            serde_json::json!({ "line": line, "failure": failure.json()["error"] })
        });
        serde_json::json!({
            "scenario": self.name,
            "title": self.title,
            "source": self.source,
            "holds": self.holds(),
            "checks": checks,
            "explained": self.explained,
            "stopped": stopped,
            "not_checked": later,
            "not_shown": not_shown,
        })
    }
}

/// The report for people: the table, what stopped it, what is not shown.
#[must_use]
pub(crate) fn render(report: &FileReport) -> String {
    let mut text = format!("{}: {}\n", report.name, report.title);
    let rows = report.checks.iter().map(|check| {
        [
            check.on.to_string(),
            check.subject.clone(),
            check.what.clone(),
            check.expected.clone(),
            check.actual.clone(),
            if check.holds { "ok".to_owned() } else { format!("DIFFERS (line {})", check.line) },
        ]
    });
    let header = ["on", "of", "figure", "expected", "actual", "verdict"];
    let table = table::render(&header, rows, &[3, 4]);
    // Writing to a String cannot fail.
    let _: std::fmt::Result = writeln!(text, "{table}");
    for line in &report.explained {
        let _: std::fmt::Result = writeln!(text, "{line}");
    }
    if let Some((line, failure)) = &report.stopped {
        let _: std::fmt::Result = writeln!(text, "stopped at line {line}: {failure}");
    }
    if !report.later.is_empty() {
        let figures = report.not_checked();
        let _: std::fmt::Result = writeln!(text, "{figures} figures not checked yet:");
        for Later { on, line, figures } in &report.later {
            let figures = figures.join(", ");
            let _: std::fmt::Result = writeln!(text, "  {on}: {figures} (line {line})");
        }
    }
    if !report.not_shown.is_empty() {
        let figures = report.not_shown.len();
        let _: std::fmt::Result = writeln!(text, "{figures} figures of the source not shown:");
        for (name, why) in &report.not_shown {
            let _: std::fmt::Result = writeln!(text, "  {name}: {why}");
        }
    }
    text
}
