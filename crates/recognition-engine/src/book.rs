//! Booking: a signed contract enters backlog.

use backlog_ids::{AccountingContractId, ContractId, derive};
use backlog_money::Money;

use crate::{
    allocation::allocate_price,
    effects::{Cause, Effects, Measure, Movement, PlanChange},
    error::EngineError,
    facts::{Method, SignedContract},
    policy::Policy,
    schedule::plan,
    state::{ContractState, ObligationState},
};

/// The accounting contract of a legal contract that is accounted for by itself. Derived, so that
/// a replay gives the same id.
#[must_use]
pub fn accounting_contract_of(contract: ContractId) -> AccountingContractId {
    AccountingContractId::from_uuid(derive(contract.uuid(), "accounting-contract"))
}

/// Books a signed contract: T of each obligation (606-10-32-28) and its plan by month, effective on
/// the day of signature, which may lie after the term's start. Errors with all violations when the
/// contract breaks rules.
pub fn book(
    contract: &SignedContract,
    policy: &Policy,
) -> Result<(ContractState, Effects), EngineError> {
    let prices = allocate_price(contract)?;
    let mut obligations = Vec::with_capacity(prices.len());
    for ((ordinal, obligation), transaction_price) in
        (0_u32..).zip(&contract.obligations).zip(prices)
    {
        let Method::StraightLine { convention } = obligation.method;
        obligations.push(ObligationState {
            id: obligation.id,
            key: obligation.key.clone(),
            ordinal,
            convention: convention.unwrap_or(policy.convention),
            rounding: policy.rounding,
            term: obligation.term.unwrap_or(contract.term),
            transaction_price,
            recognized: 0,
            posted_through: None,
            billed: 0,
        });
    }
    let state = ContractState {
        contract: contract.contract,
        accounting_contract: accounting_contract_of(contract.contract),
        signed_on: contract.signed_on,
        currency: contract.currency,
        policy: *policy,
        obligations,
        balances: Vec::new(),
    };
    let mut effects = Effects::default();
    for obligation in &state.obligations {
        book_obligation(&state, obligation, &mut effects)?;
    }
    Ok((state, effects))
}

fn book_obligation(
    state: &ContractState,
    obligation: &ObligationState,
    effects: &mut Effects,
) -> Result<(), EngineError> {
    let price = obligation.transaction_price;
    if price != 0 {
        effects.movements.push(Movement {
            obligation: Some(obligation.id),
            ..state.movement(Cause::Booking, Measure::TransactionPrice, price, state.signed_on)
        });
    }
    effects.plan_changes.extend(plan(obligation)?.into_iter().map(|planned| PlanChange {
        contract: state.contract,
        obligation: obligation.id,
        month: planned.month,
        amount: Money::from_minor(planned.amount, state.currency),
        effective_date: state.signed_on,
        service_from: planned.service_from,
        service_to: planned.service_to,
    }));
    Ok(())
}
