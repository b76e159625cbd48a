//! What the contract service keeps of a contract: what can be billed and was, what was paid, when it
//! last changed. It knows no accounting, so this is apart from the fold's state.

use backlog_money::{Currency, Money, Quantity, mul_div_half_away};
use backlog_recognition_engine::{
    self as engine, Allocation, EngineError, MeterChange, SignedContract, SignedObligation, Term,
};
use chrono::NaiveDate;

use crate::failure::Failure;

use super::super::model::{Change, Terms, units_value};
use super::refusal::{refusal, unfit};

/// A signed contract, as billed. Amounts in minor units.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Its promises, in order.
    pub(super) promises: Vec<Promise>,
    /// Its term.
    pub(super) term: Term,
    /// Shares of the fixed price, where the contract states one for all: its promises' prices from the
    /// first amendment on.
    shares: Option<Vec<i128>>,
    /// Whether interest may be owed beside the price.
    pub(super) financed: bool,
    /// Variable amounts above zero, each with the promises that it concerns; all when empty.
    variables: Vec<(i128, Vec<String>)>,
    /// Day of the last change of its price or promises.
    pub(super) changed_on: NaiveDate,
    /// Whether it has ended.
    pub(super) terminated: bool,
    /// Cash received less cash given back.
    pub(super) paid: i128,
}

/// One promise, as billed. Amounts in minor units.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    /// Its handle.
    pub(super) key: String,
    /// Whether what is owed follows from use, so that billing has no ceiling.
    pub(super) metered: bool,
    /// What can be billed of it in all.
    pub(super) billable: i128,
    /// What is billed of it.
    pub(super) billed: i128,
    /// Whether what remained of it was given up.
    removed: bool,
    price: Option<i128>,
    ssp: Option<i128>,
    term: Term,
    /// Committed minimum and cap of metered use.
    bounds: (Option<i128>, Option<i128>),
    /// Units or hours that its progress is measured by.
    measured: Option<Quantity>,
    quantity: Option<Quantity>,
    unit_price: Option<Quantity>,
}

/// A change with what is worked out from quantities.
#[derive(Debug, Clone, Copy)]
pub(super) struct WorkedOut {
    /// New stated price.
    pub(super) price: Option<i128>,
    /// New total of what progress is measured by.
    pub(super) total: Option<Quantity>,
    /// New stand-alone selling price.
    pub(super) ssp: Option<i128>,
    /// New terms of metered use.
    pub(super) meter: MeterChange,
}

impl Tally {
    /// A contract as signed: its promises can be billed their shares of the price and of variable
    /// amounts above zero. A rebate is credited when it is earned, not left out of invoices.
    pub(super) fn of(terms: &Terms, signed: &SignedContract) -> Result<Self, Failure> {
        let mut allocation = Allocation::of(signed).map_err(refusal)?;
        allocation.variables.retain(|variable| variable.included > 0);
        let billable = allocation.shares().map_err(refusal)?;
        allocation.variables.clear();
        let shares = allocation.shares().map_err(refusal)?;
        let stated = terms.obligations.iter().map(|o| (o.quantity, o.unit_price));
        let promises = signed.obligations.iter().zip(stated).zip(billable);
        Ok(Self {
            promises: promises
                .map(|((promised, stated), share)| {
                    Promise::of(promised, stated, signed.term, share)
                })
                .collect(),
            term: signed.term,
            shares: signed.price.map(|_| shares),
            financed: signed.financing.is_some(),
            variables: terms
                .variables
                .iter()
                .map(|variable| (variable.counted().minor().max(0), variable.applies_to.clone()))
                .collect(),
            changed_on: signed.signed_on,
            terminated: false,
            paid: 0,
        })
    }

    /// What is left to bill of each promise: less than nothing where others left room for it.
    pub(super) fn unbilled(&self) -> Vec<i128> {
        let left = self.promises.iter().map(|promise| {
            let left = promise.billable.saturating_sub(promise.billed);
            if promise.metered { left.max(0) } else { left }
        });
        left.collect()
    }

    /// What can be billed in all of promises that have a ceiling, and what is billed of them.
    pub(super) fn ceiling(&self) -> (i128, i128) {
        let priced = self.promises.iter().filter(|promise| !promise.metered);
        priced.fold((0, 0), |(ceiling, billed): (i128, i128), promise| {
            (ceiling.saturating_add(promise.billable), billed.saturating_add(promise.billed))
        })
    }

