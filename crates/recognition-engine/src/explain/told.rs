//! What a fact says, as inputs of its explanation.

use backlog_ids::ObligationId;
use backlog_money::Quantity;
use chrono::NaiveDate;

use super::{
    label::Label,
    statement::{Draft, Value},
};
use crate::{
    amend::{AmendmentFact, ObligationChange},
    error::EngineError,
    facts::{Clause, Concession, Estimate, Fact, InvoiceLine, SignedContract, SignedObligation},
    method::Method,
    policy::Policy,
    progress::Reading,
    state::ContractState,
    terminate::{Refund, TerminationFact},
};

/// Notes what the fact says. `state` has the contract's obligations.
pub(super) fn tell(
    draft: &mut Draft<'_>,
    state: &ContractState,
    fact: &Fact,
) -> Result<(), EngineError> {
    match fact {
        Fact::Signed { contract, .. } => {
            signed(draft, contract, state);
            if let Some(why) = state.standing.not_yet() {
                draft.tell(Label::NotContract, Value::Name(why.reasons().join(", ")));
            }
        }
        Fact::Invoiced(fact) => {
            lines(draft, state, Label::InvoiceLine, &fact.lines)?;
            if fact.tax != 0 {
                draft.tell(Label::Tax, Value::Amount(fact.tax));
            }
            draft.tell(Label::DueOn, Value::Day(fact.due_on));
        }
        Fact::Credited(fact) => {
            lines(draft, state, Label::Credited, &fact.lines)?;
            if fact.tax != 0 {
                draft.tell(Label::Tax, Value::Amount(fact.tax));
            }
            let kind = match fact.concession {
                Concession::None => return Ok(()),
                Concession::Whole => "whole",
                Concession::Transferred => "transferred",
            };
            draft.tell(Label::Concession, Value::Name(kind.to_owned()));
        }
        Fact::Paid(fact) => draft.tell(Label::Cash, Value::Amount(fact.amount)),
        Fact::Progressed(fact) => {
            reading(draft, key(state, fact.obligation)?, &fact.reading);
        }
        Fact::Reestimated(fact) => estimate(draft, state, &fact.estimate)?,
        Fact::Amended(fact) => amended(draft, state, fact)?,
        Fact::Terminated(fact) => terminated(draft, fact),
        Fact::Reassessed(fact) if fact.unmet.is_empty() => {
            draft.tell(Label::CriteriaMet, Value::Yes);
        }
        Fact::Reassessed(fact) => {
            let names: Vec<&str> = fact.unmet.iter().map(|criterion| criterion.name()).collect();
            draft.tell(Label::NotContract, Value::Name(names.join(", ")));
        }
        Fact::Adjusted(fact) => {
            let key = key(state, fact.obligation)?;
            draft.tell_of(key, Label::Adjusted, Value::Amount(fact.amount));
        }
        Fact::Held(fact) | Fact::Released(fact) => {
            if let Some(id) = fact.obligation {
                draft.tell_of(key(state, id)?, Label::Held, Value::Yes);
            }
        }
        Fact::Combined(fact) => {
            for joined in &fact.joining {
                draft.tell(Label::CombinedWith, Value::Name(joined.contract.to_string()));
            }
        }
        Fact::PolicyChanged(version) => policy(draft, state.governing(), &version.policy),
        Fact::Run { through } => draft.tell(Label::Through, Value::Day(*through)),
    }
    Ok(())
}

/// Notes that periods were closed, or opened again, since the fact before.
pub(super) fn closed(draft: &mut Draft<'_>, (before, now): (Option<NaiveDate>, Option<NaiveDate>)) {
    match (before, now) {
        (before, now) if before == now => {}
        (before, Some(through)) if before.is_none_or(|before| before < through) => {
            draft.tell(Label::ClosedThrough, Value::Day(through));
        }
        (_, Some(through)) => {
            let open = through.succ_opt().unwrap_or(through);
            draft.tell(Label::OpenAgainFrom, Value::Day(open));
        }
        (_, None) => draft.tell(Label::AllOpenAgain, Value::Yes),
    }
}

/// What a version of the policy says otherwise than the one before.
fn policy(draft: &mut Draft<'_>, before: &Policy, policy: &Policy) {
    let version = Quantity::whole(i64::from(policy.version)).unwrap_or(Quantity::ZERO);
    draft.tell(Label::PolicyVersion, Value::Quantity(version));
    let mut tell = |label, name: &str| draft.tell(label, Value::Name(name.to_owned()));
    if policy.convention != before.convention {
        tell(Label::Convention, policy.convention.name());
    }
    if policy.rounding != before.rounding {
        tell(Label::Rounding, policy.rounding.name());
    }
    if policy.receivable_on != before.receivable_on {
        tell(Label::ReceivableOn, policy.receivable_on.name());
    }
}

