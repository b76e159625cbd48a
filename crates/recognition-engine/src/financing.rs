//! Interest where one side finances the other (606-10-32-15 to 32-20).
//!
//! What was received, and interest of years before, is set against what was earned before a day. Received
//! beyond it, as far as something is left to be earned, it is an advance: interest grows the liability, and
//! the price with it. Earned beyond it, at the price of a sale for cash, the customer owes it: interest
//! grows the asset, and is income apart from revenue. Interest is by day, simple within a year that is
//! counted from the first day that bears any, and compounds from year to year. Runs post it, by month.

use chrono::{Months, NaiveDate};

use backlog_money::{Quantity, mul_div_half_away};

use crate::{
    allocation::split,
    effects::{Cause, Measure, Working},
    error::EngineError,
    invoice::bill,
    math::{add, sub, sum},
    phase::Spread,
    settle::Settlement,
    state::{Accrued, ContractState, Financing, ObligationState},
    term::last_of_month,
};

impl Financing {
    /// Nothing accrued yet.
    pub(crate) const fn at(rate: Quantity) -> Self {
        Self {
            rate,
            year_from: None,
            accrued_through: None,
            advances: Accrued { exact: 0, posted: 0 },
            arrears: Accrued { exact: 0, posted: 0 },
            interest: 0,
            received: 0,
            receipts: Vec::new(),
            tax: 0,
        }
    }

    /// The first day not accrued.
    pub(crate) fn next_day(&self, signed_on: NaiveDate) -> NaiveDate {
        self.accrued_through.and_then(|day| day.succ_opt()).unwrap_or(signed_on)
    }

    /// First day of the next year of interest.
    fn anniversary(&self) -> Option<NaiveDate> {
        self.year_from.and_then(|from| from.checked_add_months(Months::new(12)))
    }

    /// Days of the year of interest; none before the first day that bears any.
    fn days(&self) -> Option<i64> {
        let (from, to) = (self.year_from?, self.anniversary()?);
        Some(to.signed_duration_since(from).num_days())
    }

    /// Goes on to a day: to its year of interest, and what was received by its end.
    fn begin(&mut self, day: NaiveDate) -> Result<(), EngineError> {
        if self.anniversary().is_some_and(|next| day >= next) {
            self.year_from = self.anniversary();
            (self.advances, self.arrears) = (Accrued::default(), Accrued::default());
        }
        let by_then = self.receipts.partition_point(|(on, _)| *on <= day);
        for (_, amount) in self.receipts.drain(..by_then) {
            self.received = add(self.received, amount)?;
        }
        Ok(())
    }

    /// Takes in what bears interest on a day: above zero an advance, below it arrears.
    fn bears(&mut self, day: NaiveDate, owed: i128) -> Result<(), EngineError> {
        if owed != 0 {
            self.year_from = self.year_from.or(Some(day));
        }
        let rate = self.rate.scaled();
        for (of, base) in [(&mut self.advances, owed), (&mut self.arrears, sub(0, owed)?)] {
            let more = base.max(0).checked_mul(rate).ok_or(EngineError::Overflow)?;
            of.exact = add(of.exact, more)?;
        }
        self.accrued_through = Some(day);
        Ok(())
    }

    /// What interest of the year so far comes to, less what is posted of it.
    fn not_posted(&self, of: Accrued) -> Result<i128, EngineError> {
        let Some(days) = self.days() else { return Ok(0) };
        let whole = i128::from(days).checked_mul(Quantity::ONE.scaled());
        let whole = whole.ok_or(EngineError::Overflow)?;
        let to_date = mul_div_half_away(of.exact, 1, whole).ok_or(EngineError::Overflow)?;
        sub(to_date, of.posted)
    }

    /// Notes what was received, net of tax, or given back, on a day. What comes late counts from the first
    /// day not accrued.
    fn receive(&mut self, on: NaiveDate, amount: i128) -> Result<(), EngineError> {
        if self.accrued_through.is_some_and(|day| on <= day) {
            self.received = add(self.received, amount)?;
            return Ok(());
        }
        let at = self.receipts.partition_point(|(day, _)| *day < on);
        match self.receipts.get_mut(at).filter(|(day, _)| *day == on) {
            Some((_, known)) => *known = add(*known, amount)?,
            None => self.receipts.insert(at, (on, amount)),
        }
        Ok(())
    }