    /// What a line may bill of a promise that states its price: that price and the variable amounts
    /// that concern it, or its share where that is more. The ceiling of others is the contract's.
    pub(super) fn own_ceiling(&self, promise: &Promise) -> Option<i128> {
        let price = promise.price.filter(|_| !promise.metered)?;
        let concern = |keys: &[String]| keys.is_empty() || keys.contains(&promise.key);
        let variables = self.variables.iter().filter(|(_, keys)| concern(keys));
        let variables = variables.fold(0_i128, |sum, (part, _)| sum.saturating_add(*part));
        Some(price.saturating_add(variables).max(promise.billable))
    }

    /// Refuses a change of what was agreed that comes before the last one.
    pub(super) fn check_change(&self, on: NaiveDate) -> Result<(), Failure> {
        if on < self.changed_on {
            let last = self.changed_on;
            return Err(refusal(EngineError::ChangeBeforeLast { on, last }));
        }
        Ok(())
    }

    /// From now on each promise has a price of its own.
    pub(super) fn price_each(&mut self) {
        for (promise, share) in self.promises.iter_mut().zip(self.shares.take().unwrap_or_default())
        {
            if !promise.metered {
                promise.price = Some(share);
            }
        }
    }

    /// Takes in a promise that an amendment adds: its price is all its own.
    pub(super) fn add(
        &mut self,
        promised: &SignedObligation,
        stated: (Option<Quantity>, Option<Quantity>),
    ) -> Result<(), Failure> {
        let term = promised.term.unwrap_or(self.term);
        self.grow(term)?;
        let price = promised.price.unwrap_or(0);
        self.promises.push(Promise::of(promised, stated, term, price));
        Ok(())
    }

    /// The contract's term covers those of its promises.
    pub(super) fn grow(&mut self, term: Term) -> Result<(), Failure> {
        let (from, to) = (self.term.from().min(term.from()), self.term.to().max(term.to()));
        self.term = Term::new(from, to).map_err(|error| unfit(&error.to_string()))?;
        Ok(())
    }
}

impl Promise {
    fn of(
        promised: &SignedObligation,
        (quantity, unit_price): (Option<Quantity>, Option<Quantity>),
        contract_term: Term,
        share: i128,
    ) -> Self {
        let (measured, committed) = match &promised.method {
            engine::Method::Units { total } | engine::Method::LaborHours { total } => {
                (Some(*total), 0)
            }
            engine::Method::PointInTime { quantity, .. } => (Some(*quantity), 0),
            engine::Method::Usage { minimum, .. } => (None, *minimum),
            _ => (None, 0),
        };
        let bounds = match promised.method {
            engine::Method::Usage { minimum, cap, .. } => (Some(minimum), cap),
            engine::Method::RightToInvoice { cap, .. } => (None, cap),
            _ => (None, None),
        };
        let option_price = promised.renewal.map_or(0, |option| option.exercise_price);
        let price = promised.price;
        Self {
            key: promised.key.clone(),
            metered: promised.method.is_metered(),
            billable: share.saturating_add(committed).saturating_add(option_price),
            billed: 0,
            removed: false,
            price,
            ssp: promised.ssp.or(price.filter(|price| *price > 0 && !promised.residual)),
            term: promised.term.unwrap_or(contract_term),
            bounds,
            measured,
            quantity,
            unit_price,
        }
    }

    /// Its stated price.
    pub(super) const fn stated(&self) -> Option<i128> {
        self.price
    }

    fn units(&self) -> Option<Quantity> {
        self.quantity.or(self.measured)
    }

