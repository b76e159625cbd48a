//! Amendments, terminations and new estimates.

use std::collections::BTreeSet;

use backlog_ids::{ContractId, ObligationId};
use backlog_money::{Currency, Money, Quantity};
use backlog_recognition_engine::{
    self as engine, AmendmentFact, ContractState, EstimateFact, Fact, ObligationChange,
    SignedContract, SignedObligation, TerminationFact, ViolationReason, can_be_separate, validate,
};
use chrono::NaiveDate;

use crate::failure::Failure;

use super::super::model::{
    Amendment, Change, Estimate, Included, Obligation, Reestimate, Refund, Termination, Treatment,
};
use super::refusal::{invalid, refusal, unfit};
use super::tally::Promise;
use super::terms::{clauses_of, promised, term_of};
use super::{EnginePlayer, Signed, contract_id};

impl EnginePlayer {
    pub(super) fn amend(&mut self, on: NaiveDate, amendment: &Amendment) -> Result<(), Failure> {
        is_sound(amendment)?;
        let known = self.open(&amendment.contract)?;
        known.tally.check_change(on)?;
        let (state, mut tally) = (&known.state, known.tally.clone());
        tally.changed_on = on;
        let stated: Vec<_> = tally.promises.iter().map(Promise::stated).collect();
        tally.price_each();
        let mut wrong = Vec::new();
        // What is added shares the term that the contract had.
        let added = added(known, &amendment.added, self.currency, &mut wrong)?;
        let mut changes = Vec::with_capacity(amendment.changes.len());
        for change in &amendment.changes {
            let field = format!("amendment.changes[{}].term", changes.len());
            let term = change.term.and_then(|term| term_of(&field, term, &mut wrong));
            let id = obligation_id((state, known.contract), &change.obligation)?;
            let place = tally.promises.iter().position(|promise| promise.key == change.obligation);
            let stated = place.and_then(|place| stated.get(place).copied()).flatten();
            let promise = place.and_then(|place| tally.promises.get_mut(place));
            let promise = promise.ok_or_else(|| unknown(&change.obligation))?;
            let worked_out = promise.change(change, (stated, term), self.currency)?;
            term.map_or(Ok(()), |term| tally.grow(term))?;
            changes.push(ObligationChange {
                obligation: id,
                price: worked_out.price,
                total: worked_out.total,
                term,
                ssp: worked_out.ssp,
                remove: change.remove,
                distinct: change.distinct,
                meter: worked_out.meter,
            });
        }
        for (promised, obligation) in added.iter().zip(&amendment.added) {
            tally.add(promised, (obligation.quantity, obligation.unit_price))?;
        }
        if !wrong.is_empty() {
            return Err(invalid(wrong));
        }
        let treatment = amendment.treatment.map(|treatment| match treatment {
            Treatment::Prospective => engine::Treatment::Prospective,
            Treatment::CatchUp => engine::Treatment::CatchUp,
            Treatment::Separate => engine::Treatment::Separate,
        });
        let contract = known.contract;
        let mut wrong = Vec::new();
        let clauses = amendment.clauses.as_deref();
        let clauses = clauses.map(|of| clauses_of("amendment.clauses.clauses", of, &mut wrong));
        let fact = AmendmentFact { contract, on, changes, added, treatment, clauses };
        let separate = treatment == Some(engine::Treatment::Separate);
        if separate && !can_be_separate(state, &fact).map_err(refusal)? {
            let sentence = "a change does more than add units, hours or days for more money";
            wrong.push(("amendment.treatment".to_owned(), sentence.to_owned()));
        }
        if !wrong.is_empty() {
            return Err(invalid(wrong));
        }
        if amendment.proposed {
            // In the trail, and in no figure.
            return Ok(());
        }
        self.fold(on, &amendment.contract, &Fact::Amended(fact))?;
        self.keep(&amendment.contract, |kept| *kept = tally);
        Ok(())
    }

    pub(super) fn terminate(
        &mut self,
        on: NaiveDate,
        termination: &Termination,
    ) -> Result<(), Failure> {
        let negative = |amount: Money| amount.minor() < 0;
        let refund = match termination.refund {
            None => engine::Refund::Unearned,
            Some(Refund::All) => engine::Refund::All,
            Some(Refund::Amount(amount)) if negative(amount) => {
                return Err(unfit("the refund must not be negative"));
            }
            Some(Refund::Amount(amount)) => engine::Refund::Amount(amount.minor()),
        };
        if termination.penalty.is_some_and(negative) {
            return Err(unfit("the penalty must not be negative"));
        }
        if termination.wind_down_to.is_some_and(|to| to < on) {
            return Err(unfit("winding down cannot end before the contract does"));
        }
        let known = self.open(&termination.contract)?;
        known.tally.check_change(on)?;
        let fact = Fact::Terminated(TerminationFact {
            contract: known.contract,
            on,
            refund,
            penalty: termination.penalty.map_or(0, Money::minor),
            keep_earned: termination.keep_earned,
            wind_down_to: termination.wind_down_to,
        });
        self.fold(on, &termination.contract, &fact)?;
        self.keep(&termination.contract, |kept| {
            (kept.terminated, kept.changed_on) = (true, on);
        });
        Ok(())
    }

