//! Contracts between wire and domain.

mod amendment;
mod clause;
mod method;
mod obligation;
mod rules;
mod termination;
mod values;

use std::collections::BTreeSet;

use backlog_ids::ContractId;
use backlog_money::{Currency, Money};
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;

pub(crate) use amendment::parse_amendment;
pub(super) use amendment::{AskedAmendment, amendment_to_proto};
pub(super) use termination::{parse_termination, termination_to_proto};
pub(super) use values::price_of;

use super::contract::Contract;
use super::error::ContractError;
use super::terms::{Discount, Limits, Terms, Variable, VariableKind};
use clause::{clause_to_proto, parse_clauses, parse_rate, parse_unmet, unmet_to_proto};
use obligation::{Whole, obligation_to_proto, parse_obligations};
use values::{
    is_key, parse_amount, parse_key, parse_positive, parse_signed, parse_term, term_to_proto,
};

/// Reporting dimensions of a contract at most.
const DIMENSIONS_MAX: usize = 20;

/// Reads the terms of the contract that is to have the id `contract`, and shares its price: every
/// rule that a contract must keep, every violation at once, each under its path. Answers `None` after
/// recording some, and a refusal that has a reason of its own.
pub(crate) fn parse_terms(
    fields: &mut Fields,
    path: &str,
    contract: ContractId,
    terms: Option<&pb::ContractTerms>,
    limits: Limits,
) -> Option<Result<Terms, ContractError>> {
    let terms = fields.required(path, terms)?;
    let mut terms = read_terms(fields, path, contract, terms, limits)?;
    match terms.allocate(contract) {
        Ok(()) => Some(Ok(terms)),
        Err(error) => rules::unbookable(fields, path, &terms, &error).map(Err),
    }
}

/// Reads terms that need no sharing of the price any more, or not yet.
pub(crate) fn read_terms(
    fields: &mut Fields,
    path: &str,
    contract: ContractId,
    terms: &pb::ContractTerms,
    limits: Limits,
) -> Option<Terms> {
    let at = |field: &str| format!("{path}.{field}");
    let number = fields.text(&at("number"), &terms.number, 0, 100);
    let customer = fields.text(&at("customer"), &terms.customer, 1, 200);
    let term = parse_term(fields, &at("term"), terms.term.as_ref());
    let currency = fields.currency(&at("currency_code"), &terms.currency_code);
    let price = parse_amount(fields, &at("price"), terms.price.as_ref(), currency);
    let whole = Whole {
        contract,
        term,
        within: true,
        currency,
        states_price: terms.price.is_some(),
        varying: terms.variables.iter().flat_map(|v| &v.applies_to).map(String::as_str).collect(),
        limits,
    };
    let obligations = parse_obligations(fields, &at("obligations"), &terms.obligations, &whole);
    for (name, value) in &terms.dimensions {
        parse_dimension(fields, &at("dimensions"), name, value);
    }
    if terms.dimensions.len() > DIMENSIONS_MAX {
        fields.violation(at("dimensions"), format!("must be at most {DIMENSIONS_MAX}"));
    }
    let keys = terms.obligations.iter().map(|obligation| obligation.key.as_str());
    let keys = keys.filter(|key| is_key(key)).collect();
    let variables = parse_variables(fields, &at("variables"), &terms.variables, &keys, &whole);
    let discount = terms
        .discount
        .as_ref()
        .and_then(|scope| parse_discount(fields, &at("discount"), scope, &keys, terms, currency));
    let clauses = parse_clauses(fields, &at("clauses"), &terms.clauses, currency);
    let financing = parse_rate(fields, &at("financing_rate"), &terms.financing_rate);
    let unmet = parse_unmet(fields, &at("unmet"), terms.unmet.as_ref());
    if !fields.is_clean() {
        return None;
    }
    Some(Terms {
        number: number?,
        customer: customer?,
        term: term?,
        currency: currency?,
        price,
        obligations,
        dimensions: terms.dimensions.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
        variables,
        discount,
        clauses,
        financing,
        unmet,
    })
}

fn parse_dimension(fields: &mut Fields, path: &str, name: &str, value: &str) {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=40).contains(&name.len()) && name.bytes().all(allowed) {
        fields.text(&format!("{path}[{name}]"), value, 1, 200);
    } else {
        fields.violation(path, "must have names of 1 to 40 characters of a-z, 0-9 and \"_\"");
    }
}

fn parse_variables(
    fields: &mut Fields,
    path: &str,
    variables: &[pb::VariableConsideration],
    keys: &BTreeSet<&str>,
    whole: &Whole<'_>,
) -> Vec<Variable> {
    if variables.len() > whole.limits.variables {
        fields.violation(path, format!("must be at most {}", whole.limits.variables));
        return Vec::new();
    }
    let mut ids = BTreeSet::new();
    let mut parsed = Vec::with_capacity(variables.len());
    for (place, variable) in variables.iter().enumerate() {
        let path = format!("{path}[{place}]");
        if !ids.insert(variable.id.as_str()) {
            fields.violation(format!("{path}.id"), "must differ from the ids before it");
        }
        parsed.extend(parse_variable(fields, &path, variable, keys, whole.currency));
    }
    parsed
}