    /// Takes in a change. `stated` is its price before those of the contract were worked out.
    pub(super) fn change(
        &mut self,
        change: &Change,
        (stated, term): (Option<i128>, Option<Term>),
        currency: Currency,
    ) -> Result<WorkedOut, Failure> {
        if self.removed {
            return Err(unfit("what was removed does not change"));
        }
        let asked = change.price.map(Money::minor);
        let meter = MeterChange::default();
        if self.metered {
            let meter = self.meter(change, term)?;
            return Ok(WorkedOut { price: asked, total: None, ssp: None, meter });
        }
        if change.minimum.is_some() || change.cap.is_some() {
            return Err(unfit("only what is metered has a minimum and a cap"));
        }
        if change.remove {
            let owed = asked.unwrap_or(self.billed);
            (self.billable, self.price, self.unit_price) = (owed, Some(owed), None);
            self.removed = true;
            return Ok(WorkedOut { price: asked, total: None, ssp: None, meter });
        }
        let price = self.new_price(change, asked, currency)?;
        if let Some(price) = price {
            let more = price.saturating_sub(stated.unwrap_or(self.billable));
            self.billable = self.billable.saturating_add(more);
            self.price = Some(price);
        }
        let before = (self.units(), self.term);
        self.resize(change, currency);
        self.term = term.unwrap_or(self.term);
        let ssp = change.ssp.map(Money::minor);
        self.ssp = ssp.or_else(|| self.scaled_ssp(change, before));
        // Of a quantity that measures no progress, price and stand-alone selling price are all.
        let measured = self.measured.is_some();
        let scaled = change.quantity.and(self.ssp).filter(|_| !measured);
        let total = change.quantity.filter(|_| measured);
        Ok(WorkedOut { price, total, ssp: ssp.or(scaled), meter })
    }

    /// Takes in other terms of metered use.
    fn meter(&mut self, change: &Change, term: Option<Term>) -> Result<MeterChange, Failure> {
        let priced = change.price.is_some() && !change.remove;
        if priced || change.quantity.is_some() || change.ssp.is_some() {
            return Err(unfit("the price follows what is used"));
        }
        let minimum = change.minimum.map(Money::minor);
        let (known, cap) = self.bounds;
        if known.is_none() && minimum.is_some() {
            return Err(unfit("nothing is committed of work to be invoiced"));
        }
        let before = known.unwrap_or(0);
        let committed = minimum.unwrap_or(before);
        let cap = change.cap.map(Money::minor).or(cap);
        if cap.is_some_and(|cap| cap < committed) {
            return Err(unfit("the cap must not be below the minimum"));
        }
        self.bounds = (known.map(|_| committed), cap);
        self.unit_price = change.unit_price.or(self.unit_price);
        self.term = term.unwrap_or(self.term);
        self.billable = self.billable.saturating_add(committed.saturating_sub(before));
        if change.remove {
            self.billable = change.price.map_or(0, Money::minor);
            self.removed = true;
        }
        let cap = change.cap.map(Money::minor);
        Ok(MeterChange { unit_price: change.unit_price, minimum, cap })
    }

    fn new_price(
        &self,
        change: &Change,
        asked: Option<i128>,
        currency: Currency,
    ) -> Result<Option<i128>, Failure> {
        if change.quantity.is_some() && self.units().is_none() {
            return Err(unfit("the obligation has no quantity: give the price"));
        }
        if asked.is_some() || (change.quantity.is_none() && change.unit_price.is_none()) {
            return Ok(asked);
        }
        match (change.quantity.or(self.units()), change.unit_price.or(self.unit_price)) {
            (Some(units), Some(unit_price)) => units_value(units, unit_price, currency)
                .map(Some)
                .ok_or_else(|| unfit("quantity x unit_price is too large")),
            (None, _) => Err(unfit("the obligation has no quantity: give the price")),
            // More or less is to be done for the same price.
            (Some(_), None) if self.measured.is_some() => Ok(None),
            (Some(_), None) => Err(unfit("the obligation has no unit_price: give the price")),
        }
    }

    /// Quantity and unit price stay only as long as they make the price.
    fn resize(&mut self, change: &Change, currency: Currency) {
        if self.quantity.is_some() || change.unit_price.is_some() {
            self.quantity = change.quantity.or(self.units());
        }
        if self.measured.is_some() {
            self.measured = change.quantity.or(self.measured);
        }
        let unit_price = change.unit_price.or(self.unit_price);
        let made = self.quantity.zip(unit_price).and_then(|(q, u)| units_value(q, u, currency));
        self.unit_price = unit_price.filter(|_| made.is_some() && made == self.price);
    }

    /// What the whole sells for alone where the change does not say: by its units, or the days of its
    /// term.
    fn scaled_ssp(&self, change: &Change, before: (Option<Quantity>, Term)) -> Option<i128> {
        let ssp = self.ssp?;
        let (new, old) = match (change.quantity.and(self.units()), before.0) {
            (Some(new), Some(old)) => (new.scaled(), old.scaled()),
            _ => (i128::from(self.term.days()), i128::from(before.1.days())),
        };
        mul_div_half_away(ssp, new, old.max(1)).filter(|ssp| *ssp > 0).or(Some(ssp))
    }
}