fn key(state: &ContractState, id: ObligationId) -> Result<&str, EngineError> {
    let place = state.place(id)?;
    Ok(state.obligations.get(place).map_or("", |obligation| obligation.key.as_str()))
}

fn signed(draft: &mut Draft<'_>, contract: &SignedContract, state: &ContractState) {
    draft.tell(Label::Term, Value::Term(contract.term));
    if let Some(price) = contract.price {
        draft.tell(Label::FixedPrice, Value::Amount(price));
    }
    clauses(draft, &contract.clauses);
    if let Some(rate) = contract.financing {
        draft.tell(Label::YearlyRate, Value::Quantity(rate));
    }
    for (promised, obligation) in contract.obligations.iter().zip(&state.obligations) {
        let key = promised.key.as_str();
        draft.tell_of(key, Label::Method, Value::Name(promised.method.name().to_owned()));
        draft.tell_of(key, Label::Term, Value::Term(obligation.term));
        if let Some(price) = promised.price {
            draft.tell_of(key, Label::StatedPrice, Value::Amount(price));
        }
        stand_alone(draft, promised);
        match &promised.method {
            Method::Usage { minimum, cap, .. } => {
                draft.tell_of(key, Label::Minimum, Value::Amount(*minimum));
                capped(draft, key, *cap);
            }
            Method::RightToInvoice { cap, .. } => capped(draft, key, *cap),
            Method::CostToCost { estimate } => {
                draft.tell_of(key, Label::CostEstimate, Value::Amount(*estimate));
            }
            Method::Units { total } | Method::LaborHours { total } => {
                draft.tell_of(key, Label::Promised, Value::Quantity(*total));
            }
            Method::MaterialRight { expected_share, exercise_price, expires_on } => {
                option(draft, key, (*expected_share, *exercise_price, *expires_on));
            }
            _ => {}
        }
        if let Some(of) = promised.renewal {
            option(draft, key, (of.expected_share, of.exercise_price, of.expires_on));
        }
    }
    for variable in &contract.variables {
        let id = variable.id.as_str();
        draft.tell_of(id, Label::VariableEstimate, Value::Amount(variable.estimate));
        draft.tell_of(id, Label::VariableIncluded, Value::Amount(variable.included));
        if let Some(period) = variable.period {
            draft.tell_of(id, Label::Term, Value::Term(period));
        }
    }
}

/// On what terms the contract can be ended early.
fn clauses(draft: &mut Draft<'_>, clauses: &[Clause]) {
    for clause in clauses {
        draft.tell(Label::NoticeDays, Value::Quantity(days(clause.notice_days)));
        if clause.penalty != 0 {
            draft.tell(Label::Penalty, Value::Amount(clause.penalty));
        }
        if let Some(from) = clause.from {
            draft.tell(Label::LeaveFrom, Value::Day(from));
        }
        if let Some(to) = clause.to {
            draft.tell(Label::LeaveUntil, Value::Day(to));
        }
    }
}

/// A number of days.
fn days(count: u32) -> Quantity {
    Quantity::whole(i64::from(count)).unwrap_or(Quantity::ZERO)
}

fn capped(draft: &mut Draft<'_>, key: &str, cap: Option<i128>) {
    if let Some(cap) = cap {
        draft.tell_of(key, Label::Cap, Value::Amount(cap));
    }
}

fn option(draft: &mut Draft<'_>, key: &str, (share, price, until): (Quantity, i128, NaiveDate)) {
    draft.tell_of(key, Label::ExpectedShare, Value::Quantity(share));
    draft.tell_of(key, Label::ExercisePrice, Value::Amount(price));
    draft.tell_of(key, Label::OptionUntil, Value::Day(until));
}

/// Its stand-alone selling price, where that is not the stated price.
fn stand_alone(draft: &mut Draft<'_>, promised: &SignedObligation) {
    if let Some(ssp) = promised.ssp.filter(|ssp| promised.price != Some(*ssp)) {
        draft.tell_of(&promised.key, Label::StandAlonePrice, Value::Amount(ssp));
    }
}

fn lines(
    draft: &mut Draft<'_>,
    state: &ContractState,
    label: Label,
    lines: &[InvoiceLine],
) -> Result<(), EngineError> {
    for line in lines {
        draft.tell_of(key(state, line.obligation)?, label, Value::Amount(line.amount));
    }
    Ok(())
}

