//! Signing: terms as a contract that the fold takes.

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId, derive};
use backlog_money::{Currency, Money, Quantity};
use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{
    self as engine, Fact, SignedContract, SignedObligation, Term, TermError, allocate_price, fold,
};
use chrono::NaiveDate;

use crate::failure::Failure;

use super::super::model::{
    Clause, ClauseParty, DiscountScope, Method, Milestone, Obligation, Terms, Variable, Weight,
};
use super::refusal::{invalid, refusal};
use super::tally::Tally;
use super::{EnginePlayer, Known, contract_id};

/// What the contract service takes of clauses.
const CLAUSES_MAX: usize = 10;
const NOTICE_MAX: u32 = 36_500;

impl EnginePlayer {
    pub(super) fn sign(
        &mut self,
        on: NaiveDate,
        terms: &Terms,
        signed_on: NaiveDate,
    ) -> Result<(), Failure> {
        let contract = signed(terms, signed_on, self.currency)?;
        let tally = Tally::of(terms, &contract)?;
        let fact = Fact::Signed { contract, policy: self.policies.on(signed_on) };
        let (state, effects) = fold(None, &fact, self.periods).map_err(refusal)?;
        let mut known = Known::new(terms, Some(tally));
        self.states.insert(terms.contract.clone(), state);
        known.facts.push((fact, self.periods));
        self.contracts.insert(terms.contract.clone(), known);
        self.effects.push((on, effects));
        self.first_day = Some(self.first_day.map_or(signed_on, |first| first.min(signed_on)));
        Ok(())
    }

    pub(super) fn sign_draft(
        &mut self,
        on: NaiveDate,
        contract: &str,
        signed_on: NaiveDate,
    ) -> Result<(), Failure> {
        let known = self.known(contract)?;
        if known.signed.is_some() {
            return Err(Failure::refused(
                ErrorReason::AlreadySigned,
                format!("contract {contract} is signed already"),
            ));
        }
        let terms = known.terms.clone();
        self.sign(on, &terms, signed_on)
    }
}

/// The terms as a signed contract that can be booked.
pub(super) fn signed(
    terms: &Terms,
    signed_on: NaiveDate,
    currency: Currency,
) -> Result<SignedContract, Failure> {
    let contract = contract_id(&terms.contract);
    let mut wrong = Vec::new();
    let whole = term_of("terms.term", terms.term, &mut wrong);
    let obligations: Vec<_> = terms
        .obligations
        .iter()
        .enumerate()
        .map(|(ordinal, obligation)| {
            let field = format!("terms.obligations[{ordinal}]");
            promised(contract, (ordinal, &field), obligation, currency, &mut wrong)
        })
        .collect();
    let ids: BTreeMap<&str, ObligationId> =
        obligations.iter().map(|o: &SignedObligation| (o.key.as_str(), o.id)).collect();
    let named = |keys: &[String]| {
        let known = keys.iter().filter_map(|key| ids.get(key.as_str()).copied());
        known.collect::<Vec<_>>()
    };
    let mut variables = Vec::with_capacity(terms.variables.len());
    for (place, of) in terms.variables.iter().enumerate() {
        let field = format!("terms.variables[{place}].period");
        let period = of.period.and_then(|period| term_of(&field, period, &mut wrong));
        variables.push(variable(of, named(&of.applies_to), period));
    }
    let discount = terms.discount.as_ref().map(|scope: &DiscountScope| engine::DiscountScope {
        obligations: named(&scope.obligations),
        amount: scope.amount.map(Money::minor),
    });
    let price = terms.price.map(Money::minor);
    let clauses = clauses_of("terms.clauses", &terms.clauses, &mut wrong);
    if terms.unmet.as_ref().is_some_and(|unmet| unmet.criteria.is_empty()) {
        wrong.push(("terms.unmet.criteria".to_owned(), "at least one is named".to_owned()));
    }
    let sound = |rate: &Quantity| Quantity::ZERO < *rate && *rate <= Quantity::ONE;
    if terms.financing.is_some_and(|rate| !sound(&rate)) {
        let sentence = "the rate is a fraction above 0 and at most 1";
        wrong.push(("terms.financing_rate".to_owned(), sentence.to_owned()));
    }
    let Some(term) = whole.filter(|_| wrong.is_empty()) else { return Err(invalid(wrong)) };
    // As the contract service fills it in: the last day of a right is judged by it.
    let own = |o: SignedObligation| SignedObligation { term: o.term.or(Some(term)), ..o };
    let obligations = obligations.into_iter().map(own).collect();
    let signed = SignedContract {
        contract,
        signed_on,
        currency,
        term,
        price,
        obligations,
        variables,
        discount,
        clauses,
        financing: terms.financing,
        unmet: terms.unmet.as_ref().map_or_else(Vec::new, |unmet| unmet.criteria.clone()),
    };
    allocate_price(&signed).map_err(refusal)?;
    Ok(signed)
}

