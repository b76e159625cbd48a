//! What was signed, from the wire.

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId};
use backlog_money::{Currency, Quantity, exact_to_minor};
use backlog_proto::contract::v1 as contract;
use backlog_proto::contract::v1::obligation_terms::Method as Wire;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{
    Clause, DiscountScope, Method, Milestone, MilestoneWeight, Renewal, SignedContract,
    SignedObligation, Variable,
};

use super::super::fact::ContractFact;
use super::amounts::{amount, optional_amount, optional_quantity, quantity, term};
use super::criteria::criteria;
use super::tenant::convention;

/// A signature.
pub(super) fn contract_signed(
    event: &contract::ContractSigned,
    fields: &mut Fields,
) -> Option<ContractFact> {
    let signed_on = fields.date("signed_on", event.signed_on.as_ref());
    let contract = fields.required("contract", event.contract.as_ref())?;
    let id = fields.id::<ContractId>("contract.contract_id", &contract.contract_id);
    let terms = fields.required("contract.terms", contract.terms.as_ref())?;
    let currency = fields.currency("contract.terms.currency_code", &terms.currency_code);
    let term = term("contract.terms.term", terms.term.as_ref(), fields);
    let currency = currency?;
    let price = optional_amount("contract.terms.price", terms.price.as_ref(), currency, fields);
    let stated_price = optional_amount("price", event.price.as_ref(), currency, fields);
    if contract.obligation_ids.len() != terms.obligations.len() {
        fields.violation("contract.obligation_ids", "must name each of terms.obligations");
    }
    let ids = contract.obligation_ids.iter();
    let ids_by_key = keys(contract);
    let variables = variables(terms, &ids_by_key, currency, fields);
    let discount = discount(terms.discount.as_ref(), &ids_by_key, currency, fields);
    let clauses = clauses("contract.terms.clauses", &terms.clauses, currency, fields);
    let rate = "contract.terms.financing_rate";
    let financing = optional_quantity(rate, &terms.financing_rate, fields);
    let unmet = terms.unmet.as_ref().map_or(&[][..], |unmet| unmet.criteria.as_slice());
    let unmet = criteria("contract.terms.unmet.criteria", unmet, fields);
    let obligations: Option<Vec<SignedObligation>> = terms
        .obligations
        .iter()
        .zip(ids)
        .enumerate()
        .map(|(index, (terms, id))| {
            let id = fields.id(&format!("contract.obligation_ids[{index}]"), id);
            let path = format!("contract.terms.obligations[{index}]");
            obligation(&path, terms, currency, fields).zip(id).map(|(of, id)| of(id))
        })
        // Collected in full first, so that every violation is recorded.
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    let contract = SignedContract {
        contract: id?,
        signed_on: signed_on?,
        currency,
        term: term?,
        price: price?,
        obligations: obligations?,
        variables: variables?,
        discount: discount?,
        clauses: clauses?,
        financing: financing?,
        unmet: unmet?,
    };
    let customer = terms.customer.clone();
    Some(ContractFact::Signed { contract, stated_price: stated_price?, customer })
}

/// Ids by key.
pub(super) fn keys(contract: &contract::Contract) -> BTreeMap<&str, &str> {
    let terms = contract.terms.iter().flat_map(|terms| &terms.obligations);
    let ids = contract.obligation_ids.iter().map(String::as_str);
    terms.map(|terms| terms.key.as_str()).zip(ids).collect()
}

/// An obligation, but for its id.
pub(super) fn obligation(
    path: &str,
    terms: &contract::ObligationTerms,
    currency: Currency,
    fields: &mut Fields,
) -> Option<impl FnOnce(ObligationId) -> SignedObligation + use<>> {
    let at = |field: &str| format!("{path}.{field}");
    let stated = optional_amount(&at("price"), terms.price.as_ref(), currency, fields);
    let ssp = optional_amount(&at("ssp"), terms.ssp.as_ref(), currency, fields);
    let term = match &terms.term {
        None => Some(None),
        Some(range) => term(&at("term"), Some(range), fields).map(Some),
    };
    let number = optional_quantity(&at("quantity"), &terms.quantity, fields);
    let unit_price = optional_quantity(&at("unit_price"), &terms.unit_price, fields);
    let ssp_range = match &terms.ssp_range {
        None => Some(None),
        Some(range) => {
            let low = amount(&at("ssp_range.low"), range.low.as_ref(), currency, fields);
            let high = amount(&at("ssp_range.high"), range.high.as_ref(), currency, fields);
            low.zip(high).map(Some)
        }
    };
    let (number, unit_price) = (number?, unit_price?);
    let method = method(path, terms, (number, unit_price), currency, fields);
    let (stated, ssp, term, ssp_range, method) = (stated?, ssp?, term?, ssp_range?, method?);
    let price = match (stated, number.zip(unit_price)) {
        (None, Some((number, unit_price))) if !method.is_metered() => {
            Some(value(&at("unit_price"), number, unit_price, currency, fields)?)
        }
        (stated, _) => stated,
    };
    let renewal = renewal(&at("renewal"), terms.renewal.as_deref(), currency, fields)?;
    let (key, residual) = (terms.key.clone(), terms.residual);
    Some(move |id| SignedObligation {
        id,
        key,
        price,
        ssp,
        ssp_range,
        residual,
        term,
        method,
        renewal,
    })
}

