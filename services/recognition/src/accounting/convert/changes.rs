//! Amendments and terminations, from the wire.

use std::collections::{BTreeMap, BTreeSet};

use backlog_ids::{ContractId, ObligationId};
use backlog_money::{Currency, Money};
use backlog_proto::contract::v1 as contract;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{
    AmendmentFact, Fact, MeterChange, ObligationChange, Refund, SignedObligation, TerminationFact,
    Treatment,
};

use super::super::fact::ContractFact;
use super::amounts::{amount, optional_amount, optional_quantity, term};
use super::tenant::unknown;
use super::terms::{clauses, keys, obligation};

/// An amendment.
pub(super) fn contract_amended(
    event: &contract::ContractAmended,
    fields: &mut Fields,
) -> Option<ContractFact> {
    let amended = fields.required("contract", event.contract.as_ref())?;
    let contract = fields.id::<ContractId>("contract.contract_id", &amended.contract_id);
    let terms = fields.required("contract.terms", amended.terms.as_ref())?;
    let currency = fields.currency("contract.terms.currency_code", &terms.currency_code)?;
    let amendment = fields.required("amendment", event.amendment.as_ref())?;
    let on = fields.date("amendment.effective_on", amendment.effective_on.as_ref());
    let ids = keys(amended);
    let mut changes = Vec::with_capacity(amendment.changes.len());
    for (index, wire) in amendment.changes.iter().enumerate() {
        let path = format!("amendment.changes[{index}]");
        changes.extend(change(&path, wire, (&ids, &metered(terms)), currency, fields));
    }
    let mut added: Vec<SignedObligation> = Vec::with_capacity(amendment.added.len());
    for (index, wire) in amendment.added.iter().enumerate() {
        let path = format!("amendment.added[{index}]");
        let id = obligation_id(&path, &wire.key, &ids, fields);
        let of = obligation(&path, wire, currency, fields);
        added.extend(of.zip(id).map(|(of, id)| of(id)));
    }
    let treatment = match contract::ChangeTreatment::try_from(amendment.treatment) {
        Ok(contract::ChangeTreatment::Unspecified) => Some(None),
        Ok(contract::ChangeTreatment::Prospective) => Some(Some(Treatment::Prospective)),
        Ok(contract::ChangeTreatment::CatchUp) => Some(Some(Treatment::CatchUp)),
        Ok(contract::ChangeTreatment::Mixed) => Some(Some(Treatment::Mixed)),
        Ok(contract::ChangeTreatment::Separate) => Some(Some(Treatment::Separate)),
        Err(_) => unknown("amendment.treatment", amendment.treatment, fields),
    };
    let contract = contract?;
    let clauses = match &amendment.clauses {
        None => None,
        Some(of) => Some(clauses("amendment.clauses.clauses", &of.clauses, currency, fields)?),
    };
    let treatment = treatment?;
    let fact = AmendmentFact { contract, on: on?, changes, added, treatment, clauses };
    let fact = Fact::Amended(fact);
    Some(ContractFact::Changed { contract, currency: Some(currency), fact })
}

fn obligation_id(
    path: &str,
    key: &str,
    ids: &BTreeMap<&str, &str>,
    fields: &mut Fields,
) -> Option<ObligationId> {
    let id = ids.get(key).copied();
    if id.is_none() {
        fields.violation(format!("{path}.key"), "must be the key of an obligation");
    }
    fields.id(&format!("{path}.key"), id?)
}

fn change(
    path: &str,
    wire: &contract::ObligationChange,
    (ids, metered): (&BTreeMap<&str, &str>, &BTreeSet<&str>),
    currency: Currency,
    fields: &mut Fields,
) -> Option<ObligationChange> {
    let at = |field: &str| format!("{path}.{field}");
    let obligation = obligation_id(path, &wire.key, ids, fields);
    let price = optional_amount(&at("price"), wire.price.as_ref(), currency, fields);
    let total = optional_quantity(&at("quantity"), &wire.quantity, fields);
    let ssp = optional_amount(&at("ssp"), wire.ssp.as_ref(), currency, fields);
    let term = match &wire.term {
        None => Some(None),
        Some(range) => term(&at("term"), Some(range), fields).map(Some),
    };
    let unit_price = optional_quantity(&at("unit_price"), &wire.unit_price, fields);
    let minimum = optional_amount(&at("minimum"), wire.minimum.as_ref(), currency, fields);
    let cap = optional_amount(&at("cap"), wire.cap.as_ref(), currency, fields);
    // Of a quantity, a unit price is in the price already.
    let unit_price = unit_price?.filter(|_| metered.contains(wire.key.as_str()));
    Some(ObligationChange {
        obligation: obligation?,
        price: price?,
        total: total?,
        term: term?,
        ssp: ssp?,
        remove: wire.remove,
        distinct: wire.distinct,
        meter: MeterChange { unit_price, minimum: minimum?, cap: cap? },
    })
}

/// Keys of obligations whose price follows what is used.
fn metered(terms: &contract::ContractTerms) -> BTreeSet<&str> {
    let metered = terms.obligations.iter().filter(|of| {
        use contract::obligation_terms::Method;
        matches!(of.method, Some(Method::Usage(_) | Method::RightToInvoice(_)))
    });
    metered.map(|of| of.key.as_str()).collect()
}

/// A termination.
pub(super) fn contract_terminated(
    event: &contract::ContractTerminated,
    fields: &mut Fields,
) -> Option<ContractFact> {
    let ended = fields.required("contract", event.contract.as_ref())?;
    let contract = fields.id::<ContractId>("contract.contract_id", &ended.contract_id);
    let wire = fields.required("termination", event.termination.as_ref())?;
    let on = fields.date("termination.effective_on", wire.effective_on.as_ref());
    let wind_down_to = fields.optional_date("termination.wind_down_to", wire.wind_down_to.as_ref());
    // Each amount names its currency; that it is the contract's is checked with the state.
    let penalty = fields.optional_money("termination.penalty", wire.penalty.as_ref());
    let mut currency = penalty.map(Money::currency);
    let refund = match &wire.refund {
        None | Some(contract::termination::Refund::RefundAll(false)) => Some(Refund::Unearned),
        Some(contract::termination::Refund::RefundAll(true)) => Some(Refund::All),
        Some(contract::termination::Refund::RefundAmount(money)) => {
            let field = "termination.refund_amount";
            let of = fields.money(field, Some(money))?.currency();
            let of = *currency.get_or_insert(of);
            amount(field, Some(money), of, fields).map(Refund::Amount)
        }
    };
    let contract = contract?;
    let fact = Fact::Terminated(TerminationFact {
        contract,
        on: on?,
        refund: refund?,
        penalty: penalty.map_or(0, Money::minor),
        keep_earned: !wire.forfeit_earned,
        wind_down_to,
    });
    Some(ContractFact::Changed { contract, currency, fact })
}
