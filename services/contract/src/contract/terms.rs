//! What the parties of a contract agree on, once it is known to be sound.

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId};
use backlog_money::{Currency, Quantity};
use backlog_recognition_engine::{
    Allocation, Clause, Criterion, DiscountScope, EngineError, Method, Renewal, SignedContract,
    SignedObligation, Term, Variable as EngineVariable, Violation, ViolationReason, validate,
};
use chrono::NaiveDate;

/// How much a contract may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Obligations of a contract.
    pub(crate) obligations: usize,
    /// Variable amounts of a contract.
    pub(crate) variables: usize,
    /// Milestones of an obligation.
    pub(crate) milestones: usize,
    /// Gates of an obligation.
    pub(crate) gates: usize,
}

impl Limits {
    /// No limits: for what was taken in under those of its day.
    pub(crate) const NONE: Self = Self {
        obligations: usize::MAX,
        variables: usize::MAX,
        milestones: usize::MAX,
        gates: usize::MAX,
    };
}

/// Terms that can be booked. Amounts in minor units of the currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The vendor's own number for the contract; may be empty.
    pub(crate) number: String,
    /// The customer at the vendor.
    pub(crate) customer: String,
    /// Stated term.
    pub(crate) term: Term,
    /// Currency of all amounts.
    pub(crate) currency: Currency,
    /// Fixed price of the whole; then obligations state none.
    pub(crate) price: Option<i128>,
    /// The distinct promises (606-10-25-14), in the contract's order.
    pub(crate) obligations: Vec<Promise>,
    /// Reporting dimensions.
    pub(crate) dimensions: BTreeMap<String, String>,
    /// Amounts that depend on what is yet to happen (606-10-32-5).
    pub(crate) variables: Vec<Variable>,
    /// Obligations that the discount belongs to (606-10-32-36); all where none is given.
    pub(crate) discount: Option<Discount>,
    /// On what terms it can be ended early.
    pub(crate) clauses: Vec<Clause>,
    /// Yearly interest where one side finances the other, as a fraction: it may be billed beside the price.
    pub(crate) financing: Option<Quantity>,
    /// Criteria of a contract that it does not meet; none where it meets all.
    pub(crate) unmet: Option<Unmet>,
}

/// What keeps an agreement from being a contract when it is signed (606-10-25-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unmet {
    /// The criteria that it does not meet, each once, at least one.
    pub(crate) criteria: Vec<Criterion>,
    /// Why.
    pub(crate) reason: String,
}

/// One distinct promise. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promise {
    /// Its id.
    pub(crate) id: ObligationId,
    /// The caller's handle, unique within the contract.
    pub(crate) key: String,
    /// Stated price, that of a quantity worked out; none where the contract states one for all, where
    /// the price follows what is used, and where the residual or a variable amount is all there is.
    pub(crate) price: Option<i128>,
    /// Stand-alone selling price, above zero: as stated, else the stated price unless that is zero.
    pub(crate) ssp: Option<i128>,
    /// Lowest and highest price at which it is sold alone.
    pub(crate) ssp_range: Option<(i128, i128)>,
    /// Whether it takes what the price leaves (606-10-32-34c).
    pub(crate) residual: bool,
    /// Its term, within the contract's.
    pub(crate) term: Term,
    /// How it is recognized.
    pub(crate) method: Method,
    /// Product line to report under; may be empty.
    pub(crate) product_line: String,
    /// Units promised, where they are stated.
    pub(crate) quantity: Option<Quantity>,
    /// Price of a unit, where it is stated.
    pub(crate) unit_price: Option<Quantity>,
    /// What can be billed of it: at signature its share of the price by relative SSP (606-10-32-31)
    /// with variable amounts above zero, of metered use what is committed. Below zero after an
    /// amendment to less than its share: then others may bill less.
    pub(crate) transaction_price: i128,
    /// Whether an amendment gave up what remained of it.
    pub(crate) removed: bool,
    /// That it is an option to renew (606-10-55-45).
    pub(crate) renewal: Option<Renewal>,
}

/// An amount that depends on what is yet to happen. Minor units; rebates and penalties are negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The caller's handle, unique within the contract.
    pub(crate) id: String,
    /// The estimate of all of it.
    pub(crate) estimate: i128,
    /// The part that is not constrained (606-10-32-11).
    pub(crate) included: i128,
    /// How it is estimated.
    pub(crate) kind: VariableKind,
    /// Keys of the obligations that it is promised for; all when empty.
    pub(crate) applies_to: Vec<String>,
    /// The part of a series that it is promised for; the whole promise where none is given.
    pub(crate) period: Option<Term>,
}

/// How a variable amount is estimated (606-10-32-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VariableKind {
    /// The sum of probability-weighted amounts.
    ExpectedValue,
    /// The single most likely amount.
    MostLikely,
    /// Nothing of it counts until it is freed.
    Constrained,
}

/// A discount that belongs to some obligations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Discount {
    /// Their keys.
    pub(crate) obligations: Vec<String>,
    /// How much of it is theirs, in minor units; all of it where none is given.
    pub(crate) amount: Option<i128>,
}

/// The id of the obligation `key` of a contract: the same whenever it is asked for.
pub(crate) fn obligation_id(contract: ContractId, key: &str) -> ObligationId {
    ObligationId::from_uuid(backlog_ids::derive(contract.uuid(), key))
}