    /// The part of what is paid of an amount with tax that pays the tax.
    fn tax_of(&mut self, paid: i128, of: i128) -> Result<i128, EngineError> {
        if paid <= 0 || of <= 0 || self.tax <= 0 {
            return Ok(0);
        }
        let tax = mul_div_half_away(self.tax, paid.min(of), of).ok_or(EngineError::Overflow)?;
        self.tax = sub(self.tax, tax)?;
        Ok(tax)
    }
}

impl ContractState {
    /// Notes cash that was received, or given back, where it bears on interest: `settled` of it pays a
    /// receivable, with its tax.
    pub(crate) fn finance_cash(
        &mut self,
        on: NaiveDate,
        amount: i128,
        (settled, receivable): (i128, i128),
    ) -> Result<(), EngineError> {
        let Some(financing) = &mut self.financing else { return Ok(()) };
        let tax = financing.tax_of(settled, receivable)?;
        financing.receive(on, sub(amount, tax)?)
    }

    /// Notes the tax of an invoice, or of a credit note below zero, and what an advance pays of it.
    pub(crate) fn finance_tax(
        &mut self,
        on: NaiveDate,
        tax: i128,
        (advance, receivable): (i128, i128),
    ) -> Result<(), EngineError> {
        let Some(financing) = &mut self.financing else { return Ok(()) };
        financing.tax = add(financing.tax, tax)?.max(0);
        let paid = financing.tax_of(advance, receivable)?;
        if paid == 0 { Ok(()) } else { financing.receive(on, sub(0, paid)?) }
    }

    /// What bears interest on a day that interest has gone on to: received, with interest of years before,
    /// beyond what was earned before it, as far as something is left to be earned; below zero what was
    /// earned and not received.
    fn owed(&self, financing: &Financing, day: NaiveDate) -> Result<i128, EngineError> {
        let price = sum(self.obligations.iter().map(|of| of.transaction_price))?;
        let mut earned = 0;
        if let Some(eve) = day.pred_opt() {
            for obligation in &self.obligations {
                earned = add(earned, obligation.earned(eve)?)?;
            }
        }
        let open = sub(price, earned)?.max(0);
        // Interest of the year bears none: on advances, the part that is not earned yet.
        let simple = financing.advances.posted;
        let part = open.min(price.max(0));
        let simple = mul_div_half_away(simple, part, price.max(1)).unwrap_or(simple);
        let simple = sub(simple, financing.arrears.posted)?;
        let received = sub(add(financing.received, financing.interest)?, simple)?;
        Ok(sub(received, earned)?.min(open))
    }

