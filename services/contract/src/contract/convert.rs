//! Contracts between wire and domain.

use std::collections::BTreeSet;

use backlog_ids::ContractId;
use backlog_money::{Currency, MINOR_MAX, Money};
use backlog_proto::common::v1 as common;
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::convert::DateSpan;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{EngineError, Term};

use super::contract::Contract;
use super::terms::{Promise, Terms, obligation_id};
use crate::policy::{convention_number, parse_convention};

/// Reporting dimensions of a contract at most.
const DIMENSIONS_MAX: usize = 20;

/// Reads the terms of the contract that is to have the id `contract`: every rule that a contract must
/// keep, every violation at once, each under its path. Answers `None` after recording some.
pub(crate) fn parse_terms(
    fields: &mut Fields,
    path: &str,
    contract: ContractId,
    terms: Option<&pb::ContractTerms>,
    obligations_max: usize,
) -> Option<Terms> {
    let terms = fields.required(path, terms)?;
    let number = fields.text(&format!("{path}.number"), &terms.number, 0, 100);
    let customer = fields.text(&format!("{path}.customer"), &terms.customer, 1, 200);
    let term = parse_term(fields, &format!("{path}.term"), terms.term.as_ref());
    let currency = fields.currency(&format!("{path}.currency_code"), &terms.currency_code);
    let price = parse_amount(fields, &format!("{path}.price"), terms.price.as_ref(), currency);
    let whole = Whole { contract, term, currency, states_price: terms.price.is_some() };
    let obligations = parse_obligations(fields, path, &terms.obligations, &whole, obligations_max);
    for (name, value) in &terms.dimensions {
        parse_dimension(fields, &format!("{path}.dimensions"), name, value);
    }
    if terms.dimensions.len() > DIMENSIONS_MAX {
        let limit = format!("must be at most {DIMENSIONS_MAX}");
        fields.violation(format!("{path}.dimensions"), limit);
    }
    if !fields.is_clean() {
        return None;
    }
    let mut terms = Terms {
        number: number?,
        customer: customer?,
        term: term?,
        currency: currency?,
        price,
        obligations,
        dimensions: terms.dimensions.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
    };
    match terms.allocate(contract) {
        Ok(()) => Some(terms),
        Err(error) => {
            unbookable(fields, path, &error);
            None
        }
    }
}

/// What obligations are checked against; `None` where the field itself is wrong.
struct Whole {
    contract: ContractId,
    term: Option<Term>,
    currency: Option<Currency>,
    states_price: bool,
}

fn parse_obligations(
    fields: &mut Fields,
    path: &str,
    obligations: &[pb::ObligationTerms],
    whole: &Whole,
    obligations_max: usize,
) -> Vec<Promise> {
    if obligations.is_empty() || obligations.len() > obligations_max {
        fields.violation(format!("{path}.obligations"), format!("must be 1 to {obligations_max}"));
        return Vec::new();
    }
    let mut keys = BTreeSet::new();
    let mut promises = Vec::with_capacity(obligations.len());
    for (place, obligation) in obligations.iter().enumerate() {
        let path = format!("{path}.obligations[{place}]");
        if !keys.insert(obligation.key.as_str()) {
            fields.violation(format!("{path}.key"), "must differ from the keys before it");
        }
        promises.extend(parse_obligation(fields, &path, obligation, whole));
    }
    let stated = promises.iter().filter_map(|promise| promise.price);
    if stated.fold(0_i128, i128::saturating_add) > MINOR_MAX {
        let limit = "must have prices that sum to at most 10^15 minor units";
        fields.violation(format!("{path}.obligations"), limit);
    }
    promises
}

fn parse_obligation(
    fields: &mut Fields,
    path: &str,
    obligation: &pb::ObligationTerms,
    whole: &Whole,
) -> Option<Promise> {
    let key = parse_key(fields, &format!("{path}.key"), &obligation.key);
    let price_path = format!("{path}.price");
    let price = parse_amount(fields, &price_path, obligation.price.as_ref(), whole.currency);
    match (whole.states_price, obligation.price.is_some()) {
        (true, true) => {
            fields.violation(price_path, "must be unset where the contract states its price");
        }
        (false, false) => {
            fields.violation(price_path, "must be set, or the price of the whole contract");
        }
        (true, false) | (false, true) => {}
    }
    let ssp_path = format!("{path}.ssp");
    let stated_ssp = parse_amount(fields, &ssp_path, obligation.ssp.as_ref(), whole.currency);
    if stated_ssp == Some(0) {
        fields.violation(ssp_path.clone(), "must be above zero");
    }
    if whole.states_price && obligation.ssp.is_none() {
        fields.violation(ssp_path, "must be set where the contract states its price");
    }
    let term = match &obligation.term {
        None => whole.term,
        term => parse_term_within(fields, &format!("{path}.term"), term.as_ref(), whole.term),
    };
    let convention = match &obligation.method {
        Some(Method::StraightLine(method)) => {
            parse_convention(fields, &format!("{path}.straight_line.convention"), method.convention)
        }
        None => {
            fields.violation(format!("{path}.straight_line"), "must be set: it is the method");
            None
        }
    };
    let line = fields.text(&format!("{path}.product_line"), &obligation.product_line, 0, 200);
    let key = key?;
    Some(Promise {
        id: obligation_id(whole.contract, &key),
        key,
        price,
        ssp: stated_ssp.or(price).filter(|ssp| *ssp > 0),
        term: term?,
        convention: convention?,
        product_line: line?,
        transaction_price: 0,
    })
}

