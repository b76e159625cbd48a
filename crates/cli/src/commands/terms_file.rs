//! Terms of a contract in a file, YAML or JSON: what `contract create` and `sign` take.
//!
//! ```yaml
//! customer: Acme
//! currency: USD
//! term: {from: 2026-01-01, to: 2026-12-31}
//! obligations:
//!   - {id: subscription, price: "1200.00", method: straight_line}
//! ```

use std::path::Path;

use backlog_money::Currency;
use backlog_proto::contract::v1 as pb;

use crate::failure::{Exit, Failure};
use crate::scenario::{self, Amendment, Problem, Terms, read_terms};
use crate::terms;

/// Terms with what a scenario does not say.
pub(crate) struct FileTerms {
    /// What the parties agree on.
    pub(crate) terms: Terms,
    /// Currency of all amounts.
    pub(crate) currency: Currency,
    /// The vendor's own number; may be empty.
    pub(crate) number: String,
}

/// Reads terms from a file.
///
/// # Errors
/// Everything that is wrong with it, by line.
pub(crate) fn read(path: &Path) -> Result<FileTerms, Failure> {
    let text = text(path)?;
    let (terms, currency, number) =
        read_terms(&text).map_err(|problems| wrong_file(path, &problems))?;
    Ok(FileTerms { terms, currency, number })
}

/// Reads a change of a contract in `currency` from a file.
///
/// # Errors
/// Everything that is wrong with it, by line.
pub(crate) fn read_amendment(path: &Path, currency: Currency) -> Result<Amendment, Failure> {
    let text = text(path)?;
    scenario::read_amendment(&text, currency).map_err(|problems| wrong_file(path, &problems))
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
}

/// What is wrong with a file, as a failure.
pub(crate) fn wrong_file(path: &Path, problems: &[Problem]) -> Failure {
    let mut failure = Failure::new(Exit::Usage, format!("{} is wrong", path.display()));
    failure.violations = problems
        .iter()
        .map(|problem| (format!("line {}", problem.line), problem.message.clone()))
        .collect();
    failure
}

impl FileTerms {
    /// The terms on the wire.
    pub(crate) fn wire(&self) -> pb::ContractTerms {
        terms::terms(&self.terms, self.currency, &self.number)
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::read_terms;

    /// JSON is YAML: the same reader takes both, and says by line what is wrong.
    #[test]
    fn terms_are_yaml_or_json() {
        let json = r#"{"customer": "Acme", "currency": "USD", "number": "C-1",
            "term": {"from": "2026-01-01", "to": "2026-12-31"}, "price": "10.00",
            "obligations": [{"id": "a", "ssp": "1.00", "method": "straight_line"}]}"#;
        let (terms, currency, number) = read_terms(json).unwrap();
        assert_eq!(
            (terms.customer.as_str(), currency.code(), number.as_str()),
            ("Acme", "USD", "C-1")
        );
        assert_eq!(crate::terms::terms(&terms, currency, &number).obligations.len(), 1);
        let wrong = json.replace("\"1.00\"", "1.00").replace("customer", "costumer");
        let problems = read_terms(&wrong).unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 1, 3], "{problems:?}");
    }
}
