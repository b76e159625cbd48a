//! Obligations between wire and domain.

use std::collections::BTreeSet;

use backlog_ids::ContractId;
use backlog_money::{Currency, MINOR_MAX, Money, Quantity};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::milestone::Weight;
use backlog_proto::contract::v1::obligation_terms::Method as Wire;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{Renewal, Term};

use super::super::terms::{Limits, Promise, obligation_id};
use super::method::{Beside, is_metered, method_to_proto, parse_method, parse_option};
use super::values::{
    parse_amount, parse_decimal, parse_key, parse_positive, parse_quantity, parse_term, price_of,
    respelled, respelled_decimal, term_to_proto,
};

/// What obligations are read with; `None` where the field itself is wrong, or not known yet.
pub(super) struct Whole<'a> {
    /// The contract.
    pub(super) contract: ContractId,
    /// Its term, which obligations without one share.
    pub(super) term: Option<Term>,
    /// Whether obligations must lie within that term.
    pub(super) within: bool,
    /// Its currency.
    pub(super) currency: Option<Currency>,
    /// Whether it states one price for all.
    pub(super) states_price: bool,
    /// Keys of obligations that variable amounts are promised for.
    pub(super) varying: BTreeSet<&'a str>,
    /// How much it may hold.
    pub(super) limits: Limits,
}

/// Reads the obligations of a contract.
pub(super) fn parse_obligations(
    fields: &mut Fields,
    path: &str,
    obligations: &[pb::ObligationTerms],
    whole: &Whole<'_>,
) -> Vec<Promise> {
    let most = whole.limits.obligations;
    if obligations.is_empty() || obligations.len() > most {
        fields.violation(path, format!("must be 1 to {most}"));
        return Vec::new();
    }
    let mut keys = BTreeSet::new();
    let mut promises = Vec::with_capacity(obligations.len());
    for (place, obligation) in obligations.iter().enumerate() {
        let path = format!("{path}[{place}]");
        if !keys.insert(obligation.key.as_str()) {
            fields.violation(format!("{path}.key"), "must differ from the keys before it");
        }
        promises.extend(parse_obligation(fields, &path, obligation, whole));
    }
    if obligations.iter().filter(|obligation| obligation.residual).count() > 1 {
        fields.violation(path, "must have one that takes the residual at most");
    }
    let stated = promises.iter().filter_map(|promise| promise.price);
    if stated.fold(0_i128, i128::saturating_add) > MINOR_MAX {
        fields.violation(path, "must have prices that sum to at most 10^15 minor units");
    }
    promises
}

/// Reads one obligation.
pub(super) fn parse_obligation(
    fields: &mut Fields,
    path: &str,
    obligation: &pb::ObligationTerms,
    whole: &Whole<'_>,
) -> Option<Promise> {
    let at = |field: &str| format!("{path}.{field}");
    let key = parse_key(fields, &at("key"), &obligation.key);
    let quantity = parse_quantity(fields, &at("quantity"), &obligation.quantity);
    let unit_price = parse_decimal(fields, &at("unit_price"), &obligation.unit_price);
    let price = parse_price(fields, path, obligation, whole, (quantity, unit_price));
    let ssp = parse_positive(fields, &at("ssp"), obligation.ssp.as_ref(), whole.currency);
    check_price(fields, path, obligation, whole);
    let ssp_range = parse_range(fields, &at("ssp_range"), obligation, whole.currency);
    let term = parse_own_term(fields, &at("term"), obligation, whole);
    let beside = Beside { quantity, unit_price, currency: whole.currency, limits: whole.limits };
    let method = parse_method(fields, path, obligation.method.as_ref(), &beside);
    let renewal = parse_renewal(fields, &at("renewal"), obligation, whole.currency);
    let line = fields.text(&at("product_line"), &obligation.product_line, 0, 200);
    let key = key?;
    let default_ssp = price.filter(|price| *price > 0 && !obligation.residual);
    Some(Promise {
        id: obligation_id(whole.contract, &key),
        key,
        price,
        ssp: ssp.or(default_ssp),
        ssp_range,
        residual: obligation.residual,
        term: term?,
        method: method?,
        product_line: line?,
        quantity,
        unit_price,
        transaction_price: 0,
        removed: false,
        renewal,
    })
}

