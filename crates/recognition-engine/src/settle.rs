//! From what a fact changed to what it emits: movements of price, changes of plan, balances.

use std::collections::BTreeMap;

use backlog_ids::ContractId;
use backlog_money::Money;
use chrono::NaiveDate;

use crate::{
    balances::{NetChanges, balance},
    effects::{Cause, Effects, Measure, Movement, PlanChange, Working},
    error::EngineError,
    math::{add, sub},
    periods::Periods,
    phase::Phase,
    plan::{PlannedMonth, plan},
    state::{ContractState, ObligationState},
    term::first_of_month,
};

/// A fact being accounted for: the contract as it was and as it becomes, and what is emitted.
pub(crate) struct Settlement {
    /// The obligations as they were, in order; none where what is taken out of a plan is all that
    /// changes it.
    before: Vec<Option<ObligationState>>,
    /// What had to be given back before, by portion of accounting contracts.
    refundable_before: Vec<Result<i128, EngineError>>,
    /// The contract as it becomes.
    pub(crate) state: ContractState,
    effects: Effects,
    periods: Periods,
    /// Whether it is no contract yet: nothing of its price, plan or revenue is emitted.
    outside: bool,
    /// The day on which what is billed now becomes an unconditional right, if it does.
    pub(crate) unconditional_on: Option<NaiveDate>,
    /// The day whose policy all of it is under; each movement's own where none is given.
    pub(crate) under: Option<NaiveDate>,
    /// By portion of accounting contracts, in their order.
    net: Vec<NetChanges>,
    /// What entries took out of plans already, by place of the obligation and month.
    taken: BTreeMap<(usize, NaiveDate), i128>,
}

impl Settlement {
    /// Begins with the contract as it is.
    pub(crate) fn of(state: ContractState, periods: Periods) -> Self {
        let before = state.obligations.iter().cloned().map(Some).collect();
        Self::with(before, state, periods)
    }

    /// Begins a run. Where time alone earns, entries take from the plan what they post, and the rest
    /// stays as it was planned: only obligations that wait for what is done are planned anew.
    pub(crate) fn of_run(state: ContractState, periods: Periods) -> Self {
        let waits = |o: &&ObligationState| o.phases.last().is_some_and(Phase::is_measured);
        let before = state.obligations.iter().map(|o| Some(o).filter(waits).cloned()).collect();
        Self::with(before, state, periods)
    }

    /// Begins with what becomes a contract now: nothing of it was emitted.
    pub(crate) fn arising(state: ContractState, periods: Periods) -> Self {
        let nothing = state.portions().map(|_| Ok(0)).collect();
        Self { refundable_before: nothing, ..Self::with(Vec::new(), state, periods) }
    }

    fn with(before: Vec<Option<ObligationState>>, state: ContractState, periods: Periods) -> Self {
        Self {
            before,
            refundable_before: state
                .portions()
                .map(|(part, portion)| state.refund_estimate(part, portion))
                .collect(),
            outside: state.standing.not_yet().is_some(),
            state,
            effects: Effects::default(),
            periods,
            unconditional_on: None,
            under: None,
            net: Vec::new(),
            taken: BTreeMap::new(),
        }
    }

    /// Whether there was no contract before.
    pub(crate) const fn begins(&self) -> bool {
        self.before.is_empty()
    }

    /// Notes a decision or figure on the way.
    pub(crate) fn note(&mut self, working: Working) {
        self.effects.workings.push(working);
    }

    /// Moves a measure of the obligation at a place; nothing when the amount is zero.
    pub(crate) fn movement(
        &mut self,
        place: usize,
        what: (Cause, Measure),
        amount: i128,
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        let moved = self.state.movement(place, what, amount, on)?;
        self.push(self.state.part_of(Some(place)), moved)
    }

    /// Moves a measure of a legal contract as a whole; nothing when the amount is zero.
    pub(crate) fn movement_of(
        &mut self,
        contract: ContractId,
        what: (Cause, Measure),
        amount: i128,
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        let moved = self.state.movement_of((contract, 0), what, amount, on);
        self.push(0, moved)
    }

