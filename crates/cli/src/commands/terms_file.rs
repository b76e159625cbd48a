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
use backlog_proto::common::v1::DateRange;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;

use crate::failure::{Exit, Failure};
use crate::policy;
use crate::scenario::{Obligation, Problem, Terms, read_terms};

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
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    let (terms, currency, number) =
        read_terms(&text).map_err(|problems| wrong_file(path, &problems))?;
    Ok(FileTerms { terms, currency, number })
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
        wire(&self.terms, self.currency, &self.number)
    }
}

/// Terms on the wire.
pub(crate) fn wire(terms: &Terms, currency: Currency, number: &str) -> pb::ContractTerms {
    pb::ContractTerms {
        number: number.to_owned(),
        customer: terms.customer.clone(),
        term: Some(span(terms.term)),
        currency_code: currency.code().to_owned(),
        price: terms.price.map(Into::into),
        obligations: terms.obligations.iter().map(obligation).collect(),
        dimensions: terms.dimensions.clone().into_iter().collect(),
    }
}

fn obligation(obligation: &Obligation) -> pb::ObligationTerms {
    let convention = obligation.convention.map_or(0, |c| policy::convention(c).into());
    pb::ObligationTerms {
        key: obligation.id.clone(),
        price: obligation.price.map(Into::into),
        ssp: obligation.ssp.map(Into::into),
        term: obligation.term.map(span),
        product_line: obligation.product_line.clone(),
        method: Some(pb::obligation_terms::Method::StraightLine(pb::StraightLine { convention })),
    }
}

fn span((from, to): (NaiveDate, NaiveDate)) -> DateRange {
    DateRange { from: Some(from.into()), to: Some(to.into()) }
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
        assert_eq!(super::wire(&terms, currency, &number).obligations.len(), 1);
        let wrong = json.replace("\"1.00\"", "1.00").replace("customer", "costumer");
        let problems = read_terms(&wrong).unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 1, 3], "{problems:?}");
    }
}