fn parse_key(fields: &mut Fields, path: &str, key: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if (1..=60).contains(&key.len()) && key.bytes().all(allowed) {
        return Some(key.to_owned());
    }
    fields.violation(path, "must have 1 to 60 characters of a-z, A-Z, 0-9, \"_\", \"-\" and \".\"");
    None
}

fn parse_dimension(fields: &mut Fields, path: &str, name: &str, value: &str) {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=40).contains(&name.len()) && name.bytes().all(allowed) {
        fields.text(&format!("{path}[{name}]"), value, 1, 200);
    } else {
        fields.violation(path, "must have names of 1 to 40 characters of a-z, 0-9 and \"_\"");
    }
}

fn parse_term(fields: &mut Fields, path: &str, term: Option<&common::DateRange>) -> Option<Term> {
    let span = fields.range(path, term)?;
    fields.keep(path, Term::new(span.from, span.to))
}

fn parse_term_within(
    fields: &mut Fields,
    path: &str,
    term: Option<&common::DateRange>,
    whole: Option<Term>,
) -> Option<Term> {
    let term = parse_term(fields, path, term)?;
    if let Some(whole) = whole
        && !whole.contains(term)
    {
        let (from, to) = (whole.from(), whole.to());
        fields.violation(path, format!("must lie within the contract's term, {from} to {to}"));
        return None;
    }
    Some(term)
}

/// An amount of the contract's currency, not negative, that may be absent.
fn parse_amount(
    fields: &mut Fields,
    path: &str,
    amount: Option<&common::Money>,
    currency: Option<Currency>,
) -> Option<i128> {
    let money = fields.optional_money(path, amount)?;
    if let Some(currency) = currency
        && money.currency() != currency
    {
        let sentence = format!("must be {currency}, the contract's currency");
        fields.violation(format!("{path}.currency_code"), sentence);
        return None;
    }
    if money.minor() < 0 {
        fields.violation(format!("{path}.amount"), "must not be negative");
        return None;
    }
    Some(money.minor())
}

/// What the engine refuses beyond the checks above.
fn unbookable(fields: &mut Fields, path: &str, error: &EngineError) {
    let EngineError::InvalidContract(violations) = error else {
        fields.violation(path, error.to_string());
        return;
    };
    for violation in violations {
        let path = match violation.ordinal {
            Some(place) => format!("{path}.obligations[{place}]"),
            None => path.to_owned(),
        };
        fields.violation(path, violation.reason.to_string());
    }
}

/// Writes terms without their dimensions, which have no order on the wire: for comparing commands.
pub(super) fn canonical_terms(terms: &Terms) -> pb::ContractTerms {
    pb::ContractTerms { dimensions: <_>::default(), ..terms_to_proto(terms) }
}

/// Writes terms with all defaults filled in.
pub(crate) fn terms_to_proto(terms: &Terms) -> pb::ContractTerms {
    let money = |minor: i128| Money::from_minor(minor, terms.currency).into();
    pb::ContractTerms {
        number: terms.number.clone(),
        customer: terms.customer.clone(),
        term: Some(term_to_proto(terms.term)),
        currency_code: terms.currency.code().to_owned(),
        price: terms.price.map(money),
        obligations: terms
            .obligations
            .iter()
            .map(|promise| pb::ObligationTerms {
                key: promise.key.clone(),
                price: promise.price.map(money),
                ssp: promise.ssp.map(money),
                term: Some(term_to_proto(promise.term)),
                product_line: promise.product_line.clone(),
                method: Some(Method::StraightLine(pb::StraightLine {
                    convention: convention_number(promise.convention),
                })),
            })
            .collect(),
        dimensions: terms.dimensions.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
    }
}

fn term_to_proto(term: Term) -> common::DateRange {
    DateSpan { from: term.from(), to: term.to() }.into()
}

/// Writes a contract.
pub(crate) fn contract_to_proto(contract: &Contract) -> pb::Contract {
    let state = match contract.signed_on {
        Some(_) => pb::ContractState::Signed,
        None => pb::ContractState::Draft,
    };
    let billed = Money::from_minor(contract.billed_total(), contract.terms.currency);
    pb::Contract {
        contract_id: contract.id.to_string(),
        state: state.into(),
        terms: Some(terms_to_proto(&contract.terms)),
        obligation_ids: contract.terms.obligations.iter().map(|o| o.id.to_string()).collect(),
        signed_on: contract.signed_on.map(Into::into),
        etag: contract.etag(),
        billed: Some(billed.into()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