/// The stated price; that of a quantity is worked out, and may be stated beside only as it comes out.
fn parse_price(
    fields: &mut Fields,
    path: &str,
    obligation: &pb::ObligationTerms,
    whole: &Whole<'_>,
    (quantity, unit_price): (Option<Quantity>, Option<Quantity>),
) -> Option<i128> {
    let price_path = format!("{path}.price");
    let stated = parse_amount(fields, &price_path, obligation.price.as_ref(), whole.currency);
    let (Some((quantity, unit_price)), Some(currency)) = (quantity.zip(unit_price), whole.currency)
    else {
        return stated;
    };
    let Some(price) = price_of(quantity, unit_price, currency) else {
        let sentence = "must come to at most 10^15 minor units, times the quantity";
        fields.violation(format!("{path}.unit_price"), sentence);
        return None;
    };
    if stated.is_some_and(|stated| stated != price) {
        let worked_out = Money::from_minor(price, currency);
        let sentence = format!("must be unset, or quantity x unit_price, {worked_out}");
        fields.violation(price_path, sentence);
    }
    Some(price)
}

/// Records prices that are missing, or stated where they must not be.
fn check_price(
    fields: &mut Fields,
    path: &str,
    obligation: &pb::ObligationTerms,
    whole: &Whole<'_>,
) {
    let mut wrong =
        |field: &str, sentence: &str| fields.violation(format!("{path}.{field}"), sentence);
    let (price, ssp) = (obligation.price.is_some(), obligation.ssp.is_some());
    let (quantity, unit_price) =
        (!obligation.quantity.is_empty(), !obligation.unit_price.is_empty());
    if obligation.residual && ssp {
        wrong("ssp", "must be unset for the residual: it is what the price leaves");
    }
    if is_metered(obligation.method.as_ref()) {
        if price {
            wrong("price", "must be unset: the price follows what is used");
        }
        if quantity {
            wrong("quantity", "must be empty: it follows what is used");
        }
        if !unit_price {
            wrong("unit_price", "must be set: the price follows what is used");
        }
        if obligation.residual {
            wrong("residual", "must not be set: the price follows what is used");
        }
        return;
    }
    if let Some(Wire::MaterialRight(_)) = &obligation.method {
        for (field, stated) in [("price", price), ("unit_price", unit_price)] {
            if stated {
                wrong(field, "must be unset: its price is part of what else is promised");
            }
        }
        if !ssp {
            wrong("ssp", "must be set: the price is shared by it");
        }
        return;
    }
    if unit_price && !quantity {
        wrong("quantity", "must be set with unit_price");
    }
    if obligation.renewal.is_some() {
        if price || unit_price {
            wrong("price", "must be unset: an option to renew has an exercise_price");
        }
        return;
    }
    let varies = whole.varying.contains(obligation.key.as_str());
    let needs_none = obligation.residual || varies;
    if whole.states_price {
        if price {
            wrong("price", "must be unset where the contract states its price");
        }
        if unit_price {
            wrong("unit_price", "must be empty where the contract states its price");
        }
        if !ssp && !needs_none {
            wrong("ssp", "must be set where the contract states its price");
        }
    } else if !price && !unit_price && !needs_none {
        wrong(
            "price",
            "must be set, or quantity and unit_price, or the price of the whole contract",
        );
    }
}

fn parse_range(
    fields: &mut Fields,
    path: &str,
    obligation: &pb::ObligationTerms,
    currency: Option<Currency>,
) -> Option<(i128, i128)> {
    let range = obligation.ssp_range.as_ref()?;
    let mut end = |name: &str, amount: Option<_>| {
        let path = format!("{path}.{name}");
        fields.required(&path, amount)?;
        parse_positive(fields, &path, amount, currency)
    };
    let (low, high) = (end("low", range.low.as_ref()), end("high", range.high.as_ref()));
    let (low, high) = (low?, high?);
    if high < low {
        fields.violation(format!("{path}.high"), "must not be below low");
        return None;
    }
    Some((low, high))
}

fn parse_own_term(
    fields: &mut Fields,
    path: &str,
    obligation: &pb::ObligationTerms,
    whole: &Whole<'_>,
) -> Option<Term> {
    let Some(term) = obligation.term.as_ref() else { return whole.term };
    let term = parse_term(fields, path, Some(term))?;
    if let Some(whole_term) = whole.term
        && whole.within
        && obligation.renewal.is_none()
        && !whole_term.contains(term)
    {
        let (from, to) = (whole_term.from(), whole_term.to());
        fields.violation(path, format!("must lie within the contract's term, {from} to {to}"));
        return None;
    }
    Some(term)
}

