//! Rights to end a contract early, interest on advances and unmet criteria, between wire and domain.

use backlog_money::{Currency, Money, Quantity};
use backlog_proto::common::v1::ContractCriterion;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{Clause, Criterion};

use super::super::terms::Unmet;
use super::values::{parse_amount, parse_quantity, respelled};

/// Clauses of a contract at most.
const CLAUSES_MAX: usize = 10;

/// Longest reason for unmet criteria, in characters.
const REASON_MAX: usize = 500;

/// Days of notice at most: a hundred years.
const NOTICE_MAX: i32 = 36_500;

/// Reads the clauses of a contract.
pub(super) fn parse_clauses(
    fields: &mut Fields,
    path: &str,
    clauses: &[pb::TerminationClause],
    currency: Option<Currency>,
) -> Vec<Clause> {
    if clauses.len() > CLAUSES_MAX {
        fields.violation(path, format!("must be at most {CLAUSES_MAX}"));
        return Vec::new();
    }
    let mut parsed = Vec::with_capacity(clauses.len());
    for (place, clause) in clauses.iter().enumerate() {
        parsed.extend(parse_clause(fields, &format!("{path}[{place}]"), clause, currency));
    }
    parsed
}

fn parse_clause(
    fields: &mut Fields,
    path: &str,
    wire: &pb::TerminationClause,
    currency: Option<Currency>,
) -> Option<Clause> {
    let at = |field: &str| format!("{path}.{field}");
    let mutual = match pb::ClauseParty::try_from(wire.by) {
        Ok(pb::ClauseParty::Unspecified | pb::ClauseParty::Customer) => Some(false),
        Ok(pb::ClauseParty::Either) => Some(true),
        Err(_) => {
            fields.violation(at("by"), "must be a party that this service knows");
            None
        }
    };
    let notice_days =
        u32::try_from(wire.notice_days).ok().filter(|_| wire.notice_days <= NOTICE_MAX);
    if notice_days.is_none() {
        fields.violation(at("notice_days"), format!("must be 0 to {NOTICE_MAX}"));
    }
    let penalty = match wire.penalty.as_ref() {
        None => Some(0),
        Some(_) => parse_amount(fields, &at("penalty"), wire.penalty.as_ref(), currency),
    };
    let from = fields.optional_date(&at("from"), wire.from.as_ref());
    let to = fields.optional_date(&at("to"), wire.to.as_ref());
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        fields.violation(at("to"), "must not be before from");
    }
    let (mutual, notice_days, penalty) = (mutual?, notice_days?, penalty?);
    Some(Clause { mutual, notice_days, penalty, from, to })
}

/// Writes a clause.
pub(super) fn clause_to_proto(clause: &Clause, currency: Currency) -> pb::TerminationClause {
    let party = if clause.mutual { pb::ClauseParty::Either } else { pb::ClauseParty::Customer };
    pb::TerminationClause {
        by: party.into(),
        notice_days: i32::try_from(clause.notice_days).unwrap_or(NOTICE_MAX),
        penalty: (clause.penalty != 0).then(|| Money::from_minor(clause.penalty, currency).into()),
        from: clause.from.map(Into::into),
        to: clause.to.map(Into::into),
    }
}

/// Reads the criteria of a contract that are not met; none where all are.
pub(super) fn parse_unmet(
    fields: &mut Fields,
    path: &str,
    wire: Option<&pb::UnmetCriteria>,
) -> Option<Unmet> {
    let wire = wire?;
    let mut criteria = Vec::new();
    if wire.criteria.is_empty() {
        fields.violation(format!("{path}.criteria"), "must name at least one");
    }
    for (place, value) in wire.criteria.iter().enumerate() {
        let known = Criterion::ALL.iter().find(|of| i32::from(criterion(**of)) == *value);
        match known.filter(|known| !criteria.contains(*known)) {
            Some(known) => criteria.push(*known),
            None => {
                let field = format!("{path}.criteria[{place}]");
                fields.violation(field, "must be a criterion of a contract, each once");
                // One sentence is enough for a list of any length.
                break;
            }
        }
    }
    let reason = fields.text(&format!("{path}.reason"), &wire.reason, 1, REASON_MAX)?;
    Some(Unmet { criteria, reason })
}

/// Writes criteria that are not met.
pub(super) fn unmet_to_proto(unmet: &Unmet) -> pb::UnmetCriteria {
    pb::UnmetCriteria {
        criteria: unmet.criteria.iter().map(|of| criterion(*of).into()).collect(),
        reason: unmet.reason.clone(),
    }
}

const fn criterion(of: Criterion) -> ContractCriterion {
    match of {
        Criterion::Approval => ContractCriterion::Approval,
        Criterion::Rights => ContractCriterion::Rights,
        Criterion::PaymentTerms => ContractCriterion::PaymentTerms,
        Criterion::CommercialSubstance => ContractCriterion::CommercialSubstance,
        Criterion::Collection => ContractCriterion::Collection,
    }
}

/// Reads a yearly rate; none where it is empty.
pub(super) fn parse_rate(fields: &mut Fields, path: &str, text: &str) -> Option<Quantity> {
    if text.is_empty() {
        return None;
    }
    let rate = parse_quantity(fields, path, text)?;
    if rate > Quantity::ONE {
        fields.violation(path, "must be a fraction of at most 1, such as 0.06");
        return None;
    }
    Some(rate)
}

/// The same clause with its amount in its one spelling.
pub(super) fn respelled_clause(clause: &pb::TerminationClause) -> pb::TerminationClause {
    pb::TerminationClause { penalty: clause.penalty.as_ref().map(respelled), ..clause.clone() }
}
