//! Options to renew: looked through at inception (606-10-55-45), in the price as far as they are exercised.

use backlog_money::Quantity;
use chrono::NaiveDate;

use crate::{
    effects::{Cause, Measure, Working},
    error::EngineError,
    facts::Renewal,
    math::{add, sub},
    method::Method,
    phase::{Phase, Spread},
    progress::Reading,
    settle::Settlement,
    share::Share,
    state::ObligationState,
};

impl Settlement {
    /// What an option would bring, once it is promised.
    pub(crate) fn option(
        &mut self,
        place: usize,
        cause: Cause,
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        let brings = self.state.at(place)?.option_price();
        self.potential(place, brings, cause, on)
    }

    /// Sets what an option would still bring.
    pub(crate) fn potential(
        &mut self,
        place: usize,
        left: i128,
        cause: Cause,
        on: NaiveDate,
    ) -> Result<(), EngineError> {
        let Some(obligation) = self.state.obligations.get_mut(place) else { return Ok(()) };
        let before = obligation.potential;
        let change = sub(left, before)?;
        obligation.potential = left;
        if change != 0 {
            self.note(Working::Potential { place, cause, on, left, before });
        }
        self.movement(place, (cause, Measure::Potential), change, on)
    }

    /// An option that ran out by a day brings nothing any more.
    pub(crate) fn expire(&mut self, place: usize, through: NaiveDate) -> Result<(), EngineError> {
        let Some(obligation) = self.state.obligations.get(place) else { return Ok(()) };
        match obligation.last_day_of_option() {
            Some(last) if last <= through && obligation.potential != 0 => {
                self.potential(place, 0, Cause::Expiry, last)
            }
            _ => Ok(()),
        }
    }

    /// The price of exercising enters T with it, as a change of the contract (606-10-55-43 leaves the
    /// choice). A right is earned with it: what it buys is transferred then. A renewal is earned by its
    /// own method from then on.
    pub(crate) fn take_up(
        &mut self,
        place: usize,
        on: NaiveDate,
        paid: i128,
    ) -> Result<(), EngineError> {
        let policy = *self.state.policy_on(on);
        self.begin(place, (on, Cause::Amendment), |obligation| {
            let last = obligation.last_phase(on)?.clone();
            let price = add(last.price, paid)?;
            if obligation.renewal.is_none() {
                let carved = add(last.carved, paid)?;
                return Ok(Phase { from: on, price, carved, posted_ahead: 0, ..last });
            }
            let waits = matches!(last.spread, Spread::Measured { total: 0, .. });
            let spread = if waits { obligation.first_spread(&policy)? } else { last.spread };
            Ok(Phase { from: on, price, spread, posted_ahead: 0, ..last })
        })?;
        let left = sub(self.state.at(place)?.potential, paid)?;
        self.potential(place, left.max(0), Cause::Amendment, on)
    }
}

impl Renewal {
    /// The part of an amount that is expected to be exercised (606-10-55-45).
    pub(crate) fn expected_of(self, amount: i128) -> Result<i128, EngineError> {
        Share::new(self.expected_share.scaled(), Quantity::ONE.scaled()).apply(amount)
    }
}

impl ObligationState {
    /// What exercising all of an option costs, in minor units.
    pub(crate) fn option_price(&self) -> i128 {
        match (self.renewal, &self.method) {
            (Some(option), _) => option.exercise_price,
            (None, Method::MaterialRight { exercise_price, .. }) => *exercise_price,
            (None, _) => 0,
        }
    }

    /// The share of it exercised to date, in 10^-12.
    pub(crate) fn exercised_share(&self) -> i128 {
        match self.renewal {
            Some(_) => self.exercised.scaled(),
            None => self.points.last().map_or(0, |point| point.done),
        }
    }

    /// What exercising cost to date, in minor units.
    pub(crate) fn exercise_value(&self) -> Result<i128, EngineError> {
        Share::new(self.exercised_share(), Quantity::ONE.scaled()).apply(self.option_price())
    }

    /// The last day on which it can be exercised; none where it is no option.
    pub(crate) fn last_day_of_option(&self) -> Option<NaiveDate> {
        match (self.renewal, &self.method) {
            (Some(option), _) => Some(option.expires_on),
            (None, Method::MaterialRight { expires_on, .. }) => Some(*expires_on),
            (None, _) => None,
        }
    }

    /// Takes in that an option to renew was exercised, to date, or ended; answers whether that was it.
    /// Nothing is done under an option before.
    pub(crate) fn option_reading(
        &mut self,
        on: NaiveDate,
        reading: &Reading,
    ) -> Result<bool, EngineError> {
        let out_of_range = || EngineError::ProgressOutOfRange(self.key.clone());
        let Some(mut option) = self.renewal else { return Ok(false) };
        match reading {
            Reading::Exercised(share) => {
                let grows = *share > self.exercised && *share <= Quantity::ONE;
                if on > option.expires_on || !grows {
                    return Err(out_of_range());
                }
                self.exercised = *share;
                Ok(true)
            }
            Reading::Expired if on <= option.expires_on => {
                option.expires_on = on;
                self.renewal = Some(option);
                Ok(true)
            }
            _ if self.exercised == Quantity::ZERO => Err(out_of_range()),
            _ => Ok(false),
        }
    }
}