/// A promise, by its place in the contract; days that make no term go to `wrong`.
pub(super) fn promised(
    contract: ContractId,
    (ordinal, field): (usize, &str),
    obligation: &Obligation,
    currency: Currency,
    wrong: &mut Vec<(String, String)>,
) -> SignedObligation {
    let own = obligation.term;
    if matches!(obligation.method, Method::MaterialRight { .. }) && obligation.ssp.is_none() {
        wrong.push((format!("{field}.ssp"), "the price is shared by it".to_owned()));
    }
    SignedObligation {
        id: ObligationId::from_uuid(derive(contract.uuid(), &ordinal.to_string())),
        key: obligation.id.clone(),
        price: obligation.stated(currency),
        ssp: obligation.ssp.map(Money::minor),
        ssp_range: obligation.ssp_range.map(|(low, high)| (low.minor(), high.minor())),
        residual: obligation.residual,
        term: own.and_then(|own| term_of(&format!("{field}.term"), own, wrong)),
        method: method(obligation),
        renewal: obligation.renewal.as_ref().map(|option| engine::Renewal {
            expected_share: option.expected_share,
            exercise_price: option.exercise_price.map_or(0, Money::minor),
            expires_on: option.expires_on,
        }),
    }
}

/// Rights to end a contract early; what is wrong with them goes to `wrong`.
pub(super) fn clauses_of(
    field: &str,
    clauses: &[Clause],
    wrong: &mut Vec<(String, String)>,
) -> Vec<engine::Clause> {
    for (place, clause) in clauses.iter().enumerate() {
        let mut refuse = |name: &str, sentence: &str| {
            wrong.push((format!("{field}[{place}].{name}"), sentence.to_owned()));
        };
        if clause.notice_days > NOTICE_MAX {
            refuse("notice_days", "at most a hundred years of notice can be agreed on");
        }
        if clause.penalty.is_some_and(|penalty| penalty.minor() < 0) {
            refuse("penalty", "it must not be negative");
        }
        if clause.from.zip(clause.to).is_some_and(|(from, to)| to < from) {
            refuse("to", "it must not be before the first day");
        }
    }
    if clauses.len() > CLAUSES_MAX {
        wrong.push((field.to_owned(), format!("at most {CLAUSES_MAX} can be agreed on")));
    }
    clauses.iter().map(clause).collect()
}

fn clause(clause: &Clause) -> engine::Clause {
    engine::Clause {
        mutual: clause.by == ClauseParty::Either,
        notice_days: clause.notice_days,
        penalty: clause.penalty.map_or(0, Money::minor),
        from: clause.from,
        to: clause.to,
    }
}

/// First and last day as a term.
pub(super) fn term_of(
    field: &str,
    (from, to): (NaiveDate, NaiveDate),
    wrong: &mut Vec<(String, String)>,
) -> Option<Term> {
    let refused = |error: TermError| wrong.push((field.to_owned(), error.to_string()));
    Term::new(from, to).map_err(refused).ok()
}

fn variable(
    variable: &Variable,
    applies_to: Vec<ObligationId>,
    period: Option<Term>,
) -> engine::Variable {
    engine::Variable {
        id: variable.id.clone(),
        estimate: variable.amount.minor(),
        included: variable.counted().minor(),
        applies_to,
        period,
        of: None,
    }
}

fn method(obligation: &Obligation) -> engine::Method {
    let unit_price = obligation.unit_price.unwrap_or_default();
    let total = |total: &Option<Quantity>| total.or(obligation.quantity).unwrap_or_default();
    match &obligation.method {
        Method::StraightLine { convention } => {
            engine::Method::StraightLine { convention: *convention }
        }
        Method::PointInTime { gates } => engine::Method::PointInTime {
            quantity: obligation.quantity.unwrap_or(Quantity::ONE),
            gates: gates.clone(),
        },
        Method::Milestones(milestones) => {
            engine::Method::Milestones(milestones.iter().map(milestone).collect())
        }
        Method::CostToCost { estimate } => {
            engine::Method::CostToCost { estimate: estimate.minor() }
        }
        Method::Units { total: units } => engine::Method::Units { total: total(units) },
        Method::PercentComplete => engine::Method::PercentComplete,
        Method::LaborHours { total: hours } => engine::Method::LaborHours { total: total(hours) },
        Method::RightToInvoice { cap } => {
            engine::Method::RightToInvoice { unit_price, cap: cap.map(Money::minor) }
        }
        Method::Usage { minimum, cap } => engine::Method::Usage {
            unit_price,
            minimum: minimum.map_or(0, Money::minor),
            cap: cap.map(Money::minor),
        },
        Method::MaterialRight { expected_share, expires_on, exercise_price } => {
            engine::Method::MaterialRight {
                expected_share: *expected_share,
                exercise_price: exercise_price.map_or(0, Money::minor),
                expires_on: *expires_on,
            }
        }
    }
}

fn milestone(milestone: &Milestone) -> engine::Milestone {
    engine::Milestone {
        id: milestone.id.clone(),
        weight: match milestone.weight {
            Weight::Share(share) => engine::MilestoneWeight::Share(share),
            Weight::Amount(amount) => engine::MilestoneWeight::Amount(amount.minor()),
        },
    }
}