    pub(super) fn reestimate(
        &mut self,
        on: NaiveDate,
        reestimate: &Reestimate,
    ) -> Result<(), Failure> {
        let state = self.accounted(&reestimate.contract)?;
        let contract = contract_id(&reestimate.contract);
        let estimate = match &reestimate.estimate {
            Estimate::Variable { id, amount, included } => {
                let known = state.variable(contract, id);
                let before = known.map(|known| (known.estimate, known.included));
                let before = before.ok_or_else(|| unknown(id))?;
                let (estimate, included) = Included::after(*amount, *included, before);
                if included > estimate {
                    return Err(unfit("no more can be included than is estimated"));
                }
                engine::Estimate::Variable { id: id.clone(), estimate, included }
            }
            Estimate::Cost { obligation, estimate } => engine::Estimate::Cost {
                obligation: self.obligation(&reestimate.contract, obligation)?,
                estimate: estimate.minor(),
            },
            Estimate::Exercise { obligation, share } => engine::Estimate::Exercise {
                obligation: self.obligation(&reestimate.contract, obligation)?,
                share: *share,
            },
        };
        let fact = Fact::Reestimated(EstimateFact { contract, on, estimate });
        self.fold(on, &reestimate.contract, &fact)
    }
}

/// The id of an obligation of a contract by its handle.
pub(super) fn obligation_id(
    (state, contract): (&ContractState, ContractId),
    key: &str,
) -> Result<ObligationId, Failure> {
    let mut own = state.obligations.iter().filter(|of| of.contract == contract);
    let found = own.find(|obligation| obligation.key == *key);
    found.map(|obligation| obligation.id).ok_or_else(|| unknown(key))
}

fn unknown(name: &str) -> Failure {
    unfit(&format!("{name} must be one of the contract"))
}

/// What can be told of an amendment without its contract.
fn is_sound(amendment: &Amendment) -> Result<(), Failure> {
    let changes = !amendment.changes.is_empty() || amendment.clauses.is_some();
    if !changes && amendment.added.is_empty() {
        return Err(unfit("an amendment must change or add something"));
    }
    let mut keys = BTreeSet::new();
    for change in &amendment.changes {
        let Change { price, quantity, unit_price, term, ssp, remove, minimum, cap, .. } = change;
        let units = quantity.is_some() || unit_price.is_some();
        let metered = minimum.is_some() || cap.is_some();
        let further = units || metered || term.is_some() || ssp.is_some();
        let message = if !keys.insert(&change.obligation) {
            "each obligation changes once"
        } else if *remove && further {
            "with remove nothing more is promised: give the price that stays at most"
        } else if !remove && price.is_none() && !further {
            "a change must change the price, quantity, unit_price, term, ssp, minimum or cap, or remove"
        } else if price.is_some() && unit_price.is_some() {
            "price and unit_price exclude each other"
        } else if [price, minimum, cap].into_iter().flatten().any(|amount| amount.minor() < 0)
            || ssp.is_some_and(|ssp| ssp.minor() <= 0)
            || quantity.is_some_and(|quantity| quantity <= Quantity::ZERO)
            || unit_price.is_some_and(|unit_price| unit_price < Quantity::ZERO)
        {
            "amounts must not be negative, quantity and ssp be above zero"
        } else {
            continue;
        };
        return Err(unfit(message));
    }
    if amendment.added.iter().any(|added| added.residual) {
        return Err(unfit("the price of an amendment leaves no residual"));
    }
    Ok(())
}

/// Promises that are added, sound by themselves.
fn added(
    known: Signed<'_>,
    added: &[Obligation],
    currency: Currency,
    wrong: &mut Vec<(String, String)>,
) -> Result<Vec<SignedObligation>, Failure> {
    let Signed { contract, state, tally } = known;
    let mut obligations = Vec::with_capacity(added.len());
    for (place, obligation) in added.iter().enumerate() {
        let field = format!("amendment.added[{place}]");
        if tally.promises.iter().any(|known| known.key == obligation.id) {
            wrong.push((field.clone(), "the key is used by an earlier obligation".to_owned()));
        }
        let whose = (tally.promises.len().saturating_add(place), field.as_str());
        let promised = promised(contract, whose, obligation, currency, wrong);
        let term = promised.term.or(Some(tally.term));
        obligations.push(SignedObligation { term, ..promised });
    }
    let alone = SignedContract {
        contract,
        signed_on: state.legal_of(contract).map_err(refusal)?.signed_on,
        currency,
        term: tally.term,
        price: None,
        obligations,
        variables: Vec::new(),
        discount: None,
        clauses: Vec::new(),
        financing: None,
        unmet: Vec::new(),
    };
    let violations = if added.is_empty() { Vec::new() } else { validate(&alone) };
    // Terms beyond the contract's are what an amendment may bring.
    let unfit = violations.iter().filter(|v| v.reason != ViolationReason::TermOutside);
    wrong.extend(unfit.map(|violation| {
        let place = violation.ordinal.unwrap_or_default();
        (format!("amendment.added[{place}]"), violation.reason.to_string())
    }));
    if wrong.is_empty() { Ok(alone.obligations) } else { Err(invalid(std::mem::take(wrong))) }
}
