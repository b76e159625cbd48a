//! Amendments between wire and domain. Their promises can be read in full only with the contract, whose
//! term and currency they share.

use std::collections::BTreeSet;

use backlog_ids::ContractId;
use backlog_money::{Currency, Money, Quantity};
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::Treatment;
use chrono::NaiveDate;
use uuid::Uuid;

use super::super::amendment::{Amendment, Change};
use super::super::contract::Contract;
use super::super::terms::{Limits, Promise};
use super::clause::{clause_to_proto, parse_clauses, respelled_clause};
use super::obligation::{Whole, obligation_to_proto, parse_obligation, respelled_obligation};
use super::rules;
use super::values::{
    parse_amount, parse_decimal, parse_key, parse_positive, parse_quantity, parse_term, respelled,
    respelled_decimal, term_to_proto,
};

/// An amendment as asked for: sound by itself. Whether it fits its contract is decided with it.
#[derive(Debug)]
pub(crate) struct AskedAmendment {
    effective_on: NaiveDate,
    wire: pb::Amendment,
}

/// Reads an amendment as far as it can be read without its contract.
pub(crate) fn parse_amendment(
    fields: &mut Fields,
    path: &str,
    amendment: Option<&pb::Amendment>,
    limits: Limits,
) -> Option<AskedAmendment> {
    let wire = fields.required(path, amendment)?;
    let effective_on = fields.date(&format!("{path}.effective_on"), wire.effective_on.as_ref());
    let unknown = Whole {
        contract: ContractId::from_uuid(Uuid::nil()),
        term: None,
        within: false,
        currency: None,
        states_price: false,
        varying: BTreeSet::new(),
        limits,
    };
    read_amendment(fields, path, wire, &unknown, limits.obligations);
    if !fields.is_clean() {
        // What is refused may be large: no copy of it.
        return None;
    }
    Some(AskedAmendment { effective_on: effective_on?, wire: wire.clone() })
}

impl AskedAmendment {
    /// First day on which it holds.
    pub(crate) fn effective_on(&self) -> NaiveDate {
        self.effective_on
    }

    /// The same in one spelling, for comparing commands.
    pub(crate) fn canonical(&self) -> pb::Amendment {
        let changes = self.wire.changes.iter().map(|change| pb::ObligationChange {
            price: change.price.as_ref().map(respelled),
            ssp: change.ssp.as_ref().map(respelled),
            minimum: change.minimum.as_ref().map(respelled),
            cap: change.cap.as_ref().map(respelled),
            quantity: respelled_decimal(&change.quantity),
            unit_price: respelled_decimal(&change.unit_price),
            ..change.clone()
        });
        pb::Amendment {
            changes: changes.collect(),
            added: self.wire.added.iter().map(respelled_obligation).collect(),
            clauses: self.wire.clauses.as_ref().map(|of| pb::TerminationClauses {
                clauses: of.clauses.iter().map(respelled_clause).collect(),
            }),
            ..self.wire.clone()
        }
    }

    /// Reads it with its contract, and records what does not fit.
    pub(crate) fn read(
        &self,
        fields: &mut Fields,
        contract: &Contract,
        limits: Limits,
    ) -> Option<Amendment> {
        let terms = &contract.terms;
        let whole = Whole {
            contract: contract.id,
            term: Some(terms.term),
            within: false,
            currency: Some(terms.currency),
            states_price: false,
            varying: BTreeSet::new(),
            limits,
        };
        let room = limits.obligations.saturating_sub(terms.obligations.len());
        let amendment = read_amendment(fields, "amendment", &self.wire, &whole, room)?;
        if fields.is_clean() && !amendment.added.is_empty() {
            let violations = terms.violations_of(contract.id, &amendment.added);
            rules::unfit(fields, "amendment", "added", &amendment.added, &violations);
        }
        Some(amendment)
    }
}

fn read_amendment(
    fields: &mut Fields,
    path: &str,
    wire: &pb::Amendment,
    whole: &Whole<'_>,
    room: usize,
) -> Option<Amendment> {
    let at = |field: &str| format!("{path}.{field}");
    if wire.changes.is_empty() && wire.added.is_empty() && wire.clauses.is_none() {
        fields.violation(at("changes"), "must be set, or added, or clauses");
    }
    let changes = parse_changes(fields, &at("changes"), &wire.changes, whole);
    let added = parse_added(fields, &at("added"), &wire.added, whole, room);
    let treatment = match pb::ChangeTreatment::try_from(wire.treatment) {
        Ok(pb::ChangeTreatment::Unspecified) => None,
        Ok(pb::ChangeTreatment::Prospective) => Some(Treatment::Prospective),
        Ok(pb::ChangeTreatment::CatchUp) => Some(Treatment::CatchUp),
        Ok(pb::ChangeTreatment::Mixed) => Some(Treatment::Mixed),
        Ok(pb::ChangeTreatment::Separate) => Some(Treatment::Separate),
        Err(_) => {
            fields.violation(at("treatment"), "must be a treatment that this service knows");
            None
        }
    };
    let clauses = wire
        .clauses
        .as_ref()
        .map(|of| parse_clauses(fields, &at("clauses.clauses"), &of.clauses, whole.currency));
    let effective_on = NaiveDate::try_from(wire.effective_on.as_ref()?).ok()?;
    Some(Amendment { effective_on, changes, added, treatment, clauses })
}

