//! A contract for people, and as JSON.

use std::collections::BTreeMap;

use backlog_money::{Currency, Money};
use backlog_proto::common::v1::DateRange;
use backlog_proto::contract::v1 as pb;

use crate::client::{day, money, money_json};
use crate::policy::convention_name;
use crate::table;
use crate::terms::{criterion_name, method_name};

/// Where it stands, in a word.
pub(super) const fn state_name(state: pb::ContractState) -> &'static str {
    match state {
        pb::ContractState::Draft => "draft",
        pb::ContractState::Signed => "signed",
        pb::ContractState::Terminated => "terminated",
        pb::ContractState::Unspecified => "unknown",
    }
}

/// Its term.
pub(super) fn term_text(terms: &pb::ContractTerms) -> String {
    let end = |date: Option<&_>| day(date).map(|day| day.to_string()).unwrap_or_default();
    let term = terms.term.unwrap_or_default();
    format!("{} to {}", end(term.from.as_ref()), end(term.to.as_ref()))
}

/// The days that an amount is for; nothing where it is for all.
fn span_text(range: Option<&DateRange>) -> String {
    let end = |date: Option<&_>| day(date).map(|day| day.to_string()).unwrap_or_default();
    let text = |r: &DateRange| format!(", for {} to {}", end(r.from.as_ref()), end(r.to.as_ref()));
    range.map(text).unwrap_or_default()
}

/// The fixed price, the sum over the obligations where they state prices.
pub(super) fn total(terms: &pb::ContractTerms) -> String {
    if let Some(price) = &terms.price {
        return price.amount.clone();
    }
    let currency = Currency::parse(&terms.currency_code).ok();
    let prices = terms.obligations.iter().filter_map(|obligation| obligation.price.as_ref());
    let prices: Vec<_> = prices.filter_map(|price| Money::try_from(price).ok()).collect();
    let sum = currency.and_then(|currency| Money::checked_sum(currency, prices).ok());
    sum.map(Money::amount_string).unwrap_or_default()
}

/// The contract for people.
pub(super) fn describe(contract: &pb::Contract) -> String {
    let terms = contract.terms.clone().unwrap_or_default();
    let signed = day(contract.signed_on.as_ref());
    let signed = signed.map(|day| format!(" on {day}")).unwrap_or_default();
    let rows = terms.obligations.iter().zip(&contract.obligation_ids).map(|(promise, id)| {
        [
            promise.key.clone(),
            id.clone(),
            promise.method.as_ref().map_or("", method_name).to_owned(),
            money(promise.price.as_ref()),
            money(promise.ssp.as_ref()),
        ]
    });
    let header = ["obligation", "id", "method", "price", "SSP"];
    let mut table = table::render(&header, rows, &[3, 4]);
    for variable in &terms.variables {
        let (id, of) = (&variable.id, money(variable.estimate.as_ref()));
        let included = money(variable.included.as_ref());
        let period = span_text(variable.period.as_ref());
        table.push_str(&format!("variable {id}: {included} counts, of {of}{period}\n"));
    }
    for clause in terms.clauses.iter().filter(|clause| clause.by() == pb::ClauseParty::Either) {
        table.push_str(&format!("either party may leave, notice {} days", clause.notice_days));
        table.push_str("; whether that keeps it from being a contract is told by plan get\n");
    }
    if let Some(unmet) = &terms.unmet {
        let criteria = unmet_names(unmet).join(", ");
        table.push_str(&format!("not a contract when signed, for {criteria}: {}", unmet.reason));
        table.push_str("; whether it is one by now is told by plan get\n");
    }
    format!(
        "{} {}{signed}: {}, {}, {} {}, billed {}\n{table}",
        contract.contract_id,
        state_name(contract.state()),
        terms.customer,
        term_text(&terms),
        total(&terms),
        terms.currency_code,
        money(contract.billed.as_ref()),
    )
}

fn unmet_names(unmet: &pb::UnmetCriteria) -> Vec<&'static str> {
    unmet.criteria.iter().map(|of| criterion_name(*of)).collect()
}

/// The contract as JSON.
pub(super) fn json(contract: &pb::Contract) -> serde_json::Value {
    let terms = contract.terms.clone().unwrap_or_default();
    let text = |date: Option<&_>| day(date).map(|day| day.to_string());
    let span = |range: Option<&DateRange>| {
        range.map(|range| {
            serde_json::json!({
                "from": text(range.from.as_ref()),
                "to": text(range.to.as_ref()),
            })
        })
    };
    let obligations: Vec<_> = terms
        .obligations
        .iter()
        .zip(&contract.obligation_ids)
        .map(|(promise, id)| {
            let convention = match &promise.method {
                Some(pb::obligation_terms::Method::StraightLine(line)) => {
                    convention_name(line.convention())
                }
                Some(_) | None => "",
            };
            serde_json::json!({
                "obligation_id": id,
                "key": promise.key,
                "price": money_json(promise.price.as_ref()),
                "ssp": money_json(promise.ssp.as_ref()),
                "term": span(promise.term.as_ref()),
                "method": promise.method.as_ref().map(method_name),
                "convention": convention,
                "quantity": promise.quantity,
                "unit_price": promise.unit_price,
                "residual": promise.residual,
                "product_line": promise.product_line,
            })
        })
        .collect();
    let variables: Vec<_> = terms
        .variables
        .iter()
        .map(|variable| {
            serde_json::json!({
                "id": variable.id,
                "estimate": money_json(variable.estimate.as_ref()),
                "included": money_json(variable.included.as_ref()),
                "applies_to": variable.applies_to,
                "period": span(variable.period.as_ref()),
            })
        })
        .collect();
    serde_json::json!({
        "contract_id": contract.contract_id,
        "state": state_name(contract.state()),
        "number": terms.number,
        "customer": terms.customer,
        "term": span(terms.term.as_ref()),
        "currency_code": terms.currency_code,
        "price": money_json(terms.price.as_ref()),
        "dimensions": terms.dimensions.iter().collect::<BTreeMap<_, _>>(),
        "obligations": obligations,
        "variables": variables,
        "signed_on": text(contract.signed_on.as_ref()),
        "etag": contract.etag,
        "billed": money_json(contract.billed.as_ref()),
        "unmet": terms.unmet.as_ref().map(|unmet| {
            serde_json::json!({ "criteria": unmet_names(unmet), "reason": unmet.reason })
        }),
    })
}
