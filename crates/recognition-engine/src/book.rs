//! Booking: a signed contract enters backlog.

use backlog_ids::{AccountingContractId, ContractId, derive};
use backlog_money::Quantity;
use chrono::NaiveDate;

use crate::{
    allocation::Allocation,
    effects::{Cause, Effects},
    error::EngineError,
    facts::{SignedContract, SignedObligation},
    legal::{AccountingContract, LegalContract, Portion},
    math::add,
    method::Method,
    periods::Periods,
    phase::{BEGINNING, Phase, Spread},
    policy::Policy,
    settle::Settlement,
    several::AtLeastOne,
    share::Share,
    standing::Standing,
    state::{ContractState, Financing, ObligationState},
    term::Term,
};

/// An accounting contract of a legal contract, by its place among them: 0 is the contract as signed.
/// Derived, so that a replay gives the same id.
#[must_use]
pub fn accounting_contract_of(contract: ContractId, place: usize) -> AccountingContractId {
    let name = match place {
        0 => "accounting-contract".to_owned(),
        more => format!("accounting-contract-{more}"),
    };
    AccountingContractId::from_uuid(derive(contract.uuid(), &name))
}

/// Books a signed contract: T of each obligation (606-10-32-28) and its plan by month, effective on
/// the day of signature, which may lie after the term's start. What is no contract yet is kept without
/// any of it (606-10-25-4). Errors with all violations when the
/// contract breaks rules.
pub(crate) fn book(
    contract: &SignedContract,
    policy: &Policy,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let allocation = Allocation::of(contract)?;
    let prices = allocation.shares_of_whole()?;
    let state = ContractState {
        contract: contract.contract,
        legal: AtLeastOne::of(LegalContract {
            id: contract.contract,
            signed_on: periods.effective(contract.signed_on),
            term: contract.term,
            policy: *policy,
            receivable: 0,
            advance: 0,
            clauses: contract.clauses.clone(),
        }),
        currency: contract.currency,
        policy: *policy,
        policies: Vec::new(),
        allocation: Allocation::default(),
        obligations: Vec::new(),
        enforced_on: None,
        financing: contract.financing.map(Financing::at),
        accounting: vec![AccountingContract::of(Portion::new(contract.contract, 0))],
        standing: Standing::at_signature(contract),
    };
    let mut settlement = Settlement::of(state, periods);
    settlement.state.allocation = allocation;
    for (obligation, price) in contract.obligations.iter().zip(prices) {
        let term = obligation.term.unwrap_or(contract.term);
        let promised = (contract.contract, obligation, contract.signed_on);
        let place = settlement.state.promise(promised, term, (0, price))?;
        let price = settlement.state.price_of(place)?;
        settlement.price(place, price, Cause::Booking, contract.signed_on)?;
        settlement.option(place, Cause::Booking, contract.signed_on)?;
    }
    for variable in &contract.variables {
        let Some(period) = variable.period else { continue };
        for (obligation, price) in settlement.state.allocation.parts_of(variable)? {
            let promised = contract.obligations.iter().find(|known| known.id == obligation);
            let Some(promised) = promised else { continue };
            let place = settlement.state.promise_for(promised, &variable.id, (period, price))?;
            settlement.price(place, price, Cause::Booking, contract.signed_on)?;
        }
    }
    settlement.finish(contract.signed_on)
}

impl ObligationState {
    /// How the whole promise is earned, from its first day on, under a policy.
    pub(crate) fn first_spread(&self, policy: &Policy) -> Result<Spread, EngineError> {
        Ok(match &self.method {
            Method::StraightLine { .. } => Spread::Time {
                term: self.term,
                convention: self.method.convention(policy.convention),
                since: None,
                rounding: (policy.rounding != self.rounding).then_some(policy.rounding),
            },
            Method::RightToInvoice { .. } | Method::Usage { .. } => Spread::Metered,
            _ => Spread::Measured { before: 0, total: self.promised()?, at_cost: 0 },
        })
    }
}

impl ContractState {
    /// Takes in a promise that a legal contract makes on a day to an accounting contract, at a share of its
    /// price; answers its place. Its T is still zero, so that a movement can set it.
    pub(crate) fn promise(
        &mut self,
        (contract, promised, on): (ContractId, &SignedObligation, NaiveDate),
        term: Term,
        (part, price): (u32, i128),
    ) -> Result<usize, EngineError> {
        let place = self.obligations.len();
        let policy = *self.policy_on(on);
        let mut obligation = ObligationState {
            id: promised.id,
            key: promised.key.clone(),
            contract,
            ordinal: u32::try_from(self.places_of(contract).count())
                .map_err(|_| EngineError::Overflow)?,
            place: u32::try_from(place).map_err(|_| EngineError::Overflow)?,
            part,
            method: promised.method.clone(),
            rounding: policy.rounding,
            minor_digits: self.currency.minor_digits(),
            term,
            stated: promised.price,
            ssp: promised.ssp.or(promised.price).unwrap_or(price),
            transaction_price: 0,
            phases: Vec::new(),
            points: Vec::new(),
            marks: Vec::new(),
            pending: Vec::new(),
            recognized: 0,
            posted_through: None,
            ended_on: None,
            billed: 0,
            conditional: 0,
            beyond: 0,
            of_variable: None,
            renewal: promised.renewal,
            exercised: Quantity::ZERO,
            potential: 0,
            meters: Vec::new(),
            hold: None,
            held: Vec::new(),
            runs: Vec::new(),
        };
        let spread = match promised.renewal {
            // Nothing is done under an option before it is exercised.
            Some(_) => Spread::Measured { before: 0, total: 0, at_cost: 0 },
            None => obligation.first_spread(&policy)?,
        };
        obligation.phases.push(Phase {
            from: BEGINNING,
            price,
            // Beside what is metered, a price can only be a variable amount.
            carved: if spread == Spread::Metered { price } else { 0 },
            satisfied: Share::NONE,
            spread,
            posted_ahead: 0,
            by_policy: false,
        });
        for version in self.policies.iter().filter(|version| version.from > on) {
            obligation.plan_under(version.from, &version.policy)?;
        }
        self.obligations.push(obligation);
        Ok(place)
    }

    /// Takes in what a variable amount brings an obligation for a part of its series (606-10-32-40): a
    /// state of its own, earned by time over that part. Answers its place.
    fn promise_for(
        &mut self,
        promised: &SignedObligation,
        variable: &str,
        (period, price): (Term, i128),
    ) -> Result<usize, EngineError> {
        let promised = SignedObligation { price: None, ssp: None, ..promised.clone() };
        // At signature, when nothing is combined.
        let (contract, signed_on) = (self.contract, self.first_signed_on());
        let place = self.promise((contract, &promised, signed_on), period, (0, price))?;
        if let Some(obligation) = self.obligations.get_mut(place) {
            obligation.of_variable = Some(variable.to_owned());
        }
        Ok(place)
    }

    /// Price of an obligation over the stated term as its last phase, or its meter, says it.
    pub(crate) fn price_of(&self, place: usize) -> Result<i128, EngineError> {
        let obligation = self.obligations.get(place).ok_or(EngineError::Overflow)?;
        match obligation.phases.last() {
            Some(Phase { spread: Spread::Metered, carved, .. }) => {
                add(*carved, obligation.metered_price()?)
            }
            Some(phase) => Ok(phase.price),
            None => Ok(0),
        }
    }
}