    /// Emits a movement of an accounting contract, on its day or the first open one; nothing when its
    /// amount is zero.
    pub(crate) fn push(&mut self, part: usize, movement: Movement) -> Result<(), EngineError> {
        let mut movement = movement;
        if movement.measure.needs_contract() {
            movement.effective_date = self.state.not_before(movement.effective_date);
        }
        let movement = self.periods.open(movement);
        let amount = movement.amount.minor();
        if amount == 0 || (self.outside && movement.measure.needs_contract()) {
            return Ok(());
        }
        let (on, portion) = (movement.effective_date, (part, movement.contract));
        match movement.measure {
            Measure::Unconditional => self.net(portion)?.unconditional(on, amount)?,
            Measure::Recognized => self.net(portion)?.recognized(on, amount)?,
            _ => {}
        }
        self.effects.movements.push(movement);
        Ok(())
    }

    fn net(&mut self, portion: (usize, ContractId)) -> Result<&mut NetChanges, EngineError> {
        let place = self.state.portion_place(portion).ok_or(EngineError::Overflow)?;
        if self.net.len() <= place {
            self.net.resize_with(place.saturating_add(1), NetChanges::default);
        }
        self.net.get_mut(place).ok_or(EngineError::Overflow)
    }

    /// Lets contracts that were combined be split as one from a day on, whatever they changed of it.
    pub(crate) fn touch_joined(&mut self, on: NaiveDate) -> Result<(), EngineError> {
        let first = self.state.accounting.first().map(|part| part.portions.iter());
        let all: Vec<ContractId> = first.into_iter().flatten().map(|of| of.contract).collect();
        all.into_iter().try_for_each(|contract| {
            self.net((0, contract))?.touch(on);
            Ok(())
        })
    }

    /// Changes a month's plan before the rest of what changes it: takes out of it what an entry posted,
    /// when the entry takes effect.
    pub(crate) fn take(&mut self, place: usize, change: PlanChange) -> Result<(), EngineError> {
        let taken = self.taken.entry((place, change.month)).or_default();
        *taken = add(*taken, change.amount.minor())?;
        let effective_date = self.periods.effective(change.effective_date);
        self.effects.plan_changes.push(PlanChange { effective_date, ..change });
        Ok(())
    }

    /// Plans on a day after the fact's own what T changes by on it, in its month.
    pub(crate) fn plan_more(
        &mut self,
        place: usize,
        amount: i128,
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        if self.outside {
            return Ok(());
        }
        let change = PlanChange {
            contract: self.state.contract,
            obligation: self.state.at(place)?.id,
            month: first_of_month(on),
            amount: Money::from_minor(amount, self.state.currency),
            effective_date: self.state.not_before(on),
            service: None,
        };
        self.take(place, change)
    }

    /// Plans an obligation anew on a day before the fact's own, from how it was.
    pub(crate) fn plan_on(
        &mut self,
        place: usize,
        before: &ObligationState,
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        let after = self.state.at(place)?;
        let (contract, obligation) = (after.contract, after.id);
        for (planned, amount) in differences(&plan(before)?, &plan(after)?, [])? {
            if amount == 0 {
                continue;
            }
            let (month, service) = (planned.month, planned.service);
            let amount = Money::from_minor(amount, self.state.currency);
            let effective_date = on;
            let change =
                PlanChange { contract, obligation, month, amount, effective_date, service };
            self.take(place, change)?;
        }
        Ok(())
    }

    /// Changes an obligation as of `on`; days after it that are posted are corrected by the next run.
    pub(crate) fn change(
        &mut self,
        place: usize,
        on: NaiveDate,
        with: impl FnOnce(&mut ObligationState) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let Some(obligation) = self.state.obligations.get_mut(place) else {
            return Err(EngineError::Overflow);
        };
        let before = obligation.clone();
        with(obligation)?;
        obligation.correct(&before, on)
    }

    /// Begins a phase of an obligation on its first day, and moves T to the phase's price for a cause.
    pub(crate) fn begin(
        &mut self,
        place: usize,
        (on, cause): (NaiveDate, Cause),
        phase: impl FnOnce(&ObligationState) -> Result<Phase, EngineError>,
    ) -> Result<(), EngineError> {
        self.change(place, on, |obligation| {
            let phase = phase(obligation)?;
            obligation.begin(phase)
        })?;
        let price = self.state.price_of(place)?;
        self.price(place, price, cause, on)
    }

