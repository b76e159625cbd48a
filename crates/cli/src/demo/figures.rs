//! Figures that came out, beside those that were written down by hand.

use std::collections::BTreeMap;

use backlog_recognition_engine::Balances;

use crate::failure::Exit;
use crate::progress::Steps;
use crate::session::Session;

/// Month by month, what the two contracts must show; the columns are named in the file.
const MONTHS: &str = include_str!("months.txt");

/// The amounts of one contract at a month's end: recognized, backlog, billed, deferred revenue,
/// contract asset, as in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MonthEnd {
    pub(super) contract: &'static str,
    pub(super) month: &'static str,
    pub(super) amounts: [&'static str; 5],
}

/// Names of [`MonthEnd::amounts`].
pub(super) const COLUMNS: [&str; 5] =
    ["recognized", "backlog", "billed", "deferred revenue", "contract asset"];

/// What was written down for each month end, in order.
pub(super) fn month_ends() -> Vec<MonthEnd> {
    let lines = MONTHS.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (contract, month) = (words.next()?, words.next()?);
            let amounts: Vec<&str> = words.collect();
            Some(MonthEnd { contract, month, amounts: amounts.try_into().ok()? })
        })
        .collect()
}

/// The same amounts of balances that came out, two decimals.
pub(super) fn amounts(balances: &Balances) -> [String; 5] {
    [
        balances.recognized,
        balances.backlog,
        balances.billed,
        balances.deferred_revenue,
        balances.contract_asset,
    ]
    .map(dollars)
}

/// Cents as dollars.
pub(super) fn dollars(cents: i128) -> String {
    backlog_money::Currency::parse("USD").map_or_else(
        |_| cents.to_string(),
        |currency| backlog_money::Money::from_minor(cents, currency).amount_string(),
    )
}

/// All comparisons so far.
#[derive(Debug)]
pub(super) struct Figures {
    human: bool,
    checked: usize,
    wrong: Vec<(String, String, String)>,
    sections: BTreeMap<String, usize>,
}

impl Figures {
    pub(super) fn new(human: bool) -> Self {
        Self { human, checked: 0, wrong: Vec::new(), sections: BTreeMap::new() }
    }

    /// Prints for people.
    pub(super) fn tell(&self, steps: &Steps, text: &str) {
        if self.human {
            steps.print(text);
        }
    }

    /// Compares one figure; answers whether it is as expected.
    pub(super) fn check(
        &mut self,
        section: &str,
        what: &str,
        expected: &str,
        actual: &str,
    ) -> bool {
        self.checked = self.checked.saturating_add(1);
        let count = self.sections.entry(section.to_owned()).or_default();
        *count = count.saturating_add(1);
        if expected == actual {
            return true;
        }
        let place = format!("{section}, {what}");
        self.wrong.push((place, expected.to_owned(), actual.to_owned()));
        false
    }

    /// The verdict: the last line says `demo ok` only when every figure is as expected.
    pub(super) fn sum_up(&self, session: &Session) -> Exit {
        let wrong: Vec<_> = self
            .wrong
            .iter()
            .map(|(place, expected, actual)| {
                serde_json::json!({ "figure": place, "expected": expected, "actual": actual })
            })
            .collect();
        let ok = self.wrong.is_empty() && self.checked > 0;
        let text = if ok {
            format!("demo ok: {} figures checked", self.checked)
        } else {
            let lines: Vec<_> = self
                .wrong
                .iter()
                .map(|(place, expected, actual)| {
                    format!("DIFFERS {place}: expected {expected}, got {actual}")
                })
                .collect();
            let differing = self.wrong.len();
            let lines = lines.join("\n");
            format!("{lines}\ndemo failed: {differing} of {} figures differ", self.checked)
        };
        let json = serde_json::json!({
            "ok": ok,
            "figures": self.checked,
            "by_section": self.sections,
            "differing": wrong,
        });
        session.answer(&text, &json);
        if ok { Exit::Done } else { Exit::Negative }
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, month_ends};

    /// The table covers both contracts over the whole year, and its columns hang together:
    /// price = recognized + backlog, and liability less asset = billed - recognized.
    #[test]
    fn the_table_is_whole_and_sound() {
        let cents = |text: &str| text.replace('.', "").parse::<i128>().unwrap();
        let months = month_ends();
        for contract in ["article", "prepaid"] {
            let own: Vec<_> = months.iter().filter(|row| row.contract == contract).collect();
            assert_eq!(own.len(), 12, "{contract}");
            for (number, row) in (1..).zip(&own) {
                assert_eq!(row.month, format!("2026-{number:02}"));
                let [recognized, backlog, billed, deferred, asset] = row.amounts.map(cents);
                assert_eq!(recognized + backlog, 120_000, "{row:?}");
                assert_eq!(deferred - asset, billed - recognized, "{row:?}");
            }
        }
    }

    /// One wrong figure is enough, and it is named.
    #[test]
    fn a_wrong_figure_fails_the_demo() {
        let mut figures = Figures::new(false);
        assert!(figures.check("a", "backlog", "1.00", "1.00"));
        assert!(!figures.check("a", "backlog", "1.00", "1.01"));
        assert_eq!((figures.checked, figures.wrong.len()), (2, 1));
    }
}
