//! Which of what is accounted for as one contract is of which legal contract: mostly all of one, else of
//! several that were combined (606-10-25-9). Cash, bills and rights to leave are each legal contract's own;
//! prices and the net position are of all.

use backlog_ids::{AccountingContractId, ContractId};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    book::accounting_contract_of,
    error::EngineError,
    facts::{Clause, Variable},
    math::sub,
    policy::Policy,
    several::AtLeastOne,
    state::{BalancePoint, ContractState, ObligationState},
    term::Term,
};

/// A legal contract, as far as it is accounted for by itself. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalContract {
    /// Its id.
    pub id: ContractId,
    /// Day of signature, or on which it became a contract; the first open day where that was closed.
    /// Bookings take effect on it, revenue at the earliest.
    pub signed_on: NaiveDate,
    /// Its term.
    pub term: Term,
    /// The policy at its inception.
    pub policy: Policy,
    /// Invoiced and unpaid with tax; below zero where the customer is owed.
    pub receivable: i128,
    /// Received and not applied to an invoice.
    pub advance: i128,
    /// On what terms it can be ended early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clauses: Vec<Clause>,
}

/// What is accounted for as one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountingContract {
    /// Its portions by legal contract, in the order in which these were combined: together they have one
    /// net position. The first names it.
    pub portions: AtLeastOne<Portion>,
}

/// What of an accounting contract is of one legal contract. Where there are several, balances of one of
/// them may be below zero: only their sum is a liability or an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// The legal contract.
    pub contract: ContractId,
    /// The accounting contract that it was, or would be, by itself.
    pub id: AccountingContractId,
    /// The day on which it was combined with those before it; from then on they are netted.
    pub joined_on: Option<NaiveDate>,
    /// Whether the price went down after signature: what is billed beyond it must be given back.
    pub reduced: bool,
    /// By how much its obligations' prices are above what was agreed for them in its legal contract: price
    /// that came from the other portions. Minor units.
    pub moved: i128,
    /// Days on which U or R changed, in order, one point a day. A fact needs those from its own
    /// effective date on and the last one before; earlier ones may be left out when loading.
    pub balances: Vec<BalancePoint>,
}

impl AccountingContract {
    /// The accounting contract of a legal contract at a place, nothing accounted for yet.
    pub(crate) const fn of(portion: Portion) -> Self {
        Self { portions: AtLeastOne::of(portion) }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> AccountingContractId {
        self.portions.first().id
    }
}

impl Portion {
    /// What of a legal contract is accounted for as its contract at a place: 0 is all as signed.
    #[must_use]
    pub fn new(contract: ContractId, place: usize) -> Self {
        Self {
            contract,
            id: accounting_contract_of(contract, place),
            joined_on: None,
            reduced: false,
            moved: 0,
            balances: Vec::new(),
        }
    }

    /// Whether it is netted with those before it at the end of a day.
    pub(crate) fn is_joined(&self, day: NaiveDate) -> bool {
        self.joined_on.is_none_or(|joined| joined <= day)
    }
}

impl ContractState {
    /// One of its legal contracts. Errors when it has no such.
    pub fn legal_of(&self, contract: ContractId) -> Result<&LegalContract, EngineError> {
        let found = self.legal.iter().find(|legal| legal.id == contract);
        found.ok_or(EngineError::OtherContract { fact: contract, state: self.contract })
    }

    /// One of its legal contracts, to be changed.
    pub(crate) fn legal_mut(
        &mut self,
        contract: ContractId,
    ) -> Result<&mut LegalContract, EngineError> {
        let other = EngineError::OtherContract { fact: contract, state: self.contract };
        self.legal.iter_mut().find(|legal| legal.id == contract).ok_or(other)
    }

    /// The day on which the legal contract of an obligation was signed.
    pub(crate) fn signed_on(&self, obligation: &ObligationState) -> NaiveDate {
        let own = self.legal.iter().find(|legal| legal.id == obligation.contract);
        own.unwrap_or(self.legal.first()).signed_on
    }

    /// Whether nothing more is done under any obligation of a legal contract.
    pub fn is_ended(&self, contract: ContractId) -> bool {
        let mut own = self.obligations.iter().filter(|of| of.contract == contract);
        own.all(|of| of.ended_on.is_some())
    }

