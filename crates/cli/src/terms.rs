//! Terms of contracts, and changes of them, on the wire.

use backlog_money::{Currency, Money, Quantity};
use backlog_proto::common::v1::{ContractCriterion, DateRange};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::obligation_terms::Method as Wire;
use backlog_proto::recognition::v1::NotAContract;
use backlog_recognition_engine::{Criterion, EITHER_MAY_LEAVE};
use chrono::NaiveDate;

use crate::policy;
use crate::scenario::{
    Change, Clause, ClauseParty, Concession, Method, Milestone, Obligation, Terms, Treatment,
    Variable, VariableKind, Weight,
};

/// What the parties agree on.
pub(crate) fn terms(terms: &Terms, currency: Currency, number: &str) -> pb::ContractTerms {
    pb::ContractTerms {
        number: number.to_owned(),
        customer: terms.customer.clone(),
        term: Some(span(terms.term)),
        currency_code: currency.code().to_owned(),
        price: terms.price.map(Into::into),
        obligations: terms.obligations.iter().map(obligation).collect(),
        dimensions: terms.dimensions.clone().into_iter().collect(),
        variables: terms.variables.iter().map(variable).collect(),
        discount: terms.discount.as_ref().map(|scope| pb::DiscountScope {
            obligations: scope.obligations.clone(),
            amount: scope.amount.map(Into::into),
        }),
        clauses: terms.clauses.iter().map(clause).collect(),
        financing_rate: decimal(terms.financing),
        unmet: terms.unmet.as_ref().map(|unmet| pb::UnmetCriteria {
            criteria: unmet.criteria.iter().map(|of| criterion(*of).into()).collect(),
            reason: unmet.reason.clone(),
        }),
    }
}

/// A criterion of a contract.
pub(crate) const fn criterion(of: Criterion) -> ContractCriterion {
    match of {
        Criterion::Approval => ContractCriterion::Approval,
        Criterion::Rights => ContractCriterion::Rights,
        Criterion::PaymentTerms => ContractCriterion::PaymentTerms,
        Criterion::CommercialSubstance => ContractCriterion::CommercialSubstance,
        Criterion::Collection => ContractCriterion::Collection,
    }
}

/// The name of a criterion of an answer.
pub(crate) fn criterion_name(of: i32) -> &'static str {
    let known = Criterion::ALL.iter().find(|known| i32::from(criterion(**known)) == of);
    known.map_or("unknown", |known| known.name())
}

/// Why an agreement is no contract yet, by name.
pub(crate) fn no_contract_reasons(why: &NotAContract) -> Vec<String> {
    if why.unmet.is_empty() {
        return vec![EITHER_MAY_LEAVE.to_owned()];
    }
    why.unmet.iter().map(|of| criterion_name(*of).to_owned()).collect()
}

/// All rights to end a contract early.
pub(crate) fn clauses(clauses: &[Clause]) -> pb::TerminationClauses {
    pb::TerminationClauses { clauses: clauses.iter().map(clause).collect() }
}

/// A right to end a contract early.
fn clause(clause: &Clause) -> pb::TerminationClause {
    let by = match clause.by {
        ClauseParty::Customer => pb::ClauseParty::Customer,
        ClauseParty::Either => pb::ClauseParty::Either,
    };
    pb::TerminationClause {
        by: by.into(),
        // A longer notice than the wire can say is longer than the service takes.
        notice_days: i32::try_from(clause.notice_days).unwrap_or(i32::MAX),
        penalty: clause.penalty.map(Into::into),
        from: clause.from.map(Into::into),
        to: clause.to.map(Into::into),
    }
}

/// One promise.
pub(crate) fn obligation(obligation: &Obligation) -> pb::ObligationTerms {
    let range = |(low, high): (Money, Money)| {
        Box::new(pb::MoneyRange { low: Some(low.into()), high: Some(high.into()) })
    };
    pb::ObligationTerms {
        key: obligation.id.clone(),
        price: obligation.price.map(Into::into),
        ssp: obligation.ssp.map(Into::into),
        term: obligation.term.map(span),
        product_line: obligation.product_line.clone(),
        quantity: decimal(obligation.quantity),
        unit_price: decimal(obligation.unit_price),
        ssp_range: obligation.ssp_range.map(range),
        residual: obligation.residual,
        method: Some(method(&obligation.method)),
        renewal: obligation.renewal.as_ref().map(|option| {
            Box::new(pb::RenewalOption {
                expected_share: option.expected_share.to_string(),
                expires_on: Some(option.expires_on.into()),
                exercise_price: option.exercise_price.map(Into::into),
            })
        }),
    }
}