/// What a number of units comes to, in minor units.
fn value(
    field: &str,
    number: Quantity,
    unit_price: Quantity,
    currency: Currency,
    fields: &mut Fields,
) -> Option<i128> {
    let exact = number.exact_value(unit_price);
    let minor = exact.and_then(|exact| exact_to_minor(exact, currency.minor_digits()));
    if minor.is_none() {
        fields.violation(field, "comes to more than can be computed");
    }
    minor
}

fn method(
    path: &str,
    terms: &contract::ObligationTerms,
    (number, unit_price): (Option<Quantity>, Option<Quantity>),
    currency: Currency,
    fields: &mut Fields,
) -> Option<Method> {
    let at = |field: &str| format!("{path}.{field}");
    let Some(method) = &terms.method else {
        fields.violation(at("method"), "must be one that is known here");
        return None;
    };
    Some(match method {
        Wire::StraightLine(line) => Method::StraightLine {
            convention: convention(&at("straight_line.convention"), line.convention, fields)?,
        },
        Wire::PointInTime(point) => Method::PointInTime {
            quantity: number.unwrap_or(Quantity::ONE),
            gates: point.gates.clone(),
        },
        Wire::Milestones(list) => {
            Method::Milestones(milestones(&at("milestones"), list, currency, fields)?)
        }
        Wire::CostToCost(cost) => Method::CostToCost {
            estimate: amount(
                &at("cost_to_cost.estimate_at_completion"),
                cost.estimate_at_completion.as_ref(),
                currency,
                fields,
            )?,
        },
        Wire::Units(units) => {
            Method::Units { total: total(&at("units.total"), &units.total, number, fields)? }
        }
        Wire::PercentComplete(_) => Method::PercentComplete,
        Wire::LaborHours(hours) => Method::LaborHours {
            total: total(&at("labor_hours.total"), &hours.total, number, fields)?,
        },
        Wire::RightToInvoice(work) => {
            let field = at("right_to_invoice.cap");
            let cap = optional_amount(&field, work.cap.as_ref(), currency, fields)?;
            let unit_price = fields.required(&at("unit_price"), unit_price)?;
            Method::RightToInvoice { unit_price, cap }
        }
        Wire::Usage(usage) => {
            let field = at("usage.minimum");
            let minimum = optional_amount(&field, usage.minimum.as_ref(), currency, fields)?;
            let field = at("usage.cap");
            let cap = optional_amount(&field, usage.cap.as_ref(), currency, fields)?;
            let unit_price = fields.required(&at("unit_price"), unit_price)?;
            Method::Usage { unit_price, minimum: minimum.unwrap_or(0), cap }
        }
        Wire::MaterialRight(right) => {
            let at = |field: &str| format!("{path}.material_right.{field}");
            let share = quantity(&at("expected_share"), &right.expected_share, fields);
            let expires_on = fields.date(&at("expires_on"), right.expires_on.as_ref());
            let price = right.exercise_price.as_ref();
            let price = optional_amount(&at("exercise_price"), price, currency, fields);
            Method::MaterialRight {
                expected_share: share?,
                exercise_price: price?.unwrap_or(0),
                expires_on: expires_on?,
            }
        }
    })
}