    /// Sets T of an obligation, effective `on`, for a cause.
    pub(crate) fn price(
        &mut self,
        place: usize,
        price: i128,
        cause: Cause,
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        let Some(obligation) = self.state.obligations.get_mut(place) else {
            return Err(EngineError::Overflow);
        };
        let change = sub(price, obligation.transaction_price)?;
        obligation.transaction_price = price;
        let follows_use = cause == Cause::Usage || obligation.follows_use();
        let outside = self.outside;
        if let Some(portion) = self.state.portion_mut(place) {
            portion.reduced |= change < 0 && !follows_use && !outside;
            if cause == Cause::Reallocation {
                portion.moved = add(portion.moved, change)?;
            }
        }
        self.movement(place, (cause, Measure::TransactionPrice), change, on)
    }

    /// The contract as it now is, and everything emitted: what is left to change of plans takes effect
    /// `on`, and the net position is split into liability, refund liability and asset.
    pub(crate) fn finish(mut self, on: NaiveDate) -> Result<(ContractState, Effects), EngineError> {
        let first = self.periods.effective(self.state.not_before(on));
        let on = self.periods.effective(on);
        if !self.outside {
            self.plans(first)?;
        }
        self.enforce(on)?;
        self.refunds(first)?;
        balance(&mut self.state, &self.net, &mut self.effects)?;
        let calendar = self.periods.calendar;
        for movement in &mut self.effects.movements {
            movement.posting_period = calendar.period_of(movement.effective_date).first;
            let own = movement.late_of.unwrap_or(movement.effective_date);
            movement.policy_version = self.state.policy_on(self.under.unwrap_or(own)).version;
        }
        Ok((self.state, self.effects))
    }

    /// Notes by how much what must be given back changes.
    fn refunds(&mut self, on: NaiveDate) -> Result<(), EngineError> {
        let mut changes = Vec::new();
        for (place, (part, portion)) in self.state.portions().enumerate() {
            let before = self.refundable_before.get(place).cloned().unwrap_or(Ok(0))?;
            let change = sub(self.state.refund_estimate(part, portion)?, before)?;
            if change != 0 {
                changes.push(((part, portion.contract), change));
            }
        }
        for (portion, change) in changes {
            self.net(portion)?.refundable(on, change)?;
        }
        Ok(())
    }

    fn plans(&mut self, on: NaiveDate) -> Result<(), EngineError> {
        for place in 0..self.state.obligations.len() {
            let Some(after) = self.state.obligations.get(place) else { continue };
            let before = match self.before.get(place) {
                Some(None) => continue,
                Some(Some(before)) => Some(before),
                None => None,
            };
            if before == Some(after) {
                continue;
            }
            let (id, contract) = (after.id, after.contract);
            let old = before.map(plan).transpose()?.unwrap_or_default();
            // A month that was planned on the way, and is not any more, is in neither plan.
            let on_the_way = self.taken.range((place, NaiveDate::MIN)..=(place, NaiveDate::MAX));
            let on_the_way = on_the_way.map(|((_, month), _)| *month);
            for (planned, amount) in differences(&old, &plan(after)?, on_the_way)? {
                let taken = self.taken.get(&(place, planned.month)).copied().unwrap_or(0);
                let amount = sub(amount, taken)?;
                if amount != 0 {
                    self.effects.plan_changes.push(PlanChange {
                        contract,
                        obligation: id,
                        month: planned.month,
                        amount: Money::from_minor(amount, self.state.currency),
                        effective_date: on,
                        service: planned.service,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Each month of either plan, and of `more`, in order, with the change of its amount and the days by the newer word.
fn differences(
    old: &[PlannedMonth],
    new: &[PlannedMonth],
    more: impl IntoIterator<Item = NaiveDate>,
) -> Result<Vec<(PlannedMonth, i128)>, EngineError> {
    let mut months: BTreeMap<NaiveDate, (PlannedMonth, i128)> = BTreeMap::new();
    for planned in old {
        months.insert(planned.month, (*planned, sub(0, planned.amount)?));
    }
    for planned in new {
        let month = months.entry(planned.month).or_insert((*planned, 0));
        *month = (*planned, add(month.1, planned.amount)?);
    }
    for month in more {
        let nothing = PlannedMonth { month, service: None, amount: 0 };
        months.entry(month).or_insert((nothing, 0));
    }
    Ok(months.into_values().collect())
}