/// A change of one obligation.
pub(crate) fn change(change: &Change) -> pb::ObligationChange {
    pb::ObligationChange {
        key: change.obligation.clone(),
        price: change.price.map(Into::into),
        quantity: decimal(change.quantity),
        unit_price: decimal(change.unit_price),
        term: change.term.map(span),
        ssp: change.ssp.map(Into::into),
        remove: change.remove,
        distinct: change.distinct,
        minimum: change.minimum.map(Into::into),
        cap: change.cap.map(Into::into),
    }
}

/// How a change is accounted for.
pub(crate) const fn treatment(treatment: Option<Treatment>) -> pb::ChangeTreatment {
    match treatment {
        None => pb::ChangeTreatment::Unspecified,
        Some(Treatment::Prospective) => pb::ChangeTreatment::Prospective,
        Some(Treatment::CatchUp) => pb::ChangeTreatment::CatchUp,
        Some(Treatment::Separate) => pb::ChangeTreatment::Separate,
    }
}

/// How a credit note reduces the price.
pub(crate) const fn concession(concession: Option<Concession>) -> pb::Concession {
    match concession {
        None => pb::Concession::Unspecified,
        Some(Concession::Whole) => pb::Concession::Whole,
        Some(Concession::Transferred) => pb::Concession::Transferred,
    }
}

/// A decimal; empty when there is none.
pub(crate) fn decimal(quantity: Option<Quantity>) -> String {
    quantity.map(|quantity| quantity.to_string()).unwrap_or_default()
}

/// The name of the method of an answer.
pub(crate) const fn method_name(method: &Wire) -> &'static str {
    match method {
        Wire::StraightLine(_) => "straight_line",
        Wire::PointInTime(_) => "point_in_time",
        Wire::Milestones(_) => "milestones",
        Wire::CostToCost(_) => "cost_to_cost",
        Wire::Units(_) => "units",
        Wire::PercentComplete(_) => "percent_complete",
        Wire::LaborHours(_) => "labor_hours",
        Wire::RightToInvoice(_) => "right_to_invoice",
        Wire::Usage(_) => "usage",
        Wire::MaterialRight(_) => "material_right",
    }
}

fn method(method: &Method) -> Wire {
    match method {
        Method::StraightLine { convention } => {
            let convention = convention.map_or(0, |c| policy::convention(c).into());
            Wire::StraightLine(pb::StraightLine { convention })
        }
        Method::PointInTime { gates } => {
            Wire::PointInTime(pb::PointInTime { gates: gates.clone() })
        }
        Method::Milestones(milestones) => Wire::Milestones(pb::Milestones {
            milestones: milestones.iter().map(milestone).collect(),
        }),
        Method::CostToCost { estimate } => {
            Wire::CostToCost(pb::CostToCost { estimate_at_completion: Some((*estimate).into()) })
        }
        Method::Units { total } => Wire::Units(pb::Units { total: decimal(*total) }),
        Method::PercentComplete => Wire::PercentComplete(pb::PercentComplete {}),
        Method::LaborHours { total } => Wire::LaborHours(pb::LaborHours { total: decimal(*total) }),
        Method::RightToInvoice { cap } => {
            Wire::RightToInvoice(pb::RightToInvoice { cap: cap.map(Into::into) })
        }
        Method::Usage { minimum, cap } => {
            Wire::Usage(pb::Usage { minimum: minimum.map(Into::into), cap: cap.map(Into::into) })
        }
        Method::MaterialRight { expected_share, expires_on, exercise_price } => {
            Wire::MaterialRight(pb::MaterialRight {
                expected_share: expected_share.to_string(),
                expires_on: Some((*expires_on).into()),
                exercise_price: exercise_price.map(Into::into),
            })
        }
    }
}

fn milestone(milestone: &Milestone) -> pb::Milestone {
    pb::Milestone {
        id: milestone.id.clone(),
        weight: Some(match milestone.weight {
            Weight::Share(share) => pb::milestone::Weight::Share(share.to_string()),
            Weight::Amount(amount) => pb::milestone::Weight::Amount(amount.into()),
        }),
    }
}

fn variable(variable: &Variable) -> pb::VariableConsideration {
    let kind = match variable.kind {
        VariableKind::ExpectedValue => pb::VariableKind::ExpectedValue,
        VariableKind::MostLikely => pb::VariableKind::MostLikely,
        VariableKind::Constrained => pb::VariableKind::Constrained,
    };
    pb::VariableConsideration {
        id: variable.id.clone(),
        estimate: Some(variable.amount.into()),
        included: Some(variable.counted().into()),
        kind: kind.into(),
        applies_to: variable.applies_to.clone(),
        period: variable.period.map(span),
    }
}

fn span((from, to): (NaiveDate, NaiveDate)) -> DateRange {
    DateRange { from: Some(from.into()), to: Some(to.into()) }
}
