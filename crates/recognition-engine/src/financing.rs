//! Interest on advances that finance the vendor (606-10-32-15 to 32-20): the liability grows, and the price
//! with it.
//!
//! Interest of a day is on what was received beyond what was earned before that day. It is simple within a
//! year, counted from the first advance, and compounds from year to year. It is posted by runs, by month.

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
    state::{ContractState, Financing, ObligationState},
    term::last_of_month,
};

impl Financing {
    /// Nothing accrued yet.
    pub(crate) const fn at(rate: Quantity) -> Self {
        Self { rate, year_from: None, accrued_through: None, exact: 0, posted: 0 }
    }

    /// The first day not accrued.
    pub(crate) fn next_day(&self, signed_on: NaiveDate) -> NaiveDate {
        self.accrued_through.and_then(|day| day.succ_opt()).unwrap_or(signed_on)
    }

    /// First day of the next year of interest.
    fn anniversary(&self) -> Option<NaiveDate> {
        self.year_from.and_then(|from| from.checked_add_months(Months::new(12)))
    }

    /// Days of the year of interest; none before the first advance.
    fn days(self) -> Option<i64> {
        let (from, to) = (self.year_from?, self.anniversary()?);
        Some(to.signed_duration_since(from).num_days())
    }

    /// Interest of the year so far, in minor units.
    fn to_date(self) -> Result<i128, EngineError> {
        let Some(days) = self.days() else { return Ok(0) };
        let whole =
            i128::from(days).checked_mul(Quantity::ONE.scaled()).ok_or(EngineError::Overflow)?;
        mul_div_half_away(self.exact, 1, whole).ok_or(EngineError::Overflow)
    }
}

/// Accrues interest through a day, and posts it at the ends of months and years.
pub(crate) fn accrue(settlement: &mut Settlement, through: NaiveDate) -> Result<(), EngineError> {
    let Some(mut financing) = settlement.state.financing else { return Ok(()) };
    // Posted now, so not in the balances as loaded.
    let mut fresh = 0;
    let mut day = financing.next_day(settlement.state.first_signed_on());
    while day <= through {
        if financing.anniversary().is_some_and(|next| day >= next) {
            financing.year_from = financing.anniversary();
            (financing.exact, financing.posted) = (0, 0);
        }
        let advance = settlement.state.advanced(day, (financing.posted, fresh))?;
        if advance > 0 {
            financing.year_from = financing.year_from.or(Some(day));
        }
        let more = advance.checked_mul(financing.rate.scaled()).ok_or(EngineError::Overflow)?;
        financing.exact = add(financing.exact, more)?;
        financing.accrued_through = Some(day);
        let Some(next) = day.succ_opt() else { break };
        let ends = financing.anniversary() == Some(next) || day == last_of_month(day);
        if ends || day == through {
            let before = financing.posted;
            let interest = sub(financing.to_date()?, before)?;
            financing.posted = add(before, interest)?;
            fresh = add(fresh, interest)?;
            post(settlement, &financing, (day, before, interest))?;
        }
        day = next;
    }
    settlement.state.financing = Some(financing);
    Ok(())
}

impl ContractState {
    /// What was received, and interest of years before on it, beyond what was earned before a day.
    /// `simple` is the interest of the year so far, which bears none, `fresh` what is not in the
    /// balances yet.
    fn advanced(&self, day: NaiveDate, (simple, fresh): (i128, i128)) -> Result<i128, EngineError> {
        let points =
            self.accounting.first().map_or(&[][..], |part| &part.portions.first().balances);
        let after = points.partition_point(|point| point.on <= day);
        let (before, later) = points.split_at(after);
        let net = match before.last() {
            Some(point) => {
                let owed = add(point.deferred_revenue, point.refund_liability)?;
                sub(owed, point.contract_asset)?
            }
            None => 0,
        };
        let own = self.obligations.iter().filter(|obligation| obligation.part == 0);
        let posted = sum(own.clone().map(|obligation| obligation.recognized))?;
        let posted = sub(posted, sum(later.iter().map(|point| point.recognized))?)?;
        let price = sum(own.clone().map(|obligation| obligation.transaction_price))?;
        let mut earned = 0;
        if let Some(eve) = day.pred_opt() {
            for obligation in own {
                earned = add(earned, obligation.earned(eve)?)?;
            }
        }
        let owed = sub(add(add(net, posted)?, fresh)?, earned)?;
        // The part of the interest that is not earned yet.
        let open = sub(price, earned)?.max(0);
        let bears_none = mul_div_half_away(simple, open, price.max(1)).unwrap_or(simple);
        Ok(sub(owed, bears_none)?.max(0))
    }
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

/// Interest grows the liability, and the price of what is not earned yet.
fn post(
    settlement: &mut Settlement,
    financing: &Financing,
    (on, before, interest): (NaiveDate, i128, i128),
) -> Result<(), EngineError> {
    if interest == 0 {
        return Ok(());
    }
    let mut weights = Vec::with_capacity(settlement.state.obligations.len());
    for obligation in &settlement.state.obligations {
        let open = sub(obligation.transaction_price, obligation.earned(on)?)?;
        weights.push(if obligation.part == 0 { open.max(0) } else { 0 });
    }
    if weights.iter().all(|weight| *weight == 0) {
        weights = (0..weights.len()).map(|place| i128::from(place == 0)).collect();
    }
    settlement.note(Working::Interest {
        on,
        summed: financing.exact.checked_div(financing.rate.scaled()).unwrap_or(0),
        rate: financing.rate,
        days: financing.days().unwrap_or(1),
        before,
        amount: interest,
        weights: weights.clone(),
    });
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