    /// The first day on which one of its legal contracts was signed.
    #[must_use]
    pub fn first_signed_on(&self) -> NaiveDate {
        let more = self.legal.more().iter().map(|legal| legal.signed_on);
        more.fold(self.legal.first().signed_on, NaiveDate::min)
    }

    /// The places of a legal contract's obligations.
    pub(crate) fn places_of(&self, contract: ContractId) -> impl Iterator<Item = usize> {
        let all = self.obligations.iter().enumerate();
        all.filter_map(move |(place, of)| (of.contract == contract).then_some(place))
    }

    /// T - B of each obligation of a legal contract in order: what an invoice that names none is spread by.
    pub fn unbilled(&self, contract: ContractId) -> Result<Vec<i128>, EngineError> {
        let own = self.obligations.iter().filter(|o| o.contract == contract);
        own.map(|o| sub(o.transaction_price, o.billed)).collect()
    }

    /// The portion of an accounting contract that is of the obligation at a place.
    pub(crate) fn portion_mut(&mut self, place: usize) -> Option<&mut Portion> {
        let (part, contract) = (self.part_of(Some(place)), self.obligations.get(place)?.contract);
        let portions = &mut self.accounting.get_mut(part)?.portions;
        portions.iter_mut().find(|portion| portion.contract == contract)
    }

    /// A figure of each obligation, in the order of the state: nothing of those of other legal contracts.
    pub(crate) fn each_of(
        &self,
        contract: ContractId,
        figure: impl Fn(&ObligationState) -> Result<i128, EngineError>,
    ) -> Result<Vec<i128>, EngineError> {
        let own = |of: &ObligationState| if of.contract == contract { figure(of) } else { Ok(0) };
        self.obligations.iter().map(own).collect()
    }

    /// The same to share something by: all of it is the first's where none has any.
    pub(crate) fn weights_of(
        &self,
        contract: ContractId,
        figure: impl Fn(&ObligationState) -> Result<i128, EngineError>,
    ) -> Result<Vec<i128>, EngineError> {
        let mut weights = self.each_of(contract, figure)?;
        if weights.iter().all(|weight| *weight == 0) {
            let first = self.obligations.iter().position(|of| of.contract == contract);
            if let Some(weight) = first.and_then(|place| weights.get_mut(place)) {
                *weight = 1;
            }
        }
        Ok(weights)
    }

    /// What a variable amount of a legal contract says that it is of.
    pub(crate) fn owner(&self, contract: ContractId) -> Option<ContractId> {
        (contract != self.contract).then_some(contract)
    }

    /// A variable amount of a legal contract by its handle.
    #[must_use]
    pub fn variable(&self, contract: ContractId, id: &str) -> Option<&Variable> {
        let mut own = self.allocation.variables.iter().filter(|of| self.is_of(of, contract));
        own.find(|variable| variable.id == id)
    }

    /// Whether a variable amount is of a legal contract.
    pub(crate) fn is_of(&self, variable: &Variable, contract: ContractId) -> bool {
        variable.of == self.owner(contract)
    }

    /// All portions of all accounting contracts, in order, each with the place of its accounting contract.
    pub(crate) fn portions(&self) -> impl Iterator<Item = (usize, &Portion)> {
        let parts = self.accounting.iter().enumerate();
        parts.flat_map(|(part, known)| known.portions.iter().map(move |portion| (part, portion)))
    }

    /// The place among [`ContractState::portions`] of a legal contract's portion of an accounting contract.
    pub(crate) fn portion_place(&self, (part, contract): (usize, ContractId)) -> Option<usize> {
        self.portions().position(|(of, portion)| of == part && portion.contract == contract)
    }

    /// Lets a legal contract's term cover another one.
    pub(crate) fn cover(&mut self, contract: ContractId, term: Term) -> Result<(), EngineError> {
        let legal = self.legal_mut(contract)?;
        let (from, to) = (legal.term.from().min(term.from()), legal.term.to().max(term.to()));
        legal.term = Term::new(from, to).map_err(|_| EngineError::Overflow)?;
        Ok(())
    }
}