    /// The first day for which interest may be left to accrue; none where nothing bears any unless another
    /// fact comes.
    pub(crate) fn interest_due_from(&self) -> Result<Option<NaiveDate>, EngineError> {
        let Some(known) = &self.financing else { return Ok(None) };
        let next = known.next_day(self.first_signed_on());
        let mut financing = known.clone();
        let receipts = known.receipts.iter().map(|(on, _)| (*on).max(next));
        for day in std::iter::once(next).chain(receipts) {
            financing.begin(day)?;
            if self.owed(&financing, day)? != 0 {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }
}

/// Accrues interest through a day, and posts it at the ends of months and years.
pub(crate) fn accrue(settlement: &mut Settlement, through: NaiveDate) -> Result<(), EngineError> {
    let Some(mut financing) = settlement.state.financing.clone() else { return Ok(()) };
    let mut day = financing.next_day(settlement.state.first_signed_on());
    while day <= through {
        financing.begin(day)?;
        let owed = settlement.state.owed(&financing, day)?;
        financing.bears(day, owed)?;
        let Some(next) = day.succ_opt() else { break };
        let ends = financing.anniversary() == Some(next) || day == last_of_month(day);
        if ends || day == through {
            on_advances(settlement, &mut financing, day)?;
            on_arrears(settlement, &mut financing, day)?;
        }
        day = next;
    }
    settlement.state.financing = Some(financing);
    Ok(())
}

impl ObligationState {
    /// Takes interest into the price of what is not earned yet.
    pub(crate) fn bear(&mut self, interest: i128) -> Result<(), EngineError> {
        let last = self.phases.last_mut().ok_or(EngineError::Overflow)?;
        last.price = add(last.price, interest)?;
        if last.spread == Spread::Metered {
            // Beside the meter, which says the rest of the price.
            last.carved = add(last.carved, interest)?;
        }
        Ok(())
    }
}

/// Notes how interest came about.
fn note(
    settlement: &mut Settlement,
    financing: &Financing,
    of: Accrued,
    (on, arrears): (NaiveDate, bool),
    (amount, weights): (i128, &[i128]),
) {
    settlement.note(Working::Interest {
        on,
        arrears,
        summed: of.exact.checked_div(financing.rate.scaled()).unwrap_or(0),
        rate: financing.rate,
        days: financing.days().unwrap_or(1),
        before: of.posted,
        amount,
        weights: weights.to_vec(),
    });
}

/// Interest on advances grows the liability, and the price of what is not earned yet.
fn on_advances(
    settlement: &mut Settlement,
    financing: &mut Financing,
    on: NaiveDate,
) -> Result<(), EngineError> {
    let interest = financing.not_posted(financing.advances)?;
    if interest == 0 {
        return Ok(());
    }
    let mut weights = Vec::with_capacity(settlement.state.obligations.len());
    for obligation in &settlement.state.obligations {
        let open = sub(obligation.transaction_price, obligation.earned(on)?)?;
        weights.push(if obligation.part == 0 { open.max(0) } else { 0 });
    }
    let weights = or_the_first(weights);
    note(settlement, financing, financing.advances, (on, false), (interest, &weights));
    financing.advances.posted = add(financing.advances.posted, interest)?;
    financing.interest = add(financing.interest, interest)?;
    for (place, part) in split(interest, &weights)?.into_iter().enumerate() {
        if part == 0 {
            continue;
        }
        let known = settlement.state.at(place)?.clone();
        settlement.change(place, on, |obligation| obligation.bear(part))?;
        let price = add(settlement.state.at(place)?.transaction_price, part)?;
        settlement.price(place, price, Cause::Interest, on)?;
        bill(settlement, place, part, Cause::Interest, (on, on))?;
        settlement.plan_on(place, &known, on)?;
    }
    let contract = settlement.state.contract;
    settlement.movement_of(contract, (Cause::Interest, Measure::Interest), interest, on)
}

/// Interest on arrears grows the asset: an invoice that asks for it is billed net of it. It is no part of
/// the price.
fn on_arrears(
    settlement: &mut Settlement,
    financing: &mut Financing,
    on: NaiveDate,
) -> Result<(), EngineError> {
    let interest = financing.not_posted(financing.arrears)?;
    if interest == 0 {
        return Ok(());
    }
    let mut weights = Vec::with_capacity(settlement.state.obligations.len());
    for obligation in &settlement.state.obligations {
        weights.push(obligation.earned(on)?.max(0));
    }
    let weights = or_the_first(weights);
    note(settlement, financing, financing.arrears, (on, true), (interest, &weights));
    financing.arrears.posted = add(financing.arrears.posted, interest)?;
    financing.interest = sub(financing.interest, interest)?;
    let income = sub(0, interest)?;
    for (place, part) in split(interest, &weights)?.into_iter().enumerate() {
        if part != 0 {
            bill(settlement, place, sub(0, part)?, Cause::Interest, (on, on))?;
        }
    }
    settlement.movement_of(
        settlement.state.contract,
        (Cause::Interest, Measure::Interest),
        income,
        on,
    )
}

/// By order where nothing weighs anything.
fn or_the_first(weights: Vec<i128>) -> Vec<i128> {
    if weights.iter().any(|weight| *weight != 0) {
        return weights;
    }
    (0..weights.len()).map(|place| i128::from(place == 0)).collect()
}