/// The outer `None` is a violation, the inner one "promised".
fn renewal(
    path: &str,
    option: Option<&contract::RenewalOption>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<Option<Renewal>> {
    let Some(option) = option else { return Some(None) };
    let at = |field: &str| format!("{path}.{field}");
    let share = quantity(&at("expected_share"), &option.expected_share, fields);
    let expires_on = fields.date(&at("expires_on"), option.expires_on.as_ref());
    let price = amount(&at("exercise_price"), option.exercise_price.as_ref(), currency, fields);
    Some(Some(Renewal { expected_share: share?, exercise_price: price?, expires_on: expires_on? }))
}

/// Rights to end a contract early.
pub(super) fn clauses(
    path: &str,
    clauses: &[contract::TerminationClause],
    currency: Currency,
    fields: &mut Fields,
) -> Option<Vec<Clause>> {
    let mut read = Vec::with_capacity(clauses.len());
    for (index, clause) in clauses.iter().enumerate() {
        let at = |field: &str| format!("{path}[{index}].{field}");
        let Ok(notice_days) = u32::try_from(clause.notice_days) else {
            fields.violation(at("notice_days"), "must not be negative");
            continue;
        };
        let penalty = optional_amount(&at("penalty"), clause.penalty.as_ref(), currency, fields);
        let from = fields.optional_date(&at("from"), clause.from.as_ref());
        let to = fields.optional_date(&at("to"), clause.to.as_ref());
        let Some(penalty) = penalty else { continue };
        let mutual = clause.by() == contract::ClauseParty::Either;
        let penalty = penalty.unwrap_or(0);
        read.push(Clause { mutual, notice_days, penalty, from, to });
    }
    (read.len() == clauses.len()).then_some(read)
}

fn total(
    field: &str,
    stated: &str,
    number: Option<Quantity>,
    fields: &mut Fields,
) -> Option<Quantity> {
    match number {
        Some(number) if stated.is_empty() => Some(number),
        Some(_) | None => quantity(field, stated, fields),
    }
}

fn milestones(
    path: &str,
    list: &contract::Milestones,
    currency: Currency,
    fields: &mut Fields,
) -> Option<Vec<Milestone>> {
    let mut milestones = Vec::with_capacity(list.milestones.len());
    for (index, milestone) in list.milestones.iter().enumerate() {
        let path = format!("{path}.milestones[{index}]");
        let weight = match &milestone.weight {
            Some(contract::milestone::Weight::Share(share)) => {
                quantity(&format!("{path}.share"), share, fields).map(MilestoneWeight::Share)
            }
            Some(contract::milestone::Weight::Amount(money)) => {
                let field = format!("{path}.amount");
                amount(&field, Some(money), currency, fields).map(MilestoneWeight::Amount)
            }
            None => {
                fields.violation(format!("{path}.weight"), "must be set");
                None
            }
        };
        milestones.extend(weight.map(|weight| Milestone { id: milestone.id.clone(), weight }));
    }
    (milestones.len() == list.milestones.len()).then_some(milestones)
}

fn variables(
    terms: &contract::ContractTerms,
    ids: &BTreeMap<&str, &str>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<Vec<Variable>> {
    let mut variables = Vec::with_capacity(terms.variables.len());
    for (index, variable) in terms.variables.iter().enumerate() {
        let path = format!("contract.terms.variables[{index}]");
        let estimate =
            amount(&format!("{path}.estimate"), variable.estimate.as_ref(), currency, fields);
        let included =
            amount(&format!("{path}.included"), variable.included.as_ref(), currency, fields);
        let applies_to = named(&format!("{path}.applies_to"), &variable.applies_to, ids, fields);
        let period = match &variable.period {
            None => Some(None),
            Some(range) => term(&format!("{path}.period"), Some(range), fields).map(Some),
        };
        if let (Some(estimate), Some(included), Some(applies_to), Some(period)) =
            (estimate, included, applies_to, period)
        {
            let id = variable.id.clone();
            variables.push(Variable { id, estimate, included, applies_to, period, of: None });
        }
    }
    (variables.len() == terms.variables.len()).then_some(variables)
}

/// The outer `None` is a violation, the inner one "not stated".
fn discount(
    scope: Option<&contract::DiscountScope>,
    ids: &BTreeMap<&str, &str>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<Option<DiscountScope>> {
    let Some(scope) = scope else { return Some(None) };
    let path = "contract.terms.discount";
    let obligations = named(&format!("{path}.obligations"), &scope.obligations, ids, fields);
    let amount =
        optional_amount(&format!("{path}.amount"), scope.amount.as_ref(), currency, fields);
    Some(Some(DiscountScope { obligations: obligations?, amount: amount? }))
}

fn named(
    field: &str,
    keys: &[String],
    ids: &BTreeMap<&str, &str>,
    fields: &mut Fields,
) -> Option<Vec<ObligationId>> {
    let mut named = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let field = format!("{field}[{index}]");
        match ids.get(key.as_str()) {
            Some(id) => named.extend(fields.id::<ObligationId>(&field, id)),
            None => fields.violation(field, "must be the key of an obligation"),
        }
    }
    (named.len() == keys.len()).then_some(named)
}
