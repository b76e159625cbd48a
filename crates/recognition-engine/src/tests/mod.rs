//! Tests of the fold as callers see it, and what they share.

mod billing;
mod booking;
mod calendars;
mod cases;
mod changes;
mod clauses;
mod combined_histories;
mod combining;
mod contract_balances;
mod conventions;
mod explained_terms;
mod explanations;
mod financing;
mod histories;
mod holds;
mod journal;
mod late;
mod laws;
mod ledger;
mod limits;
mod meters;
mod methods;
mod options;
mod period_amounts;
mod periods;
mod policies;
mod properties;
mod roundings;
mod runs;
mod separate;
mod standing;
mod translation;

use backlog_ids::{ContractId, InvoiceId, ObligationId};
use backlog_money::{Currency, Quantity};
use chrono::NaiveDate;
use uuid::Uuid;

use crate::{
    Balances, ContractState, Convention, Effects, EngineError, Fact, Filter, InvoiceFact,
    InvoiceLine, Ledger, Method, Periods, Policies, Policy, PolicyVersion, Rounding, Schedule,
    SignedContract, SignedObligation, Term, account, fold,
};

/// A date from "2026-01-31".
fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn term(from: &str, to: &str) -> Term {
    Term::new(day(from), day(to)).unwrap()
}

/// A quantity from "0.25".
fn q(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn contract_id() -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(7))
}

fn obligation_id(ordinal: u128) -> ObligationId {
    ObligationId::from_uuid(Uuid::from_u128(100 + ordinal))
}

fn policy(convention: Convention, rounding: Rounding) -> Policy {
    Policy { convention, rounding, ..Policy::default() }
}

fn obligation(ordinal: u128, price: Option<i128>, ssp: Option<i128>) -> SignedObligation {
    SignedObligation {
        id: obligation_id(ordinal),
        key: format!("o{ordinal}"),
        price,
        ssp,
        ssp_range: None,
        residual: false,
        term: None,
        method: Method::StraightLine { convention: None },
        renewal: None,
    }
}

/// A contract signed on its first day, with an obligation per stated price.
fn contract(term: Term, prices: &[i128]) -> SignedContract {
    let obligations = (0..).zip(prices).map(|(n, price)| obligation(n, Some(*price), None));
    SignedContract {
        contract: contract_id(),
        signed_on: term.from(),
        currency: usd(),
        term,
        price: None,
        obligations: obligations.collect(),
        variables: Vec::new(),
        discount: None,
        clauses: Vec::new(),
        financing: None,
        unmet: Vec::new(),
    }
}

/// An invoice of `amount` for one obligation, due 30 days after issue.
fn invoice_of(ordinal: u128, issued_on: NaiveDate, amount: i128) -> InvoiceFact {
    InvoiceFact {
        invoice: InvoiceId::from_uuid(Uuid::from_u128(9)),
        contract: contract_id(),
        issued_on,
        due_on: issued_on + chrono::Days::new(30),
        lines: vec![InvoiceLine { obligation: obligation_id(ordinal), amount }],
        tax: 0,
    }
}

/// Books a contract.
fn book(
    contract: &SignedContract,
    policy: &Policy,
) -> Result<(ContractState, Effects), EngineError> {
    fold(None, &Fact::Signed { contract: contract.clone(), policy: *policy }, Periods::default())
}

/// Folds a fact into a state, which stays as it is when that is refused.
fn take(state: &mut ContractState, fact: &Fact) -> Result<Effects, EngineError> {
    let (after, effects) = fold(Some(state.clone()), fact, Periods::default())?;
    *state = after;
    Ok(effects)
}

fn invoice(state: &mut ContractState, fact: &InvoiceFact) -> Result<Effects, EngineError> {
    take(state, &Fact::Invoiced(fact.clone()))
}

/// The amounts of a schedule by month.
fn months(term: Term, convention: Convention, rounding: Rounding, price: i128) -> Vec<i128> {
    let schedule = Schedule::new(term, convention, rounding, price, None).unwrap();
    schedule.months().iter().map(|month| month.amount).collect()
}

/// A contract played through the fold into a ledger.
struct Story {
    state: ContractState,
    ledger: Ledger,
    periods: Periods,
    policies: Policies,
}

impl Story {
    fn sign(contract: SignedContract, policy: Policy) -> Self {
        Self::sign_in(contract, policy, Periods::default())
    }

    fn sign_in(contract: SignedContract, policy: Policy, periods: Periods) -> Self {
        let (state, effects) = fold(None, &Fact::Signed { contract, policy }, periods).unwrap();
        let mut ledger = Ledger::default();
        ledger.apply(&effects);
        let policies = Policies { first: policy, later: Vec::new() };
        Self { state, ledger, periods, policies }
    }

    fn fact(&mut self, fact: &Fact) {
        self.try_fact(fact).unwrap();
    }

    /// Takes a fact in; refused, it changes nothing. Whatever it does, the journal is balanced.
    fn try_fact(&mut self, fact: &Fact) -> Result<Effects, EngineError> {
        let state = Some(self.state.clone());
        let (state, effects) = account(state, fact, &self.policies, self.periods)?;
        self.state = state;
        self.ledger.apply(&effects);
        journal::assert_balanced(&effects);
        Ok(effects)
    }

    /// Another version of the policy, set now, in force from a day on.
    fn policy(&mut self, from: &str, convention: Convention, rounding: Rounding) {
        let last = self.policies.later.last().map_or(self.policies.first, |of| of.policy);
        let policy = Policy { version: last.version + 1, convention, rounding, ..last };
        self.policies.later.push(PolicyVersion { from: day(from), policy });
    }

    fn close(&mut self, through: &str) {
        self.periods.closed_through = Some(day(through));
    }

    fn invoice(&mut self, issued_on: &str, amount: i128) {
        self.fact(&Fact::Invoiced(invoice_of(0, day(issued_on), amount)));
    }

    fn run(&mut self, through: &str) {
        self.fact(&Fact::Run { through: day(through) });
    }

    fn at(&self, as_of: &str) -> Balances {
        self.on(day(as_of))
    }

    fn on(&self, as_of: NaiveDate) -> Balances {
        self.ledger.balances(as_of, &Filter::all(usd())).unwrap()
    }
}
