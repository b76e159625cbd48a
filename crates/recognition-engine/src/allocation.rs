//! Allocation of the transaction price to obligations (606-10-32-28 to 32-45).

use backlog_ids::{ContractId, ObligationId};
use backlog_money::{AllocateError, allocate};
use serde::{Deserialize, Serialize};

use crate::{
    error::EngineError,
    facts::{SignedContract, Variable},
    math::{add, sub, sum},
    prices::stand_alone,
    validate::validate,
};

/// How a price was shared at inception: kept, because later changes of variable amounts are shared
/// alike (606-10-32-43). Amounts in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// Fixed price of the whole.
    pub fixed: i128,
    /// The obligations, each with what it weighs in the split of the price.
    pub weights: Vec<(ObligationId, i128)>,
    /// Variable amounts.
    pub variables: Vec<Variable>,
    /// What exercising options to renew is expected to bring (606-10-55-45).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renewals: Vec<(ObligationId, i128)>,
}

impl Allocation {
    /// The allocation of a contract as signed. Errors with all violations when it cannot be booked.
    pub fn of(contract: &SignedContract) -> Result<Self, EngineError> {
        let violations = validate(contract);
        if !violations.is_empty() {
            return Err(EngineError::InvalidContract(violations));
        }
        let stated = sum(contract.obligations.iter().filter_map(|o| o.price))?;
        let fixed = contract.price.unwrap_or(stated);
        let renewals = renewals(contract)?;
        let looked_through = add(fixed, sum(renewals.iter().map(|(_, amount)| *amount))?)?;
        let prices = stand_alone(contract, looked_through)?;
        let ids = contract.obligations.iter().map(|obligation| obligation.id);
        Ok(Self {
            fixed,
            weights: ids.zip(prices).collect(),
            variables: contract.variables.clone(),
            renewals,
        })
    }

    /// T of each obligation, in their order, amounts for parts of a series aside: those are earned by
    /// themselves. In minor units.
    pub(crate) fn shares_of_whole(&self) -> Result<Vec<i128>, EngineError> {
        let variables = self.variables.iter().filter(|variable| variable.period.is_none());
        Self { variables: variables.cloned().collect(), ..self.clone() }.shares()
    }

    /// The parts of a variable amount that was promised for some obligations, by obligation: all of
    /// those, also where their part is nothing. In minor units.
    pub(crate) fn parts_of(
        &self,
        variable: &Variable,
    ) -> Result<Vec<(ObligationId, i128)>, EngineError> {
        let all: Vec<i128> = self.weights.iter().map(|(_, weight)| *weight).collect();
        let ids: Vec<ObligationId> = self.weights.iter().map(|(id, _)| *id).collect();
        let named =
            |place: usize| ids.get(place).is_some_and(|id| variable.applies_to.contains(id));
        let parts = split_over(variable.included, &all, named)?;
        let parts = ids.iter().copied().zip(parts);
        Ok(parts.filter(|(id, _)| variable.applies_to.contains(id)).collect())
    }

    /// T of each obligation, in their order: the fixed price and the variable amounts that belong to no
    /// obligation in particular are shared in one, by largest remainder, ties by order; amounts of some
    /// obligations among those. In minor units.
    pub fn shares(&self) -> Result<Vec<i128>, EngineError> {
        let general = self.variables.iter().filter(|variable| variable.applies_to.is_empty());
        let renewals = sum(self.renewals.iter().map(|(_, amount)| *amount))?;
        let fixed = add(self.fixed, renewals)?;
        let pool = add(fixed, sum(general.map(|variable| variable.included))?)?;
        let all: Vec<i128> = self.weights.iter().map(|(_, weight)| *weight).collect();
        let mut shares = split_over(pool, &all, |_| true)?;
        for variable in self.variables.iter().filter(|variable| !variable.applies_to.is_empty()) {
            let named = |place: usize| {
                let id = self.weights.get(place).map(|(id, _)| id);
                id.is_some_and(|id| variable.applies_to.contains(id))
            };
            let parts = split_over(variable.included, &all, named)?;
            for (share, part) in shares.iter_mut().zip(parts) {
                *share = add(*share, part)?;
            }
        }
        // What exercising brings enters T only then.
        for ((id, _), share) in self.weights.iter().zip(&mut shares) {
            if let Some((_, expected)) = self.renewals.iter().find(|(renewal, _)| renewal == id) {
                *share = sub(*share, *expected)?;
            }
        }
        Ok(shares)
    }

    /// Sets an estimate, of a variable amount by its legal contract and handle, and answers by how much T of each obligation changes with it, in their order.
    pub fn reestimate(
        &mut self,
        (of, id): (Option<ContractId>, &str),
        estimate: i128,
        included: i128,
    ) -> Result<Vec<(ObligationId, i128)>, EngineError> {
        let before = self.shares()?;
        let unknown = || EngineError::UnknownVariable(id.to_owned());
        let found = self.variables.iter_mut().find(|known| known.id == id && known.of == of);
        let variable = found.ok_or_else(unknown)?;
        variable.estimate = estimate;
        variable.included = included;
        let after = self.shares()?;
        let changes = self.weights.iter().zip(before.into_iter().zip(after));
        changes.map(|((id, _), (before, after))| Ok((*id, sub(after, before)?))).collect()
    }
}

/// The expected exercise price of each option to renew.
fn renewals(contract: &SignedContract) -> Result<Vec<(ObligationId, i128)>, EngineError> {
    let of = contract.obligations.iter().filter_map(|o| o.renewal.map(|option| (o.id, option)));
    of.map(|(id, option)| Ok((id, option.expected_of(option.exercise_price)?))).collect()
}

/// The transaction price of each obligation of a contract, in their order. In minor units. Errors
/// with all violations when the contract cannot be booked.
pub fn allocate_price(contract: &SignedContract) -> Result<Vec<i128>, EngineError> {
    Allocation::of(contract)?.shares()
}

/// Parts of an amount for the places that `of` names, by their weights; in equal parts where none of
/// them has a price, as where all is metered.
fn split_over(
    amount: i128,
    weights: &[i128],
    of: impl Fn(usize) -> bool,
) -> Result<Vec<i128>, EngineError> {
    let named = |weight: i128, place: usize| if of(place) { weight } else { 0 };
    let own: Vec<i128> = weights.iter().enumerate().map(|(n, w)| named(*w, n)).collect();
    match split(amount, &own) {
        Err(EngineError::NothingToShareBy) => {
            let ones: Vec<i128> = (0..weights.len()).map(|place| named(1, place)).collect();
            split(amount, &ones)
        }
        parts => parts,
    }
}

/// Parts of an amount by weights; weights of zero throughout only share nothing.
pub(crate) fn split(amount: i128, weights: &[i128]) -> Result<Vec<i128>, EngineError> {
    match allocate(amount, weights) {
        Ok(parts) => Ok(parts),
        Err(AllocateError::NoWeight) if amount == 0 => Ok(vec![0; weights.len()]),
        Err(AllocateError::NoWeight) => Err(EngineError::NothingToShareBy),
        Err(AllocateError::NegativeWeight | AllocateError::Overflow) => Err(EngineError::Overflow),
    }
}