fn parse_variable(
    fields: &mut Fields,
    path: &str,
    variable: &pb::VariableConsideration,
    keys: &BTreeSet<&str>,
    currency: Option<Currency>,
) -> Option<Variable> {
    let at = |field: &str| format!("{path}.{field}");
    let id = parse_key(fields, &at("id"), &variable.id);
    fields.required(&at("estimate"), variable.estimate.as_ref());
    let estimate = parse_signed(fields, &at("estimate"), variable.estimate.as_ref(), currency);
    let included = parse_signed(fields, &at("included"), variable.included.as_ref(), currency);
    let kind = match pb::VariableKind::try_from(variable.kind) {
        Ok(pb::VariableKind::Unspecified | pb::VariableKind::ExpectedValue) => {
            Some(VariableKind::ExpectedValue)
        }
        Ok(pb::VariableKind::MostLikely) => Some(VariableKind::MostLikely),
        Ok(pb::VariableKind::Constrained) => Some(VariableKind::Constrained),
        Err(_) => {
            fields.violation(at("kind"), "must be a kind that this service knows");
            None
        }
    };
    parse_names(fields, &at("applies_to"), &variable.applies_to, keys);
    if estimate.zip(included).is_some_and(|(estimate, included)| included > estimate) {
        let sentence = "must not be above the estimate: a constraint lowers what counts";
        fields.violation(at("included"), sentence);
    }
    let period = variable.period.as_ref();
    let period = period.map(|period| parse_term(fields, &at("period"), Some(period)));
    let (estimate, kind) = (estimate?, kind?);
    // Of a rebate, a constraint leaves nothing out: all of it may have to be given.
    let default = if kind == VariableKind::Constrained { estimate.min(0) } else { estimate };
    let included = included.unwrap_or(default);
    let (id, applies_to) = (id?, variable.applies_to.clone());
    Some(Variable { id, estimate, included, kind, applies_to, period: period.flatten() })
}

/// Keys of obligations of the contract, each once.
fn parse_names(fields: &mut Fields, path: &str, names: &[String], keys: &BTreeSet<&str>) {
    if names.len() > keys.len() {
        fields.violation(path, "must name each obligation of the contract once at most");
        return;
    }
    let mut named = BTreeSet::new();
    for (place, name) in names.iter().enumerate() {
        if !keys.contains(name.as_str()) {
            let path = format!("{path}[{place}]");
            fields.violation(path, "must be the key of an obligation of the contract");
        } else if !named.insert(name.as_str()) {
            fields.violation(format!("{path}[{place}]"), "must not be named before");
        }
    }
}

fn parse_discount(
    fields: &mut Fields,
    path: &str,
    scope: &pb::DiscountScope,
    keys: &BTreeSet<&str>,
    terms: &pb::ContractTerms,
    currency: Option<Currency>,
) -> Option<Discount> {
    let (names, amount) = (format!("{path}.obligations"), format!("{path}.amount"));
    if scope.obligations.is_empty() {
        fields.violation(names.clone(), "must name at least one");
    }
    parse_names(fields, &names, &scope.obligations, keys);
    if scope.amount.is_none() && terms.obligations.iter().any(|obligation| obligation.residual) {
        fields.violation(amount.clone(), "must be set where an obligation takes the residual");
    }
    let amount = parse_positive(fields, &amount, scope.amount.as_ref(), currency);
    Some(Discount { obligations: scope.obligations.clone(), amount })
}

/// Writes terms without their dimensions, which have no order on the wire: for comparing commands.
pub(super) fn canonical_terms(terms: &Terms) -> pb::ContractTerms {
    pb::ContractTerms { dimensions: <_>::default(), ..terms_to_proto(terms) }
}

/// Writes terms with all defaults filled in.
pub(crate) fn terms_to_proto(terms: &Terms) -> pb::ContractTerms {
    let money = |minor: i128| Money::from_minor(minor, terms.currency).into();
    let obligations = terms.obligations.iter();
    let variables = terms.variables.iter().map(|variable| pb::VariableConsideration {
        id: variable.id.clone(),
        estimate: Some(money(variable.estimate)),
        included: Some(money(variable.included)),
        kind: match variable.kind {
            VariableKind::ExpectedValue => pb::VariableKind::ExpectedValue.into(),
            VariableKind::MostLikely => pb::VariableKind::MostLikely.into(),
            VariableKind::Constrained => pb::VariableKind::Constrained.into(),
        },
        applies_to: variable.applies_to.clone(),
        period: variable.period.map(term_to_proto),
    });
    pb::ContractTerms {
        number: terms.number.clone(),
        customer: terms.customer.clone(),
        term: Some(term_to_proto(terms.term)),
        currency_code: terms.currency.code().to_owned(),
        price: terms.price.map(money),
        obligations: obligations.map(|o| obligation_to_proto(o, terms.currency)).collect(),
        dimensions: terms.dimensions.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
        variables: variables.collect(),
        discount: terms.discount.as_ref().map(|discount| pb::DiscountScope {
            obligations: discount.obligations.clone(),
            amount: discount.amount.map(money),
        }),
        clauses: terms.clauses.iter().map(|c| clause_to_proto(c, terms.currency)).collect(),
        financing_rate: terms.financing.map_or_else(String::new, |rate| rate.to_string()),
        unmet: terms.unmet.as_ref().map(unmet_to_proto),
    }
}

/// Writes a contract.
pub(crate) fn contract_to_proto(contract: &Contract) -> pb::Contract {
    let state = match contract.signed_on {
        Some(_) if contract.terminated => pb::ContractState::Terminated,
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