/// Writes an obligation with all defaults filled in.
pub(super) fn obligation_to_proto(promise: &Promise, currency: Currency) -> pb::ObligationTerms {
    let money = |minor: i128| Money::from_minor(minor, currency).into();
    let decimal = |quantity: Option<Quantity>| quantity.map_or_else(String::new, |q| q.to_string());
    pb::ObligationTerms {
        key: promise.key.clone(),
        price: promise.price.map(money),
        ssp: promise.ssp.map(money),
        term: Some(term_to_proto(promise.term)),
        product_line: promise.product_line.clone(),
        quantity: decimal(promise.quantity),
        unit_price: decimal(promise.unit_price),
        ssp_range: promise
            .ssp_range
            .map(|(low, high)| pb::MoneyRange { low: Some(money(low)), high: Some(money(high)) })
            .map(Box::new),
        residual: promise.residual,
        method: Some(method_to_proto(&promise.method, currency)),
        renewal: promise
            .renewal
            .map(|option| pb::RenewalOption {
                expected_share: option.expected_share.to_string(),
                expires_on: Some(option.expires_on.into()),
                exercise_price: Some(money(option.exercise_price)),
            })
            .map(Box::new),
    }
}

/// That it is an option to renew, and on what terms.
fn parse_renewal(
    fields: &mut Fields,
    path: &str,
    obligation: &pb::ObligationTerms,
    currency: Option<Currency>,
) -> Option<Renewal> {
    let wire = obligation.renewal.as_ref()?;
    let metered = is_metered(obligation.method.as_ref());
    if metered || matches!(obligation.method, Some(Wire::MaterialRight(_))) {
        fields.violation(path, "must be unset: only what has a price can be renewed for one");
    }
    let (share, expires_on) = parse_option(fields, path, &wire.expected_share, wire.expires_on);
    let price = format!("{path}.exercise_price");
    fields.required(&price, wire.exercise_price.as_ref())?;
    let price = parse_amount(fields, &price, wire.exercise_price.as_ref(), currency);
    Some(Renewal { expected_share: share?, exercise_price: price?, expires_on: expires_on? })
}

/// The same obligation with amounts and decimals in their one spelling; what is wrong stays.
pub(super) fn respelled_obligation(obligation: &pb::ObligationTerms) -> pb::ObligationTerms {
    let mut copy = obligation.clone();
    let range = copy.ssp_range.iter_mut().flat_map(|range| {
        let range = range.as_mut();
        [&mut range.low, &mut range.high]
    });
    let amounts = [&mut copy.price, &mut copy.ssp].into_iter().chain(range);
    for amount in amounts.flatten() {
        *amount = respelled(amount);
    }
    for decimal in [&mut copy.quantity, &mut copy.unit_price] {
        *decimal = respelled_decimal(decimal);
    }
    if let Some(option) = copy.renewal.as_mut() {
        option.expected_share = respelled_decimal(&option.expected_share);
        option.exercise_price = option.exercise_price.as_ref().map(respelled);
    }
    match copy.method.as_mut() {
        Some(Wire::Milestones(list)) => {
            for weight in list.milestones.iter_mut().filter_map(|m| m.weight.as_mut()) {
                match weight {
                    Weight::Share(share) => *share = respelled_decimal(share),
                    Weight::Amount(amount) => *amount = respelled(amount),
                }
            }
        }
        Some(Wire::CostToCost(cost)) => {
            cost.estimate_at_completion = cost.estimate_at_completion.as_ref().map(respelled);
        }
        Some(Wire::Units(pb::Units { total }) | Wire::LaborHours(pb::LaborHours { total })) => {
            *total = respelled_decimal(total);
        }
        Some(Wire::Usage(usage)) => {
            usage.minimum = usage.minimum.as_ref().map(respelled);
            usage.cap = usage.cap.as_ref().map(respelled);
        }
        Some(Wire::RightToInvoice(work)) => work.cap = work.cap.as_ref().map(respelled),
        Some(Wire::MaterialRight(right)) => {
            right.expected_share = respelled_decimal(&right.expected_share);
            right.exercise_price = right.exercise_price.as_ref().map(respelled);
        }
        Some(Wire::StraightLine(_) | Wire::PointInTime(_) | Wire::PercentComplete(_)) | None => {}
    }
    copy
}