fn parse_changes(
    fields: &mut Fields,
    path: &str,
    changes: &[pb::ObligationChange],
    whole: &Whole<'_>,
) -> Vec<Change> {
    if changes.len() > whole.limits.obligations {
        fields.violation(path, format!("must be at most {}", whole.limits.obligations));
        return Vec::new();
    }
    let mut keys = BTreeSet::new();
    let mut parsed = Vec::with_capacity(changes.len());
    for (place, change) in changes.iter().enumerate() {
        let path = format!("{path}[{place}]");
        if !keys.insert(change.key.as_str()) {
            fields.violation(format!("{path}.key"), "must differ from the keys before it");
        }
        parsed.extend(parse_change(fields, &path, change, whole.currency));
    }
    parsed
}

fn parse_change(
    fields: &mut Fields,
    path: &str,
    change: &pb::ObligationChange,
    currency: Option<Currency>,
) -> Option<Change> {
    let at = |field: &str| format!("{path}.{field}");
    let key = parse_key(fields, &at("key"), &change.key);
    let price = parse_amount(fields, &at("price"), change.price.as_ref(), currency);
    let quantity = parse_quantity(fields, &at("quantity"), &change.quantity);
    let unit_price = parse_decimal(fields, &at("unit_price"), &change.unit_price);
    let term = change.term.as_ref().and_then(|term| parse_term(fields, &at("term"), Some(term)));
    let ssp = parse_positive(fields, &at("ssp"), change.ssp.as_ref(), currency);
    let minimum = parse_amount(fields, &at("minimum"), change.minimum.as_ref(), currency);
    let cap = parse_amount(fields, &at("cap"), change.cap.as_ref(), currency);
    let stated = [
        ("quantity", !change.quantity.is_empty()),
        ("unit_price", !change.unit_price.is_empty()),
        ("term", change.term.is_some()),
        ("ssp", change.ssp.is_some()),
        ("minimum", change.minimum.is_some()),
        ("cap", change.cap.is_some()),
    ];
    if change.remove {
        for (field, _) in stated.iter().filter(|(_, stated)| *stated) {
            fields.violation(at(field), "must be unset with remove: nothing more is promised");
        }
    } else if change.price.is_none() && stated.iter().all(|(_, stated)| !stated) {
        let sentence = "must change the price, quantity, unit_price, term, ssp, minimum or cap, or \
                        remove";
        fields.violation(path, sentence);
    } else if change.price.is_some() && !change.unit_price.is_empty() {
        fields.violation(at("unit_price"), "must be empty with a price");
    }
    let (remove, distinct) = (change.remove, change.distinct);
    let key = key?;
    let asked =
        Change { key, price, quantity, unit_price, term, ssp, remove, distinct, minimum, cap };
    Some(asked)
}

fn parse_added(
    fields: &mut Fields,
    path: &str,
    added: &[pb::ObligationTerms],
    whole: &Whole<'_>,
    room: usize,
) -> Vec<Promise> {
    if added.len() > room {
        let most = whole.limits.obligations;
        fields.violation(path, format!("must leave the contract with at most {most} obligations"));
        return Vec::new();
    }
    let mut promises = Vec::with_capacity(added.len());
    let mut keys = BTreeSet::new();
    for (place, obligation) in added.iter().enumerate() {
        let path = format!("{path}[{place}]");
        if !keys.insert(obligation.key.as_str()) {
            fields.violation(format!("{path}.key"), "must differ from the keys before it");
        }
        if obligation.residual {
            let sentence = "must not be set: the price of an amendment leaves no residual";
            fields.violation(format!("{path}.residual"), sentence);
        }
        let promise = parse_obligation(fields, &path, obligation, whole);
        promises.extend(promise.map(Promise::priced_by_itself));
    }
    promises
}

/// Writes an amendment.
pub(crate) fn amendment_to_proto(amendment: &Amendment, currency: Currency) -> pb::Amendment {
    let money = |minor: i128| Money::from_minor(minor, currency).into();
    let decimal = |quantity: Option<Quantity>| quantity.map_or_else(String::new, |q| q.to_string());
    let changes = amendment.changes.iter().map(|change| pb::ObligationChange {
        key: change.key.clone(),
        price: change.price.map(money),
        quantity: decimal(change.quantity),
        unit_price: decimal(change.unit_price),
        term: change.term.map(term_to_proto),
        ssp: change.ssp.map(money),
        remove: change.remove,
        distinct: change.distinct,
        minimum: change.minimum.map(money),
        cap: change.cap.map(money),
    });
    let treatment = match amendment.treatment {
        None => pb::ChangeTreatment::Unspecified,
        Some(Treatment::Prospective) => pb::ChangeTreatment::Prospective,
        Some(Treatment::CatchUp) => pb::ChangeTreatment::CatchUp,
        Some(Treatment::Mixed) => pb::ChangeTreatment::Mixed,
        Some(Treatment::Separate) => pb::ChangeTreatment::Separate,
    };
    pb::Amendment {
        effective_on: Some(amendment.effective_on.into()),
        changes: changes.collect(),
        added: amendment.added.iter().map(|o| obligation_to_proto(o, currency)).collect(),
        treatment: treatment.into(),
        clauses: amendment.clauses.as_ref().map(|clauses| pb::TerminationClauses {
            clauses: clauses.iter().map(|clause| clause_to_proto(clause, currency)).collect(),
        }),
    }
}