impl Terms {
    /// Fixed price of the whole contract, the sum over the obligations where they state prices.
    pub(crate) fn total(&self) -> i128 {
        let stated = || self.obligations.iter().filter_map(|promise| promise.price);
        self.price.unwrap_or_else(|| stated().fold(0, i128::saturating_add))
    }

    /// Gives each obligation what can be billed of it: its share of the price and of variable amounts
    /// above zero. Those below zero are not deducted: a rebate is credited when it is earned, not left
    /// out of invoices. Errors as the engine does.
    pub(crate) fn allocate(&mut self, contract: ContractId) -> Result<(), EngineError> {
        let mut allocation = Allocation::of(&self.to_engine(contract))?;
        let mut shares = allocation.shares()?;
        if allocation.variables.iter().any(|variable| variable.included < 0) {
            allocation.variables.retain(|variable| variable.included > 0);
            shares = allocation.shares()?;
        }
        for (promise, share) in self.obligations.iter_mut().zip(shares) {
            // What an option brings can be billed once it is exercised; this service does not know when.
            let more = promise.committed().saturating_add(promise.option_price());
            let share = share.checked_add(more).ok_or(EngineError::Overflow)?;
            promise.transaction_price = share;
        }
        Ok(())
    }

    /// States a price for each obligation where the contract states one for all: its share of that.
    /// Then single ones can change. Errors as the engine does.
    pub(super) fn price_each(&mut self, contract: ContractId) -> Result<(), EngineError> {
        if self.price.is_none() {
            return Ok(());
        }
        let mut allocation = Allocation::of(&self.to_engine(contract))?;
        allocation.variables.clear();
        let shares = allocation.shares()?;
        let priced = self.obligations.iter_mut().zip(shares);
        for (promise, share) in priced.filter(|(promise, _)| !promise.method.is_metered()) {
            promise.price = Some(share);
        }
        self.price = None;
        Ok(())
    }

    /// What is wrong with promises that are to be added, each by its place among them.
    pub(super) fn violations_of(&self, contract: ContractId, added: &[Promise]) -> Vec<Violation> {
        let whole = SignedContract {
            price: None,
            obligations: added.iter().map(Promise::to_engine).collect(),
            variables: Vec::new(),
            discount: None,
            ..self.to_engine(contract)
        };
        // Terms beyond the contract's are what an amendment may bring.
        let mut violations = validate(&whole);
        violations.retain(|violation| violation.reason != ViolationReason::TermOutside);
        violations
    }

    /// Variable amounts above zero that may be billed under an obligation, in minor units.
    pub(crate) fn billable_variables(&self, key: &str) -> i128 {
        let concern =
            |v: &&Variable| v.applies_to.is_empty() || v.applies_to.iter().any(|k| k == key);
        let amounts = self.variables.iter().filter(concern).map(|v| v.included.max(0));
        amounts.fold(0, i128::saturating_add)
    }

    fn to_engine(&self, contract: ContractId) -> SignedContract {
        let ids = |keys: &[String]| keys.iter().map(|key| obligation_id(contract, key)).collect();
        SignedContract {
            contract,
            // The day of signature has no influence on the split.
            signed_on: NaiveDate::MIN,
            currency: self.currency,
            term: self.term,
            price: self.price,
            obligations: self.obligations.iter().map(Promise::to_engine).collect(),
            variables: self
                .variables
                .iter()
                .map(|variable| EngineVariable {
                    id: variable.id.clone(),
                    estimate: variable.estimate,
                    included: variable.included,
                    applies_to: ids(&variable.applies_to),
                    period: variable.period,
                    of: None,
                })
                .collect(),
            discount: self.discount.as_ref().map(|discount| DiscountScope {
                obligations: ids(&discount.obligations),
                amount: discount.amount,
            }),
            clauses: self.clauses.clone(),
            financing: self.financing,
            unmet: self.unmet.iter().flat_map(|unmet| unmet.criteria.clone()).collect(),
        }
    }
}

impl Promise {
    /// The units or hours that progress is measured by; none where something else measures it.
    pub(crate) fn total(&self) -> Option<Quantity> {
        self.method.total()
    }

    /// The same, added to a contract: its price is all its own.
    pub(super) fn priced_by_itself(self) -> Self {
        let price = self.price.unwrap_or(0).saturating_add(self.committed());
        let price = price.saturating_add(self.option_price());
        Self { transaction_price: price, ..self }
    }

    /// What exercising an option to renew costs, in minor units.
    fn option_price(&self) -> i128 {
        self.renewal.map_or(0, |option| option.exercise_price)
    }

    /// What is committed of metered use, in minor units.
    pub(super) fn committed(&self) -> i128 {
        match &self.method {
            Method::Usage { minimum, .. } => *minimum,
            _ => 0,
        }
    }

    fn to_engine(&self) -> SignedObligation {
        SignedObligation {
            id: self.id,
            key: self.key.clone(),
            price: self.price,
            ssp: self.ssp,
            ssp_range: self.ssp_range,
            residual: self.residual,
            term: Some(self.term),
            method: self.method.clone(),
            renewal: self.renewal,
        }
    }
}