fn reading(draft: &mut Draft<'_>, key: &str, reading: &Reading) {
    let mut tell = |label, value| draft.tell_of(key, label, value);
    match reading {
        Reading::Percent(percent) => tell(Label::Percent, Value::Quantity(*percent)),
        Reading::Units(units) => tell(Label::Units, Value::Quantity(*units)),
        Reading::Hours(hours) => tell(Label::Hours, Value::Quantity(*hours)),
        Reading::Cost { cost, estimate, uninstalled } => {
            tell(Label::Cost, Value::Amount(*cost));
            if let Some(estimate) = estimate {
                tell(Label::CostEstimate, Value::Amount(*estimate));
            }
            if *uninstalled != 0 {
                tell(Label::Uninstalled, Value::Amount(*uninstalled));
            }
        }
        Reading::Usage { quantity, amount } => {
            tell(Label::Used, Value::Quantity(*quantity));
            if let Some(amount) = amount {
                tell(Label::UsedValue, Value::Amount(*amount));
            }
        }
        Reading::Milestone(id) => tell(Label::Milestone, Value::Name(id.clone())),
        Reading::Delivered { quantity, gate } => {
            tell(Label::Delivered, quantity.map_or(Value::Yes, Value::Quantity));
            if let Some(gate) = gate {
                tell(Label::Gate, Value::Name(gate.clone()));
            }
        }
        Reading::Exercised(share) => tell(Label::Exercised, Value::Quantity(*share)),
        Reading::Expired => tell(Label::Expired, Value::Yes),
    }
}

fn estimate(
    draft: &mut Draft<'_>,
    state: &ContractState,
    estimate: &Estimate,
) -> Result<(), EngineError> {
    match estimate {
        Estimate::Variable { id, estimate, included } => {
            draft.tell_of(id, Label::VariableEstimate, Value::Amount(*estimate));
            draft.tell_of(id, Label::VariableIncluded, Value::Amount(*included));
        }
        Estimate::Cost { obligation, estimate } => {
            let key = key(state, *obligation)?;
            draft.tell_of(key, Label::CostEstimate, Value::Amount(*estimate));
        }
        Estimate::Exercise { obligation, share } => {
            let key = key(state, *obligation)?;
            draft.tell_of(key, Label::ExpectedShare, Value::Quantity(*share));
        }
    }
    Ok(())
}

fn amended(
    draft: &mut Draft<'_>,
    state: &ContractState,
    fact: &AmendmentFact,
) -> Result<(), EngineError> {
    for change in &fact.changes {
        let key = key(state, change.obligation)?;
        let ObligationChange { obligation: _, price, total, term, ssp, remove, distinct, meter } =
            change;
        if *remove {
            draft.tell_of(key, Label::Removed, Value::Yes);
        }
        if let Some(price) = price {
            let label = if *remove { Label::StillOwed } else { Label::StatedPrice };
            draft.tell_of(key, label, Value::Amount(*price));
        }
        if let Some(total) = total {
            draft.tell_of(key, Label::Promised, Value::Quantity(*total));
        }
        if let Some(term) = term {
            draft.tell_of(key, Label::Term, Value::Term(*term));
        }
        if let Some(ssp) = ssp {
            draft.tell_of(key, Label::StandAlonePrice, Value::Amount(*ssp));
        }
        if let Some(rate) = meter.unit_price {
            draft.tell_of(key, Label::UnitPrice, Value::Quantity(rate));
        }
        if let Some(minimum) = meter.minimum {
            draft.tell_of(key, Label::Minimum, Value::Amount(minimum));
        }
        capped(draft, key, meter.cap);
        if let Some(distinct) = distinct {
            let word = if *distinct { "yes" } else { "no" };
            draft.tell_of(key, Label::Distinct, Value::Name(word.to_owned()));
        }
    }
    for added in &fact.added {
        let key = added.key.as_str();
        draft.tell_of(key, Label::Added, Value::Name(added.method.name().to_owned()));
        if let Some(price) = added.price {
            draft.tell_of(key, Label::StatedPrice, Value::Amount(price));
        }
        if let Some(term) = added.term {
            draft.tell_of(key, Label::Term, Value::Term(term));
        }
        stand_alone(draft, added);
        if let Some(of) = added.renewal {
            option(draft, key, (of.expected_share, of.exercise_price, of.expires_on));
        }
    }
    if let Some(changed) = &fact.clauses {
        clauses(draft, changed);
    }
    Ok(())
}

fn terminated(draft: &mut Draft<'_>, fact: &TerminationFact) {
    match fact.refund {
        Refund::Amount(amount) => draft.tell(Label::Refunded, Value::Amount(amount)),
        Refund::All => draft.tell(Label::Refund, Value::Name("all".to_owned())),
        Refund::Unearned => draft.tell(Label::Refund, Value::Name("unearned".to_owned())),
    }
    if fact.penalty != 0 {
        draft.tell(Label::Penalty, Value::Amount(fact.penalty));
    }
    if !fact.keep_earned {
        draft.tell(Label::EarnedKept, Value::Name("no".to_owned()));
    }
    if let Some(to) = fact.wind_down_to {
        draft.tell(Label::WindDown, Value::Day(to));
    }
}
